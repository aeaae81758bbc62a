"""What a reader sees of the store: one moment, immutable. Fresh rows in sorted runs, history in segments, and what has gone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from nabe.model.observation import OBSERVATION_SCHEMA, SEQUENCE_BITS, Span
from nabe.stores.observations import rows as r
from nabe.stores.observations.segment import Erased, Segment

_NOTHING = np.empty(0, np.int64)
#: Rows of one piece of a stream of many.
CHUNK = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Fresh rows, sorted by stream, time, id. `dead`: which of them have gone (None: none)."""

    rows: pa.RecordBatch
    stream: np.ndarray
    time: np.ndarray
    id: np.ndarray
    dead: np.ndarray | None = None

    @classmethod
    def of(cls, rows: pa.RecordBatch) -> Run:
        """A run of sorted rows."""
        return cls(rows, r.column(rows, "stream"), r.column(rows, "time"), r.column(rows, "id"))

    def alive(self) -> pa.RecordBatch:
        """The rows that are there."""
        return self.rows if self.dead is None else r.take(self.rows, np.flatnonzero(~self.dead))

    def bounds(self, streams: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the rows of sorted streams begin and end."""
        return np.searchsorted(self.stream, streams), np.searchsorted(self.stream, streams, "right")

    def places(self, streams: np.ndarray, span: Span) -> np.ndarray:
        """Positions of living rows of these streams in the span."""
        low, high = self.bounds(streams)
        if len(streams) == 1:
            a, b = int(low[0]), int(high[0])
            if span.start is not None:
                a += int(np.searchsorted(self.time[a:b], span.start))
            if span.end is not None:
                b = a + int(np.searchsorted(self.time[a:b], span.end))
            found = np.arange(a, b)
        else:
            found = r.ranges(low, high - low)
            time = self.time[found]
            if span.start is not None:
                found, time = found[time >= span.start], time[time >= span.start]
            if span.end is not None:
                found = found[time < span.end]
        return np.asarray(found if self.dead is None else found[~self.dead[found]])

    def where(self, ids: np.ndarray) -> np.ndarray:
        """Positions of living rows with these sorted ids."""
        streams = ids >> SEQUENCE_BITS
        low, high = self.bounds(streams[np.append(True, streams[1:] != streams[:-1])] if len(ids) else ids)
        places = r.ranges(low, high - low)
        found = places[r.among(self.id[places], ids)]
        return np.asarray(found if self.dead is None else found[~self.dead[found]])

    def lasts(self, ids: np.ndarray) -> np.ndarray:
        """Positions of living rows with these sorted ids that are the last of their streams here."""
        if not len(self.id):
            return _NOTHING
        places = np.searchsorted(self.stream, ids >> SEQUENCE_BITS, "right") - 1
        places = places[self.id[places] == ids]
        return np.asarray(places if self.dead is None else places[~self.dead[places]])

    def piece(self, names: Sequence[str], places: np.ndarray) -> pa.RecordBatch:
        """Rows by position, which rises."""
        rows = self.rows.select(list(names))
        if len(places) and int(places[-1]) - int(places[0]) == len(places) - 1:
            return rows.slice(int(places[0]), len(places))
        return r.take(rows, places)

    def without(self, places: np.ndarray) -> Run:
        """These rows have gone."""
        dead = np.zeros(len(self.id), bool) if self.dead is None else self.dead.copy()
        dead[places] = True
        return Run(self.rows, self.stream, self.time, self.id, dead)


def merged(runs: Sequence[Run]) -> Run:
    """One run of several."""
    return Run.of(r.sorted_rows(r.joined([run.alive() for run in runs])))


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """`hidden`: ids that have gone from segments by the log; `tails`: last rows of streams, kept so as not to look for them."""

    number: int = 0
    runs: tuple[Run, ...] = ()
    segments: tuple[Segment, ...] = ()
    hidden: np.ndarray = field(default_factory=lambda: _NOTHING)
    erased: tuple[Erased, ...] = ()
    tails: tuple[Run, ...] = ()

    def estimate(self, streams: np.ndarray, span: Span) -> np.ndarray:
        """At most so many rows of each of the sorted streams are in the span."""
        found = np.zeros(len(streams), np.int64)
        for run in self.runs:
            low, high = run.bounds(streams)
            found += high - low
        for segment in self.segments:
            at = segment.find(streams, span)
            found[np.searchsorted(streams, segment.index["stream"][at])] += segment.index["count"][at]
        return found

    def gather(self, streams: np.ndarray, span: Span, columns: Sequence[str]) -> pa.RecordBatch:
        """All rows of the sorted streams in the span, with their keys, sorted by stream, time, id."""
        names = [name for name in r.NAMES if name in columns or name in ("stream", "time", "id")]
        schema = pa.schema([OBSERVATION_SCHEMA.field(name) for name in names])
        parts = []
        for segment in self.segments:
            at = segment.find(streams, span)
            if len(at):
                parts.append(segment.read(at, span, names, self.hidden, self.erased))
        for run in self.runs:
            places = run.places(streams, span)
            if len(places):
                parts.append(run.piece(names, places))
        return r.sorted_rows(r.joined(parts, schema))

    def chunks(self, streams: np.ndarray, span: Span, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All rows of the sorted streams in the span, sorted by stream, time, id, some at a time (a stream that has very
        many rows is cut by time).
        """
        counts = self.estimate(streams, span)
        streams, counts = streams[counts > 0], counts[counts > 0]
        done = 0
        ends = np.cumsum(counts)
        while done < len(streams):
            base = int(ends[done - 1]) if done else 0
            until = max(int(np.searchsorted(ends, base + CHUNK, "right")), done + 1)
            part = streams[done:until]
            if until == done + 1 and counts[done] > 4 * CHUNK:
                yield from self._by_time(part, span, columns, int(counts[done]) // CHUNK)
            else:
                yield self.gather(part, span, columns)
            done = until

    def _by_time(self, stream: np.ndarray, span: Span, columns: Sequence[str], pieces: int) -> Iterator[pa.RecordBatch]:
        edges = self.edges(int(stream[0]))
        if edges is None:
            return
        low = edges[0] if span.start is None else max(edges[0], span.start)
        high = edges[1] + 1 if span.end is None else min(edges[1] + 1, span.end)
        step = max((high - low) // pieces + 1, 1)
        for start in range(low, high, step):
            yield self.gather(stream, Span(start, min(start + step, high)), columns)

    def edges(self, stream: int) -> tuple[int, int] | None:
        """Bounds of a stream's times."""
        wanted = np.array([stream])
        low, high = [], []
        for run in self.runs:
            a, b = (int(item[0]) for item in run.bounds(wanted))
            if b > a:
                low.append(int(run.time[a]))
                high.append(int(run.time[b - 1]))
        for segment in self.segments:
            for at in segment.find(wanted, Span()):
                low.append(int(segment.index["first"][at]))
                high.append(int(segment.index["last"][at]))
        return (min(low), max(high)) if low else None

    def count(self, streams: np.ndarray, span: Span) -> np.ndarray:
        """How many rows of each of the sorted streams are in the span; what the indexes tell is not read."""
        found = np.zeros(len(streams), np.int64)
        for segment in self.segments:
            at = segment.find(streams, span)
            place = np.searchsorted(streams, segment.index["stream"][at])
            clean = not len(segment.hidden) and not len(self.hidden) and not segment.gone(self.erased)
            whole = np.full(len(at), clean)
            if span.start is not None:
                whole &= segment.index["first"][at] >= span.start
            if span.end is not None:
                whole &= segment.index["last"][at] < span.end
            found[place[whole]] += segment.index["count"][at[whole]]
            for part in _slices(at[~whole], segment.index["count"]):
                rows = segment.read(part, span, (), self.hidden, self.erased)
                found += np.bincount(np.searchsorted(streams, r.column(rows, "stream")), minlength=len(streams))
        for run in self.runs:
            places = run.places(streams, span)
            found += np.bincount(np.searchsorted(streams, run.stream[places]), minlength=len(streams))
        return found

    def by_ids(self, ids: np.ndarray, columns: Sequence[str], *, last: bool = False) -> pa.RecordBatch:
        """Rows with these sorted ids, with their keys, sorted by stream, time, id. `last`: most are last of their streams."""
        names = [name for name in r.NAMES if name in columns or name in ("stream", "time", "id")]
        schema = pa.schema([OBSERVATION_SCHEMA.field(name) for name in names])
        parts, left = [], ids
        runs = (*self.runs, *self.tails)
        steps = [(run, Run.lasts) for run in runs if last] + [(run, Run.where) for run in runs]
        for run, look in steps:
            if not len(left):
                break
            # A row kept as a stream's last stands for the one in its segment, unless that has gone since.
            places = look(run, left)
            if len(places):
                parts.append(r.take(run.rows.select(names), places))
                left = left[~r.among(left, np.sort(run.id[places]))]
        for segment in self.segments:
            if not len(left):
                break
            part = self._in_segment(segment, left, names)
            if part is not None:
                parts.append(part)
                left = left[~r.among(left, np.sort(r.column(part, "id")))]
        return r.sorted_rows(r.joined(parts, schema))

    def _in_segment(self, segment: Segment, ids: np.ndarray, names: Sequence[str]) -> pa.RecordBatch | None:
        index = segment.index
        at = np.searchsorted(index["stream"], ids >> SEQUENCE_BITS)
        near = np.minimum(at, len(index["stream"]) - 1)
        there = (index["stream"][near] == ids >> SEQUENCE_BITS) & (index["least_id"][near] <= ids)
        there &= index["most_id"][near] >= ids
        if not there.any():
            return None
        found = []
        places = np.unique(near[there])
        for start in range(0, len(places), 256):
            rows = segment.read(places[start : start + 256], Span(), ["id"], self.hidden, self.erased)
            if not r.among(r.column(rows, "id"), ids).any():
                continue
            rows = segment.read(places[start : start + 256], Span(), names, self.hidden, self.erased)
            found.append(r.take(rows, np.flatnonzero(r.among(r.column(rows, "id"), ids))))
        return r.joined(found, found[0].schema) if found else None


def _slices(at: np.ndarray, counts: np.ndarray, size: int = 2_000_000) -> Iterator[np.ndarray]:
    """Positions in parts of about so many rows."""
    if len(at):
        parts = np.cumsum(counts[at]) // size
        yield from np.split(at, np.flatnonzero(np.diff(parts)) + 1)
