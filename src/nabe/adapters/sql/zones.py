"""Local times of a silo as UTC: one rule in Python and in SQL, the one that PostgreSQL and ICU follow.

A local time that occurs twice (clocks set back) is the later one, in winter time; one that never was (clocks set
forward) is read with the offset before the change.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from zoneinfo import ZoneInfo

#: Years whose changes of the clocks are written out in SQL.
FROM_YEAR, TO_YEAR = 1900, 2100


def to_utc(local: dt.datetime, zone: str) -> dt.datetime:
    """A local time as UTC; one with an offset keeps to it."""
    if local.tzinfo is not None:
        return local.astimezone(dt.UTC)
    place = ZoneInfo(zone)
    return max(local.replace(tzinfo=place, fold=fold).astimezone(dt.UTC) for fold in (0, 1))


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
