"""Query parameters of /items -> a `Scan`. Clause numbers: OGC 17-069r4, section 7.15."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Mapping
from urllib.parse import unquote

from nabe.errors import Invalid
from nabe.model.dataset import Dataset, FieldType
from nabe.model.expr import ALL_ROWS, BBox, Compare, Expr, Op, both
from nabe.model.query import Scan

LIMIT = 10
MOST = 10_000
#: Parameters that are no property filters.
RESERVED = frozenset({"limit", "offset", "bbox", "bbox-crs", "datetime", "f", "lang", "use-case", "crs", "as-of"})
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_NUMBER = re.compile(r"[+-]?([0-9]{1,20}(\.[0-9]{0,30})?|\.[0-9]{1,30})([eE][+-]?[0-9]{1,3})?")
CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"


def scan(dataset: Dataset, readable: tuple[str, ...], parameters: Iterable[tuple[str, str]]) -> Scan:
    """The rows asked for. Raises `Invalid` for unknown parameters and values (/req/core/query-param-unknown, -invalid)."""
    given: dict[str, str] = {}
    for name, value in parameters:
        if name in given:
            raise Invalid(f"The parameter {name!r} is given twice.", field=name)
        given[name] = value
    unknown = [name for name in given if name not in RESERVED and name not in readable]
    if unknown:
        raise Invalid(
            f"There is no parameter {unknown[0]!r}.",
            hint=f"Parameters: {', '.join([*sorted(RESERVED), *readable])}.",
            field=unknown[0],
        )
    where = both(bbox(given, dataset), datetime(given, dataset, readable))
    where = both(where, properties(given, dataset))
    return Scan(dataset.id, where=where, limit=limit(given), offset=offset(given))


def limit(given: Mapping[str, str]) -> int:
    """/req/core/fc-limit-definition: 1..10000, default 10; more is answered with 10000."""
    text = given.get("limit", str(LIMIT))
    if not text.isascii() or not text.isdigit() or int(text[:20]) < 1:
        raise Invalid(f"limit is a whole number from 1 to {MOST}, not {text[:40]!r}.", field="limit")
    return min(int(text[:20]), MOST)


def offset(given: Mapping[str, str]) -> int:
    """How many rows come before the page."""
    text = given.get("offset", "0")
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise Invalid(f"offset is a whole number from 0, not {text[:40]!r}.", field="offset")
    return int(text)


def bbox(given: Mapping[str, str], dataset: Dataset) -> Expr:
    """/req/core/fc-bbox-definition: 4 numbers, or 6 with heights that are not looked at; CRS84."""
    text = given.get("bbox")
    if given.get("bbox-crs", CRS84) != CRS84 or given.get("crs", CRS84) != CRS84:
        raise Invalid(f"Only {CRS84} is offered.", field="bbox-crs" if "bbox-crs" in given else "crs")
    if text is None:
        return ALL_ROWS
    numbers = [_number(part) for part in text.split(",")] if len(text) < 400 else []
    if len(numbers) not in (4, 6) or not all(math.isfinite(number) for number in numbers):
        raise Invalid(
            f"bbox is west,south,east,north in degrees, not {text[:60]!r}.",
            hint="For example bbox=6.8,50.8,7.2,51.1.",
            field="bbox",
        )
    half = len(numbers) // 2
    west, south, east, north = numbers[0], numbers[1], numbers[half], numbers[half + 1]
    if south > north:
        raise Invalid("bbox: south is greater than north.", hint="The order is west,south,east,north.", field="bbox")
    place = dataset.geometry
    return BBox(place.name, west, south, east, north) if place else ALL_ROWS


def datetime(given: Mapping[str, str], dataset: Dataset, readable: tuple[str, ...]) -> Expr:
    """/req/core/fc-time-definition: an instant or an interval, `..` for open ends, over the dataset's time field."""
    text = given.get("datetime")
    if text is None:
        return ALL_ROWS
    parts = text.split("/")
    if len(parts) > 2 or (len(parts) == 2 and all(part in ("", "..") for part in parts) and text not in ("../..", "/")):
        raise _time_error(text)
    moments = [None if part in ("", "..") and len(parts) == 2 else _moment(part, text) for part in parts]
    field = dataset.field(dataset.time) if dataset.time in readable else None
    if field is None or field.type not in (FieldType.DATE, FieldType.DATETIME):
        return ALL_ROWS  # 7.15.4: features without a temporal property match
    begin, end = (moments[0], moments[0]) if len(parts) == 1 else moments
    if begin is not None and end is not None and _as_time(begin) > _as_time(end, last=True):
        raise Invalid("datetime: the interval ends before it begins.", field="datetime")
    where: Expr = ALL_ROWS
    if field.type is FieldType.DATE:
        low, high = (value if not isinstance(value, dt.datetime) else value.date() for value in (begin, end))
        where = both(where, Compare(field.name, Op.GE, low)) if low else where
        return both(where, Compare(field.name, Op.LE, high)) if high else where
    if begin is not None:
        where = both(where, Compare(field.name, Op.GE, _as_time(begin)))
    return both(where, Compare(field.name, Op.LE, _as_time(end, last=True))) if end is not None else where


