"""A piece of history: an immutable Parquet file sorted by stream, time, id, and an index of what it holds per stream.

Any engine reads the file. The index (a row per stream: where its rows begin, how many, which times and ids) lies in the
manifest, so that a stream is found without reading anything else.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nabe.model.observation import OBSERVATION_SCHEMA, Span
from nabe.stores.observations import rows as r
from nabe.stores.observations.summary import group_rows

ROW_GROUP = 32_768
_KEYS = ("stream", "time", "id")
_NOTHING = np.empty(0, np.int64)
_DELTA = ("time", "id", "until", "result_time", "valid_from", "valid_until")
_INDEX = ("stream", "start", "count", "first", "last", "first_result", "last_result", "last_id", "least_id", "most_id")


@dataclass(frozen=True, slots=True, eq=False)
class Erased:
    """Rows that have gone by stream and time. `number`: of the log's entry; only what was there before it is meant."""

    number: int
    streams: np.ndarray | None
    span: Span

    def covers(self, stream: np.ndarray, time: np.ndarray) -> np.ndarray:
        """Which rows are meant."""
        found = np.ones(len(time), bool) if self.streams is None else r.among(stream, self.streams)
        if self.span.start is not None:
            found &= time >= self.span.start
        if self.span.end is not None:
            found &= time < self.span.end
        return found


