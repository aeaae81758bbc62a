"""One pass over a table's batches, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from nabe.ports.source import Batches, Probe, Table
from nabe.profile.column import ColumnProfile
from nabe.profile.distinct import Budget, Exact
from nabe.profile.hashing import Hashes, combine
from nabe.profile.keys import Combinations
from nabe.profile.sketch import K

#: Rows looked at together.
_ROWS = 65_536
#: Values sampled of all columns together, and of each at least: tables of 10,000 columns exist.
_SAMPLED, _LEAST = 1_000_000, 128
#: Values held for exact counts: of columns and their combinations, and of whole rows.
_COLUMN_BUDGET, _GROUP_BUDGET, _ROW_BUDGET = 4_000_000, 2_000_000, 1_500_000


@dataclass(frozen=True, slots=True)
class Scanned:
    """`columns` as far as they are told apart, `together`: column groups without repeated rows, `duplicates`: rows
    that occur before already (None: too many to count)."""

    columns: list[ColumnProfile]
    together: list[tuple[str, ...]]
    rows: int
    duplicates: int | None


def scan(probe: Probe, table: Table, progress: Callable[[float], None]) -> Scanned:
    """Profile all columns of `table`."""
    stream = probe.sample(table)
    try:
        return _scan(table, stream, progress)
    finally:
        stream.close()


def _scan(table: Table, stream: Batches, progress: Callable[[float], None]) -> Scanned:
    budget = Budget(_COLUMN_BUDGET)
    k = max(_LEAST, min(K, _SAMPLED // max(1, len(table.columns))))
    columns = [
        ColumnProfile(column, stream.schema.field(at).type, budget, k) for at, column in enumerate(table.columns)
    ]
    together = Combinations(Budget(_GROUP_BUDGET))
    whole = Exact(Budget(_ROW_BUDGET))
    rows = 0
    for batch in _sliced(stream.batches):
        hashes: dict[str, Hashes] = {}
        for at, column in enumerate(columns):
            hashes[column.name] = column.add(batch.column(at))
        together.add(columns, hashes)
        if whole.alive and hashes:
            whole.add(combine(list(hashes.values())))
        rows += batch.num_rows
        if table.rows:
            progress(min(1.0, rows / table.rows))
    distinct = whole.distinct()
    duplicates = None if distinct is None else rows - distinct
    return Scanned(columns, together.unique(), rows, duplicates)


def _sliced(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Batches of at most `_ROWS` rows, so that memory does not depend on the source's habits."""
    for batch in batches:
        for start in range(0, batch.num_rows, _ROWS):
            yield batch.slice(start, _ROWS)
