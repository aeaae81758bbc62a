"""Terms computed in Python, over values at hand: for what no store holds (extents of streams, one changed entity).

Agrees with `query.terms`: three-valued logic (None is unknown), times as spans, JSON that becomes what it is compared with.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

import shapely

from nabe.errors import Invalid
from nabe.model.term import Call, Instant, Interval, Literal, Path, Shape, Term

#: What a path leads to: its value, None if missing. Instants are `Instant`, intervals `Interval`, geometries `Shape`.
Look = Callable[[Path], Any]

_US: Final = dt.timedelta(microseconds=1)
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_SPANS: Final[Mapping[str, Callable[[int, int, int, int], bool]]] = {
    "eq": lambda a, b, c, d: a == c and b == d,
    "ne": lambda a, b, c, d: not (a == c and b == d),
    "lt": lambda a, b, c, d: b <= c and a < c,
    "gt": lambda a, b, c, d: a >= d and a > c,
    "le": lambda a, b, c, d: a <= c and b <= d,
    "ge": lambda a, b, c, d: a >= c and b >= d,
    "meets": lambda a, b, c, d: a == d or b == c,
    "during": lambda a, b, c, d: c <= a < d and b <= d,
    "overlaps": lambda a, b, c, d: (a < d and b > c) or a == c,
    "starts": lambda a, b, c, d: a == c,
    "finishes": lambda a, b, c, d: b == d,
}
_PLAIN: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "gt": lambda a, b: a > b,
    "le": lambda a, b: a <= b,
    "ge": lambda a, b: a >= b,
}
_PARTS: Final = ("year", "month", "day", "hour", "minute", "second")
_SPATIAL: Final[Mapping[str, str]] = {
    "geo.intersects": "intersects", "st_intersects": "intersects", "st_equals": "equals", "st_disjoint": "disjoint",
    "st_touches": "touches", "st_within": "within", "st_overlaps": "overlaps", "st_crosses": "crosses",
    "st_contains": "contains",
}  # fmt: skip


def holds(term: Term, look: Look) -> bool | None:
    """Is a condition true, false, or unknown (None)? `Invalid` for what cannot be computed here."""
    if isinstance(term, Call):
        match term.name:
            case "and":
                found = [holds(part, look) for part in term.args]
                return False if False in found else None if None in found else True
            case "or":
                found = [holds(part, look) for part in term.args]
                return True if True in found else None if None in found else False
            case "not":
                found = [holds(term.args[0], look)]
                return None if found[0] is None else not found[0]
    value = compute(term, look)
    return value if isinstance(value, bool) else True if value == "true" else None if value is None else False


def compute(term: Term, look: Look) -> Any:
    """The value of a term."""
    match term:
        case Literal(value):
            return value
        case Path():
            return look(term)
        case Call(name, args) if name in ("and", "or", "not"):
            return holds(term, look)
        case Call(name, args):
            return _called(name, args, look)


def _called(name: str, args: tuple[Term, ...], look: Look) -> Any:
    name = {"before": "lt", "after": "gt"}.get(name, name)
    values = [compute(arg, look) for arg in args]
    if name in ("eq", "ne") and any(isinstance(arg, Literal) and arg.value is None for arg in args):
        missing = all(value is None for value in values)
        return missing if name == "eq" else not missing
    if name == "now" and not args:
        return Instant((dt.datetime.now(dt.UTC) - _EPOCH) // _US)
    if name == "in" and len(args) > 1 and values[0] is not None:
        found = [_compared("eq", values[0], value) for value in values[1:]]
        return True if True in found else None if None in found else False
    if None in values:
        return None
    if name in _SPANS and len(values) == 2:
        return _compared(name, *values)
    if name in ("add", "sub", "mul", "div", "mod") and len(values) == 2:
        return _arithmetic(name, *values)
    return _function(name, values)


def _compared(name: str, left: Any, right: Any) -> bool | None:
    if isinstance(left, Instant | Interval | dt.date) or isinstance(right, Instant | Interval | dt.date):
        first, second = _span(left), _span(right)
        if first is None or second is None:
            return None
        return _SPANS[name](*first, *second)
    if name not in _PLAIN:
        return None
    if isinstance(left, Shape) and isinstance(right, Shape) and name in ("eq", "ne"):
        return (left.wkb == right.wkb) is (name == "eq")
    if isinstance(left, str) != isinstance(right, str):
        left, right = _text(left), _text(right)
    if isinstance(left, bool) != isinstance(right, bool) or type(left).__name__ in ("dict", "list", "Shape"):
        return None
    try:
        return _PLAIN[name](left, right)
    except TypeError:
        return None


def _span(value: Any) -> tuple[int, int] | None:
    match value:
        case Instant(at):
            return at, at
        case Interval(start, end):
            return start, end
        case dt.date():
            midnight = (dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC) - _EPOCH) // _US
            return midnight, midnight
    return None


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return value if isinstance(value, str) else None if value is None else str(value)


def _arithmetic(name: str, left: Any, right: Any) -> Any:
    if isinstance(left, Instant | Interval) and isinstance(right, dt.timedelta) and name in ("add", "sub"):
        by = right // _US * (1 if name == "add" else -1)
        if isinstance(left, Instant):
            return Instant(left.at + by)
        return Interval(left.start + by, left.end + by)
    if isinstance(left, dt.timedelta) and isinstance(right, Instant | Interval) and name == "add":
        return _arithmetic(name, right, left)
    if isinstance(left, Instant) and isinstance(right, Instant) and name == "sub":
        return dt.timedelta(microseconds=left.at - right.at)
    if not all(isinstance(item, int | float) and not isinstance(item, bool) for item in (left, right)):
        return None
    match name:
        case "add":
            return left + right
        case "sub":
            return left - right
        case "mul":
            return left * right
        case "div":
            return left / right if right else None
        case _:
            return math.fmod(left, right) if right else None


def _function(name: str, values: list[Any]) -> Any:
    first = values[0] if values else None
    if name == "neg":
        return -first if isinstance(first, int | float | dt.timedelta) and not isinstance(first, bool) else None
    if name in _PARTS and (span := _span(first)) is not None:
        return getattr(_EPOCH + dt.timedelta(microseconds=span[0]), name)
    if name in _SPATIAL and len(values) == 2 and all(isinstance(item, Shape) for item in values):
        return bool(getattr(shapely, _SPATIAL[name])(*(shapely.from_wkb(item.wkb) for item in values)))
    if name == "st_relate" and len(values) == 3 and isinstance(first, Shape) and isinstance(values[1], Shape):
        try:
            return bool(shapely.relate_pattern(*(shapely.from_wkb(item.wkb) for item in values[:2]), values[2]))
        except (ValueError, TypeError, shapely.errors.GEOSException):
            raise Invalid("The third argument of st_relate is a pattern of nine signs.", term=name) from None
    if name == "geo.distance" and len(values) == 2 and all(isinstance(item, Shape) for item in values):
        return float(shapely.distance(*(shapely.from_wkb(item.wkb) for item in values)))
    if name == "geo.length" and isinstance(first, Shape):
        shape = shapely.from_wkb(first.wkb)
        return float(shape.length) if shape.geom_type.endswith(("LineString", "LinearRing")) else 0.0
    raise Invalid(f"{name!r} is not possible with the extent of a stream.", hint="Compare it with times.", term=name)
