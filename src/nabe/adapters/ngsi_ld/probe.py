"""Looking into a broker before it is declared: its types as tables, the attributes of their entities as columns."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nabe.adapters.ngsi_ld.settings import Connection
from nabe.adapters.ngsi_ld.source import reader
from nabe.adapters.ngsi_ld.translate import ALL, PLAIN
from nabe.adapting.json_http.interface import Interface
from nabe.adapting.json_http.looking import dataset_of, first_rows, sample, typed_column
from nabe.adapting.json_http.paths import Row, written
from nabe.adapting.json_http.recognise import is_geometry, members
from nabe.adapting.json_http.settings import TableSettings
from nabe.adapting.json_http.sniffing import interface_at, peek
from nabe.errors import SourceRefused, Unknown
from nabe.model.dataset import FieldType
from nabe.ports.source import AdapterContext, Batches, Column, Table

_TYPES_BYTES = 4_000_000
_LD = re.compile(r"(.*)/ngsi-ld(?:/v1(?:/.*)?)?/?$")
_V2 = re.compile(r"(.*)/v2(?:/(?:entities|types)?)?/?$")
#: What a broker says of a value beside it, that a city may want as a column.
_BESIDE = ("observedAt",)


def sniffed(source: str, context: AdapterContext) -> dict[str, Any] | None:
    """The connection for an address at or below a broker that lists its types. At most two requests."""
    parts = interface_at(source)
    if parts is None:
        return None
    host, path = parts
    if below := _LD.match(path):
        return _broker(host + below[1], "ngsi-ld", context)
    if below := _V2.match(path):
        return _broker(host + below[1], "ngsi-v2", context)
    if path in ("", "/"):
        return _broker(host, "ngsi-ld", context) or _broker(host, "ngsi-v2", context)
    return None


def _broker(root: str, api: str, context: AdapterContext) -> dict[str, Any] | None:
    """Does a broker stand there? Its version's own words are looked for, not any list."""
    if api == "ngsi-ld":
        found = peek(f"{root}/ngsi-ld/v1/types", context)
        return {"url": root} if _types(found, strict=True) is not None else None
    links = peek(f"{root}/v2", context)
    known = isinstance(links, dict) and {"entities_url", "types_url"} <= set(links)
    return {"url": root, "api": api} if known else None


def _types(document: Any, *, strict: bool = False) -> list[str] | None:
    """Names of types out of a broker's list; None if it is none."""
    if isinstance(document, dict) and document.get("type") == "EntityTypeList" and "typeList" in document:
        document, strict = document["typeList"], False
    if not isinstance(document, list) or (strict and not document):
        return None
    names: list[str] = []
    for item in document:
        if isinstance(item, dict):
            if strict and item.get("type") != "EntityType":
                return None
            item = item.get("typeName") or (item.get("type") if item.get("type") != "EntityType" else item.get("id"))
        elif strict:
            return None
        if isinstance(item, str) and item:
            names.append(item)
    return list(dict.fromkeys(names))


@dataclass(slots=True)
class _Seen:
    """An attribute as the first entities have it."""

    values: list[Any] = field(default_factory=list)
    beside: dict[str, list[Any]] = field(default_factory=dict)
    units: set[str] = field(default_factory=set)
    plain: bool = True
    entities: int = 0


