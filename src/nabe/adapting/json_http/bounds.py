"""Bounds of a filter, widened so that a server that rounds, cuts or measures a little otherwise loses no row. Pure.

What is sent too much is no harm: the hub filters again.
"""

from __future__ import annotations

import datetime as dt
import math
import struct

from nabe.model.dataset import FieldType
from nabe.model.expr import BBox, Compare, Op, Value

#: A box wider than this (degrees) is not sent: on a sphere its edges are no longer near its parallels.
_WIDEST = 20.0
_SECOND, _DAY = dt.timedelta(seconds=1), dt.timedelta(days=1)
_LOWER, _UPPER = (Op.GE, Op.GT, Op.EQ), (Op.LE, Op.LT, Op.EQ)


def numbers(part: Compare) -> tuple[float | int | None, float | int | None] | None:
    """(at least, at most) for a number, each None if open; None if the comparison has no bound.

    A server may hold numbers in single precision: a bound that is not exact there gets a millionth more room.
    """
    value = part.value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    if part.op not in (*_LOWER, *_UPPER) or abs(value) > 1e300:
        return None
    room = 0.0 if _is_single(value) else abs(value) * 1e-6 + 1e-37
    if abs(value) >= 2**53:
        value = float(value)
    low, high = (value, value) if not room else (_round(value - room), _round(value + room))
    return low if part.op in _LOWER else None, high if part.op in _UPPER else None


def moments(part: Compare, kind: FieldType) -> tuple[dt.datetime | None, dt.datetime | None] | None:
    """(at least, at most) in UTC for a time, each None if open; None if the comparison has no bound.

    Servers hold more than they show (microseconds), so a second is added; to a day, which the hub takes from the text
    in whatever zone it is written, a whole one.
    """
    value = part.value
    if part.op not in (*_LOWER, *_UPPER) or not isinstance(value, dt.date):
        return None
    try:
        if not isinstance(value, dt.datetime):
            value = dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
        elif value.tzinfo is None:
            value = value.replace(tzinfo=dt.UTC)
        value = value.astimezone(dt.UTC)
        before, after = (_DAY, 2 * _DAY) if kind is FieldType.DATE else (_SECOND, _SECOND)
        low, high = (value - before).replace(microsecond=0), (value + after).replace(microsecond=0) + _SECOND
    except OverflowError:
        return None
    return low if part.op in _LOWER else None, high if part.op in _UPPER else None


def written(moment: dt.datetime) -> str:
    """A moment of `moments` as ISO 8601 with Z; four digits of the year."""
    return f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}T{moment:%H:%M:%S}Z"


def ring(box: BBox) -> list[tuple[float, float]] | None:
    """The closed ring of a polygon that holds all points of the box, on the plane and on the sphere; None if it cannot
    be said.

    On the sphere an edge between two places of the same latitude runs nearer to the pole than the parallel.
    """
    west, south, east, north = box.west, box.south, box.east, box.north
    if not all(math.isfinite(item) for item in (west, south, east, north)) or west > east or south > north:
        return None
    if east - west > _WIDEST or abs(west) > 179.9 or abs(east) > 179.9 or max(abs(south), abs(north)) > 85:
        return None
    bow = math.degrees(math.radians(east - west) ** 2 / 8) * 0.5 * 1.2 + 1e-5
    low, high = south - bow, north + bow
    left, right = west - 1e-5, east + 1e-5
    return [(left, low), (right, low), (right, high), (left, high), (left, low)]


def _round(value: float) -> float:
    return float(f"{value:.12g}")


def _is_single(value: float) -> bool:
    try:
        return bool(struct.unpack("f", struct.pack("f", value))[0] == value)
    except OverflowError:
        return False


def text_of(value: Value) -> str | None:
    """A text that can be compared with a text: no control characters, half characters or great lengths."""
    if not isinstance(value, str) or not value or len(value) > 500 or not value.isprintable():
        return None
    return value
