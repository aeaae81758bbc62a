"""A series of one stream over a span, in as many points as a screen can show; gaps are found, not drawn over."""

from __future__ import annotations

import itertools
import statistics
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nabe.errors import Invalid
from nabe.model.entities import EntityQuery, EntityType, Hop
from nabe.model.observation import Bucket
from nabe.model.term import Call, Instant, Literal, Path, all_of

#: Points across a wide screen; a bucket each.
POINTS = 800
_SECOND = 1_000_000
#: Spans that are offered, in seconds.
SPANS = {"day": 86_400, "week": 7 * 86_400, "month": 31 * 86_400, "year": 366 * 86_400}
#: Widths that people read at ease, in seconds.
_WIDTHS = (1, 5, 10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800)


@dataclass(frozen=True, slots=True)
class Gap:
    """No values between these times (seconds since the epoch), though the stream sends more often."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Series:
    """Columns of equal length: times in seconds since the epoch, and the mean, least and greatest value around each.

    A None in `mean` breaks the line. `bucket`: seconds that one point stands for.
    """

    time: list[float]
    mean: list[float | None]
    low: list[float | None]
    high: list[float | None]
    gaps: list[Gap]
    bucket: int
    count: int


def bucket_of(start: int, end: int, points: int = POINTS) -> Bucket:
    """Buckets of a readable width, at most `points` of them, for a span in µs since the epoch."""
    if end <= start:
        raise Invalid("The span ends before it starts.", field="to", hint="Give a later end.")
    least = (end - start) / _SECOND / max(points, 1)
    width = next((width for width in _WIDTHS if width >= least), None)
    if width is None:
        width = int(-(-least // 604_800)) * 604_800
    return Bucket(width * _SECOND)


def question(stream: int, start: int, end: int, *, many: bool = False) -> EntityQuery:
    """The observations of a stream whose time lies in [start, end), µs since the epoch."""
    time = Path(("phenomenonTime",))
    type = EntityType.MULTI_DATASTREAM if many else EntityType.DATASTREAM
    return EntityQuery(
        EntityType.OBSERVATION,
        hops=(Hop(type, stream, "Observations"),),
        where=all_of(
            Call("ge", (time, Literal(Instant(start)))),
            Call("lt", (time, Literal(Instant(end)))),
        ),
    )


def series_of(table: pa.Table, bucket: Bucket) -> Series:
    """From the rows of `hub.sensing.aggregate` for one stream."""
    table = table.sort_by("time")
    starts = [value / _SECOND for value in pc.cast(table["time"], pa.int64()).to_pylist()]
    width = bucket.width / _SECOND
    step = _rhythm(starts, width)
    series = Series([], [], [], [], [], int(width), int(pc.sum(table["count"]).as_py() or 0))
    rows = zip(starts, *(table[name].to_pylist() for name in ("mean", "minimum", "maximum")), strict=True)
    previous: float | None = None
    for time, mean, low, high in rows:
        if previous is not None and time - previous > max(3 * step, 2 * width):
            series.gaps.append(Gap(previous + width, time))
            _add(series, previous + width, None, None, None)
        _add(series, time, mean, low, high)
        previous = time
    return series


def _rhythm(starts: list[float], width: float) -> float:
    steps = [later - earlier for earlier, later in itertools.pairwise(starts)]
    return statistics.median(steps) if steps else width


def _add(series: Series, time: float, mean: Any, low: Any, high: Any) -> None:
    series.time.append(time)
    series.mean.append(mean)
    series.low.append(low)
    series.high.append(high)
