"""UCUM codes: what converts into what, exactly."""

from __future__ import annotations

import tomllib
from fractions import Fraction
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.model.units import NotConvertible, conversion


@pytest.mark.parametrize(
    ("source", "target", "value", "expected"),
    [
        ("W.h", "kW.h", 1500, "1.5"),
        ("kW.h", "MJ", 1, "3.6"),
        ("J", "kW.h", 3_600_000, "1"),
        ("K", "Cel", Fraction("273.15"), "0"),
        ("Cel", "K", 20, "293.15"),
        ("[degF]", "Cel", 212, "100"),
        ("mg/L", "g/m3", 7, "7"),
        ("ug/m3", "mg/m3", 40, "0.04"),
        ("km/h", "m/s", 36, "10"),
        ("m/s", "km/h", 10, "36"),
        ("hPa", "Pa", 1013, "101300"),
        ("mbar", "hPa", 1013, "1013"),
        ("har", "km2", 100, "1"),
        ("L/s", "m3/h", 1, "3.6"),
        ("10*3{EUR}", "{EUR}", 12, "12000"),
        ("{EUR}/kW.h", "{EUR}/MW.h", Fraction("0.3"), "300"),
        ("kW.h/(m2.a)", "kW.h/m2/a", 5, "5"),
        ("%", "[ppth]", 5, "50"),
        ("/10*5{inhabitants}", "/10*3{inhabitants}", 50, "0.5"),
        ("uS/cm", "mS/m", 10, "1"),
        ("gon", "deg", 400, "360"),
        ("[pH]", "[pH]", 7, "7"),
        ("t/a", "kg/a", 2, "2000"),
    ],
)
def test_known_conversions_are_exact(source, target, value, expected):
    how = conversion(source, target)
    assert Fraction(value) * how.factor + how.offset == Fraction(expected)


@pytest.mark.parametrize(
    ("source", "target", "why"),
    [
        ("{EUR}", "{vehicles}", "something else"),
        ("kW.h", "kW", "something else"),
        ("Cel", "m", "something else"),
        ("kW{peak}", "kW", "something else"),
        ("dB{A}", "dB", "no unit that can be converted"),
        ("[pH]", "1", "no unit that can be converted"),
        ("Cel/h", "K/h", "must be alone"),
        ("kWh", "kW.h", "no unit"),
        ("", "m", "no UCUM code"),
        ("m)", "m", "one too many"),
        ("(m", "m", "bracket is open"),
        ("m/", "m", "ends too early"),
        ("m99", "m", "beyond reason"),
        ("Ym", "ym", "no unit"),
        ("Ym3", "fm3", "too far apart"),
        ("0m", "m", "0 is no unit"),
        ("m²", "m2", "no unit"),
        ("°C", "K", "no unit"),
    ],
)
def test_what_cannot_be_converted_says_why(source, target, why):
    with pytest.raises(NotConvertible, match=why):
        conversion(source, target)


def codes() -> list[str]:
    document = tomllib.loads((files("nabe.profile") / "units.toml").read_text("utf-8"))
    return [unit["ucum"] for unit in document["unit"]]


@pytest.mark.parametrize("code", codes())
def test_every_unit_that_connect_knows_converts_but_logarithms(code):
    if code.startswith(("dB", "[pH]")):
        with pytest.raises(NotConvertible):
            conversion(code, f"({code})")
    elif code == "Cel":
        assert conversion(code, "K").factor == 1
    else:
        assert conversion(code, f"({code})").identity


@settings(deadline=None)
@given(st.sampled_from(["J", "kJ", "W.h", "GW.h", "cal"]), st.sampled_from(["J", "MJ", "kW.h"]))
def test_there_and_back_is_nothing(one, other):
    there, back = conversion(one, other), conversion(other, one)
    assert there.factor * back.factor == 1 and there.offset == back.offset == 0


@settings(deadline=None)
@given(st.text(alphabet="mgsKJWhkM./()*1023{}[]+-°% eE", max_size=15))
def test_any_text_is_a_code_or_refused(text):
    try:
        conversion(text, "m")
    except NotConvertible:
        pass