class Writer:
    """Writes a segment's file from sorted batches."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._parts: list[dict[str, np.ndarray]] = []
        self._writer = pq.ParquetWriter(
            path,
            OBSERVATION_SCHEMA,
            compression="zstd",
            compression_level=1,
            use_dictionary=["stream", "number", "text", "quality", "parameters", "feature"],
            column_encoding=dict.fromkeys(_DELTA, "DELTA_BINARY_PACKED"),
            write_statistics=["stream", "time", "id", "number"],
            sorting_columns=[pq.SortingColumn(0), pq.SortingColumn(2), pq.SortingColumn(1)],
            data_page_size=1 << 20,
        )

    def add(self, rows: pa.RecordBatch) -> None:
        """These rows come next."""
        if not rows.num_rows:
            return
        part = group_rows(rows)
        part["start"] = self.rows + np.cumsum(part["count"]) - part["count"]
        self._parts.append(part)
        self._writer.write_batch(rows, row_group_size=ROW_GROUP)
        self.rows += rows.num_rows

    def finish(self) -> dict[str, np.ndarray]:
        """Bring it onto the disk; its index."""
        self._writer.close()
        os.chmod(self.path, 0o600)
        handle = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        index = {name: np.concatenate([part[name] for part in self._parts]) for name in _INDEX}
        starts, counts = r.groups(index["stream"])
        if len(starts) == len(index["stream"]):
            return index
        ends = starts + counts - 1  # a stream that went over from one batch to the next
        return {
            "stream": index["stream"][starts],
            "start": index["start"][starts],
            "count": np.add.reduceat(index["count"], starts),
            "first": index["first"][starts],
            "last": index["last"][ends],
            "last_id": index["last_id"][ends],
            "first_result": np.minimum.reduceat(index["first_result"], starts),
            "last_result": np.maximum.reduceat(index["last_result"], starts),
            "least_id": np.minimum.reduceat(index["least_id"], starts),
            "most_id": np.maximum.reduceat(index["most_id"], starts),
        }

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._writer.close()
        self.path.unlink(missing_ok=True)


class File:
    """An open Parquet file; it stays readable when its name is removed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._bytes = pa.memory_map(str(path)).read_buffer()  # a view of the map, not a copy
        self._lock = Lock()
        self._readers: list[pq.ParquetFile] = []
        self._meta: pq.FileMetaData | None = None
        self.starts = self.ends = _NOTHING
        self._times: tuple[np.ndarray, np.ndarray] | None = None

    def open(self) -> None:
        """Read the footer, if that is not done: of a file of 32 million rows that takes some milliseconds and 10 MB."""
        with self._lock:
            if self._meta is None:
                reader = pq.ParquetFile(pa.BufferReader(self._bytes), pre_buffer=False)
                meta = reader.metadata
                sizes = np.array([meta.row_group(number).num_rows for number in range(meta.num_row_groups)], np.int64)
                self.ends = np.cumsum(sizes)
                self.starts = self.ends - sizes
                self._readers.append(reader)
                self._meta = meta

    def read(self, groups: Sequence[int], columns: Sequence[str]) -> pa.Table:
        """Row groups, one after the other."""
        with self._lock:
            reader = self._readers.pop() if self._readers else None
        if reader is None:
            reader = pq.ParquetFile(pa.BufferReader(self._bytes), metadata=self._meta, pre_buffer=False)
        table = reader.read_row_groups(list(groups), columns=list(columns), use_threads=len(groups) > 3)
        with self._lock:
            if len(self._readers) < 4:
                self._readers.append(reader)
        return table

    def times(self) -> tuple[np.ndarray, np.ndarray]:
        """Least and greatest time of each row group."""
        if self._times is None:
            assert self._meta is not None
            place = OBSERVATION_SCHEMA.get_field_index("time")
            found = [self._meta.row_group(n).column(place).statistics for n in range(self._meta.num_row_groups)]
            low, high = (
                np.array([int(item) for item in values], np.int64)
                for values in ((s.min_raw for s in found), (s.max_raw for s in found))
            )
            self._times = low, high
        return self._times


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """`since`: the log's entry as of which it is; `hidden`, `erased`: what has gone from it and is still in the file."""

    name: str
    month: int
    rows: int
    bytes: int
    since: int
    index: dict[str, np.ndarray]
    file: File
    hidden: np.ndarray = field(default_factory=lambda: _NOTHING)
    erased: tuple[Erased, ...] = ()

    @property
    def first(self) -> int:
        return int(self.index["first"].min())

    @property
    def last(self) -> int:
        return int(self.index["last"].max())

    def find(self, streams: np.ndarray, span: Span) -> np.ndarray:
        """Positions in the index of those of the sorted streams that may have rows in the span."""
        mine = self.index["stream"]
        at = np.searchsorted(mine, streams)
        at = at[mine[np.minimum(at, len(mine) - 1)] == streams]
        if span.end is not None:
            at = at[self.index["first"][at] < span.end]
        if span.start is not None:
            at = at[self.index["last"][at] >= span.start]
        return np.asarray(at)

    def gone(self, erased: tuple[Erased, ...]) -> tuple[Erased, ...]:
        """What was erased from this segment by time; `erased`: by entries of the log."""
        return self.erased + tuple(item for item in erased if item.number > self.since)

    def untouched(self, at: int, hidden: np.ndarray, erased: tuple[Erased, ...]) -> bool:
        """Is every row of the stream at this position of the index there, as far as can be told without reading?"""
        low, high = self.index["least_id"][at], self.index["most_id"][at]
        for gone in (self.hidden, hidden):
            if np.searchsorted(gone, low) != np.searchsorted(gone, high, "right"):
                return False
        stream = self.index["stream"][at : at + 1]
        return not any(item.streams is None or r.among(stream, item.streams)[0] for item in self.gone(erased))

    def read(
        self,
        at: np.ndarray,
        span: Span,
        columns: Sequence[str],
        hidden: np.ndarray,
        erased: tuple[Erased, ...],
        edge: int | None = None,
    ) -> pa.RecordBatch:
        """Rows of the streams at these positions of the index, with their keys, sorted. `edge`: only so many first rows of
        each stream, below zero last rows.
        """
        names = [name for name in r.NAMES if name in columns or name in _KEYS]
        self.file.open()
        begin = self.index["start"][at]
        end = begin + self.index["count"][at]
        if span != Span() and len(at):
            begin, end = self._narrow(begin, end, span)
        if edge is not None:
            begin, end = (np.maximum(begin, end + edge), end) if edge < 0 else (begin, np.minimum(end, begin + edge))
        full = end > begin
        begin, end = begin[full], end[full]
        if not len(begin):
            return r.joined([], pa.schema([OBSERVATION_SCHEMA.field(name) for name in names]))
        starts, ends = self.file.starts, self.file.ends
        low, high = np.searchsorted(ends, begin, "right"), np.searchsorted(ends, end - 1, "right")
        groups = np.unique(r.ranges(low, high - low + 1))
        sizes = ends[groups] - starts[groups]
        local = np.zeros(len(starts), np.int64)
        local[groups] = np.cumsum(sizes) - sizes
        table = self.file.read(groups.tolist(), names)
        offsets, counts = local[low] + begin - starts[low], end - begin
        total, wanted = int(sizes.sum()), int(counts.sum())
        if len(offsets) == 1 or wanted == offsets[-1] + counts[-1] - offsets[0]:
            rows = r.batch(table.slice(int(offsets[0]), wanted) if wanted < total else table)
        else:
            rows = r.take(r.batch(table), r.ranges(offsets, counts))
        return self._kept(rows, span, hidden, erased)

    def _narrow(self, begin: np.ndarray, end: np.ndarray, span: Span) -> tuple[np.ndarray, np.ndarray]:
        """Of long ranges only the row groups whose times lie in the span: a stream's rows stand by time."""
        begin, end = begin.copy(), end.copy()
        starts, ends = self.file.starts, self.file.ends
        for number in np.flatnonzero(end - begin > ROW_GROUP):
            first, last = self.file.times()
            low = int(np.searchsorted(starts, begin[number]))  # groups wholly of this stream
            high = int(np.searchsorted(ends, end[number], "right"))
            if low >= high:
                continue
            if span.start is not None:
                skip = int(np.searchsorted(last[low:high], span.start))
                begin[number] = ends[low + skip - 1] if skip else begin[number]
            if span.end is not None:
                keep = int(np.searchsorted(first[low:high], span.end))
                end[number] = starts[low + keep] if low + keep < high else end[number]
        return begin, end

    def _kept(self, rows: pa.RecordBatch, span: Span, hidden: np.ndarray, erased: tuple[Erased, ...]) -> pa.RecordBatch:
        """Without rows out of the span, and without what has gone."""
        stream, time, id = (r.column(rows, name) for name in _KEYS)
        keep = np.ones(len(time), bool)
        if span.start is not None:
            keep &= time >= span.start
        if span.end is not None:
            keep &= time < span.end
        for gone in (self.hidden, hidden):
            if len(gone) and len(id) and gone[-1] >= id.min() and gone[0] <= id.max():
                keep &= ~r.among(id, gone)
        for item in self.gone(erased):
            keep &= ~item.covers(stream, time)
        if keep.all():
            return rows
        return r.take(rows, np.flatnonzero(keep))


def month_of(time: np.ndarray) -> np.ndarray:
    """Months since 1970-01 (UTC) of times in microseconds."""
    return np.asarray(time.view("datetime64[us]").astype("datetime64[M]").view(np.int64))
