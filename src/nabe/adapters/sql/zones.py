"""Local times of a silo as UTC: one rule in Python and in SQL, the one that PostgreSQL and ICU follow.

A local time that occurs twice (clocks set back) is the later one, in winter time; one that never was (clocks set
forward) is read with the offset before the change.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

#: Years whose changes of the clocks are written out in SQL.
FROM_YEAR, TO_YEAR = 1900, 2100


def to_utc(local: dt.datetime, zone: str) -> dt.datetime:
    """A local time as UTC; one with an offset keeps to it."""
    if local.tzinfo is not None:
        return local.astimezone(dt.UTC)
    place = ZoneInfo(zone)
    return max(local.replace(tzinfo=place, fold=fold).astimezone(dt.UTC) for fold in (0, 1))


def shifted(local: pa.Array, zone: str) -> pa.Array:
    """A column of local times (timestamps in UTC that are none yet) as the UTC they mean; what is beyond time is missing."""
    if zone == "UTC" or not len(local):
        return local
    pieces = changes(zone)
    starts = np.array([_EARLIEST, *((at - _EPOCH) // _TICK for at, _ in pieces[1:])], dtype=np.int64)
    offsets = np.array([seconds * 1_000_000 for _, seconds in pieces], dtype=np.int64)
    ticks = pc.fill_null(pc.cast(local, pa.int64()), 0).to_numpy(zero_copy_only=False)
    utc = ticks - offsets[np.searchsorted(starts, ticks, side="right") - 1]
    return pc.cast(pa.array(utc, pa.int64(), mask=np.asarray(pc.is_null(local))), local.type)


_EPOCH, _TICK = dt.datetime(1970, 1, 1), dt.timedelta(microseconds=1)
_EARLIEST = np.iinfo(np.int64).min


@cache
def changes(zone: str) -> tuple[tuple[dt.datetime, int], ...]:
    """(local time from which the offset holds, offset in seconds), oldest first."""
    place = ZoneInfo(zone)
    found: list[tuple[dt.datetime, int]] = []
    moment, end = dt.datetime(FROM_YEAR, 1, 1, tzinfo=dt.UTC), dt.datetime(TO_YEAR, 1, 1, tzinfo=dt.UTC)
    offset = _offset(moment, place)
    found.append((dt.datetime(1, 1, 1), offset))
    step = dt.timedelta(days=7)
    while moment < end:
        if _offset(moment + step, place) != offset:
            low, high = moment, moment + step
            while high - low > dt.timedelta(seconds=1):
                middle = low + dt.timedelta(seconds=(high - low).total_seconds() // 2)
                low, high = (middle, high) if _offset(middle, place) == offset else (low, middle)
            offset = _offset(high, place)
            found.append(((high + dt.timedelta(seconds=offset)).replace(tzinfo=None), offset))
        moment += step
    return tuple(found)


def _offset(moment: dt.datetime, place: ZoneInfo) -> int:
    found = moment.astimezone(place).utcoffset()
    return int(found.total_seconds()) if found is not None else 0


def mysql_utc(column: str, zone: str) -> str:
    """SQL that gives a local DATETIME as UTC. (CONVERT_TZ needs tables that few servers have, and ends in 2038.)"""
    pieces = changes(zone)

    def choose(low: int, high: int) -> str:
        if low == high:
            return str(pieces[low][1])
        middle = (low + high + 1) // 2
        return f"IF({column} < '{pieces[middle][0]}', {choose(low, middle - 1)}, {choose(middle, high)})"

    return f"({column} - INTERVAL {choose(0, len(pieces) - 1)} SECOND)"
