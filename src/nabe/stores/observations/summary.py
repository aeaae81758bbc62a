"""What each stream holds, as arrays: kept up with every row that comes and goes, never by reading."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from nabe.model.observation import SEQUENCE_BITS, Summary
from nabe.stores.observations import rows as r

#: Column -> what an empty stream has.
_EMPTY = {
    "next": 1,
    "count": 0,
    "first": r.MOST,
    "last": r.LEAST,
    "end": r.LEAST,
    "first_result": r.MOST,
    "last_result": r.LEAST,
    "last_id": 0,
    "stale": 0,
    "feature": 0,
}
#: So many features of a stream are remembered.
_MOST_FEATURES = 100


class Summaries:
    """One row per stream that ever held something, sorted by stream. Not thread-safe: the store's lock guards it.

    `next`: the sequence number that its next observation gets. `stale`: a first or last one has gone, so that times (not
    counts) must be looked up again. `last`: the latest start of a phenomenon time, `end`: the latest end. `feature`: the last one named. `features`: all, of streams that named any.
    """

    def __init__(self, columns: dict[str, np.ndarray] | None = None) -> None:
        self.features: dict[int, set[int]] = {}
        columns = columns or {name: np.empty(0, np.int64) for name in ("stream", *_EMPTY)}
        self.stream = columns["stream"]
        self.columns = {name: columns[name] if name in columns else columns["last"].copy() for name in _EMPTY}

    def copy(self) -> Summaries:
        """As of now."""
        made = Summaries({"stream": self.stream.copy(), **{name: item.copy() for name, item in self.columns.items()}})
        made.features = {stream: set(found) for stream, found in self.features.items()}
        return made

    def pack(self) -> tuple[bytes, bytes]:
        """For the disk."""
        return r.pack_arrays({"stream": self.stream, **self.columns}), r.pack_arrays(self.pairs())

    @classmethod
    def unpack(cls, columns: bytes, pairs: bytes) -> Summaries:
        """What `pack` made."""
        made = cls(r.unpack_arrays(columns))
        for stream, feature in zip(*(item.tolist() for item in r.unpack_arrays(pairs).values()), strict=True):
            made.features.setdefault(stream, set()).add(feature)
        return made

    def pairs(self) -> dict[str, np.ndarray]:
        """Streams and their features."""
        found = [(stream, feature) for stream, features in self.features.items() for feature in sorted(features)]
        both = np.array(found, np.int64).reshape(-1, 2)
        return {"stream": both[:, 0].copy(), "feature": both[:, 1].copy()}

    def at(self, streams: np.ndarray) -> np.ndarray:
        """Positions of sorted unique streams, which are made where there are none."""
        known = r.among(streams, self.stream)
        if not known.all():
            fresh = streams[~known]
            where = np.searchsorted(self.stream, fresh)
            self.stream = np.insert(self.stream, where, fresh)
            for name, nothing in _EMPTY.items():
                self.columns[name] = np.insert(self.columns[name], where, nothing)
        return np.searchsorted(self.stream, streams)

    def give(self, stream: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Ids for rows of these streams in this order, and the order that sorts rows by stream. Reserves nothing."""
        order = r.by_stream(stream)
        by_stream = stream[order]
        starts, counts = r.groups(by_stream)
        at = self.at(by_stream[starts])
        sequence = np.arange(len(stream)) - np.repeat(starts - self.columns["next"][at], counts)
        ids = np.empty(len(stream), np.int64)
        ids[order] = (by_stream << SEQUENCE_BITS) | sequence
        return ids, order

    def reserve(self, streams: np.ndarray, next: np.ndarray) -> None:
        """Sequence numbers below `next` are given."""
        at = self.at(streams)
        self.columns["next"][at] = np.maximum(self.columns["next"][at], next)

    def add(self, rows: pa.RecordBatch) -> None:
        """Rows sorted by stream, time, id have come."""
        self.add_groups(group_rows(rows))
        if rows.column("feature").null_count < rows.num_rows:
            self.see(r.column(rows, "stream"), r.column(rows, "feature"))

    def see(self, stream: np.ndarray, feature: np.ndarray) -> None:
        """Rows of known streams name these features (0: none)."""
        at = np.searchsorted(self.stream, stream)
        new = (feature != 0) & (feature != self.columns["feature"][at])
        if not new.any():
            return
        self.columns["feature"][at[new]] = feature[new]
        for one, named in r.pairs(stream[new], feature[new]).tolist():
            known = self.features.setdefault(one, set())
            if len(known) < _MOST_FEATURES:
                known.add(named)

    def add_groups(self, new: dict[str, np.ndarray]) -> None:
        """Groups of rows have come (columns as of `group_rows`)."""
        mine = self.columns
        at = self.at(new["stream"])
        newer = (new["last"] > mine["last"][at]) | (
            (new["last"] == mine["last"][at]) & (new["last_id"] > mine["last_id"][at])
        )
        mine["last_id"][at] = np.where(newer, new["last_id"], mine["last_id"][at])
        mine["count"][at] += new["count"]
        mine["next"][at] = np.maximum(mine["next"][at], (new["most_id"] & r.SEQUENCE_MASK) + 1)
        for name in ("first", "first_result"):
            mine[name][at] = np.minimum(mine[name][at], new[name])
        for name in ("last", "last_result", "end"):
            mine[name][at] = np.maximum(mine[name][at], new.get(name, new["last"]))

    def take_away(self, gone: pa.RecordBatch) -> None:
        """Rows (id, time, result_time) have gone."""
        id, time = r.column(gone, "id"), r.column(gone, "time")
        result = r.column(gone, "result_time", r.LEAST)
        streams, place = np.unique(id >> SEQUENCE_BITS, return_inverse=True)
        at, mine = self.at(streams), self.columns
        mine["count"][at] -= np.bincount(place, minlength=len(streams))
        each = at[place]
        edge = (time <= mine["first"][each]) | (time >= mine["last"][each]) | (id == mine["last_id"][each])
        edge |= mine["end"][each] > mine["last"][each]  # it may have been the one that ended last
        edge |= (result != r.LEAST) & ((result <= mine["first_result"][each]) | (result >= mine["last_result"][each]))
        mine["stale"][each[edge]] = 1
        mine["stale"][[one for one in at if len(self.features.get(int(self.stream[one]), ())) > 1]] = 1
        self._empty(at)

    def take_counts(self, streams: np.ndarray, counts: np.ndarray) -> None:
        """So many rows of these streams have gone."""
        at = self.at(streams)
        self.columns["count"][at] -= counts
        self.columns["stale"][at] = 1
        self._empty(at)

    def _empty(self, at: np.ndarray) -> None:
        """Streams that hold nothing need not be looked up."""
        none = at[self.columns["count"][at] <= 0]
        for name, nothing in _EMPTY.items():
            if name != "next":
                self.columns[name][none] = nothing
        for stream in self.stream[none].tolist():
            self.features.pop(stream, None)

    def stale(self, streams: np.ndarray | None = None) -> np.ndarray:
        """Those of these streams (None: of all) whose times must be looked up again."""
        found = self.stream[self.columns["stale"] > 0]
        return found if streams is None else found[r.among(found, streams)]

    def renew(self, streams: np.ndarray, found: dict[str, np.ndarray], pairs: np.ndarray) -> None:
        """Times and features (stream, feature) of these streams were looked up."""
        at = self.at(streams)
        for stream in streams.tolist():
            self.features.pop(stream, None)
        self.columns["feature"][at] = 0
        for name in ("first", "last", "end", "first_result", "last_result", "last_id"):
            self.columns[name][at] = _EMPTY[name]
        self.columns["stale"][at] = 0
        there = self.at(found["stream"])
        for name in ("first", "last", "end", "first_result", "last_result", "last_id"):
            self.columns[name][there] = found[name]
        self.see(pairs[:, 0], pairs[:, 1])

    def get(self, streams: np.ndarray) -> dict[str, np.ndarray]:
        """Columns of these sorted streams, as far as there are such."""
        known = streams[r.among(streams, self.stream)]
        at = np.searchsorted(self.stream, known)
        return {"stream": known, **{name: item[at] for name, item in self.columns.items()}}


