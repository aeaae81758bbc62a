"""One JSON value as a value of the hub: German and ISO numbers and times in texts, gaps, yes and no. Pure.

A value that does not fit its declared type is `UNFIT`, never an error: one wrong value must not take the answer away.
The rules for texts are those of files (see the guide): `1_000`, `0x1F` and `nan` are no numbers.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from nabe.adapting.json_http.settings import ColumnSettings
from nabe.adapting.times import strptime_format
from nabe.model.dataset import FieldType

UNFIT: Any = object()
TRUE_WORDS = frozenset({"true", "ja", "wahr", "yes", "j", "y", "t", "1"})
FALSE_WORDS = frozenset({"false", "nein", "falsch", "no", "n", "f", "0"})
_MOST_SECONDS = 253_402_300_800  # the year 10000
_CLOCK = r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]+))?)?"
_ISO = re.compile(
    rf"([0-9]{{4}})-([0-9]{{1,2}})-([0-9]{{1,2}})(?:[ Tt]{_CLOCK} ?([Zz]|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)?)?"
)
_DOT = re.compile(rf"([0-9]{{1,2}})\.([0-9]{{1,2}})\.([0-9]{{4}})(?:,? {_CLOCK})?")
_SLASH = re.compile(rf"([0-9]{{4}})/([0-9]{{1,2}})/([0-9]{{1,2}})(?: {_CLOCK})?")
#: As German web pages write it: Dienstag, 19. November 2013 - 10:16.
_LONG = re.compile(
    rf"(?:[^\W\d]{{2,12}}, ?)?([0-9]{{1,2}})\. ([^\W\d]{{3,9}})\.? ([0-9]{{4}})(?:(?: -|,| um)? {_CLOCK}(?: Uhr)?)?"
)
_MONTHS = ("januar", "februar", "märz", "april", "mai", "juni", "juli", "august", "september", "oktober", "november", "dezember")  # fmt: skip
_COMPACT = re.compile(r"([12][0-9]{3})([0-9]{2})([0-9]{2})(?:([0-9]{2})([0-9]{2})([0-9]{2})?)?")

Convert = Callable[[Any], Any]


def converter(kind: FieldType, column: ColumnSettings, timezone: str) -> Convert:
    """The function that makes a value of type `kind` (not geometry) out of a JSON value."""
    marks = frozenset(mark.strip() for mark in column.nulls or ())
    make = _maker(kind, column, timezone)

    def convert(value: Any) -> Any:
        if value is None or (isinstance(value, str) and not value.strip()):
            return None
        if marks and isinstance(value, (str, int, float)) and text(value).strip() in marks:
            return None
        try:
            return make(value)
        except (ValueError, OverflowError, RecursionError):
            return UNFIT

    return convert


def _maker(kind: FieldType, column: ColumnSettings, timezone: str) -> Convert:
    match kind:
        case FieldType.STRING:
            return lambda value: text(value, column.join)
        case FieldType.INTEGER:
            return lambda value: _integer(_plain(value, column))
        case FieldType.NUMBER:
            return lambda value: _number(_plain(value, column))
        case FieldType.BOOLEAN:
            return _boolean
        case FieldType.DATE:
            return lambda value: _day(value, column.date_formats, timezone)
        case FieldType.DATETIME:
            return lambda value: _moment(value, column.date_formats, timezone)
    raise ValueError(f"no values of type {kind}")


def text(value: Any, join: str | None = None) -> str:
    """`true`, `12`, `0.5`, text as it is; a list joined, else lists and objects as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if join is not None and isinstance(value, list):
        return join.join(text(item) for item in value if item is not None)
    return json.dumps(value, ensure_ascii=False)


@lru_cache(maxsize=256)
def _number_patterns(decimal: str, thousands: str) -> tuple[re.Pattern[str], re.Pattern[str] | None]:
    point = re.escape(decimal)
    plain = rf"[+-]?(?:[0-9]{{1,200}}(?:{point}[0-9]{{0,200}})?|{point}[0-9]{{1,200}})(?:[eE][+-]?0?[0-9]{{1,2}})?"
    if not thousands:
        return re.compile(plain), None
    blank = "[ \u00a0\u202f]" if thousands == " " else re.escape(thousands)
    return re.compile(plain), re.compile(rf"[+-]?[0-9]{{1,3}}(?:{blank}[0-9]{{3}})+(?:{point}[0-9]*)?")


