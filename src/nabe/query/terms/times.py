"""How times compare: moments and intervals [start, end). A moment is an interval whose end is its start.

The rules are those that clients of SensorThings know: `lt` is *ended before or when the other begins*, and `eq` holds only
between the same kind. `not x lt a and not x ge b` is `overlaps(x, a/b)`.
"""

from __future__ import annotations

from typing import Final

from nabe.errors import Invalid
from nabe.query.terms.columns import Kind, Value

#: By name: SQL over start and end of the first (a, b) and the second (c, d).
_RULES: Final = {
    "eq": "({a} = {c} AND {b} = {d})",
    "ne": "(NOT ({a} = {c} AND {b} = {d}))",
    "lt": "({b} <= {c} AND {a} < {c})",
    "gt": "({a} >= {d} AND {a} > {c})",
    "le": "({a} <= {c} AND {b} <= {d})",
    "ge": "({a} >= {c} AND {b} >= {d})",
    "meets": "({a} = {d} OR {b} = {c})",
    "during": "({a} >= {c} AND {a} < {d} AND {b} <= {d})",
    "overlaps": "(({a} < {d} AND {b} > {c}) OR {a} = {c})",
    "starts": "({a} = {c})",
    "finishes": "({b} = {d})",
}
#: The same where both are moments.
_MOMENTS: Final = {
    "eq": "({a} = {c})", "ne": "({a} <> {c})", "lt": "({a} < {c})", "gt": "({a} > {c})", "le": "({a} <= {c})",
    "ge": "({a} >= {c})",
}  # fmt: skip
_NAMES: Final = {"before": "lt", "after": "gt"}
NAMES: Final = frozenset({"before", "after", "meets", "during", "overlaps", "starts", "finishes"})


def compared(name: str, left: Value, right: Value) -> str:
    """Two times, by an operator or a temporal function."""
    if name == "during" and right.kind in (Kind.INSTANT, Kind.DATE):
        raise Invalid("'during' takes a time interval as its second argument.", hint="As in start/end.", term=name)
    name = _NAMES.get(name, name)
    # Columns that are the engine's timestamps are compared as such, so that its statistics and indexes serve.
    stamps = bool(left.stamp and right.stamp) and not (left.literal and right.literal)
    a, b = (left.stamp, left.stamp_more) if stamps else (left.sql, left.more)
    c, d = (right.stamp, right.stamp_more) if stamps else (right.sql, right.more)
    rules = _MOMENTS if not b and not d and name in _MOMENTS else _RULES
    return rules[name].format(a=a, b=b or a, c=c, d=d or c)
