"""What of sensor data is never stored: rules of a dataset, applied to columns and to entities before they reach a store.

Pure: the clock, the salts and what was held back before are arguments. GDPR Art. 5 (1) c (data minimisation), Art. 25.
"""

from __future__ import annotations

import hmac
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nabe.model.entities import STREAMS, EntityType, NewEntity
from nabe.model.flat import NoPath, Place, place
from nabe.model.periods import parse_period
from nabe.model.stream import Minimise, MinimiseKind

_K = MinimiseKind
_US: Final = 1_000_000
#: Metres of a degree of latitude, and of longitude at the equator.
_DEGREE_M: Final = 111_320.0
_JSON: Final = {"parameters": "parameters", "resultQuality": "quality"}
_TIMES: Final = {
    "phenomenonTime": ("time", "until"),
    "resultTime": ("result_time",),
    "validTime": ("valid_from", "valid_until"),
}


@dataclass(frozen=True, slots=True)
class Salt:
    """The secret of a rule for a span of time; forgotten after it, so that nobody can tell whom a pseudonym stood for."""

    secret: bytes


@dataclass(frozen=True, slots=True)
class Prepared:
    """A rule with its path understood. `width` in microseconds (0: none)."""

    rule: Minimise
    at: Place
    width: int = 0


def prepared(rules: Sequence[Minimise]) -> tuple[Prepared, ...]:
    """Rules that can be applied; declarations are checked before, so one that cannot is a mistake: it drops the value."""
    found = []
    for rule in rules:
        try:
            at = place(rule.path)
        except NoPath:
            continue
        found.append(Prepared(rule, at, width_of(rule.every)))
    return tuple(found)


def width_of(every: str) -> int:
    """A duration in microseconds; a month counts as 30 days. 0 for none."""
    period = parse_period(every) if every else None
    if period is None:
        return 0
    return int((period.months * 30 + period.days) * 86_400 * _US + period.seconds * _US)


def window(at: int, width: int) -> int:
    """The start of the interval (multiples of `width` since the epoch) that a moment lies in."""
    return at - at % width


# --- observations ---------------------------------------------------------------------------------------------------


def rows(table: pa.Table, rule: Prepared, mask: np.ndarray, salt: Salt | None) -> pa.Table:
    """Observations with one rule applied to the rows of `mask`. Not for AGGREGATE and MIN_COUNT, which take rows away."""
    if rule.at.type is not EntityType.OBSERVATION or not mask.any():
        return table
    name = str(rule.at.keys[0])
    inner = rule.at.keys[1:]
    match rule.rule.kind:
        case _K.ROUND_TIME:
            return _round_times(table, name, rule.width, mask)
        case _K.DROP if name in _TIMES:
            for column in _TIMES[name]:
                table = _put(table, column, pc.if_else(pa.array(mask), None, table.column(column)))
            return table
        case _K.ROUND if name == "result" and not inner:
            step = rule.rule.step
            number = table.column("number")
            return _put(table, "number", pc.if_else(pa.array(mask), _rounded(number, step), number))
    if name == "result":
        return _results(table, rule, mask, salt)
    if name in _JSON:
        column = _JSON[name]
        return _put(table, column, _texts(table.column(column), rule, mask, salt))
    return table


def too_small(table: pa.Table, rule: Prepared, mask: np.ndarray) -> np.ndarray:
    """Rows whose number is a count below the minimum; one that is no number at all is not known to be large enough."""
    number = table.column("number").to_numpy(zero_copy_only=False)
    return np.asarray(mask & ~(number >= rule.rule.step))


def _round_times(table: pa.Table, name: str, width: int, mask: np.ndarray) -> pa.Table:
    for column in _TIMES.get(name, ()):
        values = table.column(column)
        whole = values.cast(pa.int64())
        if whole.null_count == len(whole):
            continue
        there = whole.fill_null(0).to_numpy()
        down = pa.array(there - there % width, pa.int64(), mask=whole.is_null().to_numpy())
        table = _put(table, column, pc.if_else(pa.array(mask), down, whole).cast(values.type))
    return table


