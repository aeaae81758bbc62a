"""From counted kinds of cells to a type and a dialect per column, and the dialect that most columns share. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nabe.adapters.file.classes import DATE_KINDS, SUPPRESSED, Kind
from nabe.adapters.file.settings import Dialect
from nabe.model.dataset import FieldType

_PLAIN = {Kind.INTEGER}
_GERMAN = {Kind.INTEGER, Kind.POINT_3, Kind.COMMA_3, Kind.COMMA, Kind.POINT_GROUPS}
_ENGLISH = {Kind.INTEGER, Kind.POINT_3, Kind.COMMA_3, Kind.POINT, Kind.COMMA_GROUPS}
_BLANK = {Kind.INTEGER, Kind.BLANK_GROUPS, Kind.COMMA, Kind.COMMA_3}
_MOMENTS = {Kind.DATE, Kind.GERMAN_DATE, Kind.TIME, Kind.ZONED_TIME, Kind.GERMAN_TIME}
_DATE_WORD = re.compile(r"dat|tag|zeit|time|day", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Guess:
    """A type to be tried on every value, in a dialect. Guesses of a column are tried in order; else it is text."""

    type: FieldType
    dialect: Dialect = field(default_factory=Dialect)


def file_decimal(counts: Sequence[Mapping[Kind, int]], delimiter: str) -> str:
    """The decimal sign where single columns leave it open: what most columns say, else what goes with the delimiter."""
    comma = sum(1 for item in counts if item.get(Kind.COMMA) or item.get(Kind.POINT_GROUPS))
    point = sum(1 for item in counts if item.get(Kind.POINT) or item.get(Kind.COMMA_GROUPS))
    if comma != point:
        return "," if comma > point else "."
    return "," if delimiter == ";" else "."


def guesses(name: str, counts: Mapping[Kind, int], decimal: str) -> list[Guess]:
    """Types that all values of a column could have by their looks, the best first."""
    seen: set[Kind] = {kind for kind, count in counts.items() if count and kind not in (Kind.EMPTY, Kind.MARK)}
    if not seen or Kind.TEXT in seen or Kind.LEADING_ZERO in seen:
        return []
    if seen == {Kind.YES_NO}:
        return [Guess(FieldType.BOOLEAN)]
    if seen <= DATE_KINDS:
        return _dates(seen)
    found: list[Guess] = []
    if seen <= _PLAIN:
        if _DATE_WORD.search(name):
            found.append(Guess(FieldType.DATE, Dialect(date_format="YYYYMMDD")))
        return [*found, Guess(FieldType.INTEGER)]
    return _numbers(seen, decimal)


def _dates(seen: set[Kind]) -> list[Guess]:
    if seen <= {Kind.DATE, Kind.GERMAN_DATE}:
        return [Guess(FieldType.DATE)]
    if seen == {Kind.SHORT_DATE}:
        return [Guess(FieldType.DATE, Dialect(date_format="DD.MM.YY"))]
    if seen == {Kind.SLASH_DATE}:
        return [Guess(FieldType.DATE, Dialect(date_format=order)) for order in ("DD/MM/YYYY", "MM/DD/YYYY")]
    return [Guess(FieldType.DATETIME)] if seen <= _MOMENTS else []


def _numbers(seen: set[Kind], decimal: str) -> list[Guess]:
    """German or English; where a column fits both (`1.234`), the file's decimal sign decides."""
    german, english = seen <= _GERMAN, seen <= _ENGLISH
    if Kind.BLANK_GROUPS in seen:
        return [_as(seen, ",", " ", {Kind.COMMA, Kind.COMMA_3})] if seen <= _BLANK else []
    if german and english:
        german = decimal == ","
    if german:
        grouped = {Kind.POINT_3, Kind.POINT_GROUPS} & seen
        return [_as(seen, ",", "." if grouped else None, {Kind.COMMA, Kind.COMMA_3, Kind.POINT_GROUPS})]
    if english:
        grouped = {Kind.COMMA_3, Kind.COMMA_GROUPS} & seen
        return [_as(seen, ".", "," if grouped else None, {Kind.POINT, Kind.POINT_3, Kind.COMMA_GROUPS})]
    return []


def _as(seen: set[Kind], decimal: str, thousands: str | None, fractions: set[Kind]) -> Guess:
    kind = FieldType.NUMBER if fractions & seen else FieldType.INTEGER
    return Guess(kind, Dialect.model_validate({"decimal": decimal, "thousands": thousands}))


@dataclass(slots=True)
class Settled:
    """What was found out of one column."""

    name: str
    type: FieldType
    dialect: Dialect = field(default_factory=Dialect)
    marks: tuple[str, ...] = ()
    own_nulls: tuple[str, ...] = ()

    @property
    def withheld(self) -> tuple[str, ...]:
        """Signs among its numbers by which a value is withheld rather than missing."""
        numeric = self.type in (FieldType.INTEGER, FieldType.NUMBER)
        return tuple(mark for mark in (*self.marks, *self.own_nulls) if numeric and mark in SUPPRESSED)


def shared_settings(columns: Sequence[Settled]) -> dict[str, Any]:
    """`source` settings of the file, and under `columns` those of columns that differ.

    A column that needs no decimal sign fits any; one that needs a date format has it as its own.
    """
    numeric = [item for item in columns if item.dialect.decimal]
    found: dict[str, Any] = {}
    votes = Counter(item.dialect.decimal for item in numeric)
    decimal = votes.most_common(1)[0][0] if votes else None
    groups = Counter(
        item.dialect.thousands for item in numeric if item.dialect.decimal == decimal and item.dialect.thousands
    )
    thousands = groups.most_common(1)[0][0] if groups else None
    if decimal == ",":
        found["decimal"] = ","
    if thousands:
        found["thousands"] = thousands
    withheld = {mark for item in columns for mark in item.marks if mark in item.withheld}
    if nulls := sorted({mark for item in columns for mark in item.marks} - withheld):
        found["nulls"] = nulls
    if withheld:
        found["suppressed"] = sorted(withheld)
    own: dict[str, dict[str, Any]] = {}
    for item in columns:
        differs: dict[str, Any] = {}
        needs = item.dialect
        if needs.decimal and needs.decimal != (decimal or "."):
            differs |= {"decimal": needs.decimal, "thousands": needs.thousands or ""}
        elif needs.thousands and needs.thousands != thousands:
            differs["thousands"] = needs.thousands
        if needs.date_format:
            differs["date_format"] = needs.date_format
        if needs.footnotes:
            differs["footnotes"] = list(needs.footnotes)
        if plain := [mark for mark in item.own_nulls if mark not in item.withheld]:
            differs["nulls"] = plain
        if kept_back := [mark for mark in item.own_nulls if mark in item.withheld]:
            differs["suppressed"] = kept_back
        if differs:
            own[item.name] = differs
    if own:
        found["columns"] = own
    return found
