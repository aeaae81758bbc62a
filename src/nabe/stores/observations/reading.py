"""How a scan is answered: what must be read is found from indexes; few rows are ordered in memory, many by DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from nabe.errors import Invalid
from nabe.model.observation import OBSERVATION_SCHEMA, SEQUENCE_BITS, Bucket, ObservationScan, Span
from nabe.query.observed import read_by
from nabe.stores.observations import rows as r
from nabe.stores.observations.sql import Sql
from nabe.stores.observations.view import View

#: So many rows are gathered and ordered in memory.
_FEW = 1_000_000
#: Rows of one stream beyond which they are not ordered by id in memory.
_LONG = 4_000_000
_PAGE = 32_768
_ORDERS = ("time", "id", "result_time", "number")
AGGREGATES = pa.schema(
    [
        pa.field("stream", pa.int64()),
        pa.field("time", pa.timestamp("us", tz="UTC")),
        pa.field("count", pa.int64()),
        *(pa.field(name, pa.float64()) for name in ("mean", "minimum", "maximum", "first", "last")),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """One scan over one moment. `held`: summaries of the streams wanted, sorted, those excepted that hold nothing."""

    view: View
    held: dict[str, np.ndarray]
    scan: ObservationScan
    sql: Sql

    def __post_init__(self) -> None:
        if self.scan.order not in _ORDERS:
            raise Invalid(f"No order by {self.scan.order!r}.", hint=f"One of {', '.join(_ORDERS)}.", field="order")
        unknown = [name for name in self.scan.columns or () if name not in r.NAMES]
        if unknown:
            raise Invalid(f"Observations have no column {unknown[0]!r}.", field="columns")

    @property
    def wanted(self) -> tuple[str, ...]:
        """Columns of the answer."""
        return r.NAMES if self.scan.columns is None else self.scan.columns

    @property
    def needed(self) -> tuple[str, ...]:
        """Columns that must be read."""
        return (*self.wanted, self.scan.order, *read_by(self.scan.where))

    def rows(self) -> Iterator[pa.RecordBatch]:
        """The answer."""
        scan = self.scan
        if scan.limit == 0 or not len(self.held["stream"]):
            return iter(())
        if scan.ids is not None:
            return self._pages(self._answer(self._named()))
        if self._is_latest():
            return self._pages(finish(self.view.by_ids(np.sort(self.held["last_id"]), self.needed, last=True), scan))
        plain = scan.where is None and scan.per_stream is None
        if plain and len(self.held["stream"]) == 1 and scan.limit is not None and scan.order in ("time", "id"):
            return self._pages(finish(self._best(scan.limit + scan.offset), scan))
        if scan.order == "id" and scan.per_stream is None and self.held["count"].max() <= _LONG:
            return self._by_id()
        span = self._likely()
        streams = self._there(span)
        if self.view.estimate(streams, span).sum() <= _FEW:
            return self._pages(self._answer(self.view.gather(streams, span, self.needed)))
        chunks = self.view.chunks(streams, span, self.needed)
        return self.sql.ordered(self._schema(), chunks, scan, self.wanted)

    def count(self) -> int:
        """How many there are without limit, offset and after."""
        scan = replace(self.scan, limit=None, offset=0, after=None, order="id", descending=False, columns=("id",))
        if not len(self.held["stream"]):
            return 0
        if scan.ids is None and scan.where is None and scan.per_stream is None:
            return int(self.counts().sum())
        return sum(batch.num_rows for batch in replace(self, scan=scan).rows())

    def counts(self) -> np.ndarray:
        """Rows in the span of each stream held."""
        span, held = self.scan.span, self.held
        whole = np.ones(len(held["stream"]), bool)
        if span.start is not None:
            whole &= held["first"] >= span.start
        if span.end is not None:
            whole &= held["last"] < span.end
        found = np.where(whole, held["count"], 0)
        if not whole.all():
            found[~whole] = self.view.count(held["stream"][~whole], span)
        return found

    def aggregate(self, bucket: Bucket) -> pa.Table:
        """Per stream and bucket."""
        if bucket.width < 1:
            raise Invalid("A bucket is at least a microsecond wide.", field="bucket", value=bucket.width)
        names = ("number", *read_by(self.scan.where))
        streams = self._there(self.scan.span)
        chunks: Any = self.view.chunks(streams, self.scan.span, names) if self.scan.ids is None else [self._named()]
        parts = [_buckets(self.sql.filtered(chunk, self.scan.where), bucket) for chunk in chunks]
        return _united([part for part in parts if len(part["stream"])])

    def _there(self, span: Span) -> np.ndarray:
        """Streams that may have rows in a span."""
        found = np.ones(len(self.held["stream"]), bool)
        if span.end is not None:
            found &= self.held["first"] < span.end
        if span.start is not None:
            found &= self.held["last"] >= span.start
        return self.held["stream"][found]

    def _named(self) -> pa.RecordBatch:
        """Rows by id, as far as they are in streams and span."""
        ids = np.unique(np.array(self.scan.ids, np.int64))
        ids = ids[r.among(ids >> SEQUENCE_BITS, self.held["stream"])]
        rows = self.view.by_ids(ids, (*self.needed, "number"))
        time, span = r.column(rows, "time"), self.scan.span
        keep = np.ones(len(time), bool)
        if span.start is not None:
            keep &= time >= span.start
        if span.end is not None:
            keep &= time < span.end
        return rows if keep.all() else r.take(rows, np.flatnonzero(keep))

    def _is_latest(self) -> bool:
        scan = self.scan
        plain = scan.where is None and scan.after is None and scan.span == Span()
        return plain and scan.per_stream == 1 and scan.order == "time" and scan.descending

    def _answer(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        return finish(self.sql.filtered(rows, self.scan.where), self.scan)

    def _schema(self) -> pa.Schema:
        names = [name for name in r.NAMES if name in self.needed or name in ("stream", "time", "id")]
        return pa.schema([OBSERVATION_SCHEMA.field(name) for name in names])

    def _pages(self, rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        rows = rows.select(list(self.wanted))
        for start in range(0, rows.num_rows, _PAGE):
            yield rows.slice(start, _PAGE)

    def _best(self, most: int) -> pa.RecordBatch:
        """The first rows of one stream in the order asked for; parts that cannot have any of them are not read."""
        scan, stream = self.scan, self.held["stream"]
        sign = -1 if scan.descending else 1
        parts: list[tuple[int, int, Callable[[], pa.RecordBatch]]] = []
        for low, high, get in self._parts(stream, most):
            best, worst = (high, low) if scan.descending else (low, high)
            if scan.after is not None and sign * worst < sign * scan.after[scan.order == "id"]:
                continue
            parts.append((sign * best, sign * worst, get))
        found: list[pa.RecordBatch] = []
        limit: int | None = None
        for best, _, get in sorted(parts, key=lambda part: part[0]):
            if limit is not None and best > limit:
                break
            found.append(get())
            rows = finish(r.joined(found, self._schema()), replace(scan, limit=most, offset=0))
            found = [rows]
            if rows.num_rows >= most:
                limit = sign * int(r.column(rows, scan.order)[-1])
        return r.joined(found, self._schema())

    def _parts(self, stream: np.ndarray, most: int) -> Iterator[tuple[int, int, Callable[[], pa.RecordBatch]]]:
        """Runs and segments with rows of one stream: least and greatest value of the order's column, and the way to them."""
        view, scan, names = self.view, self.scan, [field.name for field in self._schema()]
        fresh = []
        for run in view.runs:
            places = run.places(stream, scan.span)
            if scan.order == "time" and scan.after is None:
                places = places[-most:] if scan.descending else places[:most]
            if len(places):
                fresh.append(run.piece(names, places))
        if fresh:
            rows = r.joined(fresh, self._schema())
            values = r.column(rows, scan.order)
            yield int(values.min()), int(values.max()), lambda: rows
        for segment in view.segments:
            for at in segment.find(stream, scan.span):
                keys = ("first", "last") if scan.order == "time" else ("least_id", "most_id")
                low, high = (int(segment.index[key][at]) for key in keys)
                edge = None
                plain = scan.span == Span() and scan.after is None and scan.order == "time"
                if plain and segment.untouched(at, view.hidden, view.erased):
                    edge = -most if scan.descending else most
                yield (
                    low,
                    high,
                    partial(segment.read, np.array([at]), self._near(), names, view.hidden, view.erased, edge),
                )

    def _near(self) -> Span:
        """The span, narrowed to what comes after `after`."""
        scan, span = self.scan, self.scan.span
        if scan.after is None or scan.order != "time":
            return span
        value = scan.after[0]
        if scan.descending:
            return Span(span.start, value + 1 if span.end is None else min(span.end, value + 1))
        return Span(value if span.start is None else max(span.start, value), span.end)

    def _likely(self) -> Span:
        """The span; for the latest few of many streams, it begins where so many streams have their last observation."""
        scan = self.scan
        near = self._near() if scan.per_stream is None else scan.span
        if scan.order != "time" or not scan.descending or scan.limit is None or scan.after is not None:
            return near
        most, last = scan.limit + scan.offset, self.held["last"]
        if scan.where is not None or scan.per_stream is not None or near.end is not None or len(last) < most:
            return near
        start = int(np.partition(last, len(last) - most)[len(last) - most])
        return Span(start if near.start is None else max(near.start, start), None)

    def _by_id(self) -> Iterator[pa.RecordBatch]:
        """Ids stand by stream, so streams are read one after the other, until there is enough."""
        scan, streams, counts = self.scan, self._there(self.scan.span), self.held["count"]
        counts = counts[r.among(self.held["stream"], streams)]
        if scan.after is not None:
            begin = int(
                np.searchsorted(streams, scan.after[1] >> SEQUENCE_BITS, "right" if scan.descending else "left")
            )
            streams, counts = (
                (streams[:begin], counts[:begin]) if scan.descending else (streams[begin:], counts[begin:])
            )
        if scan.descending:
            streams, counts = streams[::-1], counts[::-1]
        skip, left = scan.offset, scan.limit
        if scan.where is None and scan.span == Span() and scan.after is None and skip:
            whole = int(np.searchsorted(np.cumsum(counts), skip, "right"))
            skip -= int(counts[:whole].sum())
            streams, counts = streams[whole:], counts[whole:]
        done, goal, ends = 0, 65_536, np.cumsum(counts)
        while done < len(streams) and (left is None or left > 0):
            until = max(int(np.searchsorted(ends, (int(ends[done - 1]) if done else 0) + goal, "right")), done + 1)
            part = self.view.gather(np.sort(streams[done:until]), scan.span, self.needed)
            rows = finish(self.sql.filtered(part, scan.where), replace(scan, limit=None, offset=0))
            cut = min(skip, rows.num_rows)
            rows, skip = rows.slice(cut), skip - cut
            if left is not None:
                rows = rows.slice(0, left)
                left -= rows.num_rows
            yield from self._pages(rows)
            done, goal = until, min(goal * 4, _FEW)


