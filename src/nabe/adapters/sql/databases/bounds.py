"""Conditions on bare columns for databases that promise nothing: they hold wherever the hub's condition does. Pure.

The hub filters again, so a bound may be wide, but it must never lose a row. Only comparisons whose meaning is certain
in every collation, session and type of the column are written.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Sequence

from nabe.model.dataset import Field, FieldType
from nabe.model.expr import Compare, In, Op, Value

#: A column of the hub may differ from the bare one by a time zone, by rounding to a binary fraction, by a cut-off time.
_SLACK = dt.timedelta(days=2)
_LARGEST = 10**15
#: Longest text, and most values, that are written into a condition.
_LONGEST, _MOST = 500, 500


def values_of(part: Compare | In) -> tuple[Op, Sequence[Value]]:
    """The operator and its values; a list is an equality."""
    return (Op.EQ, part.values) if isinstance(part, In) else (part.op, (part.value,))


def texts(part: Compare | In) -> list[str] | None:
    """Texts of an equality, if all of them may be written; None if the condition says nothing certain."""
    op, values = values_of(part)
    if op is not Op.EQ or not 0 < len(values) <= _MOST:
        return None
    found = [value for value in values if isinstance(value, str) and 0 < len(value) <= _LONGEST and "\0" not in value]
    return found if len(found) == len(values) else None


def numbers(name: str, part: Compare | In) -> str | None:
    """Whole numbers around the values: exact in any numeric type, whatever the column was rounded to."""
    op, values = values_of(part)
    known = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
    if op is Op.NE or not known or len(known) < len(values):
        return None
    if not all(math.isfinite(value) and abs(value) < _LARGEST for value in known):
        return None
    low, high = math.floor(min(known)) - 1, math.ceil(max(known)) + 1
    return _between(op, f"{name} >= {low:d}", f"{name} <= {high:d}")


def moments(name: str, field: Field, part: Compare | In, written: Callable[[dt.datetime], str]) -> str | None:
    """Moments two days around the values. `written`: a moment without a zone as a literal of the column's type."""
    op, values = values_of(part)
    if op is Op.NE or not values or field.type not in (FieldType.DATE, FieldType.DATETIME):
        return None
    known = [moment for value in values if (moment := _moment(value)) is not None]
    if len(known) < len(values):
        return None
    try:
        low, high = min(known) - _SLACK, max(known) + _SLACK
    except OverflowError:
        return None
    if not 1753 <= low.year <= high.year <= 9998:  # what every type for times can hold
        return None
    return _between(op, f"{name} >= {written(low)}", f"{name} <= {written(high)}")


def _between(op: Op, after: str, before: str) -> str:
    if op is Op.EQ:
        return f"{after} AND {before}"
    return after if op in (Op.GT, Op.GE) else before


def _moment(value: Value) -> dt.datetime | None:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    return dt.datetime(value.year, value.month, value.day) if isinstance(value, dt.date) else None
