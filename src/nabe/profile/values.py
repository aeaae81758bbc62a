"""What the values of a field look like: code lists, constants, empty columns, numbers mixed with text, stand-ins."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from nabe.model.dataset import FieldType
from nabe.profile.column import ColumnProfile, is_number
from nabe.profile.findings import Finding, Severity
from nabe.profile.titles import tokens

#: Most codes of a code list; most that are shown.
_CODES, _SHOWN = 30, 12
#: Numbers that stand for a missing value in files of offices and weather services.
_STAND_INS = (-999, -9999, -99, -999.9, -99.9, -32768, 9999, 99999, 999999)
#: Words that stand for a missing or withheld value.
_NO_VALUE = frozenset({"-", "--", "---", ".", "x", "/", "k.a.", "k. a.", "ka", "n/a", "na", "nan", "null", "none"})
_NO_VALUE |= {"unbekannt", "...", "•", "*"}


def value_findings(column: ColumnProfile, name: str, *, is_key: bool, secret: bool) -> Iterator[Finding]:
    """Findings of kind `values`. `secret`: show no values, the field is suspected personal."""
    if not column.filled:
        yield Finding(name, "values", Severity.CHECK, "profile.values.empty")
        return
    if column.type is FieldType.GEOMETRY:
        return
    if column.distinct == 1 and column.rows > 1:
        shown = [] if secret else [column.texts[0][:40]]
        key = "profile.values.constant" if shown else "profile.values.constant_hidden"
        yield Finding(name, "values", Severity.INFO, key, {"values": shown, "rows": column.filled})
    elif _is_code_list(column) and not is_key and not secret and not is_flag(column):
        codes = column.examples(lambda text: True, _SHOWN)
        key = "profile.values.codes" if column.distinct <= _SHOWN else "profile.values.codes_more"
        yield Finding(name, "values", Severity.INFO, key, {"count": column.distinct, "values": codes})
    if column.type is FieldType.STRING and not secret:
        yield from _mixed(column, name)
    elif column.type in (FieldType.NUMBER, FieldType.INTEGER):
        yield from _stand_ins(column, name)
    if column.nulls > 0.5 * column.rows:
        share = 100.0 * column.nulls / column.rows
        yield Finding(name, "values", Severity.INFO, "profile.values.mostly_missing", {"share": share})


def is_flag(column: ColumnProfile) -> bool:
    """Yes and no as 1 and 0."""
    return column.type is FieldType.INTEGER and column.distinct == 2 and (column.low, column.high) == (0, 1)


def _is_code_list(column: ColumnProfile) -> bool:
    """Few values, each of them often: text, or small whole numbers."""
    few = 2 <= column.distinct <= _CODES and column.filled >= 5 * column.distinct
    if column.type is FieldType.INTEGER:
        few = few and not {"count", "anzahl", "zahl", "number"} & set(tokens(column.name))
        return few and column.distinct <= 10 and column.low >= 0 and column.high <= 99
    return few and column.type is FieldType.STRING and column.max_length <= 80


def _mixed(column: ColumnProfile, name: str) -> Iterator[Finding]:
    """Numbers with a few texts between them: why the column is text, and what stands in the way."""
    numbers = column.matching_rows(is_number)
    seen = int(column.sample.counts.sum())
    if not column.leading_zeros and seen * 0.5 <= numbers < seen:
        share = 100.0 * numbers / seen
        others = column.examples(lambda text: not is_number(text))
        missing = all(text.lower() in _NO_VALUE for text in others)
        key = "profile.values.mixed_missing" if missing else "profile.values.mixed"
        yield Finding(name, "values", Severity.CHECK, key, {"share": share, "values": others})
    elif hits := column.examples(lambda text: text.lower() in _NO_VALUE):
        yield Finding(name, "values", Severity.INFO, "profile.values.no_value", {"values": hits})


def _stand_ins(column: ColumnProfile, name: str) -> Iterator[Finding]:
    if (mark := stand_in(column)) is None:
        return
    rows = column.matching_rows(str(mark).__eq__)
    key = "profile.values.stand_in" if rows else "profile.values.stand_in_uncounted"
    yield Finding(name, "values", Severity.WARNING, key, {"value": str(mark), "rows": rows})


def stand_in(column: ColumnProfile) -> float | None:
    """-999 and the like, if far from the other values."""
    if column.type not in (FieldType.NUMBER, FieldType.INTEGER):
        return None
    for mark in _STAND_INS:
        if mark not in (column.low, column.high):
            continue
        others = np.asarray([value for value in column.values if value != mark], dtype=float)
        far = len(others) >= 3 and (mark < others.min() - np.ptp(others) or mark > others.max() + np.ptp(others) * 4)
        if far or (mark in (-999, -9999) and len(others) and others.min() > mark / 2):
            return mark
    return None


def is_unix_time(column: ColumnProfile) -> bool:
    """Whole numbers that are seconds or milliseconds since 1970 in the years 1990 to 2100?"""
    if column.type is not FieldType.INTEGER or column.low is None:
        return False
    return (
        any(631_152_000 * unit <= column.low and column.high <= 4_102_444_800 * unit for unit in (1, 1000))
        and column.distinct >= 5
    )
