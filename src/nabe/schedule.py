"""When something is due again (ISO 8601 durations, cron lines), and moments as people write them; German time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from nabe.errors import Invalid

CITY_TIME = ZoneInfo("Europe/Berlin")
#: More often than this nothing is due, so that a slip of the pen does not hammer a silo.
SHORTEST = dt.timedelta(seconds=10)
_CRON_FIELDS = 5


@dataclass(frozen=True, slots=True)
class Schedule:
    """`PT15M`, `P1D`, `P1M` (ISO 8601; months are calendar months) or `0 4 * * 1-5` (cron: minute hour day month weekday)."""

    text: str

    def after(self, moment: dt.datetime) -> dt.datetime:
        """The first time that it is due after a moment, in UTC.

        A cron line follows the German clock: an hour that the clock skips in spring is made up for, one that it repeats in
        autumn counts once. A duration of days keeps the time of day.
        """
        if _is_cron(self.text):
            from cronsim import CronSim

            found: dt.datetime = next(CronSim(self.text, moment.astimezone(CITY_TIME)))
            return found.astimezone(dt.UTC)
        duration = _duration(self.text)
        if isinstance(duration, dt.timedelta) and duration < dt.timedelta(days=1):
            soon: dt.datetime = moment + duration
            return soon
        later: dt.datetime = moment.astimezone(CITY_TIME) + duration
        return later.astimezone(dt.UTC)


def schedule(text: str) -> Schedule:
    """Raises `Invalid` with what would be right."""
    hint = "For example PT15M (every 15 minutes), P1D (every day), or cron: 0 4 * * 1-5 (weekdays at 4)."
    if _is_cron(text):
        from cronsim import CronSim, CronSimError

        try:
            next(CronSim(text, dt.datetime(2026, 1, 1, tzinfo=CITY_TIME)))
        except (CronSimError, StopIteration):
            raise Invalid(f"{text!r} is no cron line.", hint=hint, field="every") from None
        return Schedule(text)
    duration = _duration(text)
    if duration is None:
        raise Invalid(f"{text!r} is neither an ISO 8601 duration nor a cron line.", hint=hint, field="every")
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    if start + duration < start + SHORTEST:
        raise Invalid(f"{text!r} is shorter than {SHORTEST.seconds} seconds.", hint=hint, field="every")
    return Schedule(text)


def moment(text: str, *, field: str, end: bool = True) -> dt.datetime:
    """`2026-11-24T08:00:00Z`, or a day: its end in German time (`end` false: its beginning). `Invalid` names the field.

    A time without a zone is German time.
    """
    try:
        if len(text) == 10:
            day = dt.date.fromisoformat(text)
            return dt.datetime.combine(day, dt.time.max if end else dt.time.min, CITY_TIME).astimezone(dt.UTC)
        found = dt.datetime.fromisoformat(text.strip().upper().replace(" ", "T"))
        return (found if found.tzinfo else found.replace(tzinfo=CITY_TIME)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        hint = "For example 2026-11-24 or 2026-11-24T08:00:00Z."
        raise Invalid(f"{field} is a day or a time, not {text[:40]!r}.", hint=hint, field=field) from None


def _is_cron(text: str) -> bool:
    return len(text.split()) == _CRON_FIELDS


@lru_cache(maxsize=256)
def _duration(text: str) -> Any:
    """A timedelta, isodate's duration with calendar months, or None."""
    import isodate

    try:
        found = isodate.parse_duration(text)
        dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + found  # overflows where it is absurd
        return found
    except (isodate.ISO8601Error, ValueError, OverflowError, TypeError, ArithmeticError):
        return None
