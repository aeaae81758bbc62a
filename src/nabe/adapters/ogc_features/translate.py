"""Which part of a question a server may filter itself. Pure.

Nothing is promised by it: the hub filters all rows again. So what is asked for must hold every row that is wanted, and may
hold more: numbers are asked for with a margin (the server may keep fewer digits), days and moments with a day around them
(the server may mean another zone), boxes with 200 m (it may reckon the place otherwise). What a server may understand in
its own way (order of texts, unlike, missing, upper and lower case) is not asked at all.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nabe.adapting.json_http.paths import Member, parse
from nabe.adapting.json_http.settings import ColumnSettings
from nabe.model.dataset import Dataset, FieldType
from nabe.model.expr import And, BBox, Compare, Expr, In, Like, Op, Or

#: Most conditions that are sent, most signs of a text in one.
_MOST, _LONGEST = 50, 500
_DAY = dt.timedelta(days=1)
_MARGIN_DEGREES = 0.002
_NUMBERS = (FieldType.INTEGER, FieldType.NUMBER)
#: Signs that some server takes for a wildcard or an escape: any sign is asked for instead.
_WILD = frozenset("*.!\\#?+[]^$|~&/")


@dataclass(frozen=True, slots=True)
class Property:
    """A property as the server describes it. `type` is None for nested ones; `point`: a single point."""

    name: str
    type: FieldType | None
    native: str = ""
    title: str = ""
    point: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a dataset's properties. `points`: all places are points; `place`: name of the geometry."""

    properties: Mapping[str, Property]
    columns: Mapping[str, ColumnSettings]
    points: bool = False
    place: str = ""


def narrowed(part: Expr, dataset: Dataset, known: Known) -> Expr | None:
    """The condition as the server may be asked it, its fields named by their properties; None: not at all."""
    if isinstance(part, And):
        found = [made for item in part.parts if (made := narrowed(item, dataset, known)) is not None]
        return And(tuple(found)) if found else None
    if isinstance(part, Or):
        each = [narrowed(item, dataset, known) for item in part.parts]
        whole = [item for item in each if item is not None]
        return Or(tuple(whole)) if 0 < len(each) == len(whole) <= _MOST else None
    if isinstance(part, BBox):
        return _box(part, dataset, known)
    if not isinstance(part, (Compare, In, Like)):
        return None
    found_property = _property(part.field, dataset, known)
    field = dataset.field(part.field)
    if found_property is None or field is None:
        return None
    if isinstance(part, Like):
        return _like(part, found_property, field.type)
    if isinstance(part, Compare):
        return _compared(part.op, part.value, found_property, field.type)
    equal = [_compared(Op.EQ, value, found_property, field.type) for value in part.values]
    there = [item for item in equal if item is not None]
    return Or(tuple(there)) if 0 < len(there) == len(equal) <= _MOST else None


def _property(name: str, dataset: Dataset, known: Known) -> Property | None:
    """The server's property of a field, if the field is nothing but its value."""
    field = dataset.field(name)
    if field is None:
        return None
    path = parse(field.source_column)
    own = known.columns.get(field.source_column, ColumnSettings())
    if own.constant is not None or own.join is not None or path.up or path.key or len(path.steps) != 1:
        return None
    (step,) = path.steps
    return known.properties.get(step.name) if isinstance(step, Member) else None


def _compared(op: Op, value: Any, of: Property, hub: FieldType) -> Expr | None:
    if of.type in _NUMBERS and hub in _NUMBERS:
        return _number(op, value, of)
    if of.type is not hub:
        return None
    if hub is FieldType.STRING:
        return Compare(of.name, op, value) if op is Op.EQ and plain_text(value) else None
    if hub is FieldType.BOOLEAN:
        return Compare(of.name, op, value) if op is Op.EQ and isinstance(value, bool) else None
    if hub in (FieldType.DATE, FieldType.DATETIME):
        return _time(op, value, of.name, hub)
    return None


def plain_text(value: Any) -> bool:
    """A text that every server reads as it is written: no control signs, no blanks at its ends."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= _LONGEST
        and " ".join(value.split()) == value
        and value.isprintable()
    )


def _number(op: Op, value: Any, of: Property) -> Expr | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e15:
        return None
    if of.type is FieldType.INTEGER:
        if op is Op.EQ:
            return Compare(of.name, op, int(value)) if float(value).is_integer() else None
        low, high = math.floor(value), math.ceil(value)
    else:
        margin = max(abs(value) * 1e-6, 1e-9)
        low, high = value - margin, value + margin  # type: ignore[assignment]
    return _between(op, of.name, low, high)


def _time(op: Op, value: Any, name: str, hub: FieldType) -> Expr | None:
    if not isinstance(value, dt.date):
        return None
    try:
        if hub is FieldType.DATE:
            day = value.date() if isinstance(value, dt.datetime) else value
            return _between(op, name, day - _DAY, day + _DAY)
        if not isinstance(value, dt.datetime):
            value = dt.datetime(value.year, value.month, value.day)
        moment = value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)
        return _between(op, name, moment.replace(microsecond=0) - _DAY, moment.replace(microsecond=0) + 2 * _DAY)
    except OverflowError:
        return None


def _between(op: Op, name: str, low: Any, high: Any) -> Expr | None:
    least, most = Compare(name, Op.GE, low), Compare(name, Op.LE, high)
    match op:
        case Op.EQ:
            return And((least, most))
        case Op.GE | Op.GT:
            return least
        case Op.LE | Op.LT:
            return most
    return None


def _like(part: Like, of: Property, hub: FieldType) -> Expr | None:
    text = part.pattern
    if part.ignore_case or hub is not FieldType.STRING or of.type is not FieldType.STRING:
        return None
    if len(text) > _LONGEST or not text.isprintable() or text.strip() != text or not text.strip("%_"):
        return None
    return Like(of.name, "".join("_" if sign in _WILD else sign for sign in text))


def _box(part: BBox, dataset: Dataset, known: Known) -> Expr | None:
    """A server compares the shape itself, the hub the box around it: the same for points alone."""
    if not known.points or dataset.geometry is None or part.field != dataset.geometry.name:
        return None
    west, east = part.west - _MARGIN_DEGREES, part.east + _MARGIN_DEGREES
    if part.west > part.east or west < -180 or east > 180 or part.south > part.north:
        return None
    return BBox(
        known.place, west, max(part.south - _MARGIN_DEGREES, -90.0), east, min(part.north + _MARGIN_DEGREES, 90.0)
    )
