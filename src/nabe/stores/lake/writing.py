"""Rows into one Parquet file: the same rows make the same bytes, however they were delivered."""

from __future__ import annotations

import hashlib
import io
import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nabe.formats.columnar import geo_schema
from nabe.ports.source import Batches

#: Rows of a row group: what a reader takes at once, and what it may skip by minimum and maximum.
ROW_GROUP = 122_880
#: A column gets a dictionary if each value of its first row group comes so often, on the average. Where most come once it
#: takes longer to write and more room.
_OFTEN = 4


@dataclass(frozen=True, slots=True)
class Filled:
    """What was written."""

    rows: int
    bytes: int
    digest: str


def fill(path: Path, batches: Batches) -> Filled:
    """Write all rows."""
    schema = geo_schema(batches.schema)
    groups = _grouped(batches)
    first = list(itertools.islice(groups, 1))
    rows = 0
    with path.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        out = _Digested(file)
        repeated = _repeated(first[0]) if first else []
        with pq.ParquetWriter(out, schema, compression="zstd", use_dictionary=repeated) as writer:
            for table in itertools.chain(first, groups):
                writer.write_table(table.cast(schema), row_group_size=ROW_GROUP)
                rows += table.num_rows
    return Filled(rows, out.size, out.digest.hexdigest())


def _repeated(table: pa.Table) -> list[str]:
    """Columns whose values come again and again. Told by the first row group alone, which is the same for the same rows."""
    names = table.schema.names
    return [name for name in names if pc.count_distinct(table[name]).as_py() * _OFTEN <= table.num_rows]


def _grouped(batches: Batches) -> Iterator[pa.Table]:
    """Tables of exactly one row group each."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches.batches:
        start = 0
        while start < batch.num_rows:
            piece = batch.slice(start, ROW_GROUP - size)
            held.append(piece)
            size, start = size + piece.num_rows, start + piece.num_rows
            if size == ROW_GROUP:
                yield pa.Table.from_batches(held, batches.schema).combine_chunks()
                held, size = [], 0
    if held:
        yield pa.Table.from_batches(held, batches.schema).combine_chunks()


class _Digested(io.RawIOBase):
    """A file whose bytes are digested as they are written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0
        self.digest = hashlib.blake2b(digest_size=16)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        taken: int = self._file.write(data)
        self.digest.update(data)
        self.size += taken
        return taken

    def tell(self) -> int:
        return self.size
