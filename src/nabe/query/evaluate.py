"""Filters over Arrow rows, and the rest of a sealed scan that a source leaves to the hub.

Means the same as `query.sql`. Streams wherever it can: only ordering and minimum groups need all rows at once.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from nabe.model import expr as e
from nabe.model.query import Floor, Order, SealedScan
from nabe.model.schema import arrow_schema
from nabe.ports.source import Batches, Capabilities
from nabe.query.needs import left_over

Rows = Any  # pa.RecordBatch or pa.Table: both have column, filter, num_rows

_COMPARE = {
    e.Op.EQ: pc.equal,
    e.Op.NE: pc.not_equal,
    e.Op.LT: pc.less,
    e.Op.LE: pc.less_equal,
    e.Op.GT: pc.greater,
    e.Op.GE: pc.greater_equal,
}


class Bounds:
    """West, south, east, north of each geometry of a column, once computed. NaN where there is none."""

    def __init__(self, wkb: pa.Array | pa.ChunkedArray) -> None:
        shapes = shapely.from_wkb(np.asarray(wkb.to_numpy(zero_copy_only=False), dtype=object), on_invalid="ignore")
        self.sides = shapely.bounds(shapes).T.copy() if len(shapes) else np.empty((4, 0))

    def touches(self, box: e.BBox) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which of the geometries' boxes touch this one."""
        west, south, east, north = self.sides
        with np.errstate(invalid="ignore"):
            across = (east >= box.west) & (west <= box.east)
            if box.west > box.east:
                across = (east >= box.west) | (west <= box.east)
            return np.asarray(across & (north >= box.south) & (south <= box.north))


def matches(filter: e.Expr, rows: Rows, bounds: dict[str, Bounds] | None = None) -> pa.Array | pa.ChunkedArray:
    """A boolean per row, null where SQL would say unknown. `bounds`: precomputed boxes by geometry field."""

    def of(part: e.Expr) -> Any:
        match part:
            case e.AllRows():
                return pa.scalar(True)
            case e.NoRows():
                return pa.scalar(False)
            case e.Compare(field, op, value):
                column = rows.column(field)
                return _COMPARE[op](column, _scalar(value, column.type))
            case e.In(_, ()):
                return pa.scalar(False)
            case e.In(field, values):
                column = rows.column(field)
                found = pc.is_in(column, _listed(values, column.type))
                return pc.if_else(pc.is_valid(column), found, pa.scalar(None, pa.bool_()))
            case e.Like(field, pattern, ignore_case):
                return pc.match_substring_regex(rows.column(field), _regex(pattern, ignore_case))
            case e.IsNull(field):
                return pc.is_null(rows.column(field))
            case e.BBox(field):
                known = (bounds or {}).get(field) or Bounds(rows.column(field))
                touched = pa.array(known.touches(part))
                return pc.if_else(pc.is_valid(rows.column(field)), touched, pa.scalar(None, pa.bool_()))
            case e.And(parts):
                return _joined(pc.and_kleene, [of(item) for item in parts], True)
            case e.Or(parts):
                return _joined(pc.or_kleene, [of(item) for item in parts], False)
            case e.Not(inner):
                return pc.invert(of(inner))

    mask = of(filter)
    return pa.repeat(mask, rows.num_rows) if isinstance(mask, pa.Scalar) else mask


def _joined(join: Any, masks: list[Any], empty: bool) -> Any:
    result: Any = pa.scalar(empty)
    for mask in masks:
        result = join(result, mask)
    return result


def _scalar(value: e.Value, kind: pa.DataType) -> pa.Scalar:
    if isinstance(value, dt.datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=dt.UTC)
    if isinstance(value, dt.date) and not isinstance(value, dt.datetime) and pa.types.is_timestamp(kind):
        value = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    if isinstance(value, float) and pa.types.is_integer(kind):
        return pa.scalar(value, pa.float64())
    return pa.scalar(value, kind)


def _listed(values: Sequence[e.Value], kind: pa.DataType) -> pa.Array:
    """The values in the column's type. A fraction is no whole number, so it is not in a list of them."""
    if pa.types.is_integer(kind):
        values = [value for value in values if not isinstance(value, float) or value.is_integer()]
        return pa.array([int(value) for value in values if isinstance(value, (int, float))], kind)
    return pa.array([_scalar(value, kind).as_py() for value in values], kind)


def _regex(pattern: str, ignore_case: bool) -> str:
    """A LIKE pattern as RE2 that must match the whole text, line breaks included."""
    body = "".join({"%": ".*", "_": "."}.get(sign) or re.escape(sign) for sign in pattern)
    return f"(?s{'i' if ignore_case else ''})\\A{body}\\z"


def keep(filter: e.Expr, rows: Any, bounds: dict[str, Bounds] | None = None) -> Any:
    """The rows that the filter wants, in their order."""
    return rows if isinstance(filter, e.AllRows) else rows.filter(matches(filter, rows, bounds))


def finish(batches: Batches, scan: SealedScan, done: Capabilities) -> Batches:
    """Do what the source left undone, in the scan's order of evaluation; the outcome has the scan's fields."""
    steps = left_over(scan, done)
    schema = scan_schema(scan)
    if not steps:
        return Batches(schema, (_shaped(batch, schema) for batch in batches.batches), batches.close)
    rows: Iterator[pa.RecordBatch] = iter(batches.batches)
    if "allowed" in steps:
        rows = (keep(scan.allowed, batch) for batch in rows)
    if "rounding" in steps and scan.rounding:
        rows = (rounded(batch, scan.rounding) for batch in rows)
    if "floor" in steps and scan.floor is not None:
        rows = _floored(rows, batches.schema, scan.floor)
    if "where" in steps:
        rows = (keep(scan.where, batch) for batch in rows)
    if scan.order:
        rows = _ordered(rows, scan.order)
    rows = _limited(rows, scan.offset, scan.limit)
    return Batches(schema, (_shaped(batch, schema) for batch in rows if batch.num_rows), batches.close)


