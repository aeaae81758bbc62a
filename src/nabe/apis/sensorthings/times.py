"""Times as SensorThings writes them (ISO 8601) <-> microseconds since 1970-01-01T00:00:00Z."""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache

from nabe.errors import Invalid

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_TICK = dt.timedelta(microseconds=1)
#: Day and clock; then a zone, whose `+` may have become a blank on its way through an address.
CLOCK = r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,12})?)?"
ZONE = r"(?:[Zz]|[+-][0-9]{2}(?::?[0-9]{2})?|[ ][0-9]{2}:[0-9]{2}(?![:0-9]))"
_MOMENT = re.compile(CLOCK + ZONE)
_DURATION = re.compile(
    r"(?P<sign>-?)P(?:(?P<weeks>\d{1,6})W|(?:(?P<days>\d{1,7})D)?"
    r"(?:T(?:(?P<hours>\d{1,8})H)?(?:(?P<minutes>\d{1,9})M)?(?:(?P<seconds>\d{1,10}(?:[.,]\d{1,9})?)S)?)?)",
    re.ASCII | re.IGNORECASE,
)


def moment(text: object, field: str) -> int:
    """An instant with its zone. A zone that lost its `+` on the way (`T08:00:00 01:00`) is understood."""
    if isinstance(text, str) and _MOMENT.fullmatch(text):
        try:
            at = dt.datetime.fromisoformat(text.upper().replace(",", ".").replace(" ", "+"))
            return (at - _EPOCH) // _TICK
        except (ValueError, OverflowError):
            pass
    raise _wrong(text, field)


def interval(text: object, field: str) -> tuple[int, int]:
    """`start/end`, or one of both with a duration in the other's place."""
    parts = text.split("/") if isinstance(text, str) and len(text) < 200 else []
    if len(parts) != 2:
        raise Invalid(
            f"{field} is a time interval, not {short(text)}.",
            hint="2026-01-01T00:00:00Z/2026-01-02T00:00:00Z",
            field=field,
        )
    first, last = parts
    if first[:1] in "Pp" and first:
        end = moment(last, field)
        return _within_calendar(end - length(first, field), field), end
    start = moment(first, field)
    end = start + length(last, field) if last[:1] in ("P", "p") else moment(last, field)
    if end < start:
        raise Invalid(f"{field} ends before it starts.", field=field)
    return start, _within_calendar(end, field)


def time(text: object, field: str) -> int | tuple[int, int]:
    """An instant or an interval."""
    return interval(text, field) if isinstance(text, str) and "/" in text else moment(text, field)


def duration(text: str, field: str) -> dt.timedelta:
    """An ISO 8601 duration of days, hours, minutes and seconds (months and years have no fixed length)."""
    found = _DURATION.fullmatch(text)
    if not found or not any(found[name] for name in ("weeks", "days", "hours", "minutes", "seconds")):
        raise Invalid(f"{short(text)} is no duration.", hint="For example PT1H, P1D, PT0.5S.", field=field)
    given = {
        name: float(found[name].replace(",", "."))
        for name in ("weeks", "days", "hours", "minutes", "seconds")
        if found[name]
    }
    whole = dt.timedelta(**{name: int(value) if value.is_integer() else value for name, value in given.items()})
    return -whole if found["sign"] else whole


def length(text: str, field: str) -> int:
    """A duration of at least 0, in microseconds."""
    found = duration(text, field)
    if found < dt.timedelta():
        raise Invalid(f"A duration is not negative here: {short(text)}.", field=field)
    return found // _TICK


def write_duration(value: dt.timedelta) -> str:
    """As ISO 8601, exact."""
    sign, value = ("-", -value) if value < dt.timedelta() else ("", value)
    clock = value.seconds
    seconds = f"{clock}.{value.microseconds:06}".rstrip("0") if value.microseconds else str(clock)
    days = f"{value.days}D" if value.days else ""
    return f"{sign}P{days}" + (f"T{seconds}S" if seconds != "0" or not days else "")


@lru_cache(4096)
def _day(days: int) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=days)).isoformat()


def write(at: int) -> str:
    """An instant as text: `2026-01-01T00:00:00Z`, with as many digits as it has."""
    days, rest = divmod(at, 86_400_000_000)
    seconds, micros = divmod(rest, 1_000_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    text = f"{_day(days)}T{hour:02}:{minute:02}:{second:02}"
    if micros:
        text += f".{micros // 1000:03}" if micros % 1000 == 0 else f".{micros:06}"
    return text + "Z"


def write_time(value: int | tuple[int, int]) -> str:
    """An instant, or an interval as `start/end`."""
    return write(value) if isinstance(value, int) else f"{write(value[0])}/{write(value[1])}"


def short(value: object) -> str:
    """A value of the asker's as it may stand in a message."""
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


_FIRST, _LAST = -62_135_596_800_000_000, 253_402_300_799_999_999


def _within_calendar(at: int, field: str) -> int:
    if not _FIRST <= at <= _LAST:
        raise Invalid(f"{field} leads out of the calendar (years 1 to 9999).", field=field)
    return at


def _wrong(text: object, field: str) -> Invalid:
    hint = "For example 2026-01-01T00:00:00Z, with its zone."
    return Invalid(f"{field} is a time with zone, not {short(text)}.", hint=hint, field=field)