def finish(rows: pa.RecordBatch, scan: ObservationScan) -> pa.RecordBatch:
    """Order, `per_stream`, `after`, offset and limit."""
    id = r.column(rows, "id")
    found = rows.column(scan.order)
    none = np.asarray(found.is_null().to_numpy(zero_copy_only=False))
    value: np.ndarray
    if scan.order == "number":
        value = np.asarray(found.fill_null(0).to_numpy(zero_copy_only=False))
    else:
        value = r.column(rows, scan.order)
    order = np.lexsort((id, value, none))
    if scan.descending:
        order = order[::-1]
    if scan.per_stream is not None:
        stream = r.column(rows, "stream")[order]
        by_stream = np.argsort(stream, kind="stable")
        starts, counts = r.groups(stream[by_stream])
        rank = np.empty(len(order), np.int64)
        rank[by_stream] = np.arange(len(order)) - np.repeat(starts, counts)
        order = order[rank < scan.per_stream]
    if scan.after is not None:
        order = order[_later(value[order], none[order], id[order], scan)]
    end = None if scan.limit is None else scan.offset + scan.limit
    return r.take(rows, order[scan.offset : end])


def _later(value: np.ndarray, none: np.ndarray, id: np.ndarray, scan: ObservationScan) -> np.ndarray:
    """What comes after `scan.after`."""
    assert scan.after is not None
    at, last = scan.after
    if scan.order == "id":
        return np.asarray(id < last if scan.descending else id > last)
    beyond = id < last if scan.descending else id > last
    if at is None:
        return np.asarray((none & beyond) | ~none if scan.descending else none & beyond)
    further = value < at if scan.descending else value > at
    found = ~none & (further | ((value == at) & beyond))
    return np.asarray(found if scan.descending else found | none)