def _rounded(number: pa.ChunkedArray, step: float) -> pa.ChunkedArray:
    return pc.multiply(pc.round(pc.divide(number, step)), step)


def _results(table: pa.Table, rule: Prepared, mask: np.ndarray, salt: Salt | None) -> pa.Table:
    """Results that are JSON; a number that becomes a pseudonym becomes text."""
    inner = rule.at.keys[1:]
    if rule.rule.kind is _K.HASH and not inner:
        numbers = table.column("number").to_pylist()
        texts = table.column("text").to_pylist()
        for at in np.flatnonzero(mask).tolist():
            value = numbers[at] if numbers[at] is not None else json.loads(texts[at]) if texts[at] is not None else None
            numbers[at], texts[at] = None, _written(hashed(value, salt))
        table = _put(table, "number", pa.array(numbers, pa.float64()))
        return _put(table, "text", pa.array(texts, pa.string()))
    return _put(table, "text", _texts(table.column("text"), rule, mask, salt))


def _texts(column: pa.ChunkedArray, rule: Prepared, mask: np.ndarray, salt: Salt | None) -> pa.ChunkedArray | pa.Array:
    """A column of JSON text with the rule applied inside; whole, if the path ends there."""
    if column.null_count == len(column):
        return column
    inner = rule.at.keys[1:]
    if not inner and rule.rule.kind is _K.DROP:
        return pc.if_else(pa.array(mask), None, column)
    texts = column.to_pylist()
    known: dict[str, str | None] = {}
    for at in np.flatnonzero(mask).tolist():
        text = texts[at]
        if text is not None:
            if text not in known:
                known[text] = _written(inside(json.loads(text), inner, rule, salt))
            texts[at] = known[text]
    return pa.array(texts, pa.string())


def _put(table: pa.Table, name: str, column: Any) -> pa.Table:
    at = table.schema.get_field_index(name)
    return table.set_column(at, table.schema.field(name), column)


def _written(value: Any) -> str | None:
    return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


# --- aggregation ----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Cell:
    """What is known of one stream's interval [`start`, `end`), microseconds: enough for every function."""

    start: int
    end: int
    count: int = 0
    total: float = 0.0
    least: float = math.inf
    most: float = -math.inf
    last: float = 0.0
    last_at: int = -(2**63)
    feature: int | None = None

    def add(self, at: int, number: float, feature: int | None) -> None:
        """One more value."""
        self.count += 1
        self.total += number
        self.least, self.most = min(self.least, number), max(self.most, number)
        if at >= self.last_at:
            self.last_at, self.last = at, number
        self.feature = feature if feature is not None else self.feature

    def value(self, function: str) -> float:
        """What is stored of it."""
        match function:
            case "mean":
                return self.total / self.count
            case "sum":
                return self.total
            case "min":
                return self.least
            case "max":
                return self.most
            case "count":
                return float(self.count)
            case _:
                return self.last


# --- entities -------------------------------------------------------------------------------------------------------


def entity(made: NewEntity, rules: Sequence[Prepared], salts: Mapping[int, Salt]) -> NewEntity:
    """An entity and all that come along, with the rules for their kinds applied. `salts`: by the rule's position."""
    values = dict(made.values)
    for number, rule in enumerate(rules):
        name = _name_in(rule, made.type)
        if name and name in values:
            found = inside(values[name], rule.at.keys[1:], rule, salts.get(number))
            if found is None and rule.rule.kind is _K.DROP:
                values.pop(name)
            else:
                values[name] = found
    links = {
        name: tuple(entity(item, rules, salts) if isinstance(item, NewEntity) else item for item in items)
        for name, items in made.links.items()
    }
    return NewEntity(made.type, values, links)


