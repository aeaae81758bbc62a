"""When something is due again."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nabe.errors import Invalid
from nabe.schedule import SHORTEST, schedule

BERLIN = ZoneInfo("Europe/Berlin")


def after(text, *moment):
    """The next time, both in German time."""
    start = dt.datetime(*moment, tzinfo=BERLIN)
    return schedule(text).after(start.astimezone(dt.UTC)).astimezone(BERLIN).replace(tzinfo=None)


def test_durations():
    assert after("PT15M", 2026, 11, 24, 12, 0) == dt.datetime(2026, 11, 24, 12, 15)
    assert after("P1D", 2026, 11, 24, 12, 0) == dt.datetime(2026, 11, 25, 12, 0)
    assert after("P1M", 2026, 1, 31, 12, 0) == dt.datetime(2026, 2, 28, 12, 0)
    assert after("P1Y2M", 2026, 1, 1) == dt.datetime(2027, 3, 1)


def test_a_day_keeps_the_time_of_day_and_hours_are_hours_when_the_clock_changes():
    assert after("P1D", 2026, 3, 28, 12, 0) == dt.datetime(2026, 3, 29, 12, 0)
    start = dt.datetime(2026, 3, 29, 1, 30, tzinfo=BERLIN).astimezone(dt.UTC)
    assert schedule("PT1H").after(start) - start == dt.timedelta(hours=1)


def test_cron_follows_the_german_clock():
    assert after("0 4 * * *", 2026, 7, 1, 5, 0) == dt.datetime(2026, 7, 2, 4, 0)
    assert after("0 4 * * 1-5", 2026, 11, 27, 12, 0) == dt.datetime(2026, 11, 30, 4, 0), "Friday to Monday"
    # 02:30 does not exist on 29 March 2026 and exists twice on 25 October: each time it is due once.
    spring = after("30 2 * * *", 2026, 3, 28, 12, 0)
    assert spring.date() == dt.date(2026, 3, 29)
    first = schedule("30 2 * * *").after(dt.datetime(2026, 10, 24, 12, tzinfo=BERLIN).astimezone(dt.UTC))
    assert schedule("30 2 * * *").after(first).astimezone(BERLIN).date() == dt.date(2026, 10, 26)


@pytest.mark.parametrize("text", ["", "1 Stunde", "PT", "P", "PT1S", "PT0S", "P-1D", "-P1D", "61 * * * *", "* * * *",
                                  "0 0 31 2 *", "P99999999Y", "PT1e9H", "0 4 * * * *"])  # fmt: skip
def test_what_is_no_schedule_is_refused_with_what_would_be_right(text):
    with pytest.raises(Invalid) as error:
        schedule(text)
    assert "PT15M" in error.value.hint and error.value.params["field"] == "every"


@given(
    st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2099, 1, 1)),
    st.sampled_from(["PT10S", "PT7M", "P1D", "P1M", "*/5 * * * *", "30 2 * * *"]),
)
def test_the_next_time_is_always_later(moment, text):
    start = moment.replace(tzinfo=dt.UTC)
    assert schedule(text).after(start) > start


@given(st.text(max_size=20))
def test_no_text_breaks_it(text):
    try:
        found = schedule(text)
    except Invalid:
        return
    assert (
        found.after(dt.datetime(2026, 1, 1, tzinfo=dt.UTC)) >= dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + SHORTEST
        or len(text.split()) == 5
    )
