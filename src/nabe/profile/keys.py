"""What identifies a row: one column, or two or three together; and which column is the time."""

from __future__ import annotations

import re
from itertools import combinations

import numpy as np

from nabe.model.dataset import FieldType
from nabe.profile.column import ColumnProfile
from nabe.profile.distinct import Budget, Exact
from nabe.profile.hashing import Hashes, combine
from nabe.profile.municipal import is_code_header
from nabe.profile.titles import tokens

#: Columns of which pairs and triples are tried; so many of these may be watched without looking for repeats at once.
_TRIED, _FEW_WATCHED = 6, 3
_TIME_WORDS = (
    "datum",
    "date",
    "zeit",
    "time",
    "timestamp",
    "zeitpunkt",
    "zeitstempel",
    "stichtag",
    "messzeit",
    "tag",
    "datetime",
)
_START_WORDS = ("begin", "beginn", "start", "beg", "von", "from")
_DAY = re.compile(r"(1[89]|20)\d\d(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")
_NOT_TIME = (
    "geburt",
    "birth",
    "geb",
    "created",
    "updated",
    "modified",
    "eröffnung",
    "änderung",
    "aenderung",
    "import",
    "sterbe",
)
_PERIOD_WORDS = ("jahr", "year", "monat", "month", "quartal", "stunde", "hour", "woche", "zeit", "stand")


def is_period(column: ColumnProfile) -> bool:
    """A year, month, hour, or a day or moment written as a number or text."""
    named = any(part in _PERIOD_WORDS or part in _TIME_WORDS for part in tokens(column.name))
    return named and (column.type is FieldType.INTEGER or (column.type is FieldType.STRING and not column.free_text))


def is_year(column: ColumnProfile) -> bool:
    """Whole numbers, all of them years between 1800 and 2100."""
    return column.whole and column.share(lambda text: len(text) == 4 and "1800" <= text <= "2100") >= 0.99


def is_day(column: ColumnProfile) -> bool:
    """Days written as eight digits: 20130201."""
    return column.whole and column.share(lambda text: bool(_DAY.fullmatch(text))) >= 0.99


def is_temporal(column: ColumnProfile) -> bool:
    """A date or a moment."""
    return column.type in (FieldType.DATE, FieldType.DATETIME)


def key_rank(column: ColumnProfile) -> int | None:
    """How fit a column is to be (part of) a key: 0 best, None not at all (measurements, places, free text)."""
    if column.type in (FieldType.NUMBER, FieldType.BOOLEAN, FieldType.GEOMETRY) or column.free_text:
        return None
    parts = tokens(column.name)
    if "id" in parts or "objectid" in parts or "fid" in parts or "uuid" in parts:
        return 0
    if is_code_header(column.name):
        return 1
    if is_temporal(column) or is_period(column):
        return 2
    if column.type is FieldType.INTEGER:
        # A number that happens to differ in every row (inhabitants of 30 districts) is not a key.
        return None
    return 3 if column.whole or "code" in parts else 4


