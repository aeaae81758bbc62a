"""Fresh rows become history; small segments become large ones; what has gone leaves the files.

Nothing here stops writers for longer than one small transaction. Killed at any point, it leaves files that nobody names,
which the next one removes.
"""

from __future__ import annotations

import fcntl
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from nabe.model.observation import SEQUENCE_BITS, Span
from nabe.stores.observations import rows as r
from nabe.stores.observations.log import Log, reporting
from nabe.stores.observations.segment import Erased, File, Segment, Writer, month_of
from nabe.stores.observations.summary import Summaries
from nabe.stores.observations.view import View, merged

#: Rows of several months lie in one segment until a month has so many.
_MONTH_ROWS = 50_000
MIXED = -1
#: Segments are not merged beyond so many rows.
_LARGEST = 32_000_000
#: So many rows are cut into months in memory.
_FEW = 4_000_000
#: So many of about one size are merged.
_FAN_IN = 4
#: Part of a segment's rows that may have gone before it is written anew.
_GONE_SHARE = 0.1
#: Seconds for which other processes may still want to open a file that counts no more.
GRACE = 600


@contextmanager
def alone(folder: Path, *, wait: bool) -> Iterator[bool]:
    """Whoever changes history does so alone, over all processes. Says whether we do."""
    with reporting():
        handle = os.open(folder / "compact.lock", os.O_CREAT | os.O_RDWR, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(handle)


def write(folder: Path, chunks: Iterator[pa.RecordBatch], month: int, since: int) -> Segment | None:
    """A segment of sorted batches; None if they are empty."""
    label = "mixed" if month == MIXED else str(np.datetime64(month, "M"))
    path = folder / f"{label}-{uuid.uuid4().hex}.parquet"
    with reporting():
        writer = Writer(path)
        try:
            for chunk in chunks:
                writer.add(chunk)
            if not writer.rows:
                writer.abandon()
                return None
            index = writer.finish()
        except BaseException:
            writer.abandon()
            raise
        return Segment(path.name, month, writer.rows, path.stat().st_size, since, index, File(path))


def by_month(rows: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Sorted rows, month by month; months with few rows together."""
    months = month_of(r.column(rows, "time"))
    found, counts = np.unique(months, return_counts=True)
    large = found[counts >= _MONTH_ROWS]
    if len(found) == 1 and len(large) == 1:
        yield int(found[0]), rows
        return
    for month in large.tolist():
        yield month, r.take(rows, np.flatnonzero(months == month))
    rest = ~r.among(months, large)
    if rest.any():
        yield MIXED, r.take(rows, np.flatnonzero(rest))


def write_fresh(log: Log, view: View) -> list[Segment]:
    """Files of everything fresh that `view` holds. Changes nothing yet."""
    fresh = merged(view.runs).rows if view.runs else None
    made: list[Segment] = []
    if fresh is not None and fresh.num_rows:
        for month, rows in by_month(fresh):
            segment = write(log.segments, iter([rows]), month, view.number)
            assert segment is not None
            made.append(segment)
    log.sync()
    return made


def flush(log: Log, view: View, summaries: Summaries, tails: pa.RecordBatch, made: Sequence[Segment]) -> None:
    """Everything up to `view` is history now. `summaries` are of the same moment, nothing in them stale."""
    with log.writing() as connection:
        for segment in made:
            log.add_segment(connection, segment)
        for segment in view.segments:
            hidden, erased = _gone(segment, view)
            if len(hidden) != len(segment.hidden) or len(erased) != len(segment.erased):
                log.mark(connection, segment.name, hidden, erased)
        log.keep(connection, view.number, summaries, tails)
        log.forget_deliveries(connection)
        log.next_generation(connection)


def _gone(segment: Segment, view: View) -> tuple[np.ndarray, tuple[Erased, ...]]:
    """What has gone from a segment, and may be in its file."""
    index, ids = segment.index, view.hidden
    at = np.minimum(np.searchsorted(index["stream"], ids >> SEQUENCE_BITS), len(index["stream"]) - 1)
    there = (
        (index["stream"][at] == ids >> SEQUENCE_BITS) & (index["least_id"][at] <= ids) & (ids <= index["most_id"][at])
    )
    erased = tuple(item for item in segment.gone(view.erased) if len(_touched(segment, item)))
    return np.union1d(segment.hidden, ids[there]), erased


def _touched(segment: Segment, erased: Erased) -> np.ndarray:
    """Positions in the index of the streams that an erasure concerns."""
    streams = segment.index["stream"] if erased.streams is None else erased.streams
    return segment.find(streams, erased.span)


def _share_gone(segment: Segment) -> float:
    """Which part of the rows has gone, estimated from above."""
    gone = len(segment.hidden)
    for item in segment.erased:
        gone += int(segment.index["count"][_touched(segment, item)].sum())
    return gone / segment.rows


def next_merge(view: View, *, whole: bool) -> list[Segment]:
    """Segments to be written anew as one; none: all is well."""
    for segment in view.segments:
        share = _share_gone(segment)
        if share and (whole or share >= _GONE_SHARE):
            return [segment]
    for month in sorted({segment.month for segment in view.segments}):
        mine = sorted((item for item in view.segments if item.month == month), key=lambda item: item.rows)
        mine = [item for item in mine if item.rows < _LARGEST // 2]
        if whole:
            group = _together(mine)
            if len(group) > 1:
                return group
            continue
        for start in range(len(mine)):
            group = [item for item in mine[start:] if item.rows <= 4 * max(mine[start].rows, 10_000)]
            if len(group) >= _FAN_IN:
                return _together(group)
    return []


def _together(segments: Sequence[Segment]) -> list[Segment]:
    """As many as make no more than the largest segment."""
    found, rows = [], 0
    for segment in segments:
        if rows + segment.rows > _LARGEST:
            break
        found.append(segment)
        rows += segment.rows
    return found


def merge(
    log: Log, view: View, group: Sequence[Segment], progress: Callable[[float], None] = lambda _: None
) -> tuple[Segment, ...]:
    """Write segments anew without what has gone; what they become. Changes nothing yet."""
    part = replace(view, runs=(), tails=(), segments=tuple(group))
    streams = np.unique(np.concatenate([segment.index["stream"] for segment in group]))
    total = sum(segment.rows for segment in group)
    month = group[0].month
    if month == MIXED and total <= _FEW:
        pieces = by_month(part.gather(streams, Span(), r.NAMES))
        made = [write(log.segments, iter([rows]), name, view.number) for name, rows in pieces if rows.num_rows]
        log.sync()
        return tuple(item for item in made if item is not None)

    def chunks() -> Iterator[pa.RecordBatch]:
        done = 0
        for chunk in part.chunks(streams, Span(), r.NAMES):
            yield chunk
            done += chunk.num_rows
            progress(min(done / total, 1.0))

    segment = write(log.segments, chunks(), month, view.number)
    log.sync()
    return () if segment is None else (segment,)


def swap(log: Log, group: Sequence[Segment], made: Sequence[Segment]) -> None:
    """From now on these count instead of those."""
    with log.writing() as connection:
        for segment in made:
            log.add_segment(connection, segment)
        for segment in group:
            log.drop_segment(connection, segment.name)
        log.next_generation(connection)


def tidy(log: Log, grace: float) -> None:
    """Remove files that count no more: those dropped long enough ago, and those that a killed process left."""
    with log.writing() as connection:
        named = {name for (name,) in connection.execute("SELECT name FROM segment")}
        dropped = dict(connection.execute("SELECT name, at FROM dropped").fetchall())
        now = int(time.time())
        for path in log.segments.glob("*.parquet"):
            if path.name not in named and now - dropped.get(path.name, 0) >= grace:
                with suppress(FileNotFoundError):
                    path.unlink()
        old = [(name,) for name, at in dropped.items() if now - at >= grace]
        connection.executemany("DELETE FROM dropped WHERE name = ?", old)


def scrub(log: Log) -> None:
    """Nothing of what was deleted is left in the pages of the database."""
    with reporting():
        log.writer.execute("VACUUM")
        log.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