def group_rows(rows: pa.RecordBatch) -> dict[str, np.ndarray]:
    """What sorted rows hold per stream: count, first and last time, result times, ids; `last_id` belongs to the last time."""
    stream, time, id = (r.column(rows, name) for name in ("stream", "time", "id"))
    starts, counts = r.groups(stream)
    ends = starts + counts - 1
    if not len(starts):
        names = (
            "stream",
            "count",
            "first",
            "last",
            "end",
            "first_result",
            "last_result",
            "last_id",
            "least_id",
            "most_id",
        )
        return {name: np.empty(0, np.int64) for name in names}
    until = rows.column("until")
    if until.null_count == len(until):
        end = time[ends]
    else:
        end = np.maximum.reduceat(np.maximum(time, r.column(rows, "until", r.LEAST)), starts)
    results = rows.column("result_time")
    if results.null_count == len(results):
        first_result, last_result = np.full(len(starts), r.MOST), np.full(len(starts), r.LEAST)
    else:
        first_result = np.minimum.reduceat(r.column(rows, "result_time", r.MOST), starts)
        last_result = np.maximum.reduceat(r.column(rows, "result_time", r.LEAST), starts)
    return {
        "stream": stream[starts],
        "count": counts,
        "first": time[starts],
        "last": time[ends],
        "end": end,
        "first_result": first_result,
        "last_result": last_result,
        "last_id": id[ends],
        "least_id": np.minimum.reduceat(id, starts),
        "most_id": np.maximum.reduceat(id, starts),
    }


def united(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Groups of the same stream become one; of the same last time, the one with the greater `last_id` is last."""
    order = np.lexsort((found["last_id"], found["last"], found["stream"]))
    found = {name: item[order] for name, item in found.items()}
    starts, counts = r.groups(found["stream"])
    if len(starts) == len(order):
        return found
    ends = starts + counts - 1
    made = {"stream": found["stream"][starts], "last": found["last"][ends], "last_id": found["last_id"][ends]}
    for name in found.keys() & {"first", "first_result", "least_id"}:
        made[name] = np.minimum.reduceat(found[name], starts)
    for name in found.keys() & {"last_result", "most_id", "end"}:
        made[name] = np.maximum.reduceat(found[name], starts)
    if "count" in found:
        made["count"] = np.add.reduceat(found["count"], starts)
    return made


def told(columns: dict[str, np.ndarray], features: Mapping[int, set[int]]) -> dict[int, Summary]:
    """Columns as nouns."""

    def none(values: np.ndarray, nothing: int) -> list[int | None]:
        return [None if value == nothing else value for value in values.tolist()]

    made = {}
    for stream, count, first, latest, first_result, last_result, last in zip(
        columns["stream"].tolist(),
        columns["count"].tolist(),
        none(columns["first"], r.MOST),
        none(columns["end"], r.LEAST),
        none(columns["first_result"], r.MOST),
        none(columns["last_result"], r.LEAST),
        none(columns["last_id"], 0),
        strict=True,
    ):
        named = tuple(sorted(features[stream])) if stream in features else ()
        made[stream] = Summary(stream, count, first, latest, first_result, last_result, last, named)
    return made
