"""Rows as sorted columns: put into the store's form, packed for the log, sorted, cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from nabe.errors import Invalid
from nabe.model.observation import INCOMING_SCHEMA, OBSERVATION_SCHEMA, SEQUENCE_BITS

NAMES: Final = tuple(OBSERVATION_SCHEMA.names)
SEQUENCE_MASK: Final = (1 << SEQUENCE_BITS) - 1
#: Ids fit the integers of JavaScript, so streams do not go beyond this.
MOST_STREAMS: Final = 1 << (53 - SEQUENCE_BITS)
#: Stand for "none" in columns of times.
LEAST, MOST = np.iinfo(np.int64).min, np.iinfo(np.int64).max
_ZSTD = pa.Codec("zstd", compression_level=1)
#: Smaller packages are not worth compressing.
_SMALL = 4096
_KEYS = ("stream", "time", "id")


def incoming(table: pa.Table) -> pa.Table:
    """The table with exactly the columns of `INCOMING_SCHEMA`. `Invalid` says which column does not fit."""
    unknown = [name for name in table.column_names if name not in INCOMING_SCHEMA.names]
    if unknown:
        hint = f"Known: {', '.join(INCOMING_SCHEMA.names)}."
        raise Invalid(f"Observations have no column {unknown[0]!r}.", hint=hint, field=unknown[0])
    if table.schema != INCOMING_SCHEMA:
        columns = [_column(table, field) for field in INCOMING_SCHEMA]
        table = pa.Table.from_arrays(columns, schema=INCOMING_SCHEMA)
    for name in ("stream", "time"):
        if table.column(name).null_count:
            raise Invalid(f"An observation has no {name}.", field=name)
    if table.num_rows:
        streams = column(table, "stream")
        if streams.min() < 1 or streams.max() >= MOST_STREAMS:
            wrong = int(streams.min() if streams.min() < 1 else streams.max())
            raise Invalid(f"{wrong} is no stream.", hint=f"1 to {MOST_STREAMS - 1}.", field="stream", value=wrong)
    return table


def whole(table: pa.Table) -> pa.RecordBatch:
    """Whole rows (`OBSERVATION_SCHEMA`) as one batch. `Invalid` when an id does not belong to its stream."""
    if table.schema != OBSERVATION_SCHEMA:
        columns = [_column(table, field) for field in OBSERVATION_SCHEMA]
        table = pa.Table.from_arrays(columns, schema=OBSERVATION_SCHEMA)
    made = batch(table)
    if any(made.column(name).null_count for name in _KEYS):
        raise Invalid("An observation has no stream, time or id.", field="id")
    if (column(made, "id") >> SEQUENCE_BITS != column(made, "stream")).any():
        raise Invalid("An observation cannot move to another stream.", field="stream")
    return made


def _column(table: pa.Table, field: pa.Field) -> Any:
    if field.name not in table.column_names:
        if not field.nullable:
            raise Invalid(f"An observation has no {field.name}.", field=field.name)
        return nulls(table.num_rows, field.type)
    found = table.column(field.name)
    if found.type == field.type:
        return found
    try:
        return found.cast(field.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        raise Invalid(
            f"Column {field.name!r} is {found.type}, not {field.type}.", field=field.name, value=str(found.type)
        ) from None


_NULLS: dict[pa.DataType, pa.Array] = {}


def nulls(count: int, type: pa.DataType) -> pa.Array:
    """Missing values; they all lie in the same memory."""
    known = _NULLS.get(type)
    if known is None or len(known) < count:
        known = _NULLS[type] = pa.nulls(max(count, 65_536), type)
    return known.slice(0, count)


def batch(table: pa.Table) -> pa.RecordBatch:
    """One batch of a table's rows."""
    if table.num_rows == 0:
        return pa.RecordBatch.from_arrays([pa.array([], field.type) for field in table.schema], schema=table.schema)
    return pa.RecordBatch.from_arrays([_whole(item) for item in table.columns], schema=table.schema)


def _whole(item: pa.ChunkedArray) -> pa.Array:
    if item.num_chunks == 1:
        return item.chunk(0)
    if item.null_count == len(item):
        return nulls(len(item), item.type)
    return pa.concat_arrays([part for part in item.chunks if len(part)])


def column(rows: pa.Table | pa.RecordBatch, name: str, missing: int = 0) -> np.ndarray:
    """A column of integers or times as int64; `missing` stands for nulls."""
    found = rows.column(name)
    if isinstance(found, pa.ChunkedArray):
        found = found.combine_chunks() if found.num_chunks != 1 else found.chunk(0)
    if found.null_count == len(found):
        return np.full(len(found), missing, np.int64)
    if found.type != pa.int64():
        found = found.view(pa.int64())
    if found.null_count:
        found = found.fill_null(missing)
    return np.asarray(found.to_numpy(zero_copy_only=False))


def sorted_rows(rows: pa.RecordBatch) -> pa.RecordBatch:
    """By stream, time, id."""
    order = key_order(*(column(rows, name) for name in _KEYS))
    return rows if order is None else take(rows, order)


