"""UCUM codes understood far enough to convert between them: factor and offset, exactly, or a reason why not.

The Unified Code for Units of Measure, version 2.2 (https://ucum.org/ucum), case-sensitive form: those atoms that municipal
data use. Annotations (`{EUR}`, `{inhabitants}`) are 1 in UCUM; here each is a dimension of its own, so that euros never
become vehicles. Logarithmic units (dB, [pH]) convert to themselves alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

#: UCUM § 27: prefixes, powers of ten.
_PREFIXES = {
    "Y": 24, "Z": 21, "E": 18, "P": 15, "T": 12, "G": 9, "M": 6, "k": 3, "h": 2, "da": 1, "d": -1, "c": -2, "m": -3,
    "u": -6, "n": -9, "p": -12, "f": -15, "a": -18,
}  # fmt: skip
#: Atoms that are dimensions themselves (UCUM § 28; the angle, too, so that degrees are no plain numbers).
_BASE = ("m", "g", "s", "K", "cd", "C", "mol", "rad", "bit")
#: Atom -> (may have a prefix, value, unit). UCUM § 29..46.
_ATOMS: Mapping[str, tuple[bool, str, str]] = {
    "%": (False, "1/100", ""), "[ppth]": (False, "1/1000", ""), "[ppm]": (False, "1/1000000", ""),
    "[ppb]": (False, "1/1000000000", ""), "10*": (False, "10", ""), "10^": (False, "10", ""),
    "min": (False, "60", "s"), "h": (False, "3600", "s"), "d": (False, "86400", "s"), "wk": (False, "604800", "s"),
    "a": (False, "31557600", "s"), "mo": (False, "2629800", "s"),
    "Hz": (True, "1", "s-1"), "N": (True, "1000", "g.m/s2"), "Pa": (True, "1", "N/m2"), "bar": (True, "100000", "Pa"),
    "atm": (False, "101325", "Pa"), "m[H2O]": (True, "980665/100", "Pa"), "m[Hg]": (True, "133322", "Pa"),
    "J": (True, "1", "N.m"), "W": (True, "1", "J/s"), "cal": (True, "4184/1000", "J"), "eV": (True, "1602176634/10000000000000000000000000000", "J"),
    "A": (True, "1", "C/s"), "V": (True, "1", "J/C"), "Ohm": (True, "1", "V/A"), "S": (True, "1", "A/V"), "F": (True, "1", "C/V"),
    "L": (True, "1/1000", "m3"), "l": (True, "1/1000", "m3"), "ar": (True, "100", "m2"), "t": (True, "1000000", "g"),
    "lm": (True, "1", "cd"), "lx": (True, "1", "lm/m2"), "Bq": (True, "1", "s-1"), "Sv": (True, "1", "J/(1000.g)"), "Gy": (True, "1", "J/(1000.g)"),
    "By": (True, "8", "bit"),
    "deg": (False, "1/180", "{pi.rad}"), "gon": (True, "9/1800", "{pi.rad}"),
    "[in_i]": (False, "254/10000", "m"), "[ft_i]": (False, "3048/10000", "m"), "[mi_i]": (False, "1609344/1000", "m"),
    "[nmi_i]": (False, "1852", "m"), "[kn_i]": (False, "1852/3600", "m/s"), "[lb_av]": (False, "45359237/100000", "g"),
    "[gal_us]": (False, "3785411784/1000000000000", "m3"),
}  # fmt: skip
#: Scales with another zero (UCUM § 21): alone in a code only. Atom -> (factor, offset) to kelvin.
_SHIFTED = {
    "Cel": (Fraction(1), Fraction(27315, 100)),
    "[degF]": (Fraction(5, 9), Fraction(45967, 100) * Fraction(5, 9)),
}
_TOKEN = re.compile(r"\{[^{}]*\}|[()./]|(?:[^\[\]{}()./\s\d+-]*\[[^\[\]]*\]|10[*^]|[^\[\]{}()./\s\d+-]+)|[+-]?\d+")


class NotConvertible(ValueError):
    """The message says which code, and why."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """`value * factor + offset`, exact."""

    factor: Fraction
    offset: Fraction

    @property
    def identity(self) -> bool:
        return self.factor == 1 and self.offset == 0


@dataclass(frozen=True, slots=True)
class _Unit:
    """So many of the product of base units, with their exponents."""

    value: Fraction
    dimension: tuple[tuple[str, int], ...] = ()

    def times(self, other: _Unit, sign: int = 1) -> _Unit:
        powers = dict(self.dimension)
        for base, power in other.dimension:
            powers[base] = powers.get(base, 0) + sign * power
        left = tuple(sorted((base, power) for base, power in powers.items() if power))
        return _Unit(self.value * other.value**sign, left)

    def power(self, exponent: int) -> _Unit:
        if abs(exponent) > 30:
            raise NotConvertible(f"exponent {exponent} is beyond reason")
        return _Unit(
            self.value**exponent, tuple((base, power * exponent) for base, power in self.dimension if exponent)
        )


@lru_cache(maxsize=4096)
def conversion(source: str, target: str) -> Conversion:
    """How numbers in `source` become numbers in `target`. `NotConvertible` says why they do not."""
    if source == target:
        return Conversion(Fraction(1), Fraction(0))
    (one, one_zero), (other, other_zero) = _scale(source), _scale(target)
    if one.dimension != other.dimension:
        raise NotConvertible(f"{source!r} measures something else than {target!r}")
    factor = one.value / other.value
    if not Fraction(1, 10**60) < factor < 10**60:
        raise NotConvertible(f"{source!r} and {target!r} are too far apart for decimal numbers")
    return Conversion(factor, (one_zero - other_zero) / other.value)


def _scale(code: str) -> tuple[_Unit, Fraction]:
    if code in _SHIFTED:
        factor, offset = _SHIFTED[code]
        return _Unit(factor, (("K", 1),)), offset
    return _parsed(code), Fraction(0)


def _parsed(code: str) -> _Unit:
    tokens = _TOKEN.findall(code)
    if not code or len(code) > 100 or "".join(tokens) != code:
        raise NotConvertible(f"{code!r} is no UCUM code")
    unit, rest = _term(code, tokens, 0)
    if rest != len(tokens):
        raise NotConvertible(f"{code!r} is no UCUM code: {tokens[rest]!r} is one too many")
    return unit


def _term(code: str, tokens: list[str], at: int) -> tuple[_Unit, int]:
    """Components joined by `.` and `/`, which bind from left to right (UCUM § 7)."""
    unit, sign = _Unit(Fraction(1)), 1
    if at < len(tokens) and tokens[at] == "/":
        sign, at = -1, at + 1
    while True:
        part, at = _component(code, tokens, at)
        unit = unit.times(part, sign)
        if at >= len(tokens) or tokens[at] not in ("/", "."):
            return unit, at
        sign, at = (-1 if tokens[at] == "/" else 1), at + 1


def _component(code: str, tokens: list[str], at: int) -> tuple[_Unit, int]:
    if at >= len(tokens):
        raise NotConvertible(f"{code!r} is no UCUM code: it ends too early")
    token = tokens[at]
    if token == "(":  # noqa: S105
        unit, at = _term(code, tokens, at + 1)
        if at >= len(tokens) or tokens[at] != ")":
            raise NotConvertible(f"{code!r} is no UCUM code: a bracket is open")
        return unit, at + 1
    if token.startswith("{"):
        return _Unit(Fraction(1), ((token, 1),)), at + 1
    if token.lstrip("+").isdigit():
        if not int(token):
            raise NotConvertible(f"{code!r} is no UCUM code: 0 is no unit")
        return _Unit(Fraction(int(token))), at + 1
    unit, at = _atom(code, token), at + 1
    if at < len(tokens) and re.fullmatch(r"[+-]?\d+", tokens[at]):
        unit, at = unit.power(int(tokens[at])), at + 1
    if at < len(tokens) and tokens[at].startswith("{"):  # kW{peak}: what kind of watts
        unit, at = unit.times(_Unit(Fraction(1), ((tokens[at], 1),))), at + 1
    return unit, at


def _atom(code: str, token: str) -> _Unit:
    if token in _BASE:
        return _Unit(Fraction(1), ((token, 1),))
    if token in _ATOMS:
        _, value, unit = _ATOMS[token]
        return _Unit(Fraction(value)).times(_parsed(unit) if unit else _Unit(Fraction(1)))
    for length in (2, 1):
        prefix, rest = token[:length], token[length:]
        if prefix in _PREFIXES and (rest in _BASE or (rest in _ATOMS and _ATOMS[rest][0])):
            return _Unit(Fraction(10) ** _PREFIXES[prefix]).times(_atom(code, rest))
    if token in _SHIFTED:
        raise NotConvertible(f"{token!r} stands for a scale and must be alone, not in {code!r}")
    raise NotConvertible(f"{token!r} in {code!r} is no unit that can be converted")