def scan_schema(scan: SealedScan) -> pa.Schema:
    """The Arrow schema of a scan's answer. Measures are means, so they are numbers."""
    fields = []
    for name in scan.fields:
        field = scan.dataset.field(name)
        assert field is not None
        fields.append(field)
    schema = arrow_schema(fields)
    for name, _ in scan.rounding:
        schema = _as_number(schema, name)
    for name in scan.floor.measures if scan.floor else ():
        schema = _as_number(schema, name)
    return schema


def _as_number(schema: pa.Schema, name: str) -> pa.Schema:
    position = schema.get_field_index(name)
    return schema if position < 0 else schema.set(position, pa.field(name, pa.float64()))


def rounded(rows: Any, steps: Sequence[tuple[str, float]]) -> Any:
    """Numbers to the nearest multiple of their step."""
    for name, step in steps:
        position = rows.schema.get_field_index(name)
        if position >= 0:
            column = pc.cast(rows.column(position), pa.float64())
            value = pc.multiply(pc.round(pc.divide(column, step), round_mode="half_towards_infinity"), step)
            value = pc.add(value, 0.0)  # -0.0 would be a cell of its own, which no SQL makes
            rows = rows.set_column(position, pa.field(name, pa.float64()), value)
    return rows


def floored(rows: pa.Table, floor: Floor) -> pa.Table:
    """Only rows of cells that are large enough, measures as the mean of their cell."""
    cell = _cells(rows, floor.cells)
    count = int(cell.max()) + 1 if len(cell) else 0
    if floor.subject:
        subject = rows.column(floor.subject).combine_chunks()
        codes = np.asarray(pc.fill_null(pc.dictionary_encode(subject).indices, -1))
        there = codes >= 0
        pairs = np.unique(cell[there].astype(np.int64) * (int(codes.max(initial=0)) + 1) + codes[there])
        sizes = np.bincount(pairs // (int(codes.max(initial=0)) + 1), minlength=count)
    else:
        sizes = np.bincount(cell, minlength=count)
    for name in floor.measures:
        values = np.asarray(pc.cast(rows.column(name), pa.float64()).to_numpy())
        valid = ~np.isnan(values)
        sums = np.bincount(cell[valid], values[valid], minlength=count)
        counts = np.bincount(cell[valid], minlength=count)
        with np.errstate(invalid="ignore", divide="ignore"):
            means = (sums / counts)[cell] if count else values
        position = rows.schema.get_field_index(name)
        rows = rows.set_column(position, pa.field(name, pa.float64()), pa.array(means, from_pandas=True))
    return rows.filter(pa.array(sizes[cell] >= floor.size)) if len(cell) else rows


def _cells(rows: pa.Table, names: Sequence[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    """A number per row, equal for rows that are equal in all these fields (missing equals missing)."""
    cell = np.zeros(rows.num_rows, dtype=np.int64)
    for name in names:
        column = rows.column(name)
        if pa.types.is_floating(column.type):
            column = pc.add(column, 0.0)  # -0.0 equals 0.0
        encoded = pc.dictionary_encode(column.combine_chunks(), null_encoding="encode")
        codes = np.asarray(encoded.indices, dtype=np.int64)
        _, cell = np.unique(cell * (len(encoded.dictionary) + 1) + codes, return_inverse=True)
    return cell


def _floored(rows: Iterator[pa.RecordBatch], schema: pa.Schema, floor: Floor) -> Iterator[pa.RecordBatch]:
    found = list(rows)
    table = pa.Table.from_batches(found, found[0].schema if found else schema)
    yield from floored(table, floor).to_batches()


def _ordered(rows: Iterator[pa.RecordBatch], order: Sequence[Order]) -> Iterator[pa.RecordBatch]:
    found = list(rows)
    if found:
        yield from ordered(pa.Table.from_batches(found), order).to_batches()


def ordered(rows: pa.Table, order: Sequence[Order]) -> pa.Table:
    """Sorted, missing values last whatever the direction; equal rows keep their order."""
    for key in reversed(order):
        direction = "descending" if key.descending else "ascending"
        rows = rows.take(pc.sort_indices(rows.column(key.field), sort_keys=[("", direction, "at_end")]))
    return rows


def _limited(rows: Iterator[pa.RecordBatch], offset: int, limit: int | None) -> Iterator[pa.RecordBatch]:
    left = limit
    for batch in rows:
        if offset >= batch.num_rows:
            offset -= batch.num_rows
            continue
        part = batch.slice(offset, left) if left is not None else batch.slice(offset)
        offset = 0
        if left is not None:
            left -= part.num_rows
        yield part
        if left == 0:
            return


def _shaped(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """The batch with exactly these columns, in this order and of these types."""
    columns = []
    for field in schema:
        column = batch.column(field.name)
        columns.append(column if column.type == field.type else pc.cast(column, field.type))
    if not columns:  # a question for no column still has rows
        return pa.RecordBatch.from_struct_array(pa.array([{}] * batch.num_rows, pa.struct([])))
    return pa.RecordBatch.from_arrays(columns, schema=schema)
