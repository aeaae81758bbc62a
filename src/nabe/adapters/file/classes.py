"""Kinds of cells told by their looks, as one SQL expression: the evidence from which column types are proposed. Pure."""

from __future__ import annotations

from collections.abc import Collection
from enum import IntEnum

from nabe.adapters.file.translate import text, trimmed


class Kind(IntEnum):
    """How a cell looks. `POINT_3` (`1.234`) and `COMMA_3` (`1,234`) may be thousands or a fraction: the file decides."""

    EMPTY = 0
    MARK = 1
    INTEGER = 2
    LEADING_ZERO = 3
    POINT_3 = 4
    COMMA_3 = 5
    POINT = 6
    COMMA = 7
    POINT_GROUPS = 8
    COMMA_GROUPS = 9
    DATE = 10
    GERMAN_DATE = 11
    SHORT_DATE = 12
    TIME = 13
    ZONED_TIME = 14
    GERMAN_TIME = 15
    SLASH_DATE = 16
    YES_NO = 17
    BLANK_GROUPS = 18
    TEXT = 20


#: Texts that stand for a missing value where numbers or dates are expected.
SIGNS = ("-", "--", "---", "–", "—", ".", "..", "...", "…", "*", "/", "?")
WORDS = (
    "x", "X", "NA", "N/A", "n/a", "n.a.", "n. a.", "k.A.", "k. A.", "k.a.", "NULL", "null", "NaN", "nan", "None",
    "#N/A", "#NV", "#WERT!", "#DIV/0!", "keine Angabe", "unbekannt",
)  # fmt: skip
#: Signs by which German statistics withhold a value (secret, uncertain, crossed out), among numbers.
SUPPRESSED = frozenset(("*", ".", "/", "x", "X"))
#: A footnote's mark after a number: `12 1)`, `12²`, `12*`, `12 r` (revised), `12 p` (preliminary).
FOOTNOTE = "([0-9])[ \u00a0]?([¹²³⁴⁵⁶⁷⁸⁹]+\\)?|[*]{1,3}|[ \u00a0][0-9]{1,2}\\)|[ \u00a0][rp])$"
YES_NO_WORDS = ("true", "false", "ja", "nein", "wahr", "falsch", "yes", "no", "j", "n")

_HOUR = r"([01]?\d|2[0-4]):[0-5]\d"
_NUMBERS = (
    (Kind.INTEGER, r"[+-]?(0|[1-9]\d{0,17})"),
    (Kind.LEADING_ZERO, r"0\d+"),
    (Kind.POINT_3, r"[+-]?[1-9]\d{0,2}\.\d{3}"),
    (Kind.COMMA_3, r"[+-]?[1-9]\d{0,2},\d{3}"),
    (Kind.POINT, r"[+-]?(\d+\.?|\d*\.\d+)([eE][+-]?0?\d{1,2})?"),
    (Kind.COMMA, r"[+-]?(\d+,|\d*,\d+)([eE][+-]?0?\d{1,2})?"),
    (Kind.POINT_GROUPS, r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d*)?"),
    (Kind.COMMA_GROUPS, r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?"),
    (Kind.BLANK_GROUPS, "[+-]?[1-9]\\d{0,2}([ \u00a0\u202f]\\d{3})+([,.]\\d*)?"),
)
_DATES = (
    (Kind.DATE, r"\d{4}-\d{1,2}-\d{1,2}"),
    (Kind.GERMAN_DATE, r"\d{1,2}\.\d{1,2}\.\d{4}"),
    (Kind.SHORT_DATE, r"\d{1,2}\.\d{1,2}\.\d{2}"),
    (Kind.TIME, rf"\d{{4}}-\d{{1,2}}-\d{{1,2}}[ T]{_HOUR}(:\d\d([.,]\d+)?)?"),
    (
        Kind.ZONED_TIME,
        rf"\d{{4}}-\d{{1,2}}-\d{{1,2}}[ T]{_HOUR}(:\d\d([.,]\d+)?)? ?([Zz]|[+-]\d\d(:?\d\d)?)",
    ),
    (Kind.GERMAN_TIME, rf"\d{{1,2}}\.\d{{1,2}}\.\d{{4}},? {_HOUR}(:\d\d)?"),
    (Kind.SLASH_DATE, r"\d{1,2}/\d{1,2}/\d{4}"),
)
DATE_KINDS = frozenset(kind for kind, _ in _DATES)
#: A long run of digits is a key, not a number that anybody reckons with; `POINT` must not take it either.
_LONG = r"[+-]?\d{19,}"


def value_sql(column: str) -> str:
    """The text of a cell to be judged by `kind_sql`."""
    return trimmed(column, "'")


def without_footnote(value: str) -> str:
    """The text without a footnote's mark."""
    return f"regexp_replace({value}, {text(FOOTNOTE)}, '\\1')"


def kind_sql(value: str, likely: Collection[Kind]) -> str:
    """The kind of each cell as a number. `likely` only decides what is looked for first."""
    dates, numbers = _tests(value, _DATES), [f"WHEN regexp_full_match({value}, {text(_LONG)}) THEN {Kind.TEXT:d}"]
    numbers = _tests(value, _NUMBERS[:1]) + numbers + _tests(value, _NUMBERS[1:])
    words = [f"WHEN lower({value}) IN ({_listed(YES_NO_WORDS)}) THEN {Kind.YES_NO:d}"]
    marks = [f"WHEN {value} IN ({_listed(SIGNS + WORDS)}) THEN {Kind.MARK:d}"]
    groups = [dates, numbers] if set(likely) & DATE_KINDS else [numbers, dates]
    if Kind.YES_NO in likely:
        groups.insert(0, words)
    else:
        groups.append(words)
    tests = " ".join(item for group in (*groups, marks) for item in group)
    return f"CASE WHEN {value} IS NULL OR {value} = '' THEN {Kind.EMPTY:d} {tests} ELSE {Kind.TEXT:d} END"


def _tests(value: str, patterns: Collection[tuple[Kind, str]]) -> list[str]:
    return [f"WHEN regexp_full_match({value}, {text(pattern)}) THEN {kind:d}" for kind, pattern in patterns]


def _listed(words: Collection[str]) -> str:
    return ", ".join(text(word) for word in words)
