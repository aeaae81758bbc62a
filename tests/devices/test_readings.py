"""From decoded fields to results, and which clock is believed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nabe.devices.readings import NoValue, at, readings, result, steps
from nabe.devices.timing import AHEAD, BEHIND, Moments, moment_of, moments
from nabe.model.device import Measure, Profile
from nabe.model.text import Text

DAY = 86_400_000_000
NOW = 1_784_000_000_000_000


@pytest.mark.parametrize(
    ("measure", "value", "expected"),
    [
        (Measure("x", "X"), 3, (3.0, None)),
        (Measure("x", "X"), "3.5", (3.5, None)),
        (Measure("x", "X", factor=0.1), 3, (0.3, None)),
        (Measure("x", "X", factor=1.8, offset=32), 100, (212.0, None)),
        (Measure("x", "X", kind="integer"), 3.0, (3.0, None)),
        (Measure("x", "X", kind="boolean"), True, (None, "true")),
        (Measure("x", "X", kind="boolean"), 0, (None, "false")),
        (Measure("x", "X", kind="boolean", words={"trigger": "true"}), "trigger", (None, "true")),
        (Measure("x", "X", kind="text", words={"0": "frei", "1": "belegt"}), 1, (None, '"belegt"')),
        (Measure("x", "X", kind="text"), "ü", (None, '"ü"')),
        (Measure("x", "X", kind="any"), {"a": [1]}, (None, '{"a":[1]}')),
    ],
)
def test_values_become_results(measure: Measure, value: Any, expected: Any) -> None:
    assert result(measure, value) == expected


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        (Measure("x", "X"), "warm"),
        (Measure("x", "X"), True),
        (Measure("x", "X"), [1]),
        (Measure("x", "X"), float("nan")),
        (Measure("x", "X"), 10**400),
        (Measure("x", "X", missing=(327.67,)), 327.67),
        (Measure("x", "X", lowest=0), -0.1),
        (Measure("x", "X", highest=100), 100.5),
        (Measure("x", "X", kind="integer"), 2.5),
        (Measure("x", "X", kind="boolean"), "maybe"),
        (Measure("x", "X", kind="text"), {"a": 1}),
        (Measure("x", "X", kind="any"), "x" * 5000),
    ],
)
def test_what_is_no_value_is_left_out(measure: Measure, value: Any) -> None:
    with pytest.raises(NoValue):
        result(measure, value)


def test_a_message_gives_the_measures_of_its_port() -> None:
    profile = Profile("p", Text("P"), (Measure("a", "A"), Measure("b", "B", ports=(2,)), Measure("c.d[1]", "C")))
    found, left_out = readings(profile, {"a": 1, "b": 2, "c": {"d": [0, 7]}}, 1)
    assert [(item.field, item.number) for item in found] == [("a", 1.0), ("c.d[1]", 7.0)] and left_out == []
    found, left_out = readings(profile, {"a": "x", "b": 2}, 2)
    assert [item.field for item in found] == ["b"] and left_out == ["a: no number"]


def test_ways_into_fields() -> None:
    assert steps("wifi[0].rssi") == ("wifi", 0, "rssi")
    assert at({"a.b": 1}, "a.b") == 1
    assert at({"a": {"b": 2}}, "a.b") == 2
    assert at({"a": [1]}, "a[3]") is None
    for wrong in ("", ".a", "a[x]", "a]"):
        with pytest.raises(ValueError):
            steps(wrong)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda x: st.lists(x, max_size=2) | st.dictionaries(st.sampled_from("abc"), x, max_size=2),
        max_leaves=5,
    ),
    st.sampled_from(["number", "integer", "boolean", "text", "any"]),
)
def test_any_value_is_a_result_or_none(value: Any, kind: str) -> None:
    try:
        number, text = result(Measure("x", "X", kind=kind), value)
    except NoValue:
        return
    assert (number is None) != (text is None)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({}, Moments(NOW, NOW)),
        ({"received": NOW - 5}, Moments(NOW - 5, NOW - 5)),
        ({"received": NOW - 400 * DAY}, Moments(NOW - 400 * DAY, NOW - 400 * DAY)),  # a record that is played again
        ({"received": NOW + 2 * AHEAD}, Moments(NOW, NOW, NOW + 2 * AHEAD)),
        ({"received": 5}, Moments(NOW, NOW, 5)),  # a clock that begins in 1970
        ({"received": NOW, "heard": NOW - 3600_000_000}, Moments(NOW - 3600_000_000, NOW)),
        ({"received": NOW, "heard": NOW - 2 * BEHIND}, Moments(NOW, NOW, NOW - 2 * BEHIND)),
        ({"received": NOW, "device": NOW - DAY, "heard": NOW - 1}, Moments(NOW - DAY, NOW)),
        ({"received": NOW, "device": NOW + DAY, "heard": NOW - 1}, Moments(NOW - 1, NOW, NOW + DAY)),
        ({"received": NOW, "device": 946_684_800_000_000}, Moments(NOW, NOW, 946_684_800_000_000)),
    ],
)
def test_which_clock_is_believed(given_: dict[str, int], expected: Moments) -> None:
    assert moments(NOW, given_.pop("received", None), **given_) == expected


@given(st.none() | st.integers(0, 2**53), st.none() | st.integers(0, 2**53), st.none() | st.integers(0, 2**53))
def test_no_time_lies_in_the_future(received: int | None, heard: int | None, device: int | None) -> None:
    found = moments(NOW, received, heard, device)
    assert found.measured <= NOW + 2 * AHEAD and found.received <= NOW + AHEAD


def test_times_inside_payloads() -> None:
    assert (
        moment_of(1700000000)
        == moment_of(1700000000000)
        == moment_of(1700000000000000)
        == moment_of("2023-11-14T22:13:20Z")
    )
    assert [moment_of(wrong) for wrong in (None, True, -1, 0, "x", float("nan"), {}, 10**20)] == [None] * 8
