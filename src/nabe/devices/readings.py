"""What a decoded message says, by its profile: values with their fields and times. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from nabe.devices.timing import moment_of
from nabe.model.device import Measure, Profile

_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d{1,4})\]")
_TRUE = frozenset({"true", "1", "on", "yes", "open", "occupied"})
_FALSE = frozenset({"false", "0", "off", "no", "closed", "free"})
#: Longest text of a result, and most earlier readings taken from one message.
_LONGEST, _MOST_EARLIER = 2000, 200


@dataclass(frozen=True, slots=True)
class Reading:
    """A value of a measure. `number`, or `text`: JSON; `time`: its own moment in µs, None: that of the message."""

    field: str
    number: float | None
    text: str | None = None
    time: int | None = None


class NoValue(ValueError):
    """What stands in a field is no value of its measure; the message says why, without the value."""


def readings(profile: Profile, decoded: Mapping[str, Any], port: int | None) -> tuple[list[Reading], list[str]]:
    """All values, those of earlier readings too, and what was left out and why."""
    left_out: list[str] = []
    found = list(_of(profile, decoded, port, None, left_out))
    if profile.history:
        earlier = at(decoded, profile.history)
        for record in (earlier if isinstance(earlier, list) else [])[:_MOST_EARLIER]:
            time = moment_of(at(record, profile.history_time)) if isinstance(record, dict) else None
            if time is None:
                left_out.append(f"{profile.history}: an earlier reading tells no time")
                continue
            found += _of(profile, record, None, time, left_out)
    return found, left_out[:20]


def _of(
    profile: Profile, record: Mapping[str, Any], port: int | None, time: int | None, left_out: list[str]
) -> Iterator[Reading]:
    for measure in profile.measures:
        if measure.ports and port is not None and port not in measure.ports:
            continue
        value = at(record, measure.field)
        if value is None:
            continue
        try:
            number, text = result(measure, value)
        except NoValue as error:
            left_out.append(f"{measure.field}: {error}")
            continue
        yield Reading(measure.field, number, text, time)


def result(measure: Measure, value: Any) -> tuple[float | None, str | None]:
    """A field's value as (number, JSON text). `NoValue` if it is none."""
    if _is_missing(measure, value):
        raise NoValue("says that there is no value")
    word = measure.words.get(_word(value)) if measure.words else None
    if word is not None:
        value = word
    match measure.kind:
        case "number" | "integer":
            return _number(measure, value), None
        case "boolean":
            return None, _truth(value)
        case "text":
            if isinstance(value, (dict, list)):
                raise NoValue("no text")
            return None, json.dumps(_word(value)[:_LONGEST], ensure_ascii=False)
        case _:
            text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
            if len(text) > _LONGEST:
                raise NoValue("too large")
            return (
                (float(value), None)
                if isinstance(value, (int, float)) and not isinstance(value, bool)
                else (None, text)
            )


def _number(measure: Measure, value: Any) -> float:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise NoValue("no number") from None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NoValue("no number")
    try:
        found = float(value) * measure.factor + measure.offset
    except OverflowError:
        raise NoValue("too large") from None
    if not math.isfinite(found):
        raise NoValue("no finite number")
    if measure.factor != 1.0 or measure.offset:
        found = float(f"{found:.12g}")  # 0.1 * 3 is meant to be 0.3
    if measure.kind == "integer" and not found.is_integer():
        raise NoValue("no whole number")
    low, high = measure.lowest, measure.highest
    if (low is not None and found < low) or (high is not None and found > high):
        raise NoValue("outside of what the sensor measures")
    return found


def _truth(value: Any) -> str:
    word = _word(value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return "true" if word in _TRUE else "false"
    raise NoValue("neither true nor false")


def _is_missing(measure: Measure, value: Any) -> bool:
    if isinstance(value, float) and not math.isfinite(value):
        return True
    plain = isinstance(value, (int, float)) and not isinstance(value, bool)
    return any(value == item if plain or isinstance(item, str) else False for item in measure.missing)


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value)


@lru_cache(maxsize=4096)
def steps(way: str) -> tuple[str | int, ...]:
    """A way into decoded fields: `temperature`, `wifi[0].rssi`. `ValueError` if it is none."""
    found: list[str | int] = []
    position = 0
    while position < len(way):
        match = _STEP.match(way, position)
        if match is None or (position == 0 and match[0].startswith(".")):
            raise ValueError(f"{way!r} cannot be read; for example temperature or wifi[0].rssi")
        found.append(match[1] if match[1] is not None else int(match[2]))
        position = match.end()
    if not found:
        raise ValueError("an empty way leads nowhere")
    return tuple(found)


def at(value: Any, way: str) -> Any:
    """What a way leads to; None if nothing is there. A field whose name holds points is found by its whole name."""
    if isinstance(value, dict) and way in value:
        return value[way]
    for step in steps(way):
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            value = value[step] if isinstance(value, list) and step < len(value) else None
        if value is None:
            return None
    return value
