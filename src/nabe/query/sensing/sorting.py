"""An order by terms, over values at hand: missing ones last ascending and first descending, equals by id."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from nabe.errors import Invalid
from nabe.model.term import Instant, Interval, Ordering, Path
from nabe.query.sensing.evaluating import compute

_encode = msgspec.json.Encoder(order="deterministic").encode


def in_order(orders: Sequence[Ordering], ids: Sequence[int], values: Sequence[Mapping[str, Any]]) -> list[int]:
    """Positions in order. `values` by property; a path of several steps looks inside, or is itself a key joined by `/`."""
    positions = sorted(range(len(ids)), key=ids.__getitem__)
    for order in reversed(orders):
        keys = [_key(_value(order, ids[at], values[at])) for at in range(len(ids))]
        positions.sort(key=keys.__getitem__, reverse=order.descending)
    return positions


def _value(order: Ordering, id: int, values: Mapping[str, Any]) -> Any:
    def look(path: Path) -> Any:
        if path.steps == ("id",):
            return id
        whole = "/".join(map(str, path.steps))
        if whole in values:
            return values[whole]
        value: Any = values.get(str(path.steps[0]))
        for key in path.steps[1:]:
            if isinstance(value, Mapping):
                value = value.get(key)
            elif isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
                value = value[key]
            else:
                return None
        return value

    if isinstance(order.term, Path):
        return look(order.term)
    try:
        return compute(order.term, look)
    except Invalid as error:
        raise Invalid(
            "Observations cannot be ordered by this.", hint="Order by a property.", field="$orderby"
        ) from error


def _key(value: Any) -> tuple[int, Any]:
    """Numbers before texts before all else; missing values greatest, so that they come last, and first when reversed."""
    match value:
        case None:
            return (9, 0)
        case bool():
            return (2, "true" if value else "false")
        case int() | float():
            return (1, (value, value))
        case str():
            return (2, value)
        case Instant(at):
            return (1, (at, at))
        case Interval(start, end) | (start, end):
            return (1, (start, end))
        case _:
            return (3, _encode(value))
