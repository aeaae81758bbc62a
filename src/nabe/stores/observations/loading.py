"""Many rows at once, past the log: sorted in large pieces and written as segments, which count when all are there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa

from nabe.model.observation import OBSERVATION_SCHEMA, SEQUENCE_BITS
from nabe.stores.observations import rows as r
from nabe.stores.observations.compacting import by_month, write
from nabe.stores.observations.segment import Segment
from nabe.stores.observations.summary import group_rows, united

#: Rows sorted at once.
_PIECE = 4_000_000


class Loading:
    """`reserve(streams, counts)`: gives the first sequence numbers of so many rows."""

    def __init__(self, folder: Path, reserve: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
        self._folder, self._reserve = folder, reserve
        self.segments: list[Segment] = []
        self._groups: list[dict[str, np.ndarray]] = []
        self._pairs: list[np.ndarray] = [np.empty((0, 2), np.int64)]
        self._tails: pa.RecordBatch | None = None

    def take(self, tables: Iterator[pa.Table], progress: Callable[[int], None]) -> int:
        """All rows; while one piece is written, the next is sorted."""
        count = 0
        with ThreadPoolExecutor(1) as pool:
            writing: Future[None] | None = None
            for piece in _pieces(tables):
                rows = self._placed(piece)
                if writing is not None:
                    writing.result()
                    progress(count)
                writing = pool.submit(self._write, rows)
                count += rows.num_rows
            if writing is not None:
                writing.result()
        progress(count)
        return count

    def _placed(self, piece: pa.Table) -> pa.RecordBatch:
        """A piece with ids, sorted."""
        rows = r.batch(piece)
        stream, time = r.column(rows, "stream"), r.column(rows, "time")
        order = r.by_stream(stream)
        stream, time = stream[order], time[order]
        starts, counts = r.groups(stream)
        first = self._reserve(stream[starts], counts)
        ids = (stream << SEQUENCE_BITS) | (np.arange(len(stream)) - np.repeat(starts - first, counts))
        again = r.key_order(stream, time, ids)
        if again is not None:
            order, ids = order[again], ids[again]
        found = r.take(rows, order)
        columns = [found.column(0), pa.array(ids), *found.columns[1:]]
        return pa.RecordBatch.from_arrays(columns, schema=OBSERVATION_SCHEMA)

    def _write(self, rows: pa.RecordBatch) -> None:
        groups = group_rows(rows)
        self._groups.append(groups)
        if rows.column("feature").null_count < rows.num_rows:
            self._pairs.append(r.pairs(r.column(rows, "stream"), r.column(rows, "feature")))
        last = r.take(rows, np.cumsum(groups["count"]) - 1)
        self._tails = last if self._tails is None else _later(self._tails, last)
        for month, part in by_month(rows):
            segment = write(self._folder, iter([part]), month, 0)
            assert segment is not None
            self.segments.append(segment)

    def found(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray], pa.RecordBatch | None]:
        """What was loaded per stream, features of streams, and last rows."""
        names = self._groups[0] if self._groups else group_rows(OBSERVATION_SCHEMA.empty_table().to_batches()[0])
        both = (
            {name: np.concatenate([part[name] for part in self._groups]) for name in names} if self._groups else names
        )
        pairs = np.unique(np.concatenate(self._pairs), axis=0)
        features = {"stream": pairs[:, 0].copy(), "feature": pairs[:, 1].copy()}
        return united(both), features, self._tails

    def abandon(self) -> None:
        """Leave nothing behind."""
        for segment in self.segments:
            (self._folder / segment.name).unlink(missing_ok=True)


def _later(one: pa.RecordBatch, other: pa.RecordBatch) -> pa.RecordBatch:
    """Of each stream the later row."""
    rows = r.sorted_rows(r.joined([one, other]))
    starts, counts = r.groups(r.column(rows, "stream"))
    return r.take(rows, starts + counts - 1)


def _pieces(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Tables of about one piece each."""
    held: list[pa.Table] = []
    size = 0
    for table in tables:
        table = r.incoming(table)
        start = 0
        while start < table.num_rows:
            part = table.slice(start, _PIECE - size)
            held.append(part)
            size, start = size + part.num_rows, start + part.num_rows
            if size == _PIECE:
                yield pa.concat_tables(held)
                held, size = [], 0
    if held:
        yield pa.concat_tables(held)
