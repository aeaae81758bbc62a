"""CSV of the standards (GTFS files, MDS reports) as a stream of Arrow batches in the hub's types, in bounded memory.

A line is read once by Arrow; each distinct value of a column is converted once. Pure but for the stream it is given.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nabe.adapters.mobility.spec import SpecField
from nabe.adapting.geometry import placed
from nabe.adapting.json_http.geometry import to_wkb
from nabe.adapting.json_http.settings import ColumnSettings
from nabe.adapting.json_http.settings import TableSettings as JsonTable
from nabe.adapting.json_http.translate import Tally
from nabe.adapting.json_http.values import UNFIT, Convert, converter
from nabe.model.dataset import Field, FieldType
from nabe.model.schema import ARROW, arrow_schema

#: Bytes that are read at once: a line is never longer.
BLOCK = 1 << 20
_MOST_COLUMNS = 1_000
_WITHHELD = "_withheld"
_CLOCK = re.compile(r"([0-9]{1,3}):([0-5][0-9]):([0-5][0-9])")


class Unreadable(ValueError):
    """Not a table as the standards write it; says what and where, never a value."""


def read(stream: IO[bytes]) -> tuple[list[str], Iterator[pa.RecordBatch]]:
    """Names of the columns and batches of texts; an empty text is no value. Raises `Unreadable`.

    Comma, quotes doubled, UTF-8 with or without a byte order mark, any end of line (GTFS Schedule, file requirements).
    """
    import pyarrow.csv as pacsv

    wrong: list[str] = []

    def ragged(row: Any) -> str:
        wrong.append(f"line {row.number} has {row.actual_columns} values instead of {row.expected_columns}")
        return "error"

    head = _head(stream)
    names = head.names
    if head.alone:
        return names, iter(())
    options = pacsv.ConvertOptions(
        column_types={name: pa.string() for name in names},
        strings_can_be_null=True,
        null_values=[""],
        quoted_strings_can_be_null=True,
        check_utf8=True,
    )
    try:
        reader = pacsv.open_csv(
            pa.PythonFile(_Joined(head.bytes, stream), mode="r"),
            read_options=pacsv.ReadOptions(column_names=names, skip_rows=1, block_size=BLOCK, use_threads=False),
            parse_options=pacsv.ParseOptions(newlines_in_values=True, invalid_row_handler=ragged),
            convert_options=options,
        )
    except pa.ArrowInvalid as error:
        raise Unreadable(_why(error, wrong)) from None

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from reader
        except pa.ArrowInvalid as error:
            raise Unreadable(_why(error, wrong)) from None
        finally:
            reader.close()

    return names, batches()


@dataclass(frozen=True, slots=True)
class _Head:
    bytes: bytes
    names: list[str]
    alone: bool  # nothing comes after it


def _head(stream: IO[bytes]) -> _Head:
    """The first line, which names the columns."""
    import csv

    first = stream.read(BLOCK)
    marked, first = len(first), first.removeprefix(b"\xef\xbb\xbf")
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("it is written in UTF-16, not in UTF-8")
    line = re.split(rb"\r\n|\n|\r", first, maxsplit=1)[0]
    if not line.strip():
        raise Unreadable("its first line, which names the columns, is empty")
    if len(line) == len(first) and marked == BLOCK:
        raise Unreadable("its first line is longer than 1 MB")
    if line.lstrip().startswith(b"<"):
        raise Unreadable("it is a web page or XML, not a table (a log-in page?)")
    try:
        (names,) = csv.reader([line.decode("utf-8")], strict=True)
    except (UnicodeDecodeError, csv.Error, ValueError):
        raise Unreadable("its first line cannot be read") from None
    names = [name.strip() for name in names]
    names = [name or f"column_{number}" for number, name in enumerate(names, 1)]
    if len(names) > _MOST_COLUMNS:
        raise Unreadable(f"it has more than {_MOST_COLUMNS:,} columns")
    if len(set(names)) < len(names):
        raise Unreadable("its first line names a column twice")
    return _Head(first, names, marked < BLOCK and not first[len(line) :].strip(b"\r\n"))


class _Joined:
    """What was read already, then the rest: a file for Arrow, which gets short reads as they are."""

    def __init__(self, first: bytes, rest: IO[bytes]) -> None:
        self._first, self._rest = first, rest
        self.closed = False

    def read(self, size: int = -1) -> bytes:
        if self._first:
            cut = len(self._first) if size < 0 else size
            piece, self._first = self._first[:cut], self._first[cut:]
            return piece
        return self._rest.read(size)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self.closed = True


def _why(error: Exception, wrong: list[str]) -> str:
    if wrong:
        return wrong[0]
    text = str(error)
    if "straddling" in text:
        return "it has a line of more than 1 MB, or a quote that is not closed"
    if "UTF8" in text or "UTF-8" in text:
        return "it is not written in UTF-8"
    return "it is no table with commas"


def clock(value: str) -> str:
    """A time of the operating day with two digits of the hour, so that the order of texts is that of times; it may be
    after 24:00:00 (GTFS: Time). `ValueError` if it is none."""
    found = _CLOCK.fullmatch(value.strip())
    if found is None:
        raise ValueError
    return f"{int(found[1]):02d}:{found[2]}:{found[3]}"


def clock_seconds(value: str) -> int:
    """The same in seconds since the day's beginning (noon less 12 hours)."""
    hours, minutes, seconds = clock(value).split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)