class NgsiProbe:
    """A look into the broker of a connection."""

    def __init__(self, interface: Interface, connection: Connection) -> None:
        self._interface, self._connection = interface, connection

    def discover(self) -> list[str]:
        """The types that the broker has entities of."""
        path = self._connection.path("types")
        settings = TableSettings(path=path, params={"limit": 1000} if self._connection.api == "ngsi-v2" else {})
        body, _ = self._interface.whole(settings, _TYPES_BYTES)
        try:
            found = _types(json.loads(body))
        except (ValueError, RecursionError):
            found = None
        if found is None:
            raise SourceRefused(
                self._interface.system,
                f"{path} is no list of types.",
                hint="Is it a context broker, and of this api (ngsi-ld or ngsi-v2)?",
            )
        return found

    def describe(self, table: str, progress: Callable[[float], None] = lambda _: None) -> Table:
        """Attributes of the first entities: their values, when they were observed, their unit."""
        progress(0.0)
        source: dict[str, Any] = {"type": table}
        rows, whole = first_rows(self._interface, reader(self._connection)("broker", dataset_of(source)))
        if not rows:
            raise Unknown(f"There is no entity of type {table!r}.", hint="Is it spelt as the broker does?", table=table)
        columns, own, filterable, notes = self._columns(rows)
        if own:
            source["columns"] = own
        if filterable:
            source["filterable"] = filterable
        places = [column.name for column in columns if column.type is FieldType.GEOMETRY]
        if whole and places and all(_is_point(row.value[name]["value"]) for row in rows for name in places if name in row.value):  # fmt: skip
            source["points"] = True
        if not whole:
            notes.append(f"Types are told from the first {len(rows):,} entities.")
        progress(1.0)
        crs = "OGC:CRS84" if places else ""
        return Table(
            table, tuple(columns), source, ("id",), crs=crs, rows=len(rows) if whole else None, notes=tuple(notes)
        )

    def sample(self, table: Table, columns: tuple[str, ...] = ()) -> Batches:
        """All rows of these columns, streamed."""
        return sample(self._interface, reader(self._connection), table, columns)

    def _columns(self, rows: list[Row]) -> tuple[list[Column], dict[str, Any], list[str], list[str]]:
        """Columns, settings of theirs, attributes to filter by, notes."""
        first, _ = typed_column("id", [row.value.get("id") for row in rows], len(rows), FieldType.STRING)
        columns: list[Column] = [first]
        own: dict[str, Any] = {}
        filterable, notes = [], []
        for name, seen in _attributes(rows, self._connection.api).items():
            way = written((name,))
            unit = next(iter(seen.units)) if len(seen.units) == 1 else ""
            if len(seen.units) > 1:
                notes.append(f"{name} comes in several units: {', '.join(sorted(seen.units))}.")
            for column, settings, plain in _columns_of(way, seen, len(rows), unit):
                columns.append(column)
                if settings:
                    own[column.name] = settings
                if plain and _PLAIN_NAME.fullmatch(name):
                    filterable.append(column.name)
        return columns, own, filterable, notes


_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def _attributes(rows: list[Row], api: str) -> dict[str, _Seen]:
    found: dict[str, _Seen] = {}
    for row in rows:
        for name, attribute in row.value.items() if isinstance(row.value, dict) else ():
            if name in PLAIN[api] or name.endswith(ALL):
                continue
            seen = found.setdefault(name, _Seen())
            seen.entities += 1
            seen.values.append(attribute["value"])
            seen.plain &= (
                "value" in attribute and not {"languageMap", "vocab", "object", "datasetId"} & attribute.keys()
            )
            for beside in _BESIDE:
                if isinstance(attribute.get(beside), str):
                    seen.beside.setdefault(beside, []).append(attribute[beside])
            if isinstance(attribute.get("ucum"), str):
                seen.units.add(attribute["ucum"])
    return found


def _columns_of(way: str, seen: _Seen, rows: int, unit: str) -> list[tuple[Column, dict[str, Any], bool]]:
    """(column, its settings, may the broker filter by it?) of an attribute: its value, or what lies in it."""
    there = [value for value in seen.values if value is not None]
    made: list[tuple[Column, dict[str, Any], bool]] = []
    if there and all(isinstance(value, dict) and not is_geometry(value) for value in there):
        inner, _ = members({"value": value} for value in there)
        for name, found in inner.items():
            column, own = typed_column(f"{way}.{name}", found.values, rows)
            made.append((column, own | ({"optional": True} if found.records < rows else {}), False))
    else:
        column, own = typed_column(way, seen.values, rows, unit=unit)
        kinds = {type(value) for value in there}
        plain = seen.plain and bool(there) and (
            (kinds <= {int, float} and column.type in (FieldType.INTEGER, FieldType.NUMBER))
            or (kinds == {str} and column.type is FieldType.STRING)
            or (kinds == {bool} and column.type is FieldType.BOOLEAN)
        )  # fmt: skip
        made.append((column, own, plain))
    for name, values in seen.beside.items():
        column, own = typed_column(f"{way}.{name}", values, rows, FieldType.DATETIME)
        made.append((column, own, False))
    return made


def _is_point(place: Any) -> bool:
    return place is None or (isinstance(place, dict) and place.get("type") == "Point")
