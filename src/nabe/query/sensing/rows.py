"""Observations between columns and entities."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec
import pyarrow as pa

from nabe.errors import Invalid
from nabe.model.entities import EntityRow, EntityType
from nabe.model.observation import INCOMING_SCHEMA

#: Which columns a property lies in.
COLUMNS: Final[Mapping[str, tuple[str, ...]]] = {
    "phenomenonTime": ("time", "until"),
    "resultTime": ("result_time",),
    "result": ("number", "text"),
    "resultQuality": ("quality",),
    "validTime": ("valid_from", "valid_until"),
    "parameters": ("parameters",),
}
#: Integers that a double holds exactly.
_EXACT: Final = 2**53
#: 0001-01-01 and 9999-12-31 in microseconds since the epoch: what a time may be.
FIRST: Final = -62_135_596_800_000_000
LAST: Final = 253_402_300_799_999_999
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def columns_of(select: Iterable[str] | None) -> tuple[str, ...]:
    """The columns that these properties (None: all) need, ids and links included."""
    names = COLUMNS if select is None else [name for name in select if name in COLUMNS]
    return ("stream", "id", *(column for name in names for column in COLUMNS[name]), "feature")


def rows_of(table: pa.Table, select: Iterable[str] | None) -> list[EntityRow]:
    """Observations as entities, in order; `values` of these properties."""
    names = tuple(COLUMNS) if select is None else tuple(name for name in select if name in COLUMNS)
    ids = table.column("id").to_pylist()
    built = {name: _BUILD[name](table) for name in names}
    return [
        EntityRow(EntityType.OBSERVATION, id, {name: built[name][at] for name in names}) for at, id in enumerate(ids)
    ]


def _micros(table: pa.Table, name: str) -> list[int | None]:
    found: list[int | None] = table.column(name).cast(pa.int64()).to_pylist()
    return found


def _time(table: pa.Table) -> list[Any]:
    starts = _micros(table, "time")
    if table.column("until").null_count == len(starts):
        return starts
    ends = _micros(table, "until")
    return [start if end is None else (start, end) for start, end in zip(starts, ends, strict=True)]


def _valid(table: pa.Table) -> list[Any]:
    starts = _micros(table, "valid_from")
    if table.column("valid_from").null_count == len(starts):
        return starts
    ends = _micros(table, "valid_until")
    return [
        None if start is None else (start, start if end is None else end)
        for start, end in zip(starts, ends, strict=True)
    ]


def _json(name: str) -> Any:
    def build(table: pa.Table) -> list[Any]:
        column = table.column(name)
        if column.null_count == len(column):
            return [None] * len(column)
        return [None if text is None else _decode(text) for text in column.to_pylist()]

    return build


def _result(table: pa.Table) -> list[Any]:
    numbers = table.column("number").to_pylist()
    column = table.column("text")
    if column.null_count == len(numbers):
        return [_number(number) for number in numbers]
    texts = column.to_pylist()
    return [
        _number(number) if number is not None else None if text is None else _decode(text)
        for number, text in zip(numbers, texts, strict=True)
    ]


def _number(number: float | None) -> int | float | None:
    if number is None or not number.is_integer() or abs(number) > _EXACT:
        return number
    return int(number)


_BUILD: Final[Mapping[str, Any]] = {
    "phenomenonTime": _time,
    "resultTime": lambda table: _micros(table, "result_time"),
    "result": _result,
    "resultQuality": _json("quality"),
    "validTime": _valid,
    "parameters": _json("parameters"),
}


def result_columns(result: Any) -> tuple[float | None, str | None]:
    """A result as `number` and `text`. `Invalid` for what is no JSON value."""
    if result is None:
        return None, None
    if isinstance(result, float):
        if not math.isfinite(result):
            raise Invalid(
                "A result is no number that JSON knows.",
                hint="Leave NaN and Infinity out, or send null.",
                field="result",
            )
        return result, None
    if isinstance(result, int) and not isinstance(result, bool) and abs(result) <= _EXACT:
        return float(result), None
    return None, json_text(result, "result")


def json_text(value: Any, name: str) -> str | None:
    """A JSON value as text; None for null."""
    if value is None:
        return None
    if not _finite(value):
        raise Invalid(
            f"{name!r} holds a number that JSON does not know.", hint="Leave NaN and Infinity out.", field=name
        )
    try:
        return _encode(value).decode()
    except (TypeError, ValueError, OverflowError, UnicodeError):
        raise Invalid(f"{name!r} is no JSON value.", field=name) from None


def _finite(value: Any) -> bool:
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, float) and not math.isfinite(item):
            return False
        if isinstance(item, Mapping):
            left.extend(item.values())
        elif isinstance(item, list | tuple):
            left.extend(item)
    return True


def moment(value: Any, name: str) -> int:
    """An instant within the years 1 to 9999. `Invalid`."""
    if not isinstance(value, int) or isinstance(value, bool) or not FIRST <= value <= LAST:
        raise Invalid(
            f"{name!r} is no time of the years 1 to 9999.",
            hint="ISO 8601 with zone, e.g. 2026-01-31T12:00:00Z.",
            field=name,
        )
    return value


def span(value: Any, name: str) -> tuple[int, int]:
    """An interval whose end is not before its start. `Invalid`."""
    if not isinstance(value, tuple | list) or len(value) != 2:
        raise Invalid(f"{name!r} is no time interval.", hint="start/end in ISO 8601.", field=name)
    start, end = moment(value[0], name), moment(value[1], name)
    if end < start:
        raise Invalid(f"{name!r} ends before it starts.", hint="start/end", field=name)
    return start, end


def row_of(stream: int, values: Mapping[str, Any], feature: int | None) -> dict[str, Any]:
    """An observation's values as one row of `INCOMING_SCHEMA`; times in microseconds. Needs `phenomenonTime`."""
    time = values.get("phenomenonTime")
    start, until = (
        span(time, "phenomenonTime") if isinstance(time, tuple | list) else (moment(time, "phenomenonTime"), None)
    )
    valid = values.get("validTime")
    valid_from, valid_until = span(valid, "validTime") if valid is not None else (None, None)
    result_time = values.get("resultTime")
    number, text = result_columns(values.get("result"))
    return {
        "stream": stream,
        "time": start,
        "until": until,
        "result_time": None if result_time is None else moment(result_time, "resultTime"),
        "number": number,
        "text": text,
        "quality": json_text(values.get("resultQuality"), "resultQuality"),
        "valid_from": valid_from,
        "valid_until": valid_until,
        "parameters": json_text(values.get("parameters"), "parameters"),
        "feature": feature,
    }


def table_of(rows: Sequence[Mapping[str, Any]], schema: pa.Schema = INCOMING_SCHEMA) -> pa.Table:
    """Rows of `row_of` (with `id`, for a schema that has one) as columns."""
    arrays = []
    for column in schema:
        values = [row.get(column.name) for row in rows]
        if pa.types.is_timestamp(column.type):
            arrays.append(pa.array(values, pa.int64()).cast(column.type))
        else:
            arrays.append(pa.array(values, column.type))
    return pa.table(arrays, schema=schema)
