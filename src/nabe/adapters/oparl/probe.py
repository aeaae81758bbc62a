"""Looking into a council information system before it is declared: its lists, and what their objects hold."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from nabe.adapters.oparl.council import Council
from nabe.adapters.oparl.settings import TableSettings
from nabe.adapters.oparl.translate import INSIDE, LISTS, first_point, kind_of, latitude_first
from nabe.adapting.json_http.paths import GONE, Row, parse, value_at, written
from nabe.adapting.json_http.recognise import members, typed
from nabe.adapting.json_http.source import made_table, read_rows
from nabe.adapting.json_http.stream import Broken, decode
from nabe.adapting.settings import parsed
from nabe.errors import NabeError, SourceRefused, Unknown
from nabe.model.dataset import Field, FieldType
from nabe.outbound import Client
from nabe.ports.source import AdapterContext, Batches, Column, Table

_SNIFF_S, _SNIFF_BYTES = 10.0, 1_000_000
_MOST_ROWS, _MOST_PAGES = 20_000, 50
#: Members whose values are ids, by the list that holds the objects (1.1, chapter 3).
_REFERENCES = {
    "organization": "organization", "person": "person", "meeting": "meeting", "agendaItem": "agendaItem", "paper": "paper",
    "consultation": "consultation", "body": "body", "location": "location", "mainFile": "file", "invitation": "file",
    "membership": "membership", "legislativeTerm": "legislativeTerm", "subOrganizationOf": "organization",
}  # fmt: skip


def sniffed(source: str, context: AdapterContext) -> dict[str, Any] | None:
    """The connection for an address that answers with a System or Body of OParl; None for all else."""
    parts = urlsplit(source)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        return None
    if "${" in source or parts.path.lower().endswith((".csv", ".xml", ".zip", ".geojson", ".xlsx", ".gpkg", ".pdf")):
        return None
    if kind_of(_answer(source, context)) not in ("System", "Body"):
        return None
    params = dict(parse_qsl(parts.query, keep_blank_values=True))
    connection: dict[str, Any] = {"url": urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))}
    return connection | ({"params": params} if params else {})


def _answer(url: str, context: AdapterContext) -> Any:
    """The document at an address if it is JSON and small, as an object of OParl is."""
    client = Client(
        "council", allow_hosts=context.allow_hosts, most_bytes=_SNIFF_BYTES, timeout_s=_SNIFF_S, packed=True
    )
    try:
        with contextlib.closing(client.ask(url, headers={"Accept": Council.accept})) as answer:
            media = answer.headers.get("content-type", "").lower()
            if answer.status != 200 or "html" in media or "xml" in media or "csv" in media:
                return None
            body = b""
            for chunk in answer.chunks():
                body += chunk
                if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
                    return None
            return decode(body)
    except (NabeError, Broken):
        return None
    finally:
        client.close()


class OparlProbe:
    """A look into the system of a connection."""

    def __init__(self, council: Council) -> None:
        self._council = council
        self._tables: list[str] = []

    def discover(self) -> list[str]:
        """The lists of its bodies, and those whose objects stand in others."""
        bodies = self._council.bodies()
        found = {"body": None} if bodies else {}
        for name, member in LISTS.items():
            if any(isinstance(body.get(member), str) or isinstance(body.get(name), list) for body in bodies):
                found[name] = None
        for name, ways in INSIDE.items():
            if name != "location" and any(way[0] in found for way in ways):
                found.setdefault(name, None)
        self._tables = list(found)
        return list(found)

    def describe(self, table: str, progress: Callable[[float], None] = lambda _: None) -> Table:
        """Members of the objects with their types, told from the first pages."""
        if table not in self._tables:
            self.discover()
        if table not in self._tables:
            raise Unknown(f"There is no list {table!r}.", hint=f"Lists: {', '.join(self._tables)}.", table=table)
        progress(0.0)
        source: dict[str, Any] = {"list": table}
        rows, whole = self._rows(source)
        if not rows:
            raise SourceRefused(self._council.system, f"the list {table!r} is empty.", hint="Leave it out.")
        notes = ["Embedded objects are told as their id; they themselves are under embedded."]
        columns: list[Column] = []
        own: dict[str, dict[str, Any]] = {}
        ways, count = members(row.value for row in rows)
        for way, member in ways.items():
            kind, settings = typed(member, count)
            if way.startswith(("embedded", "geojson")):
                continue
            if len(member.values) < count:
                settings = {**settings, "optional": True}
            columns.append(Column(way, kind, "member", nullable=len(member.values) < count))
            if settings:
                own[way] = settings
        for way in _places(row.value for row in rows):
            columns.append(Column(way, FieldType.GEOMETRY, "GeoJSON"))
            own[way] = {"optional": True}
        source |= self._order(rows, columns, notes)
        if own:
            source["columns"] = own
        if not whole:
            notes.append(f"Types are told from the first {count:,} objects.")
        progress(1.0)
        geometry = any(column.type is FieldType.GEOMETRY for column in columns)
        references = tuple(
            (column.name, _REFERENCES[column.name], "id")
            for column in columns
            if _REFERENCES.get(column.name, table) != table and _REFERENCES[column.name] in self._tables
        )
        return Table(
            table,
            tuple(columns),
            source,
            key=("id",) if "id" in ways else (),
            references=references,
            crs="OGC:CRS84" if geometry else "",
            rows=count if whole else None,
            notes=tuple(notes),
        )

    def sample(self, table: Table, columns: tuple[str, ...] = ()) -> Batches:
        """All objects, with these members, streamed."""
        wanted = [column for column in table.columns if not columns or column.name in columns]
        settings = parsed(TableSettings, table.source, self._council.system, "source")
        fields = [Field(column.name, column.type, column=column.name) for column in wanted]
        made = made_table(self._council.system, fields, settings)
        rows = read_rows(self._council, made, settings, [], strict=False)
        return Batches(made.schema, rows, rows.close)

    def _rows(self, source: dict[str, Any]) -> tuple[list[Row], bool]:
        settings = parsed(TableSettings, source, self._council.system, "source")
        rows: list[Row] = []
        for number, page in enumerate(self._council.pages(settings, [])):
            rows += itertools.islice(page.rows, _MOST_ROWS + 1 - len(rows))
            if len(rows) > _MOST_ROWS or number + 1 >= _MOST_PAGES:
                return rows[:_MOST_ROWS], False
        return rows, True

    def _order(self, rows: list[Row], columns: list[Column], notes: list[str]) -> dict[str, Any]:
        """Which number of a point comes first: GeoJSON says the longitude, examples of OParl and some systems do not."""
        ways = [parse(column.name) for column in columns if column.type is FieldType.GEOMETRY]
        values = [value for row in rows for way in ways if (value := value_at(row, way)) not in (None, GONE)]
        points = [point for value in values if (point := first_point(value)) is not None]
        if not points:
            return {}
        first = latitude_first(points)
        if first:
            notes.append("Points have their latitude first, against GeoJSON: read so (axes: yx).")
            return {"axes": "yx"}
        if first is None:
            notes.append("It is not clear which number of a point is the longitude: check axes (xy or yx).")
        return {}


def _places(records: Iterable[Any]) -> list[str]:
    """Ways to geometries: an object's own, and those of locations embedded in it (of a list, the first)."""
    found: dict[str, None] = {}
    for record in records:
        if not isinstance(record, dict):
            continue
        if isinstance(record.get("geojson"), dict):
            found["geojson"] = None
        for name, value in record["embedded"].items():
            first = value[0] if isinstance(value, list) else value
            if isinstance(first, dict) and isinstance(first.get("geojson"), dict):
                found[written(("embedded", name, *((0,) if isinstance(value, list) else ()), "geojson"))] = None
    return list(found)
