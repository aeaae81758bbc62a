"""Two fields compared value by value."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.linking.comparing import WAYS, compare


def once(*values: str) -> dict[str, int]:
    return dict.fromkeys(values, 1)


def test_counts_go_both_ways_and_examples_are_those_with_most_rows():
    told = compare({"a": 3, "b": 1, "x": 9, "y": 2}, once("a", "b", "c"))
    assert (told.values, told.found, told.rows, told.rows_found) == (4, 2, 15, 4)
    assert (told.targets, told.used, told.cardinality) == (3, 2, "n:1")
    assert told.missing == ("x", "y") and told.help is None


@pytest.mark.parametrize(
    ("left", "right", "cardinality"),
    [
        (once("a"), once("a"), "1:1"),
        ({"a": 2}, once("a"), "n:1"),
        (once("a"), {"a": 2}, "1:n"),
        ({"a": 2}, {"a": 2}, "m:n"),
    ],
)
def test_cardinality_is_seen_from_the_rows(left, right, cardinality):
    assert compare(left, right).cardinality == cardinality


@pytest.mark.parametrize(
    ("left", "right", "way"),
    [
        (("07", "12"), ("7", "12"), "zeros"),
        (("7.0", "12.0"), ("07", "12"), "zeros"),
        (("Mitte ", "Nord"), ("Mitte", "Nord"), "blanks"),
        (("MITTE", "Nord"), ("Mitte", "Nord"), "case"),
        (("Koeln Sued", "Mitte"), ("Köln-Süd", "Mitte"), "spelling"),
        (("A1,B2", "C3"), ("A1", "B2", "C3"), "list"),
    ],
)
def test_the_smallest_change_of_writing_that_helps_is_named(left, right, way):
    told = compare(once(*left), once(*right))
    assert told.help is not None and (told.help.way, told.help.values) == (way, len(left)) and not told.help.clash


def test_a_change_that_makes_different_keys_the_same_is_said_to_clash():
    told = compare(once("7"), once("07", "007"))
    assert told.help is not None and told.help.clash


def test_no_values_are_shown_where_they_must_not_be():
    assert compare(once("geheim"), once("a"), examples=False).missing == ()


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=6), st.integers(1, 5)), st.dictionaries(st.text(max_size=6), st.integers(1, 5)))
def test_help_only_adds(left, right):
    told = compare(left, right)
    assert told.found == told.used <= min(told.values, told.targets)
    if told.help:
        assert told.found < told.help.values <= told.values


@settings(deadline=None)
@given(st.text(max_size=12))
def test_a_writing_applied_again_changes_nothing(text):
    for write in WAYS.values():
        assert write(write(text)) == write(text)