class TextTable:
    """A dataset's fields, ready to be filled from batches of texts. One per answer: it counts (`tallies`).

    `known`: fields of the standard, which may be missing unless it demands them; `pair`: names of the columns for longitude and latitude;
    `withheld`: columns in which -1 says that a number is too small to be told (their field is then missing).
    """

    def __init__(
        self,
        fields: Sequence[Field],
        known: Mapping[str, SpecField],
        columns: Mapping[str, ColumnSettings],
        timezone: str,
        *,
        pair: tuple[str, str] | None = None,
        withheld: Sequence[str] = (),
    ) -> None:
        self.schema = arrow_schema(fields)
        self.rows = 0
        self._pair, self._withheld = pair, withheld
        self._known = known
        self._fields = list(fields)
        self._settings = JsonTable(columns=dict(columns), timezone=timezone)
        self.tallies = [Tally(item, item.source_column, self._may_miss(item.source_column)) for item in self._fields]
        self._converts = [self._convert(item) for item in self._fields]

    def batch(self, texts: pa.RecordBatch) -> pa.RecordBatch:
        """These rows in the types of the fields."""
        self.rows += texts.num_rows
        if not self._fields:
            return pa.RecordBatch.from_struct_array(pa.array([{}] * texts.num_rows, pa.struct([])))
        arrays = [
            self._filled(item, tally, convert, texts)
            for item, tally, convert in zip(self._fields, self.tallies, self._converts, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _may_miss(self, name: str) -> bool:
        """May the file be without this column?"""
        own, known = self._settings.columns.get(name), self._known.get(name)
        return own.optional if own is not None else known is not None and not known.needed

    def _convert(self, item: Field) -> Convert | None:
        if item.type is FieldType.GEOMETRY:
            return None
        name = item.source_column
        known = self._known.get(name)
        if known is not None and known.word == "clock" and name not in self._settings.columns:
            make: Callable[[str], Any] = clock_seconds if item.type is FieldType.INTEGER else clock
            if item.type in (FieldType.INTEGER, FieldType.STRING):
                return lambda value: _tried(make, value)
        return converter(item.type, self._settings.column(name), self._settings.timezone)

    def _filled(self, item: Field, tally: Tally, convert: Convert | None, texts: pa.RecordBatch) -> pa.Array:
        name, kind = item.source_column, ARROW[item.type]
        if item.type is FieldType.BOOLEAN and self._is_mark(name):
            return self._marks(name.removesuffix(_WITHHELD), texts, tally)
        if convert is None:
            return self._places(name, texts, tally)
        if (constant := self._settings.column(name).constant) is not None:
            tally.optional, value = True, convert(constant)
            return pa.array([None if value is UNFIT else value] * texts.num_rows, kind)
        if name not in texts.schema.names:
            return pa.nulls(texts.num_rows, kind)
        tally.present += texts.num_rows
        column = texts.column(name)
        if name in self._withheld:
            column = pc.if_else(pc.fill_null(pc.equal(pc.utf8_trim_whitespace(column), "-1"), False), None, column)
        tally.values += len(column) - column.null_count
        if item.type is FieldType.STRING and name not in self._settings.columns and not self._is_clock(name):
            return column
        if (fast := _fast(column, item.type, self._settings.column(name))) is not None:
            return fast
        return _each(column, convert, kind, tally)

    def _is_mark(self, name: str) -> bool:
        return name.endswith(_WITHHELD) and name.removesuffix(_WITHHELD) in self._withheld

    def _is_clock(self, name: str) -> bool:
        known = self._known.get(name)
        return known is not None and known.word == "clock"

    def _marks(self, name: str, texts: pa.RecordBatch, tally: Tally) -> pa.Array:
        """Was the number of this column withheld?"""
        if name not in texts.schema.names:
            return pa.nulls(texts.num_rows, pa.bool_())
        tally.present += texts.num_rows
        found = pc.equal(pc.utf8_trim_whitespace(texts.column(name)), "-1")
        tally.values += len(found) - found.null_count
        return found

    def _places(self, name: str, texts: pa.RecordBatch, tally: Tally) -> pa.Array:
        """Points of two columns; or what a column of an extension writes (WKT, GeoJSON)."""
        if name in texts.schema.names:
            tally.present += texts.num_rows
            values = texts.column(name).to_pylist()
            found = to_wkb(values, "", "xy")
            there = sum(value is not None for value in values)
            tally.values += there
            tally.unfit += there - (len(found) - found.null_count)
            return found
        if self._pair is None or any(part not in texts.schema.names for part in self._pair):
            return pa.nulls(texts.num_rows, pa.binary())
        tally.present += texts.num_rows
        shapes, there = points(*(texts.column(part) for part in self._pair))
        found = placed(shapes, "")
        tally.values += there
        tally.unfit += there - (len(found) - found.null_count)
        return found


def points(lon: pa.Array, lat: pa.Array) -> tuple[Any, int]:
    """Shapes of two columns of texts (None where one is missing or no number), and how many had both."""
    import shapely

    both = pc.and_(pc.is_valid(lon), pc.is_valid(lat))
    x, y = numbers(lon), numbers(lat)
    fits = np.isfinite(x) & np.isfinite(y) & (np.abs(x) <= 180) & (np.abs(y) <= 90)
    shapes = np.full(len(x), None, dtype=object)
    if fits.any():
        shapes[fits] = shapely.points(x[fits], y[fits])
    return shapes, int(pc.sum(both.cast(pa.int64())).as_py() or 0)


def numbers(column: pa.Array) -> Any:
    """Texts as numbers; what is none is NaN."""
    fast = _fast(column, FieldType.NUMBER, ColumnSettings())
    if fast is None:
        convert = converter(FieldType.NUMBER, ColumnSettings(), "UTC")
        found = [convert(value) for value in column.to_pylist()]
        fast = pa.array([None if value is UNFIT else value for value in found], pa.float64())
    return np.asarray(fast.to_numpy(zero_copy_only=False), dtype=float)


def _tried(make: Callable[[str], Any], value: Any) -> Any:
    if value is None or not value.strip():
        return None
    try:
        return make(value)
    except ValueError:
        return UNFIT


_PLAIN = {
    FieldType.INTEGER: (r"^-?[0-9]{1,18}$", pa.int64()),
    FieldType.NUMBER: (r"^-?[0-9]{1,15}(\.[0-9]{1,15})?$", pa.float64()),
}


def _fast(column: pa.Array, kind: FieldType, own: ColumnSettings) -> pa.Array | None:
    """Plain numbers by Arrow; None where some value needs a closer look."""
    if kind not in _PLAIN or own.nulls or own.decimal or own.thousands or own.constant is not None:
        return None
    pattern, arrow = _PLAIN[kind]
    if not pc.all(pc.match_substring_regex(column, pattern), min_count=0).as_py():
        return None
    return pc.cast(column, arrow)


def _each(column: pa.Array, convert: Convert, kind: pa.DataType, tally: Tally) -> pa.Array:
    """Each distinct value converted once."""
    coded = column.dictionary_encode()
    values = [convert(value) for value in coded.dictionary.to_pylist()]
    unfit = [number for number, value in enumerate(values) if value is UNFIT]
    if unfit:
        wrong = pc.is_in(coded.indices, pa.array(unfit, coded.indices.type))
        tally.unfit += int(pc.sum(wrong.cast(pa.int64())).as_py() or 0)
        values = [None if value is UNFIT else value for value in values]
    return pa.array(values, kind).take(coded.indices)
