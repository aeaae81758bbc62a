"""The functions of terms on Python values: what SQLite calls, and what the other engines must agree with."""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Final

import shapely

BLANKS: Final = " \t\n\r"
DAY: Final = 86_400_000_000
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
#: What counts as a moment where text stands in for one: ISO 8601 with zone.
MOMENT: Final = r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$"
_MOMENT = re.compile(MOMENT)


def moment(text: Any) -> int | None:
    """Text that says a moment (ISO 8601 with zone) as microseconds since the epoch; None if it does not."""
    if not isinstance(text, str) or not _MOMENT.match(text):
        return None
    try:
        return microseconds(dt.datetime.fromisoformat(text))
    except (ValueError, OverflowError):
        return None


def microseconds(moment: dt.datetime) -> int:
    """Since the epoch."""
    return (moment - _EPOCH) // dt.timedelta(microseconds=1)


def datetime_of(at: int) -> dt.datetime:
    """The moment so many microseconds after the epoch. `OverflowError` outside of the years 1 to 9999."""
    return _EPOCH + dt.timedelta(microseconds=at)


def number_text(number: Any) -> str | None:
    """A result that is a number, as text: `3`, `1.5`."""
    if number is None:
        return None
    if number == math.trunc(number) and abs(number) < 1e15:
        return str(int(number))
    return repr(float(number))


def rounded(number: float) -> float:
    """To the nearest whole number, halves away from zero."""
    return math.copysign(math.floor(abs(number) + 0.5), number) if abs(number) < 2**52 else number


def substring(text: str, start: float | None, length: float | None = -1.0) -> str:
    """From `start` (0 is the first character); negative or missing positions count as 0."""
    first = int(min(max(start or 0, 0), 1e9))
    if length == -1.0:
        return text[first:]
    return text[first : first + int(min(max(length or 0, 0), 1e9))]


def inside(document: Any, keys: tuple[str | int, ...]) -> Any:
    """What lies inside a JSON value; None if there is no such thing."""
    for key in keys:
        if isinstance(document, dict):
            document = document.get(str(key))
        elif isinstance(document, list) and isinstance(key, int) and 0 <= key < len(document):
            document = document[key]
        else:
            return None
    return document


def json_text(value: Any) -> str | None:
    """A JSON value compared with text: strings as they are, all else as JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def json_truth(value: Any) -> bool | None:
    """A value inside JSON if it is true or false."""
    return value if isinstance(value, bool) else None


def json_number(value: Any) -> float | None:
    """A JSON value compared with a number: no text, and neither true nor false."""
    return None if isinstance(value, bool) or not isinstance(value, (int, float)) else float(value)


def _looked(document: str, keys: str, how: Callable[[Any], Any]) -> Any:
    return how(inside(json.loads(document), tuple(json.loads(keys))))


@lru_cache(maxsize=256)
def _shape(wkb: bytes) -> Any:
    shape = shapely.from_wkb(wkb)
    shapely.prepare(shape)
    return shape


def relates(name: str, first: bytes, second: bytes, pattern: str = "") -> bool:
    """A spatial predicate (`within`, `intersects`, …, `relate` with a pattern) of two geometries given as WKB."""
    a, b = _shape(first), _shape(second)
    if name == "relate":
        return bool(shapely.relate_pattern(a, b, pattern))
    return bool(getattr(shapely, name)(a, b))


def distance(first: bytes, second: bytes) -> float:
    """In degrees, as on a plane."""
    return float(shapely.distance(_shape(first), _shape(second)))


def length(wkb: bytes) -> float:
    """Of lines, in degrees, as on a plane; what is no line has none."""
    shape = _shape(wkb)
    parts = [part for part in shapely.get_parts(shape) if part.geom_type in ("LineString", "LinearRing")]
    return float(sum(part.length for part in parts))


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """A missing argument, or one that cannot be, gives a missing value."""

    def call(*args: Any) -> Any:
        if None in args:
            return None
        try:
            return function(*args)
        except (ValueError, OverflowError, TypeError, shapely.errors.ShapelyError):
            return None

    return call


def _civil(part: str) -> Callable[[int], int]:
    return lambda at: int(getattr(datetime_of(at), part))


def _modulo(a: float, b: float) -> float | None:
    return math.fmod(a, b) if b else None


#: Functions that a SQLite connection must have for the dialect `SQLITE`: name, number of arguments, function.
SQLITE_FUNCTIONS: Final[tuple[tuple[str, int, Callable[..., Any]], ...]] = (
    ("nabe_lower", 1, _strict(str.lower)),
    ("nabe_upper", 1, _strict(str.upper)),
    ("nabe_trim", 1, _strict(lambda text: text.strip(BLANKS))),
    ("nabe_startswith", 2, _strict(str.startswith)),
    ("nabe_endswith", 2, _strict(str.endswith)),
    ("nabe_substring", 2, lambda text, start: None if text is None else substring(text, start)),
    (
        "nabe_substring",
        3,
        lambda text, start, count: None if text is None else substring(text, start, max(count or 0, 0)),
    ),
    ("nabe_round", 1, _strict(rounded)),
    ("nabe_floor", 1, _strict(lambda x: float(math.floor(x)) if math.isfinite(x) else x)),
    ("nabe_ceiling", 1, _strict(lambda x: float(math.ceil(x)) if math.isfinite(x) else x)),
    ("nabe_mod", 2, _strict(_modulo)),
    ("nabe_year", 1, _strict(_civil("year"))),
    ("nabe_month", 1, _strict(_civil("month"))),
    ("nabe_day", 1, _strict(_civil("day"))),
    ("nabe_midnight", 1, _strict(lambda at: at // DAY * DAY)),
    ("nabe_moment", 1, moment),
    ("nabe_number_text", 1, number_text),
    ("nabe_json_text", 2, _strict(lambda document, keys: _looked(document, keys, json_text))),
    ("nabe_json_truth", 2, _strict(lambda document, keys: _looked(document, keys, json_truth))),
    ("nabe_json_number", 2, _strict(lambda document, keys: _looked(document, keys, json_number))),
    ("nabe_relates", 4, _strict(relates)),
    ("nabe_distance", 2, _strict(distance)),
    ("nabe_length", 1, _strict(length)),
)
