"""Looking into a service before it is declared: what it lists, what it says of the properties, and what they hold."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from nabe.adapters.ogc_features.api import ApiReading, table_settings
from nabe.adapters.ogc_features.features import Features
from nabe.adapters.ogc_features.settings import SourceSettings
from nabe.adapters.ogc_features.source import Service
from nabe.adapters.ogc_features.translate import Property
from nabe.adapters.ogc_features.wfs import Reading
from nabe.adapting.axes import crs_of, is_degrees
from nabe.adapting.geometry import CRS84
from nabe.adapting.json_http.interface import Page
from nabe.adapting.json_http.paths import Row, written
from nabe.adapting.json_http.recognise import Found, members, typed
from nabe.adapting.json_http.settings import ColumnSettings
from nabe.adapting.json_http.source import Paged, made_table, read_rows
from nabe.adapting.json_http.values import UNFIT, converter
from nabe.adapting.settings import parsed
from nabe.errors import SourceRefused, Unknown
from nabe.model.dataset import Field, FieldType
from nabe.ports.source import Batches, Column, Table

#: Rows and pages from which types are told.
_MOST_ROWS, _MOST_PAGES = 5_000, 10
_BESIDE = frozenset({"links", "bbox", "geometry_name", "conformsTo"})


class OgcFeaturesProbe:
    """A look into the service of a connection."""

    def __init__(self, service: Service) -> None:
        self._service, self._system = service, service.interface.system

    def discover(self) -> list[str]:
        """Ids of the collections, or names of the feature types."""
        if self._service.kind == "wfs":
            return list(self._service.wfs.capabilities().types)
        return list(self._service.api.collections())

    def describe(self, table: str, progress: Callable[[float], None] = lambda _: None) -> Table:
        """Properties with their types: as the service says where their values allow it, else by their values."""
        progress(0.0)
        wfs = self._service.kind == "wfs"
        listed = self.discover()
        if table not in listed:
            known = ", ".join(listed[:20])
            raise Unknown(f"There is no collection {table!r}.", hint=f"There are: {known}.", table=table)
        source: dict[str, Any] = {"collection": table}
        settings = parsed(SourceSettings, source, self._system, "source")
        schema = self._service.wfs.schema(table) if wfs else self._service.api.collection(table).properties
        asked = self._asked(settings)
        rows, whole = self._rows(asked, settings)
        features = asked.features if isinstance(asked, Reading) else None
        if not rows and not schema:
            raise SourceRefused(self._system, f"{table!r} has no features to learn from.", hint="Declare it by hand.")
        columns, own = self._columns(rows, schema, features)
        if own:
            source["columns"] = own
        notes = list(features.notes) if features else []
        source |= _place(rows, features)
        if not whole:
            notes.append(f"Types are told from the first {len(rows):,} rows.")
        progress(1.0)
        count = len(rows) if whole else None
        return Table(
            table,
            columns,
            source,
            comment=self._comment(table),
            crs=self._crs(table, features, columns),
            rows=count,
            notes=tuple(notes),
        )

    def sample(self, table: Table, columns: tuple[str, ...] = ()) -> Batches:
        """All rows of these columns, streamed."""
        wanted = [column for column in table.columns if not columns or column.name in columns]
        source = parsed(SourceSettings, table.source, self._system, "source")
        fields = [Field(column.name, column.type, column=column.name) for column in wanted]
        settings = table_settings(source, self._service.settings.page_size, degrees=self._service.kind == "wfs")
        made = made_table(self._system, fields, settings)
        rows = read_rows(self._asked(source), made, settings, [], strict=False)
        return Batches(made.schema, rows, rows.close)

    def _asked(self, source: SourceSettings) -> Paged:
        if self._service.kind == "wfs":
            return Reading(self._service.wfs, source)
        return ApiReading(self._service.interface, source)

    def _rows(self, asked: Paged, source: SourceSettings) -> tuple[list[Row], bool]:
        """The first rows, and whether these are all."""
        settings = table_settings(source, self._service.settings.page_size)
        rows: list[Row] = []
        pages: Iterator[Page] = asked.pages(settings, [])
        for number, page in enumerate(pages):
            rows += itertools.islice(page.rows, _MOST_ROWS + 1 - len(rows))
            if len(rows) > _MOST_ROWS or number + 1 >= _MOST_PAGES:
                page.body.close()
                return rows[:_MOST_ROWS], False
        return rows, True

    def _columns(
        self, rows: list[Row], schema: Mapping[str, Property], features: Features | None
    ) -> tuple[tuple[Column, ...], dict[str, Any]]:
        ways, count = members(row.value for row in rows)
        for name in _BESIDE - set(schema):
            ways.pop(name, None)
        if features is not None and features.geometries and "geometry" not in features.geometries:
            ways.pop("geometry", None)
        for name in features.geometries if features else ():
            ways.setdefault(written((name,)), Found(written((name,))))
        by_way = {written((name,)): item for name, item in schema.items()}
        vague = features is not None and all(
            item.type in (None, FieldType.STRING, FieldType.GEOMETRY) for item in schema.values()
        )
        columns: list[Column] = []
        own: dict[str, Any] = {}
        for way, found in ways.items():
            said = by_way.pop(way, None)
            kind, settings = typed(found, count)
            if features is not None and way in {written((name,)) for name in features.geometries}:
                kind, settings = FieldType.GEOMETRY, {}
            elif said is not None and said.type is not None and not (vague and said.type is FieldType.STRING):
                if _fits(found, said.type):
                    kind, settings = said.type, {name: item for name, item in settings.items() if name == "optional"}
            if features is not None and said is not None:
                settings.pop("optional", None)
            native = said.native if said is not None else ""
            columns.append(Column(way, kind, native, len(found.values) < count, said.title if said else ""))
            if settings:
                own[way] = settings
        for way, said in by_way.items():  # properties without a value in these rows
            shape = said.type is FieldType.GEOMETRY
            if said.type is None or (shape and any(item.type is FieldType.GEOMETRY for item in columns)):
                continue
            columns.append(
                Column("geometry" if shape and features is None else way, said.type, said.native, True, said.title)
            )
            if features is None and not shape:
                own[way] = {"optional": True}
        return tuple(columns), own

    def _usual(self, table: str) -> str:
        return next(iter(self._service.wfs.type(table).crs), "")

    def _crs(self, table: str, features: Features | None, columns: tuple[Column, ...]) -> str:
        if not any(column.type is FieldType.GEOMETRY for column in columns):
            return ""
        if features is not None:
            return next(iter(features.systems), "") or crs_of(self._usual(table))
        return crs_of(self._service.api.collection(table).storage) or CRS84

    def _comment(self, table: str) -> str:
        if self._service.kind == "wfs":
            of = self._service.wfs.type(table)
            title, text, words = of.title, of.abstract, of.keywords
        else:
            found = self._service.api.collection(table)
            title, text, words = found.title, found.description, found.keywords
        said = [title if title != table else "", text if text != title else "", ", ".join(words)]
        return ". ".join(" ".join(part.split()).rstrip(".") for part in said if part.strip())


def _place(rows: list[Row], features: Features | None) -> dict[str, Any]:
    """Settings that let the server look for boxes: all places are points, the order of coordinates was seen."""
    if features is not None:
        found: dict[str, Any] = {"points": True} if features.points and features.systems else {}
        orders = set(features.orders.values())
        if len(orders) == 1 and (features.notes or all(is_degrees(crs) and crs != CRS84 for crs in features.systems)):
            found["axes"] = "yx" if orders.pop() else "xy"
        return found
    kinds = {
        item.get("type")
        for row in rows
        if isinstance(row.value, dict) and isinstance(item := row.value.get("geometry"), dict)
    }
    return {"points": True} if kinds == {"Point"} else {}


def _fits(found: Found, kind: FieldType) -> bool:
    """Do all values go as this type?"""
    if kind is FieldType.GEOMETRY:
        return False
    convert = converter(kind, ColumnSettings(), "Europe/Berlin")
    return all(convert(value) is not UNFIT for value in found.values)
