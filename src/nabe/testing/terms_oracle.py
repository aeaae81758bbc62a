"""What a term means, told once more in plain Python: whoever compiles terms must agree with this."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping
from functools import partial
from operator import attrgetter
from typing import Any

from nabe.model.term import Call, Instant, Interval, Literal, Path, Shape, Term
from nabe.query.terms import plain

#: A value: its kind (`number`, `text`, `bool`, `span`, `json`, `duration`, `date`, `clock`, `shape`, `null`) and itself; times are (start, end).
Typed = tuple[str, Any]


def holds(term: Term, row: Mapping[str, Typed], now: int) -> bool | None:
    """Is a filter true for a row? `row`: by property name; None: a missing value stood in the way."""
    return _truth(_value(term, row, now))


def value_of(term: Term, row: Mapping[str, Typed], now: int) -> Any:
    """The value of a term."""
    return _value(term, row, now)[1]


def _truth(value: Typed) -> bool | None:
    kind, it = value
    if kind == "json":
        return it if isinstance(it, bool) else None
    assert kind in ("bool", "null")
    return None if it is None else bool(it)


def _value(term: Term, row: Mapping[str, Typed], now: int) -> Typed:
    match term:
        case Literal(value):
            return _literal(value)
        case Path((name, *keys)):
            kind, it = row[str(name)]
            return (kind, plain.inside(it, tuple(keys))) if kind == "json" else (kind, it)
        case Call("and" | "or" as name, args):
            return "bool", _logic(name, [_truth(_value(arg, row, now)) for arg in args])
        case Call("not", (inner,)):
            truth = _truth(_value(inner, row, now))
            return "bool", None if truth is None else not truth
        case Call("in", (first, *members)):
            found = [_compare("eq", _value(first, row, now), _value(member, row, now)) for member in members]
            return "bool", _logic("or", found)
        case Call("eq" | "ne" as name, (Literal(None), other)) | Call("eq" | "ne" as name, (other, Literal(None))):
            return "bool", (_value(other, row, now)[1] is None) == (name == "eq")
        case Call(name, args):
            values = [_value(arg, row, now) for arg in args]
            if name in _COMPARE:
                return "bool", _compare(name, *values)
            return _FUNCTIONS[name](now, *values)
    raise AssertionError(term)


def _literal(value: Any) -> Typed:
    match value:
        case None:
            return "null", None
        case bool():
            return "bool", value
        case int() | float():
            return "number", value
        case str():
            return "text", value
        case Instant(at):
            return "span", (at, at)
        case Interval(start, end):
            return "span", (start, end)
        case Shape(wkb):
            return "shape", wkb
        case dt.timedelta():
            return "duration", value // dt.timedelta(microseconds=1)
        case dt.date():
            at = plain.microseconds(dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC))
            return "span", (at, at)
        case dt.time():
            whole = dt.datetime.combine(dt.date(1970, 1, 1), value, tzinfo=dt.UTC)
            return "clock", plain.microseconds(whole)
    raise AssertionError(value)


def _logic(name: str, truths: list[bool | None]) -> bool | None:
    decisive = name == "or"
    if decisive in truths:
        return decisive
    return None if None in truths else not decisive


def _as(kind: str, value: Typed) -> Any:
    have, it = value
    if have != "json":
        assert have in (kind, "null"), (have, kind)
        return it
    if kind == "text":
        return plain.number_text(it) if isinstance(it, float) else plain.json_text(it)
    if kind == "number":
        return plain.json_number(it)
    assert kind == "span"
    at = plain.moment(it)
    return None if at is None else (at, at)


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "lt": lambda a, b: a < b,
    "gt": lambda a, b: a > b,
    "le": lambda a, b: a <= b,
    "ge": lambda a, b: a >= b,
}


def _compare(name: str, left: Typed, right: Typed) -> bool | None:
    kinds = {left[0], right[0]} - {"json"}
    if kinds == set():
        numbers = _as("number", left), _as("number", right)
        a, b = numbers if None not in numbers else (_as("text", left), _as("text", right))
    elif kinds == {"bool"} and "json" in (left[0], right[0]):
        a, b = (_as("text", v) if v[0] == "json" else plain.json_text(v[1]) for v in (left, right))
    else:
        (kind,) = kinds - {"null"} or {"null"}
        a, b = _as(kind, left), _as(kind, right)
        if kind == "span" and a is not None and b is not None:
            return _spans(name, a, b)
    return None if a is None or b is None else _COMPARE[name](a, b)


def _spans(name: str, first: tuple[int, int], second: tuple[int, int]) -> bool:
    (a, b), (c, d) = first, second
    match name:
        case "eq":
            return first == second
        case "ne":
            return first != second
        case "lt" | "before":
            return b <= c and a < c
        case "gt" | "after":
            return _spans("lt", second, first)
        case "le":
            return a <= c and b <= d
        case "ge":
            return a >= c and b >= d
        case "meets":
            return a == d or b == c
        case "during":
            return c <= a < d and b <= d
        case "overlaps":
            return a == c or (a < d and c < b)
        case "starts":
            return a == c
        case "finishes":
            return b == d
    raise AssertionError(name)


_TEMPORAL = ("before", "after", "meets", "during", "overlaps", "starts", "finishes")


def _typed(result: str, kind: str, function: Callable[..., Any]) -> Callable[..., Typed]:
    def call(now: int, *args: Typed) -> Typed:
        values = [_as(kind, arg) for arg in args]
        return result, None if None in values else function(*values)

    return call


def _substring(now: int, text: Typed, *numbers: Typed) -> Typed:
    it, places = _as("text", text), [_as("number", number) for number in numbers]
    if it is None:
        return "text", None
    return "text", plain.substring(it, places[0], *(max(n or 0, 0) for n in places[1:]))


def _plus(sign: int) -> Callable[..., Typed]:
    def call(now: int, left: Typed, right: Typed) -> Typed:
        if sign > 0 and left[0] == "duration":
            left, right = right, left
        kinds = left[0], right[0]
        if None in (left[1], right[1]) and "json" not in kinds:
            return (left[0] if kinds != ("span", "span") else "duration"), None
        if kinds == ("span", "span"):
            return "duration", left[1][0] - right[1][0]
        if kinds == ("span", "duration"):
            return "span", tuple(at + sign * right[1] for at in left[1])
        if kinds == ("duration", "duration"):
            return "duration", left[1] + sign * right[1]
        return _typed("number", "number", lambda a, b: float(a) + sign * float(b))(now, left, right)

    return call


def _part(function: Callable[[dt.datetime], Any], kind: str = "number") -> Callable[..., Typed]:
    return _typed(kind, "span", lambda span: function(plain.datetime_of(span[0])))


def _midnight(moment: dt.datetime) -> tuple[int, int]:
    at = plain.microseconds(moment) // plain.DAY * plain.DAY
    return at, at


_FUNCTIONS: dict[str, Callable[..., Typed]] = {
    "substringof": _typed("bool", "text", lambda part, whole: part in whole),
    "startswith": _typed("bool", "text", str.startswith),
    "endswith": _typed("bool", "text", str.endswith),
    "length": _typed("number", "text", len),
    "indexof": _typed("number", "text", str.find),
    "substring": _substring,
    "tolower": _typed("text", "text", str.lower),
    "toupper": _typed("text", "text", str.upper),
    "trim": _typed("text", "text", lambda text: text.strip(plain.BLANKS)),
    "concat": _typed("text", "text", lambda a, b: a + b),
    "neg": _typed("number", "number", lambda a: -a),
    "add": _plus(1),
    "sub": _plus(-1),
    "mul": _typed("number", "number", lambda a, b: float(a) * float(b)),
    "div": _typed("number", "number", lambda a, b: a / b if b else None),
    "mod": _typed("number", "number", lambda a, b: math.fmod(a, b) if b else None),
    "round": _typed("number", "number", plain.rounded),
    "floor": _typed("number", "number", math.floor),
    "ceiling": _typed("number", "number", math.ceil),
    **{part: _part(attrgetter(part)) for part in ("year", "month", "day", "hour", "minute", "second")},
    "fractionalseconds": _part(lambda moment: moment.microsecond / 1e6),
    "date": _part(_midnight, "span"),
    "time": _part(lambda moment: plain.microseconds(moment) % plain.DAY, "clock"),
    "now": lambda now: ("span", (now, now)),
    **{name: _typed("bool", "span", partial(_spans, name)) for name in _TEMPORAL},
}
