"""Functions that SQLite lacks: its values may be of any type, whatever the column says. What does not fit is None."""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import shapely

from nabe.adapters.sql.crs import moved, srid_of
from nabe.adapters.sql.databases.base import NO, YES
from nabe.adapters.sql.zones import to_utc

WHOLE, NUMBER, TRUTH, DAY, MOMENT = "nabe_whole", "nabe_number", "nabe_truth", "nabe_day", "nabe_moment"
WKB, TOUCHES = "nabe_wkb", "nabe_touches"

_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")
#: Whole numbers from here on are milliseconds since 1970 (as seconds they would be the year 5138).
_MILLISECONDS = 100_000_000_000


def casefold(text: Any) -> Any:
    """Text without case; anything else as it is."""
    return text.casefold() if isinstance(text, str) else text


def number(value: Any) -> float | None:
    """A fraction written as text."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        found = float(value)
        return found if math.isfinite(found) else None
    return None


def whole(value: Any) -> int | None:
    """A whole number written as text or fraction."""
    found = value if isinstance(value, float) else number(value)
    if isinstance(value, str) and re.fullmatch(r"\s*[-+]?\d{1,18}\s*", value):
        return int(value)
    return int(found) if found is not None and found.is_integer() and abs(found) < 2**63 else None


def truth(value: Any) -> int | None:
    """A word for true or false."""
    word = value.strip().lower() if isinstance(value, str) else ""
    return 1 if word in YES else 0 if word in NO else None


@lru_cache(maxsize=4096)
def moment(value: Any, zone: str) -> str | None:
    """A moment as UTC text that sorts. Numbers are seconds, or milliseconds, since 1970."""
    with contextlib.suppress(ValueError, OverflowError, OSError, TypeError):
        if isinstance(value, (int, float)):
            seconds = value / 1000 if abs(value) >= _MILLISECONDS else value
            found = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)
        elif isinstance(value, str):
            found = to_utc(dt.datetime.fromisoformat(value.strip()), zone)
        else:
            return None
        return f"{found.year:04}{found.strftime('-%m-%d %H:%M:%S.%f')}"
    return None


@lru_cache(maxsize=4096)
def day(value: Any, zone: str) -> str | None:
    """A day as ISO text; of a moment with an offset the day it was in the zone."""
    with contextlib.suppress(ValueError, OverflowError, TypeError):
        if isinstance(value, str):
            text = value.strip()
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
                return dt.date.fromisoformat(text).isoformat()
            found = dt.datetime.fromisoformat(text)
            if found.tzinfo is None:
                return found.date().isoformat()
            from zoneinfo import ZoneInfo

            return found.astimezone(ZoneInfo(zone)).date().isoformat()
    return None


def wkb(value: Any, crs: str) -> bytes | None:
    """Geometry (WKB, or WKT as text) in the system `crs` as WKB in OGC:CRS84."""
    srid = srid_of(crs)
    with contextlib.suppress(shapely.errors.GEOSException, TypeError, ValueError):
        if isinstance(value, bytes):
            if srid == 4326:
                return value if shapely.from_wkb(value, on_invalid="ignore") is not None else None
            shape = shapely.from_wkb(value)
        elif isinstance(value, str):
            shape = shapely.from_wkt(value)
        else:
            return None
        return bytes(shapely.to_wkb(moved(shape, srid)))
    return None


def touches(value: bytes | None, west: float, south: float, east: float, north: float) -> int | None:
    """Does the geometry's box touch this one (west > east: over the antimeridian)? None if there is no geometry."""
    shape = shapely.from_wkb(value, on_invalid="ignore") if value is not None else None
    if shape is None:
        return None
    left, bottom, right, top = shape.bounds
    across = right >= west and left <= east if west <= east else right >= west or left <= east
    return int(across and top >= south and bottom <= north)


FUNCTIONS: tuple[tuple[str, int, Callable[..., Any]], ...] = (
    (WHOLE, 1, whole),
    (NUMBER, 1, number),
    (TRUTH, 1, truth),
    (DAY, 2, day),
    (MOMENT, 2, moment),
    (WKB, 2, wkb),
    (TOUCHES, 5, touches),
)
