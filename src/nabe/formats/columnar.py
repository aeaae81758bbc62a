"""Parquet, with the GeoParquet 1.1 metadata where there is geometry."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from nabe.model.result import Result
from nabe.model.schema import is_geometry

_ROW_GROUP = 100_000


def parquet(result: Result, title: str = "") -> Iterator[bytes]:
    """Row groups as they come; zstd."""
    del title
    sink = _Sink()
    schema = geo_schema(result.schema)
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        held: list[pa.RecordBatch] = []
        size = 0
        for batch in result.batches:
            held.append(batch)
            size += batch.num_rows
            if size >= _ROW_GROUP:
                writer.write_table(pa.Table.from_batches(held, result.schema).cast(schema))
                held, size = [], 0
                yield sink.taken()
        writer.write_table(pa.Table.from_batches(held, result.schema).cast(schema))
    yield sink.taken()


class _Sink(io.RawIOBase):
    """A file that hands on what was written to it and only knows how much that was."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def tell(self) -> int:
        return self._size

    def taken(self) -> bytes:
        """What was written since the last call."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


def geo_schema(schema: pa.Schema) -> pa.Schema:
    """The schema of a file: plain columns, and what GeoParquet says of those with geometry."""
    names = [field.name for field in schema if is_geometry(field)]
    plain = pa.schema([field.remove_metadata() for field in schema])
    if not names:
        return plain
    columns = {name: {"encoding": "WKB", "geometry_types": []} for name in names}
    geo = {"version": "1.1.0", "primary_column": names[0], "columns": columns}
    return plain.with_metadata({b"geo": json.dumps(geo).encode()})