def _number(text: str) -> float:
    """A decimal number; NaN for any other text (Python's own reading knows 1_000 and Arabic digits)."""
    return float(text) if _NUMBER.fullmatch(text.strip()) else math.nan


def _moment(text: str, whole: str) -> dt.date | dt.datetime:
    try:
        if len(text) == 10:
            return dt.date.fromisoformat(text)
        if "T" not in text.upper():
            raise ValueError
        moment = dt.datetime.fromisoformat(text.upper())
        return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):  # the latter: an offset that leads out of the calendar
        raise _time_error(whole) from None


def _time_error(text: str) -> Invalid:
    hint = "For example 2026-11-24T08:00:00Z, 2026-11-01/.., ../2026-11-24."
    return Invalid(f"datetime is an RFC 3339 instant or interval, not {text[:60]!r}.", hint=hint, field="datetime")


def _as_time(value: dt.date | dt.datetime, *, last: bool = False) -> dt.datetime:
    if isinstance(value, dt.datetime):
        return value
    return dt.datetime.combine(value, dt.time.max if last else dt.time(), dt.UTC)


def properties(given: Mapping[str, str], dataset: Dataset) -> Expr:
    """/rec/core/fc-filters: field=value."""
    where: Expr = ALL_ROWS
    for name, text in given.items():
        field = dataset.field(name)
        if name in RESERVED or field is None:
            continue
        where = both(where, equals(name, field.type, text))
    return where


def equals(name: str, kind: FieldType, text: str) -> Expr:
    """A comparison of a field with a value as it stands in a URL."""
    try:
        match kind:
            case FieldType.STRING:
                return Compare(name, Op.EQ, text)
            case FieldType.INTEGER:
                if not _WHOLE.fullmatch(text) or abs(int(text)) >= 2**63:
                    raise ValueError
                return Compare(name, Op.EQ, int(text))
            case FieldType.NUMBER:
                value = _number(text)
                if not math.isfinite(value):
                    raise ValueError
                return Compare(name, Op.EQ, value)
            case FieldType.BOOLEAN:
                return Compare(name, Op.EQ, {"true": True, "false": False}[text.lower()])
            case FieldType.DATE:
                return Compare(name, Op.EQ, dt.date.fromisoformat(text))
            case FieldType.DATETIME:
                return Compare(name, Op.EQ, _as_time(_moment(text, text)))
            case _:
                raise Invalid(f"{name!r} is a geometry; filter it with bbox.", field=name)
    except (ValueError, KeyError):
        raise Invalid(f"{name} is of type {kind.value}; {text[:60]!r} is not.", field=name) from None


def feature(dataset: Dataset, readable: tuple[str, ...], id: str) -> Scan:
    """The one row with this id (`render.ids` makes them).

    A key of one field: its value. A key of several: the values joined by `.`, each percent-encoded with `.` as `%2E`.
    No key that the asker may read: the row's number, from 0, in the order in which the dataset delivers its rows.
    """
    key = [field for name in dataset.key if (field := dataset.field(name)) and name in readable]
    if not key or len(key) < len(dataset.key):
        if not id.isascii() or not id.isdigit() or len(id) > 12:
            raise Invalid("Features here are numbered from 0.", field="featureId")
        return Scan(dataset.id, limit=1, offset=int(id))
    parts = [unquote(part) for part in id.split(".")] if len(key) > 1 else [id]
    if len(parts) != len(key):
        raise Invalid(
            f"A feature id has {len(key)} parts joined by a dot: {', '.join(dataset.key)}.", field="featureId"
        )
    where: Expr = ALL_ROWS
    for field, text in zip(key, parts, strict=True):
        where = both(where, equals(field.name, field.type, text))
    return Scan(dataset.id, where=where, limit=1)