def _name_in(rule: Prepared, type: EntityType) -> str:
    """The property of this kind of entity that a rule is about; empty for none.

    A path through `Datastream` means streams of either kind, and what is observed at a place is observed at the Location.
    """
    at = rule.at
    if type is EntityType.OBSERVATION or at.property is None:
        return ""
    if at.type is type or (at.type in STREAMS and type in STREAMS):
        return str(at.keys[0])
    if (at.type, type) == (EntityType.LOCATION, EntityType.FEATURE_OF_INTEREST):
        return "feature" if at.keys[0] == "location" else str(at.keys[0])
    return ""


def inside(value: Any, keys: tuple[str | int, ...], rule: Prepared, salt: Salt | None) -> Any:
    """A JSON value with the rule applied to what lies at these keys. What is not there stays so."""
    if not keys:
        return _changed(value, rule, salt)
    key, rest = keys[0], keys[1:]
    if isinstance(value, Mapping) and str(key) in value:
        copy = dict(value)
        found = inside(copy[str(key)], rest, rule, salt)
        if found is None and rule.rule.kind is _K.DROP and not rest:
            del copy[str(key)]
        else:
            copy[str(key)] = found
        return copy
    if isinstance(value, list) and isinstance(key, int) and 0 <= key < len(value):
        items = list(value)
        items[key] = inside(items[key], rest, rule, salt)
        return items
    return value


def _changed(value: Any, rule: Prepared, salt: Salt | None) -> Any:
    match rule.rule.kind:
        case _K.DROP:
            return None
        case _K.ROUND:
            number = isinstance(value, int | float) and not isinstance(value, bool)
            return round(value / rule.rule.step) * rule.rule.step if number else None
        case _K.ROUND_TIME if rule.at.property is not None:
            return _time(value, rule.width)
        case _K.ROUND_PLACE:
            return coarse(value, rule.rule.step)
        case _K.HASH:
            return hashed(value, salt)
    return value


def _time(value: Any, width: int) -> Any:
    if isinstance(value, int):
        return window(value, width)
    return tuple(window(at, width) for at in value) if isinstance(value, tuple | list) else value


def hashed(value: Any, salt: Salt | None) -> str | None:
    """A pseudonym of 32 signs: the same for the same value and salt. Without a salt there is none."""
    if value is None or salt is None:
        return None
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hmac.digest(salt.secret, text.encode("utf-8", "surrogatepass"), "sha256").hex()[:32]


def coarse(value: Any, metres: float) -> Any:
    """A GeoJSON geometry or Feature with its coordinates on a grid of so many metres; None for what is none.

    A Feature keeps its geometry only. Heights are dropped.
    """
    if not isinstance(value, Mapping):
        return None
    if value.get("type") == "Feature":
        return {"type": "Feature", "geometry": coarse(value.get("geometry"), metres), "properties": {}}
    if value.get("type") == "GeometryCollection" and isinstance(value.get("geometries"), list):
        return {"type": "GeometryCollection", "geometries": [coarse(item, metres) for item in value["geometries"]]}
    if "coordinates" not in value:
        return None
    return {"type": value.get("type"), "coordinates": _grid(value["coordinates"], metres)}


def _grid(part: Any, metres: float) -> Any:
    if not isinstance(part, list | tuple):
        return None
    if len(part) >= 2 and all(isinstance(item, int | float) and not isinstance(item, bool) for item in part):
        lat_step = metres / _DEGREE_M
        lat = round(round(part[1] / lat_step) * lat_step, 7)
        # Longitudes by the middle of the row that the latitude falls into, so that the grid itself tells nothing.
        lon_step = metres / (_DEGREE_M * max(math.cos(math.radians(min(abs(lat), 89.0))), 0.01))
        return [round(round(part[0] / lon_step) * lon_step, 7), lat]
    return [_grid(item, metres) for item in part]