def key_order(stream: np.ndarray, time: np.ndarray, id: np.ndarray) -> np.ndarray | None:
    """How rows must be taken to stand by stream, time, id; None: they do."""
    if len(stream) < 2:
        return None
    if _in_order(stream, time, id):
        return None
    # Rows mostly come by time: then it is enough to sort by stream, which is quick, and look whether all is well.
    order = by_stream(stream)
    if _in_order(stream[order], time[order], id[order]):
        return order
    return np.lexsort((id, time, stream))


def _in_order(stream: np.ndarray, time: np.ndarray, id: np.ndarray) -> bool:
    ties = time[1:] == time[:-1]
    later = time[1:] > time[:-1]
    if ties.any():
        later |= ties & (id[1:] > id[:-1])
    later &= stream[1:] == stream[:-1]
    later |= stream[1:] > stream[:-1]
    return bool(later.all())


def by_stream(stream: np.ndarray) -> np.ndarray:
    """The order that sorts by stream and leaves all else as it is. Sixteen bits at a time, which numpy does by counting."""
    order = np.argsort(stream.astype(np.uint16), kind="stable")
    if len(stream) and stream.max() >= 1 << 16:
        order = order[np.argsort((stream[order] >> 16).astype(np.uint16), kind="stable")]
    return order


def pairs(stream: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Distinct pairs (n × 2) with an `other` that is not 0; quick where neighbours are alike."""
    change = np.append(True, (stream[1:] != stream[:-1]) | (other[1:] != other[:-1])) & (other != 0)
    return np.unique(np.stack((stream[change], other[change]), axis=1), axis=0)


def take(rows: pa.RecordBatch, order: np.ndarray) -> pa.RecordBatch:
    """Rows by position; columns that hold nothing are not touched."""
    where = pa.array(order)
    columns = [
        nulls(len(order), item.type) if item.null_count == len(item) and len(item) else item.take(where)
        for item in rows.columns
    ]
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


def joined(parts: Sequence[pa.RecordBatch], schema: pa.Schema = OBSERVATION_SCHEMA) -> pa.RecordBatch:
    """All rows in one batch."""
    parts = [part for part in parts if part.num_rows]
    if len(parts) == 1:
        return parts[0]
    return batch(pa.Table.from_batches(parts, schema))


def groups(stream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each stream begins in a sorted column, and how many rows it has."""
    if not len(stream):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    starts = np.concatenate(([0], np.flatnonzero(stream[1:] != stream[:-1]) + 1))
    return starts, np.diff(np.append(starts, len(stream)))


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """All positions of so many ranges, one after the other."""
    total = int(counts.sum())
    if not total:
        return np.empty(0, np.int64)
    full = counts > 0
    starts, counts = starts[full], counts[full]
    steps = np.ones(total, np.int64)
    steps[0] = starts[0]
    ends = np.cumsum(counts)[:-1]
    steps[ends] = starts[1:] - (starts[:-1] + counts[:-1] - 1)
    return np.cumsum(steps)


def among(values: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Which values are in the sorted `wanted`."""
    if not len(wanted):
        return np.zeros(len(values), bool)
    at = np.searchsorted(wanted, values)
    return np.asarray(wanted[np.minimum(at, len(wanted) - 1)] == values)


def pack(rows: pa.RecordBatch) -> tuple[int, int, bytes]:
    """Rows for the log: which columns hold anything (bits), size unpacked (0: not compressed), bytes."""
    bits, names = 0, []
    for number, item in enumerate(rows.columns):
        if item.null_count < len(item):
            bits |= 1 << number
            names.append(rows.schema.names[number])
    body = rows.select(names).serialize()
    if body.size < _SMALL:
        return bits, 0, body.to_pybytes()
    return bits, body.size, bytes(_ZSTD.compress(body, asbytes=True))


def unpack(bits: int, size: int, body: bytes, schema: pa.Schema = OBSERVATION_SCHEMA) -> pa.RecordBatch:
    """What `pack` was given."""
    there = [field for number, field in enumerate(schema) if bits >> number & 1]
    buffer = _ZSTD.decompress(body, size) if size else pa.py_buffer(body)
    part = pa.ipc.read_record_batch(buffer, pa.schema(there))
    columns = {field.name: item for field, item in zip(there, part.columns, strict=True)}
    arrays = [columns[f.name] if f.name in columns else nulls(part.num_rows, f.type) for f in schema]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def pack_arrays(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Columns of integers of equal length, compressed."""
    rows = pa.RecordBatch.from_arrays([pa.array(item) for item in arrays.values()], names=list(arrays))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression=_ZSTD)) as writer:
        writer.write_batch(rows)
    return bytes(sink.getvalue().to_pybytes())


def unpack_arrays(body: bytes) -> dict[str, np.ndarray]:
    """What `pack_arrays` was given; the arrays may be changed."""
    table = pa.ipc.open_stream(body).read_all()
    return {name: np.array(table.column(name).to_numpy()) for name in table.column_names}
