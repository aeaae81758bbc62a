"""ISO 8601 durations on the German calendar: a day is a day on the clock, also when the clocks change."""

from __future__ import annotations

import calendar
import datetime as dt
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

#: Where the city's days begin and end.
CITY_TIME = ZoneInfo("Europe/Berlin")

_NUMBER = r"(\d{1,6}(?:[.,]\d{1,6})?)"
_DURATION = re.compile(
    rf"P(?=.)(?:{_NUMBER}Y)?(?:{_NUMBER}M)?(?:{_NUMBER}W)?(?:{_NUMBER}D)?"
    rf"(?:T(?=.)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?"
)


@dataclass(frozen=True, slots=True)
class Period:
    """Months and days of the calendar, and seconds of time that passes."""

    months: int = 0
    days: int = 0
    seconds: float = 0.0

    def after(self, start: dt.datetime) -> dt.datetime:
        """The moment (UTC) that is this much later than `start` (aware).

        Months and days keep the time on the clock in Germany (31 January + P1M is the last of February); hours, minutes and
        seconds pass as they do.
        """
        try:
            return self._moved(start, 1)
        except (OverflowError, ValueError):
            return dt.datetime.max.replace(tzinfo=dt.UTC)

    def before(self, end: dt.datetime) -> dt.datetime:
        """The moment (UTC) that is this much earlier than `end` (aware), on the same calendar."""
        try:
            return self._moved(end, -1)
        except (OverflowError, ValueError):
            return dt.datetime.min.replace(tzinfo=dt.UTC)

    def _moved(self, start: dt.datetime, sign: int) -> dt.datetime:
        local = start.astimezone(CITY_TIME).replace(tzinfo=None)
        month = local.year * 12 + local.month - 1 + sign * self.months
        year, month = divmod(month, 12)
        day = min(local.day, calendar.monthrange(year, month + 1)[1])
        moved = local.replace(year=year, month=month + 1, day=day) + sign * dt.timedelta(days=self.days)
        return moved.replace(tzinfo=CITY_TIME).astimezone(dt.UTC) + sign * dt.timedelta(seconds=self.seconds)


def parse_period(text: str) -> Period | None:
    """`P1M`, `P1DT12H`, `PT0.5H`; None for what is no ISO 8601 duration, or none at all (`PT0S`)."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        return None
    years, months, weeks, days, hours, minutes, seconds = (
        float((part or "0").replace(",", ".")) for part in found.groups()
    )
    whole = 12 * years + months
    if whole != int(whole):
        return None  # nobody knows how long half a month is
    apart = 7 * weeks + days
    rest = (apart - int(apart)) * 86_400
    period = Period(int(whole), int(apart), rest + hours * 3600 + minutes * 60 + seconds)
    return period if period != Period() else None


def moment(text: str) -> dt.datetime | None:
    """The end of what an ISO 8601 date or time names, UTC: a day, month or year ends with the German day; None if it is none."""
    text = text.strip()
    try:
        if re.fullmatch(r"\d{4}", text):
            return _midnight(dt.date(int(text) + 1, 1, 1))
        if re.fullmatch(r"\d{4}-\d{2}", text):
            year, month = int(text[:4]), int(text[5:])
            return _midnight(dt.date(year + month // 12, month % 12 + 1, 1)) if 1 <= month <= 12 else None
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return _midnight(dt.date.fromisoformat(text) + dt.timedelta(days=1))
        found = dt.datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=CITY_TIME)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None


def day_of(at: dt.datetime) -> dt.date:
    """The German calendar day of a moment."""
    return at.astimezone(CITY_TIME).date()


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), CITY_TIME).astimezone(dt.UTC)
