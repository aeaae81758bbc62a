"""Addresses to their place in a register, with a grade that does not promise too much."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.linking.addresses import Addresses, Asked, Grade, Houses, number_of
from nabe.linking.districts import Districts

ROWS = [  # street, number, letter, postcode, district, lon
    ("Hauptstr.", 1, "", "50001", "01", 7.000),
    ("Hauptstr.", 5, "", "50001", "01", 7.004),
    ("Hauptstr.", 7, "a", "50001", "02", 7.006),
    ("Hauptstr.", 2, "", "50001", "01", 7.100),
    ("Birkenweg", 3, "", "50001", "01", 7.2),
    ("Birkenweg", 3, "", "50002", "02", 7.3),
    ("Am Markt", 9, "", "50001", "03", 7.4),
]


def houses(rows=ROWS, **more):
    street, number, letter, code, district, lon = (list(column) for column in zip(*rows, strict=True))
    first = np.asarray(number, np.int64)
    plain = dict(last=first, side=np.zeros(len(first), np.int64), key=[""] * len(first)) | more
    return Houses(street=street, first=first, suffix=letter, postcode=code, district=district,
                  lon=np.asarray(lon), lat=np.full(len(first), 51.0), **plain)  # fmt: skip


@pytest.fixture(scope="module")
def register():
    return Addresses(houses())


@pytest.mark.parametrize(
    ("asked", "grade", "why", "lon", "district"),
    [
        (Asked("Hauptstraße", 5), Grade.EXACT, "house", 7.004, "01"),
        (Asked("HAUPTSTR.", 7, "A"), Grade.EXACT, "house", 7.006, "02"),
        (Asked("Hauptstr.", 7), Grade.INTERPOLATED, "letter", 7.006, "02"),
        (Asked("Hauptstr.", 3), Grade.INTERPOLATED, "between", 7.002, "01"),
        (Asked("Haupstr.", 5), Grade.EXACT, "house", 7.004, "01"),
        (Asked("Hauptstr.", 99), Grade.STREET, "street", math.nan, ""),
        (Asked("Am Markt"), Grade.STREET, "number", 7.4, "03"),
        (Asked("Birkenweg", 3), Grade.AMBIGUOUS, "several", math.nan, ""),
        (Asked("Birkenweg", 3, "", "50002"), Grade.EXACT, "house", 7.3, "02"),
        (Asked("Birkenweg", 5), Grade.AMBIGUOUS, "several", math.nan, ""),
        (Asked("Nirgendwo", 1), Grade.NONE, "unknown", math.nan, ""),
    ],
)
def test_each_grade(register, asked, grade, why, lon, district):
    ((place, link),) = register.locate([asked])
    assert (place.grade, place.why, place.district) == (grade, why, district)
    assert place.lon == pytest.approx(lon, nan_ok=True)
    assert (link is not None) == (why == "several" and asked.number == 3)


def test_the_other_side_of_the_street_says_nothing(register):
    ((place, _),) = register.locate([Asked("Hauptstr.", 4)])
    assert place.grade is Grade.STREET


def test_a_range_of_numbers_knows_its_side():
    rows = [("Ring", 1, "", "", "A", 7.0), ("Ring", 2, "", "", "B", 7.1)]
    register = Addresses(houses(rows, last=np.asarray([99, 40]), side=np.asarray([1, 2])))
    found = [place for place, _ in register.locate([Asked("Ring", 37), Asked("Ring", 38), Asked("Ring", 60)])]
    assert [(p.grade, p.why, p.district) for p in found] == [
        (Grade.INTERPOLATED, "range", "A"),
        (Grade.INTERPOLATED, "range", "B"),
        (Grade.STREET, "street", ""),
    ]


def test_streets_told_apart_by_two_letters_are_one_name_to_whoever_does_not_say_them():
    rows = [
        ("Hauptstr. Po", 3, "", "", "A", 7.0),
        ("Hauptstr. Ro", 3, "", "", "B", 7.3),
        ("Hauptstr. Ro", 5, "", "", "B", 7.3),
    ]
    register = Addresses(houses(rows))
    found = [place for place, _ in register.locate([Asked("Hauptstr.", 3), Asked("Hauptstr. Ro", 3)])]
    assert [(p.grade, p.district) for p in found] == [(Grade.AMBIGUOUS, ""), (Grade.EXACT, "B")]


@pytest.mark.parametrize(
    ("text", "expected"), [("0001a", (1, "a")), ("12 B", (12, "b")), ("", (0, "")), ("x", (0, ""))]
)
def test_house_numbers(text, expected):
    assert number_of(text) == expected


@settings(deadline=None)
@given(
    st.lists(
        st.builds(Asked, st.text(max_size=8), st.integers(0, 9999), st.text(max_size=1), st.text(max_size=5)),
        max_size=6,
    )
)
def test_any_question_gets_one_answer_each(asked):
    assert len(Addresses(houses()).locate(asked)) == len(asked)


def test_an_empty_register_knows_nothing():
    empty = np.empty(0, np.int64)
    register = Addresses(Houses([], empty, empty, empty, [], [], [], [], np.empty(0), np.empty(0)))
    assert register.locate([Asked("Hauptstr.", 1)])[0][0].grade is Grade.NONE


def test_points_fall_into_districts_and_borders_are_told():
    left, right = shapely.box(7.0, 51.0, 7.1, 51.1), shapely.box(7.1, 51.0, 7.2, 51.1)
    bow = shapely.Polygon([(8, 51), (8.1, 51.1), (8.1, 51), (8, 51.1)])
    areas = Districts(["L", "R", "X", "-"], [shapely.to_wkb(left), shapely.to_wkb(right), shapely.to_wkb(bow), None])
    lon = np.asarray([7.05, 7.15, 7.10001, 7.1, 9.0, math.nan, 8.01])
    lat = np.asarray([51.05, 51.05, 51.05, 51.05, 51.05, 51.05, 51.05])
    found = areas.of(lon, lat)
    assert [key for key, _ in found[:3]] == ["L", "R", "R"] and found[4:6] == [("", False), ("", False)]
    assert [near for _, near in found[:4]] == [False, False, True, True] and areas.unusable == 1
    assert found[6][0] == "X"