def _plain(value: Any, column: ColumnSettings) -> int | float:
    """A number, or the number that a text writes."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError
    if not isinstance(value, str):
        return value
    value = value.strip()
    decimal, thousands = column.decimal or ".", column.thousands or ""
    plain, grouped = _number_patterns(decimal, thousands)
    if not plain.fullmatch(value):
        if grouped is None or not grouped.fullmatch(value):
            raise ValueError
        value = re.sub("[ \u00a0\u202f]", "", value) if thousands == " " else value.replace(thousands, "")
    value = value.replace(",", ".") if decimal == "," else value
    return int(value) if value.lstrip("+-").isdecimal() else float(value)


def _integer(value: int | float) -> int:
    if isinstance(value, float):
        if not value.is_integer():
            raise ValueError
        value = int(value)
    if not -(2**63) <= value < 2**63:
        raise ValueError
    return value


def _number(value: int | float) -> float:
    value = float(value)
    if not math.isfinite(value):
        raise ValueError
    return value


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and value in (0, 1):
        return value == 1
    word = value.strip().lower() if isinstance(value, str) else ""
    if word in TRUE_WORDS or word in FALSE_WORDS:
        return word in TRUE_WORDS
    raise ValueError


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def to_utc(local: dt.datetime, timezone: str) -> dt.datetime:
    """A local time as UTC, the later one where the clocks are set back; one with an offset keeps to it."""
    if local.tzinfo is not None:
        return local.astimezone(dt.UTC)
    zone = _zone(timezone)
    return max(local.replace(tzinfo=zone, fold=fold).astimezone(dt.UTC) for fold in (0, 1))


def _moment(value: Any, formats: tuple[str, ...], timezone: str) -> dt.datetime:
    if formats and formats[0].startswith("unix"):
        return _unix(value, formats[0])
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError
    return to_utc(written_time(str(value).strip(" \t\r\n'\""), formats), timezone)


def _day(value: Any, formats: tuple[str, ...], timezone: str) -> dt.date:
    if formats and formats[0].startswith("unix"):
        return _unix(value, formats[0]).astimezone(_zone(timezone)).date()
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise ValueError
    return written_time(str(value).strip(" \t\r\n'\""), formats, day=True).date()


def _unix(value: Any, unit: str) -> dt.datetime:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError
    if isinstance(value, str):
        value = float(value) if re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", value.strip()) else math.inf
    seconds = value / 1000 if unit == "unix_ms" else value
    if not -62_135_596_800 <= seconds < _MOST_SECONDS:
        raise ValueError
    return dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)


def written_time(value: str, formats: tuple[str, ...] = (), *, day: bool = False) -> dt.datetime:
    """A time as it is written, with its zone if it has one. 24:00 is the next day's 0:00, but for the `day` of it."""
    for given in formats:
        try:
            return dt.datetime.strptime(value, strptime_format(given))  # the zone comes later
        except ValueError:
            continue
    if formats:
        raise ValueError
    if found := _ISO.fullmatch(value):
        year, month, date, *clock, zone = found.groups()
    elif found := _DOT.fullmatch(value):
        (date, month, year, *clock), zone = found.groups(), None
    elif found := _SLASH.fullmatch(value):
        (year, month, date, *clock), zone = found.groups(), None
    elif (found := _LONG.fullmatch(value)) and found[2].lower() in _MONTHS:
        (date, name, year, *clock), zone = found.groups(), None
        month = str(_MONTHS.index(name.lower()) + 1)
    elif found := _COMPACT.fullmatch(value):
        (year, month, date, *clock), zone = (*found.groups(), None), None
    else:
        raise ValueError
    hour, minute, second, fraction = (*clock, None)[:4]
    next_day = (hour, minute, int(second or 0)) == ("24", "00", 0)
    made = dt.datetime(
        int(year),
        int(month),
        int(date),
        0 if next_day else int(hour or 0),
        int(minute or 0),
        int(second or 0),
        int((fraction or "0")[:6].ljust(6, "0")),
        tzinfo=_offset(zone),
    )
    return made + dt.timedelta(days=1) if next_day and not day else made


def _offset(zone: str | None) -> dt.tzinfo | None:
    if not zone:
        return None
    if zone in "Zz":
        return dt.UTC
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return dt.timezone(-offset if zone[0] == "-" else offset)