def _buckets(rows: pa.RecordBatch, bucket: Bucket) -> dict[str, np.ndarray]:
    """Sums of sorted rows."""
    there = np.asarray(rows.column("number").is_valid().to_numpy(zero_copy_only=False))
    number = np.asarray(rows.column("number").to_numpy(zero_copy_only=False))[there]
    stream, time = r.column(rows, "stream")[there], r.column(rows, "time")[there]
    start = (time - bucket.origin) // bucket.width * bucket.width + bucket.origin
    return _summed(stream, start, np.ones(len(stream), np.int64), number, number, number, number, number)


def _summed(
    stream: np.ndarray,
    time: np.ndarray,
    count: np.ndarray,
    sum: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
) -> dict[str, np.ndarray]:
    """Neighbours of the same stream and bucket become one."""
    if not len(stream):
        return {"stream": stream, "time": time}
    starts = np.concatenate(([0], np.flatnonzero((stream[1:] != stream[:-1]) | (time[1:] != time[:-1])) + 1))
    ends = np.append(starts[1:], len(stream)) - 1
    return {
        "stream": stream[starts],
        "time": time[starts],
        "count": np.add.reduceat(count, starts),
        "sum": np.add.reduceat(sum, starts),
        "minimum": np.minimum.reduceat(low, starts),
        "maximum": np.maximum.reduceat(high, starts),
        "first": first[starts],
        "last": last[ends],
    }


def _united(parts: list[dict[str, np.ndarray]]) -> pa.Table:
    if not parts:
        return AGGREGATES.empty_table()
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    one = _summed(*whole.values())
    columns = {**one, "mean": one["sum"] / one["count"]}
    return pa.table([pa.array(columns[field.name]).cast(field.type) for field in AGGREGATES], schema=AGGREGATES)
