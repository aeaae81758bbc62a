"""ISO 8601 durations on the German calendar, across the days on which clocks change."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nabe.model.periods import CITY_TIME, Period, moment, parse_period

BERLIN = ZoneInfo("Europe/Berlin")


def berlin(*parts):
    return dt.datetime(*parts, tzinfo=BERLIN).astimezone(dt.UTC)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("P1D", Period(days=1)),
        ("P2W", Period(days=14)),
        ("P1Y2M", Period(months=14)),
        ("PT15M", Period(seconds=900)),
        ("P1DT12H", Period(days=1, seconds=43_200)),
        ("PT0.5H", Period(seconds=1800)),
        ("P0,5D", Period(seconds=43_200)),
        ("P0.5Y", Period(months=6)),
    ],
)
def test_durations_are_read(text, period):
    assert parse_period(text) == period


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "1D", "P1", "P-1D", "P1H", "PT1D", "P0D", "P0.5M", "P1S", "x", "P9999999D"]
)
def test_what_is_none_is_none(text):
    assert parse_period(text) is None


@pytest.mark.parametrize(
    ("start", "text", "end"),
    [
        # 29 March 2026: 23 hours; 25 October 2026: 25 hours. A day is a day on the clock, an hour is an hour.
        (berlin(2026, 3, 28, 12), "P1D", berlin(2026, 3, 29, 12)),
        (berlin(2026, 10, 24, 12), "P1D", berlin(2026, 10, 25, 12)),
        (berlin(2026, 3, 29, 1, 30), "PT1H", berlin(2026, 3, 29, 3, 30)),
        (berlin(2026, 10, 25, 1, 30), "PT24H", berlin(2026, 10, 26, 0, 30)),
        (berlin(2026, 1, 31), "P1M", berlin(2026, 2, 28)),
        (berlin(2024, 2, 29), "P1Y", berlin(2025, 2, 28)),
        (berlin(2026, 12, 15), "P1M", berlin(2027, 1, 15)),
    ],
)
def test_time_passes_as_on_german_clocks(start, text, end):
    assert parse_period(text).after(start) == end


def test_a_day_takes_23_or_25_hours_when_clocks_change():
    day = parse_period("P1D")
    assert day.after(berlin(2026, 3, 28, 12)) - berlin(2026, 3, 28, 12) == dt.timedelta(hours=23)
    assert day.after(berlin(2026, 10, 24, 12)) - berlin(2026, 10, 24, 12) == dt.timedelta(hours=25)


def test_the_end_of_time_is_no_error():
    assert parse_period("P999999Y").after(berlin(2026, 1, 1)).year == 9999


@given(st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2100, 1, 1)), st.integers(1, 4000))
def test_days_keep_the_time_on_the_clock_unless_it_does_not_exist(start, days):
    aware = start.replace(tzinfo=CITY_TIME)
    end = Period(days=days).after(aware).astimezone(CITY_TIME)
    assert end.replace(tzinfo=None) - aware.astimezone(dt.UTC).astimezone(CITY_TIME).replace(tzinfo=None) in (
        dt.timedelta(days=days),
        dt.timedelta(days=days, hours=1),  # 02:30 of the last Sunday of March is 03:30
    )


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("2026-03-28", berlin(2026, 3, 29)),
        ("2026-03-29", berlin(2026, 3, 30)),
        ("2026-12", berlin(2027, 1, 1)),
        ("2026", berlin(2027, 1, 1)),
        ("2026-11-24T08:00:00+00:00", dt.datetime(2026, 11, 24, 8, tzinfo=dt.UTC)),
        ("2026-11-24T08:00:00", berlin(2026, 11, 24, 8)),
        ("2026-13", None),
        ("2026-02-30", None),
        ("gestern", None),
        ("9999", None),
        ("", None),
    ],
)
def test_a_day_a_month_and_a_year_are_over_when_the_german_day_is(text, end):
    assert moment(text) == end
