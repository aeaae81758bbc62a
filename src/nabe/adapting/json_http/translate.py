"""From records to Arrow batches in the hub's types. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from nabe.adapting.json_http.geometry import pair, to_wkb
from nabe.adapting.json_http.paths import GONE, Member, Path, Row, parse, value_at
from nabe.adapting.json_http.settings import TableSettings
from nabe.adapting.json_http.values import UNFIT, Convert, converter
from nabe.model.dataset import Field, FieldType
from nabe.model.schema import ARROW, arrow_schema

#: Rows of a batch.
BATCH = 4096

Get = Callable[[Row], Any]


@dataclass(slots=True)
class Tally:
    """How a field fares in an answer: rows that have its member, values there, values that do not fit its type."""

    field: Field
    column: str
    optional: bool
    present: int = 0
    values: int = 0
    unfit: int = 0


@dataclass(slots=True)
class _Column:
    """How one field's values are made."""

    field: Field
    tally: Tally
    get: Get
    convert: Convert | None  # None: geometry


class Table:
    """A dataset's fields, ready to be filled from records. One per answer: it counts (`tallies`)."""

    def __init__(self, fields: Sequence[Field], settings: TableSettings) -> None:
        self.schema = arrow_schema(fields)
        self._settings = settings
        self._columns = [_column(field, settings) for field in fields]
        self.tallies = [column.tally for column in self._columns]
        self.rows = 0

    def batches(self, rows: Iterable[Row], most: int = BATCH) -> Iterator[pa.RecordBatch]:
        """The rows in batches."""
        held: list[Row] = []
        for row in rows:
            held.append(row)
            if len(held) >= most:
                yield self.batch(held)
                held = []
        if held:
            yield self.batch(held)

    def batch(self, rows: Sequence[Row]) -> pa.RecordBatch:
        """These rows as one batch."""
        self.rows += len(rows)
        arrays = [self._filled(column, rows) for column in self._columns]
        if not arrays:
            return pa.RecordBatch.from_struct_array(pa.array([{}] * len(rows), pa.struct([])))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _filled(self, column: _Column, rows: Sequence[Row]) -> pa.Array:
        found = [column.get(row) for row in rows]
        gone = sum(value is GONE for value in found)
        column.tally.present += len(found) - gone
        if gone:
            found = [None if value is GONE else value for value in found]
        if column.convert is None:
            array = to_wkb(found, self._settings.crs, self._settings.axes)
            there = sum(value is not None for value in found)
            column.tally.values += there
            column.tally.unfit += there - (len(array) - array.null_count)
            return array
        values = [column.convert(value) for value in found]
        unfit = sum(value is UNFIT for value in values)
        if unfit:
            values = [None if value is UNFIT else value for value in values]
        column.tally.unfit += unfit
        kind = ARROW[column.field.type]
        try:
            array = pa.array(values, kind)
        except UnicodeEncodeError:  # half a character, which JSON can write and no text can hold
            array = pa.array([value and value.encode("utf-8", "replace").decode() for value in values], kind)
        column.tally.values += len(array) - array.null_count + unfit
        return array


def _column(field: Field, settings: TableSettings) -> _Column:
    name = field.source_column
    own = settings.column(name)
    if field.type is FieldType.GEOMETRY:
        optional = own.optional
        if settings.x and not field.column:
            get = _pair_getter(parse(settings.x), parse(settings.y))
            return _Column(field, Tally(field, f"{settings.x}, {settings.y}", optional), get, None)
        return _Column(field, Tally(field, name, optional), _getter(parse(name)), None)
    convert = converter(field.type, own, settings.timezone)
    if own.constant is not None:
        value = own.constant
        return _Column(field, Tally(field, name, True), lambda _: value, convert)
    return _Column(field, Tally(field, name, own.optional), _getter(parse(name)), convert)


def _getter(path: Path) -> Get:
    """The common case, a member of the record, needs no walk."""
    if len(path.steps) == 1 and isinstance(path.steps[0], Member) and not path.up:
        name = path.steps[0].name
        return lambda row: row.value.get(name, GONE) if isinstance(row.value, dict) else GONE
    return lambda row: value_at(row, path)


def _pair_getter(x: Path, y: Path) -> Get:
    def get(row: Row) -> Any:
        east, north = value_at(row, x), value_at(row, y)
        if east is GONE or north is GONE:
            return GONE
        blank = any(item is None or item == "" for item in (east, north))
        return None if blank else pair(east, north) or UNFIT

    return get
