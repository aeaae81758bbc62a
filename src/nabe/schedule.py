"""When something is due again (ISO 8601 durations, cron lines), and moments as people write them; German time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from nabe.errors import Invalid
from nabe.model.periods import CITY_TIME, parse_period

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
        period = parse_period(self.text)
        assert period is not None
        return period.after(moment)


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
    period = parse_period(text)
    if period is None:
        raise Invalid(f"{text!r} is neither an ISO 8601 duration nor a cron line.", hint=hint, field="every")
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    if period.after(start) < start + SHORTEST:
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
