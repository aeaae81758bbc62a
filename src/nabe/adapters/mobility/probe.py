"""Looking into a mobility silo before it is declared: its tables, their fields by the standard, and what goes beyond it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from nabe.adapters.mobility.opened import MobilitySilo
from nabe.adapters.mobility.settings import TableSettings
from nabe.adapters.mobility.spec import SpecField, SpecTable, tables
from nabe.adapters.mobility.texttable import TextTable
from nabe.adapters.mobility.translate import withheld_from_cities
from nabe.adapting.json_http.paths import Row
from nabe.adapting.json_http.recognise import Found, members, typed
from nabe.adapting.settings import parsed
from nabe.errors import SourceRefused, Unknown
from nabe.model.dataset import Field, FieldType
from nabe.ports.source import Batches, Column, Table

#: Rows from which fields beyond the standard are told.
_MOST_ROWS = 20_000
#: Coordinates that the geometry says already, often in more digits than are good.
_SAID = frozenset(
    {"lat", "lon", "stop_lat", "stop_lon", "shape_pt_lat", "shape_pt_lon", "latitude", "longitude", "geography_json"}
)
_PLACES = ("location.lat", "location.lng", "location.lon")


@dataclass(slots=True)
class _Seen:
    """What the first rows hold. `ways`: a member or column -> its values; `whole`: these are all rows."""

    ways: dict[str, Found]
    rows: int
    whole: bool


class MobilityProbe:
    """A look into the silo of a connection."""

    def __init__(self, silo: MobilitySilo) -> None:
        self._silo = silo
        self._spec = tables(silo.kind)
        self._names: list[str] = []

    def discover(self) -> list[str]:
        """Names of the tables: of the standard, and a GTFS feed's own."""
        self._names = self._silo.tables()
        return list(self._names)

    def describe(self, table: str, progress: Callable[[float], None] = lambda _: None) -> Table:
        """Fields that occur, typed by the standard; others by their values. What a city must not take is left out."""
        names = self._names or self.discover()
        if table not in names:
            raise Unknown(f"There is no table {table!r}.", hint=f"Tables: {', '.join(names)}.", table=table)
        progress(0.0)
        spec = self._spec.get(table) or SpecTable(table, {}, (), {})
        seen = self._seen(table)
        if not seen.rows and not spec.fields:
            raise SourceRefused(self._silo.system, f"{table!r} has no rows to learn from.", hint="Ask for more.")
        notes = self._silo.notes(table)
        columns, own, left = _columns(spec, seen)
        if left:
            notes.append(
                f"Left out, for no task of a city needs them: {', '.join(left)}. Declare them by hand with a legal basis."
            )
        if not seen.rows:
            notes.append("There are no rows now; the fields are those of the standard.")
        source: dict[str, Any] = {"table": table} | ({"columns": own} if own else {})
        key = spec.key if {column.name for column in columns}.issuperset(spec.key) else ()
        references = tuple(
            (item.name, *item.refers)
            for item in spec.fields.values()
            if item.refers is not None and item.refers[0] in names and any(c.name == item.name for c in columns)
        )
        has_place = any(column.type is FieldType.GEOMETRY for column in columns)
        progress(1.0)
        return Table(
            table,
            tuple(columns),
            source,
            key=key,
            references=references,
            crs="OGC:CRS84" if has_place else "",
            rows=seen.rows if seen.whole else None,
            notes=tuple(notes),
        )

    def sample(self, table: Table, columns: tuple[str, ...] = ()) -> Batches:
        """All rows of these columns, streamed."""
        wanted = [column for column in table.columns if not columns or column.name in columns]
        settings = parsed(TableSettings, table.source, self._silo.system, "source")
        fields = [Field(column.name, column.type, column=column.name) for column in wanted]
        opened = self._silo.open(settings, fields, None)

        def batches() -> Iterator[pa.RecordBatch]:
            for part in opened.parts:
                yield opened.maker.batch(part)

        rows = batches()
        return Batches(opened.maker.schema, rows, rows.close, opened.stale_since)  # type: ignore[attr-defined]

    def _seen(self, table: str) -> _Seen:
        opened = self._silo.open(TableSettings(table=table), (), None)
        try:
            if isinstance(opened.maker, TextTable):
                return _seen_texts(opened.parts)
            rows: list[Row] = []
            for part in opened.parts:
                rows += part
                if len(rows) > _MOST_ROWS:
                    break
            ways, count = members(row.value for row in itertools.islice(rows, _MOST_ROWS))
            return _Seen(ways, count, len(rows) <= _MOST_ROWS)
        finally:
            opened.parts.close()


def _seen_texts(parts: Iterator[pa.RecordBatch]) -> _Seen:
    ways: dict[str, Found] = {}
    rows = 0
    for batch in parts:
        for name in batch.schema.names:
            found = ways.setdefault(name, Found(name))
            if rows < _MOST_ROWS:
                values = batch.column(name).slice(0, _MOST_ROWS - rows).to_pylist()
                found.records += len(values)
                found.values += [value for value in values if value is not None]
        rows += batch.num_rows
    return _Seen(ways, rows, True)


def _columns(spec: SpecTable, seen: _Seen) -> tuple[list[Column], dict[str, dict[str, Any]], list[str]]:
    """Columns in the standard's order, then the feed's own; their settings; names that are left out."""
    columns = [
        _known(item)
        for item in spec.fields.values()
        if item.name not in _SAID and (not seen.rows or _occurs(item, spec, seen))
    ]
    own: dict[str, dict[str, Any]] = {}
    left: list[str] = []
    for way, found in seen.ways.items():
        if way in spec.fields or way in _SAID or way.endswith(_PLACES) or _inside(way, spec):
            continue
        if withheld_from_cities(way):
            left.append(way)
            continue
        kind, settings = typed(found, found.records)
        if settings:
            own[way] = settings
        columns.append(Column(way, kind, "extension"))
    return columns, own, left


def _known(item: SpecField) -> Column:
    return Column(item.name, item.type, item.word, personal=item.personal)


def _occurs(item: SpecField, spec: SpecTable, seen: _Seen) -> bool:
    """Is it in the rows; for what is made of others: are those?"""
    if item.name in seen.ways or any(way.startswith(f"{item.name}.") for way in seen.ways):
        return True
    if item.name.endswith("_withheld"):
        return item.name.removesuffix("_withheld") in seen.ways
    return item.name == "geometry" and {"stop_lat", "shape_pt_lat"} & seen.ways.keys() != set()


def _inside(way: str, spec: SpecTable) -> bool:
    """Is it a member of what the standard takes as a whole?"""
    name = way.partition(".")[0]
    known = spec.fields.get(name)
    return known is not None and known.word in ("json", "list", "geometry") and name != way
