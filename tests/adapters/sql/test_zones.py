"""Local times mean the same in Python, PostgreSQL and MariaDB."""

from __future__ import annotations

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from nabe.adapters.sql.zones import changes, mysql_utc, to_utc

MOMENTS = [
    dt.datetime(2026, 3, 29, 1, 59, 59),
    dt.datetime(2026, 3, 29, 2, 30),  # never was
    dt.datetime(2026, 3, 29, 3, 0),
    dt.datetime(2026, 10, 25, 1, 59, 59),
    dt.datetime(2026, 10, 25, 2, 0),  # twice
    dt.datetime(2026, 10, 25, 2, 59, 59),
    dt.datetime(2026, 10, 25, 3, 0),
    dt.datetime(1945, 6, 1, 12),  # double summer time
    dt.datetime(1975, 7, 1, 12),  # no summer time
    dt.datetime(2055, 7, 1, 12),
    dt.datetime(1900, 1, 1),
]
ZONES = ["Europe/Berlin", "UTC", "America/New_York", "Asia/Kathmandu"]


def by_changes(local: dt.datetime, zone: str) -> dt.datetime:
    offset = [seconds for start, seconds in changes(zone) if start <= local][-1]
    return (local - dt.timedelta(seconds=offset)).replace(tzinfo=dt.UTC)


@given(st.datetimes(dt.datetime(1901, 1, 1), dt.datetime(2099, 1, 1)), st.sampled_from(ZONES))
def test_the_list_of_changes_says_the_same_as_the_zone(local, zone):
    assert by_changes(local, zone) == to_utc(local, zone)


def test_an_hour_that_comes_twice_is_the_later_one():
    assert to_utc(dt.datetime(2026, 10, 25, 2, 30), "Europe/Berlin") == dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC)
    assert to_utc(dt.datetime(2026, 3, 29, 2, 30), "Europe/Berlin") == dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC)


def test_postgresql_reads_local_times_alike(postgres):
    for zone in ZONES:
        for local in MOMENTS:
            ((found,),) = postgres.run(f"select (timestamp '{local}' at time zone '{zone}') at time zone 'UTC'")
            assert found == to_utc(local, zone).replace(tzinfo=None), (zone, local)


def test_mariadb_computes_local_times_alike(mariadb):
    for zone in ZONES:
        listed = ", ".join(mysql_utc(f"CAST('{local}' AS DATETIME(6))", zone) for local in MOMENTS)
        (found,) = mariadb.run(f"select {listed}")
        assert list(found) == [to_utc(local, zone).replace(tzinfo=None) for local in MOMENTS], zone