class Combinations:
    """Pairs and triples of columns watched for repeated rows, from the first batch on."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._watched: dict[tuple[str, ...], Exact] | None = None

    def add(self, columns: list[ColumnProfile], hashes: dict[str, Hashes]) -> None:
        """Take in a batch: the hashes of its rows by column."""
        if self._watched is None:
            self._watched = {names: Exact(self._budget) for names in self._groups(columns, hashes)}
        elif any(_single_holds(column) for column in columns):
            self._drop_all()  # one column will do
        empty = {column.name for column in columns if column.nulls}
        crowded = len(self._watched) > _FEW_WATCHED
        for names in list(self._watched):
            together = self._watched[names]
            rows = combine([hashes[name] for name in names])
            # Looking for repeats costs more than remembering, so only while there are many to remember.
            if empty.intersection(names) or (crowded and len(np.unique(rows)) < len(rows)):
                together.drop()
            together.add(rows)
            if not together.alive:
                del self._watched[names]

    def _groups(self, columns: list[ColumnProfile], hashes: dict[str, Hashes]) -> list[tuple[str, ...]]:
        able = [(rank, at, c) for at, c in enumerate(columns) if (rank := key_rank(c)) is not None and not c.nulls]
        tried = [column for _, _, column in sorted(able, key=lambda item: item[:2])]
        # Whatever else is tried, time is: series repeat their keys over time.
        times = [column for column in tried if is_temporal(column) or is_period(column)][:2]
        tried = (times + [column for column in tried if column not in times])[:_TRIED]
        tried.sort(key=columns.index)
        groups = [
            tuple(column.name for column in group)
            for size in (2, 3)
            for group in combinations(tried, size)
            if size == 2 or any(column in times for column in group)
        ]
        # A table of statistics is identified by all its dimensions together, of which some only repeat others.
        dimensions = [c.name for c in columns if key_rank(c) is not None and not c.nulls and c.distinct_so_far <= 200]
        for group in (_independent(dimensions, hashes), tuple(dimensions)):
            if 3 <= len(group) <= 6 and group not in groups:
                groups.append(group)
        return groups

    def _drop_all(self) -> None:
        for together in (self._watched or {}).values():
            together.drop()
        self._watched = {}

    def unique(self) -> list[tuple[str, ...]]:
        """The combinations without repeated rows. Frees what is held."""
        found = []
        for names, together in (self._watched or {}).items():
            rows = together.rows
            if rows and together.distinct() == rows:
                found.append(names)
        return found


def _independent(names: list[str], hashes: dict[str, Hashes]) -> tuple[str, ...]:
    """Without constants, and without names that stand beside their codes, as far as the first rows show."""
    kept: list[str] = []
    counts = {name: len(np.unique(hashes[name])) for name in names}
    for name in names:
        told = [other for other in kept if counts[other] == counts[name]]
        echo = any(len(np.unique(combine([hashes[other], hashes[name]]))) == counts[name] for other in told)
        if counts[name] > 1 and not echo:
            kept.append(name)
    return tuple(kept)


def _single_holds(column: ColumnProfile) -> bool:
    """After the first batches, does this one still look like the key?"""
    if column.nulls or column.sample.complete or column.sample.repeated or not column.exact.alive:
        return False
    rank = key_rank(column)
    return rank is not None and rank <= 2


def choose_key(
    columns: list[ColumnProfile], together: list[tuple[str, ...]], declared: tuple[str, ...]
) -> tuple[tuple[str, ...], bool]:
    """(key columns, certain?): as declared by the silo, else the fittest single column, else the fittest combination."""
    if declared:
        return declared, True
    ranks = {column.name: rank for column in columns if (rank := key_rank(column)) is not None}
    if columns and columns[0].rows < 2:
        return (), False  # in one row everything is unique
    single = [column for column in columns if column.name in ranks and column.seems_unique]
    if single:
        best = min(single, key=lambda column: (ranks[column.name], not column.unique, columns.index(column)))
        # A unique name beside a fitting pair of codes is luck; beside nothing better, it is the key.
        return (best.name,), best.unique
    fitting = [names for names in together if _sensible([ranks.get(name, 9) for name in names])]
    if not fitting:
        return (), False
    return min(fitting, key=lambda names: (len(names), _weight(names, ranks, columns))), True


def _weight(names: tuple[str, ...], ranks: dict[str, int], columns: list[ColumnProfile]) -> int:
    """Small for codes, and for columns that stand in front, where tables have their keys."""
    places = {column.name: at for at, column in enumerate(columns)}
    return sum(ranks[name] + 2 * places[name] for name in names)


def _sensible(ranks: list[int]) -> bool:
    """A code or a time, and at most one plain text beside it: an address and a fuel differing in all rows is luck.

    Three or more are the dimensions of statistics.
    """
    return max(ranks) <= 4 and min(ranks) <= 2 and (ranks.count(4) <= 1 or len(ranks) >= 3)


def choose_time(columns: list[ColumnProfile]) -> ColumnProfile | None:
    """The date or time that says when a row holds: named so, begin before end, mostly filled."""
    able = []
    for at, column in enumerate(columns):
        parts = tokens(column.name)
        if not is_temporal(column) or column.filled < 0.8 * column.rows or column.distinct < 1:
            continue
        if any(part.startswith(_NOT_TIME) for part in parts):
            continue
        named = any(part in _TIME_WORDS or part.endswith(("datum", "zeit", "zeitpunkt")) for part in parts)
        start = any(part in _START_WORDS for part in parts)
        able.append((not named, not start, column.type is not FieldType.DATETIME, at, column))
    return min(able, key=lambda item: item[:4])[4] if able else None
