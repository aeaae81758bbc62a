"""Observations in a plain dict, and short words for tests of their stores: whoever stores them must agree with this."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa

from nabe.model.observation import INCOMING_SCHEMA, ObservationScan, Span, observation_id
from nabe.model.term import Call, Instant, Literal, Path
from nabe.testing.terms_oracle import holds

#: 2026-01-01T00:00:00Z in microseconds.
START = 1_767_225_600_000_000
MINUTE = 60_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_TIMES = ("time", "until", "result_time", "valid_from", "valid_until")
ALL = ObservationScan(None)


def rows(*given: dict[str, Any]) -> pa.Table:
    """Rows of `INCOMING_SCHEMA`; times are microseconds."""
    return table_of(given, INCOMING_SCHEMA)


def table_of(given: Iterable[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """Rows of a schema; times are microseconds."""
    given = list(given)
    columns = []
    for field in schema:
        values = [row.get(field.name) for row in given]
        kind = pa.int64() if field.name in _TIMES else field.type
        columns.append(pa.array(values, kind).cast(field.type))
    return pa.Table.from_arrays(columns, schema=schema)


def plain(batches: Iterable[pa.RecordBatch]) -> list[dict[str, Any]]:
    """Rows as dicts without missing values; times as microseconds."""
    found = []
    for batch in batches:
        columns = {
            name: batch.column(name).cast(pa.int64()) if name in _TIMES else batch.column(name)
            for name in batch.schema.names
        }
        for values in zip(*(column.to_pylist() for column in columns.values()), strict=True):
            found.append({name: value for name, value in zip(columns, values, strict=True) if value is not None})
    return found


def read(store: Any, scan: ObservationScan) -> list[dict[str, Any]]:
    """All rows of a scan."""
    return plain(store.read(scan))


def one(stream: int, minute: int, number: float | None = 1.0, **more: Any) -> dict[str, Any]:
    """A row."""
    return {"stream": stream, "time": START + minute * MINUTE, "number": number, **more}


def reading(stream: int, minutes: Iterable[int]) -> pa.Table:
    """Rows of a stream, one a minute; the number is the minute."""
    return rows(*(one(stream, minute, float(minute)) for minute in minutes))


_RESULT, _TIME = Path(("result",)), Path(("phenomenonTime",))
_FILTERS = (
    Call("gt", (_RESULT, Literal(4))),
    Call("eq", (_RESULT, Literal("x"))),
    Call("and", (Call("ge", (_TIME, Literal(Instant(START + 50 * MINUTE)))), Call("lt", (_RESULT, Literal(7))))),
    Call("not", (Call("le", (_TIME, Literal(Instant(START + 50 * MINUTE)))),)),
    Call("eq", (Path(("parameters", "battery")), Literal(3))),
    Call("or", (Call("eq", (Path(("resultTime",)), Literal(None))), Call("eq", (Path(("result", 1)), Literal(4))))),
    Call("gt", (Path(("id",)), Literal(observation_id(3, 4)))),
)


class Oracle:
    """The same as a plain dict."""

    def __init__(self) -> None:
        self.rows: dict[int, dict[str, Any]] = {}
        self.next: dict[int, int] = {}

    def append(self, given: list[dict[str, Any]]) -> list[int]:
        """Ids."""
        ids = []
        for row in given:
            number = self.next.get(row["stream"], 1)
            self.next[row["stream"]] = number + 1
            ids.append(observation_id(row["stream"], number))
            self.rows[ids[-1]] = {**{k: v for k, v in row.items() if v is not None}, "id": ids[-1]}
        return ids

    def read(self, scan: ObservationScan) -> list[dict[str, Any]]:
        """What a store must answer."""
        found = [row for row in self.rows.values() if self._wanted(row, scan)]
        low = [row for row in found if row.get(scan.order) is not None]
        none = [row for row in found if row.get(scan.order) is None]
        low.sort(key=lambda row: (row[scan.order], row["id"]))
        none.sort(key=lambda row: row["id"])
        found = [*low, *none]
        if scan.descending:
            found.reverse()
        if scan.per_stream is not None:
            seen: dict[int, int] = {}
            kept = []
            for row in found:
                seen[row["stream"]] = seen.get(row["stream"], 0) + 1
                if seen[row["stream"]] <= scan.per_stream:
                    kept.append(row)
            found = kept
        if scan.after is not None:
            found = [row for row in found if self._later(row, scan)]
        end = None if scan.limit is None else scan.offset + scan.limit
        found = found[scan.offset : end]
        if scan.columns is None:
            return found
        return [{name: row[name] for name in scan.columns if name in row} for row in found]

    @staticmethod
    def _wanted(row: dict[str, Any], scan: ObservationScan) -> bool:
        if scan.where is not None and holds(scan.where, _typed(row), 0) is not True:
            return False
        if scan.streams is not None and row["stream"] not in scan.streams:
            return False
        if scan.ids is not None and row["id"] not in scan.ids:
            return False
        if scan.span.start is not None and row["time"] < scan.span.start:
            return False
        return scan.span.end is None or row["time"] < scan.span.end

    @staticmethod
    def _later(row: dict[str, Any], scan: ObservationScan) -> bool:
        assert scan.after is not None
        at, id = scan.after
        value = row.get(scan.order)
        if scan.order == "id":
            return bool(row["id"] < id if scan.descending else row["id"] > id)
        if value is None:
            return not scan.descending
        key = (value, row["id"])
        return key < (at, id) if scan.descending else key > (at, id)


def _typed(row: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """A row as `terms_oracle` sees it."""
    result = row.get("number", json.loads(row["text"]) if "text" in row else None)
    at = row.get("result_time")
    return {
        "id": ("number", row["id"]),
        "phenomenonTime": ("span", (row["time"], row.get("until", row["time"]))),
        "resultTime": ("span", None if at is None else (at, at)),
        "result": ("json", result),
        "parameters": ("json", json.loads(row["parameters"]) if "parameters" in row else None),
    }


def random_row(chance: random.Random) -> dict[str, Any]:
    """A row of one of few streams."""
    minute = chance.choice((chance.randrange(100), chance.randrange(200_000)))
    return {
        "stream": chance.choice((1, 2, 3, 3, 4, 1000)),
        "time": START + minute * MINUTE,
        "result_time": chance.choice((None, START + chance.randrange(1000))),
        **chance.choice(({"number": float(chance.randrange(10))}, {"text": '"x"'}, {"text": "[3, 4]"}, {})),
        "parameters": chance.choice((None, '{"battery": 3}', '{"battery": null, "x": "y"}')),
        "feature": chance.choice((None, None, 8, 9)),
    }


def random_scan(chance: random.Random, oracle: Oracle) -> ObservationScan:
    """A scan that may find something."""
    known = list(oracle.rows.values())
    order = chance.choice(("time", "time", "id", "id", "result_time", "number"))
    after = None
    if known and order != "number" and chance.random() < 0.3:
        row = chance.choice(known)
        if row.get(order) is not None:
            after = (row[order], row["id"])
    start = START + chance.randrange(300) * MINUTE
    return ObservationScan(
        streams=chance.choice((None, None, (1,), (3,), (2, 1), (1000, 4, 77))),
        span=chance.choice((Span(), Span(), Span(start), Span(None, start), Span(start, start + 1000 * MINUTE))),
        ids=tuple(row["id"] for row in chance.sample(known, min(4, len(known)))) if chance.random() < 0.1 else None,
        columns=chance.choice((None, ("id", "time"), ("number", "stream"))),
        order=order,
        descending=chance.random() < 0.5,
        per_stream=chance.choice((None, None, None, 1, 3)),
        limit=chance.choice((None, 1, 5, 100)),
        offset=chance.choice((0, 0, 2)),
        after=after,
        where=chance.choice((*(None,) * 6, *_FILTERS)),
    )


def same_summaries(store: Any, oracle: Oracle) -> None:
    """The store's summaries are right."""
    found = store.summaries()
    assert set(found) >= {stream for stream in oracle.next}
    for stream, summary in found.items():
        mine = [row for row in oracle.rows.values() if row["stream"] == stream]
        results = [row["result_time"] for row in mine if "result_time" in row]
        assert (summary.stream, summary.count) == (stream, len(mine))
        if not mine:
            assert summary.first_time is None and summary.last is None and summary.features == ()
            continue
        assert summary.first_time == min(row["time"] for row in mine)
        assert summary.last == max((row["time"], row["id"]) for row in mine)[1]
        assert summary.last_time == max(row.get("until", row["time"]) for row in mine)
        assert (summary.first_result_time, summary.last_result_time) == (
            min(results, default=None),
            max(results, default=None),
        )
    assert np.array_equal(sorted(found), list(found))
