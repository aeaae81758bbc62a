"""Cells become values: German and ISO numbers, dates, times, gaps; and what is none becomes no value."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.adapters.file.settings import Dialect
from nabe.adapters.file.translate import typed
from nabe.model.dataset import FieldType as T

GERMAN = Dialect(decimal=",", thousands=".")
ENGLISH = Dialect(decimal=".", thousands=",")
PLAIN = Dialect()
CONNECTION = duckdb.connect()
CONNECTION.execute("LOAD icu; SET TimeZone = 'UTC'")


def values(cells: Sequence[str | None], kind: T, dialect: Dialect = PLAIN, zone: str = "Europe/Berlin") -> list[Any]:
    cursor = CONNECTION.cursor()
    cursor.register("cells", pa.table({"c": pa.array(cells, pa.string())}))
    found = cursor.execute(f"SELECT {typed('c', 'VARCHAR', kind, dialect, zone)} AS v FROM cells").to_arrow_table()
    return found["v"].to_pylist()


def utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type,misc]


@pytest.mark.parametrize(
    ("cell", "dialect", "value"),
    [
        ("1.234,56", GERMAN, 1234.56),
        ("-0,5", GERMAN, -0.5),
        (",5", GERMAN, 0.5),
        ("12", GERMAN, 12.0),
        ("1.234", GERMAN, 1234.0),
        ("1.23", GERMAN, None),
        ("12.34.567", GERMAN, None),
        ("1,234.5", ENGLISH, 1234.5),
        ("1 234,5", Dialect(decimal=",", thousands=" "), 1234.5),
        ("1\u00a0234,5", Dialect(decimal=",", thousands=" "), 1234.5),
        (".70700312", PLAIN, 0.70700312),
        ("7.40819209141e+000", PLAIN, 7.40819209141),
        ("7.4e+00", PLAIN, 7.4),
        (" 5 ", PLAIN, 5.0),
        ("+5", PLAIN, 5.0),
        ("5,5", PLAIN, None),
        ("<15", PLAIN, None),
        ("nan", PLAIN, None),
        ("inf", PLAIN, None),
        ("1_000", PLAIN, None),
        ("0x1F", PLAIN, None),
        ("", PLAIN, None),
        ("-", PLAIN, None),
    ],
)
def test_a_number_is_read_in_its_dialect_or_not_at_all(cell, dialect, value):
    assert values([cell], T.NUMBER, dialect) == [value]


@pytest.mark.parametrize(
    ("cell", "dialect", "value"),
    [
        ("12", PLAIN, 12),
        ("12.0", PLAIN, 12),
        ("12.5", PLAIN, None),
        ("1.234", GERMAN, 1234),
        ("9.007.199.254.740.993", GERMAN, 9007199254740993),
        ("9007199254740993", PLAIN, 9007199254740993),
        ("99999999999999999999", PLAIN, None),
        ("1_0", PLAIN, None),
        ("007", PLAIN, 7),
    ],
)
def test_a_whole_number_is_exact(cell, dialect, value):
    assert values([cell], T.INTEGER, dialect) == [value]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("24.11.2026", dt.date(2026, 11, 24)),
        ("4.1.2026", dt.date(2026, 1, 4)),
        ("2026-11-24", dt.date(2026, 11, 24)),
        ("20261124", dt.date(2026, 11, 24)),
        ("2026/11/24", dt.date(2026, 11, 24)),
        ("'2026-11-24'", dt.date(2026, 11, 24)),
        ("2026-11-24T23:30:00Z", dt.date(2026, 11, 24)),
        ("24.11.2026 23:30", dt.date(2026, 11, 24)),
        ("24.11.26", None),
        ("31.02.2026", None),
        ("infinity", None),
        ("epoch", None),
        ("2026", None),
        ("", None),
    ],
)
def test_a_day_is_read_in_german_and_iso(cell, value):
    assert values([cell], T.DATE) == [value]


@pytest.mark.parametrize(
    ("given", "cell", "value"),
    [
        ("DD.MM.YY", "24.11.26", dt.date(2026, 11, 24)),
        ("DD/MM/YYYY", "01/02/2026", dt.date(2026, 2, 1)),
        ("%m/%d/%Y", "01/02/2026", dt.date(2026, 1, 2)),
        ("DD.MM.YYYY", "24.11.26", None),
        ("unix", "1700000000", dt.date(2023, 11, 14)),
    ],
)
def test_a_declared_date_format_is_kept_to(given, cell, value):
    assert values([cell], T.DATE, Dialect(date_format=given)) == [value]


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("2026-07-01T12:00:00Z", utc(2026, 7, 1, 12)),
        ("2026-07-01T12:00Z", utc(2026, 7, 1, 12)),
        ("2026-07-01T12:00:00+02:00", utc(2026, 7, 1, 10)),
        ("2026-07-01 12:00+02", utc(2026, 7, 1, 10)),
        ("2026-07-01T12:00:00.5+0200", utc(2026, 7, 1, 10, 0, 0, 500000)),
        ("2026-07-01 12:00", utc(2026, 7, 1, 10)),
        ("2026-01-01 12:00:30", utc(2026, 1, 1, 11, 0, 30)),
        ("'2022-01-01 01:00'", utc(2022, 1, 1, 0)),
        ("2022-01-01 24:00", utc(2022, 1, 1, 23)),
        ("31.12.2026 24:00", utc(2026, 12, 31, 23)),
        ("01.07.2026 08:15", utc(2026, 7, 1, 6, 15)),
        ("1.7.2026, 8:15:30", utc(2026, 7, 1, 6, 15, 30)),
        ("01.07.2026", utc(2026, 6, 30, 22)),
        ("2026-07-01", utc(2026, 6, 30, 22)),
        ("202607010815", utc(2026, 7, 1, 6, 15)),
        ("25:00", None),
        ("infinity", None),
        ("epoch", None),
    ],
)
def test_a_moment_without_zone_is_german_time(cell, value):
    assert values([cell], T.DATETIME) == [value]


def test_a_declared_zone_counts_for_times_without_one():
    assert values(["2026-07-01 12:00", "2026-07-01T12:00+02:00"], T.DATETIME, zone="UTC") == [
        utc(2026, 7, 1, 12),
        utc(2026, 7, 1, 10),
    ]


def test_seconds_since_1970_are_moments_when_declared():
    assert values(["0", "1.5"], T.DATETIME, Dialect(date_format="unix")) == [
        utc(1970, 1, 1),
        utc(1970, 1, 1, 0, 0, 1, 500000),
    ]
    assert values(["1000"], T.DATETIME, Dialect(date_format="unix_ms")) == [utc(1970, 1, 1, 0, 0, 1)]


def test_yes_and_no_are_understood_in_two_languages():
    assert values(["ja", "Nein", "TRUE", "f", "1", "vielleicht", None], T.BOOLEAN) == [
        True,
        False,
        True,
        False,
        True,
        None,
        None,
    ]


def test_text_stays_as_it_is_and_only_gaps_are_gaps():
    dialect = Dialect(nulls=("-", "k. A."))
    assert values(["01", " a ", "-", " k. A. ", "", "  ", "x-"], T.STRING, dialect) == [
        "01",
        " a ",
        None,
        None,
        None,
        None,
        "x-",
    ]
    assert values(["-", "NA", "\u00a0"], T.STRING) == ["-", "NA", None]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12), min_size=1))
def test_german_numbers_survive_the_round_trip(numbers):
    cells = [f"{number:,.6f}".translate(str.maketrans(",.", ".,")) for number in numbers]
    found = values(cells, T.NUMBER, GERMAN)
    assert all(math.isclose(a, b, rel_tol=1e-12, abs_tol=5.1e-7) for a, b in zip(found, numbers, strict=True))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_whole_numbers_survive_the_round_trip_with_and_without_groups(numbers):
    assert values([str(number) for number in numbers], T.INTEGER) == numbers
    assert values([f"{number:,}".replace(",", ".") for number in numbers], T.INTEGER, GERMAN) == numbers


@settings(max_examples=50, deadline=None)
@given(st.lists(st.dates(dt.date(1000, 1, 1)), min_size=1))
def test_days_survive_the_round_trip(days):
    assert values([f"{day.day:02}.{day.month:02}.{day.year}" for day in days], T.DATE) == days
    assert values([day.isoformat() for day in days], T.DATE) == days


@settings(max_examples=50, deadline=None)
@given(st.lists(st.datetimes(dt.datetime(1950, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC)), min_size=1))
def test_moments_survive_the_round_trip(moments):
    assert values([moment.isoformat() for moment in moments], T.DATETIME) == moments
    berlin = [moment.astimezone(ZoneInfo("Europe/Berlin")) for moment in moments]
    plain = [
        moment
        for moment, local in zip(moments, berlin, strict=True)
        if local.replace(fold=0).utcoffset() == local.replace(fold=1).utcoffset()
    ]
    cells = [moment.astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=None).isoformat(" ") for moment in plain]
    assert values(cells, T.DATETIME) == plain


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.text(max_size=30), min_size=1), st.sampled_from(list(T)[:6]), st.sampled_from([PLAIN, GERMAN, ENGLISH])
)
def test_no_cell_whatever_is_an_error(cells, kind, dialect):
    cells = [cell.encode("utf-8", "ignore").decode() for cell in cells]
    assert len(values(cells, kind, dialect)) == len(cells)
