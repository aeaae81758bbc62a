"""Where a table lies on its page: titles above, header of one or several rows, footnotes and totals below. Pure.

Rows and columns are counted from 0 here and from 1 in settings. What is guessed is told, and stands in the settings
afterwards: a declared table is read as declared.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from nabe.adapters.file.classes import SIGNS, WORDS
from nabe.adapters.file.headers import clean, header_index, numbered, unique_names
from nabe.adapters.file.settings import TableSettings

Row = Sequence[str]
_NUMBER = re.compile(
    r"[<>≤≥]?\s*[+-]?[\d.,\s\u00a0\u202f]*\d[\d.,]*([eE][+-]?\d+)?\s*%?|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}([ T].*)?"
)
_YEAR = re.compile(r"(18|19|20|21)\d\d")
_TOTAL = re.compile(r"(.*\b)?(insgesamt|gesamt(summe|ergebnis)?|summe|total|zusammen|Σ|∑)\b.{0,30}", re.IGNORECASE)
_MARKS = frozenset(SIGNS + WORDS)
#: Rows at the end of a table that are searched for footnotes and totals.
TAIL = 40
_MOST_HEADERS = 5
_LONG = 25


@dataclass(frozen=True, slots=True)
class Layout:
    """`header`: index of the first header row (-1: none), `headers`: how many, `data`: index of the first row of data."""

    header: int
    headers: int
    data: int
    names: tuple[str, ...]
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def find_layout(rows: Sequence[Row], settings: TableSettings) -> Layout:
    """The layout as declared, else by the looks of the first rows."""
    if settings.header_row is not None:
        return _declared(rows, settings)
    header = header_index(rows)
    if header is None:
        header = 0
    if _is_data(rows, header):
        better = next((at for at in range(header + 1, min(header + 4, len(rows))) if _is_surely_header(rows, at)), None)
        if better is None:
            return _headless(rows, header, settings)
        header = better
    first, last, data = header, header, header + 1
    while first > 0 and header - first < _MOST_HEADERS - 1 and _is_group(rows, first - 1, header):
        first -= 1
    notes: list[str] = []
    while data < len(rows) and data - header < _MOST_HEADERS and _is_below_header(rows, data):
        lengths = [len(cell) for cell in rows[data] if cell.strip()]
        if sum(lengths) / len(lengths) <= _LONG and last == data - 1:
            last = data
        else:
            notes.append(f"Row {data + 1} describes the columns; it is no part of their names (data_row).")
        data += 1
    data = settings.data_row - 1 if settings.data_row else data
    facts: dict[str, Any] = {}
    if first:
        facts["header_row"] = first + 1
    if last > first:
        facts |= {"header_row": first + 1, "header_rows": last - first + 1}
        notes.insert(0, f"The header has {last - first + 1} rows, {first + 1} to {last + 1}; their texts are joined.")
    if data > last + 1:
        facts |= {"header_row": first + 1, "data_row": data + 1}
    above = [clean(cell) for row in rows[:first] for cell in row if cell.strip()]
    if above:
        notes.insert(0, f"Above the header stands: {'; '.join(above)[:200]}.")
    width = _width(rows, first, data)
    names = _names([list(row) for row in rows[first : last + 1]], width, header - first)
    return Layout(first, last - first + 1, data, names, facts, tuple(notes))


def _declared(rows: Sequence[Row], settings: TableSettings) -> Layout:
    header = (settings.header_row or 0) - 1
    headers = settings.header_rows if header >= 0 else 0
    data = settings.data_row - 1 if settings.data_row else max(header, 0) + headers
    width = _width(rows, max(header, 0), data)
    if header < 0:
        return Layout(-1, 0, data, numbered(width))
    given = [list(row) for row in rows[header : header + headers]]
    return Layout(header, headers, data, _names(given, width, headers - 1))


def _headless(rows: Sequence[Row], first: int, settings: TableSettings) -> Layout:
    data = settings.data_row - 1 if settings.data_row else first
    facts: dict[str, Any] = {"header_row": 0}
    notes = [f"Row {data + 1} looks like the rows below it, so there is no header: name the columns (header_row: 0)."]
    if data:
        facts["data_row"] = data + 1
        notes.append(f"{data} rows above the table are left out (data_row).")
    return Layout(-1, 0, data, numbered(_width(rows, data, data)), facts, tuple(notes))


def _width(rows: Sequence[Row], header: int, data: int) -> int:
    """Columns up to the last one that holds something, in the header or in the data."""
    return max((_end(row) for row in (*rows[header:data], *rows[data:])), default=0)


def _end(row: Row) -> int:
    return next((index for index in range(len(row), 0, -1) if row[index - 1].strip()), 0)


def _names(header: list[list[str]], width: int, leaf: int) -> tuple[str, ...]:
    """One name per column: `2012 | männlich`. Rows above the leaf row hold groups, which go on to the right."""
    padded = [[*row[:width], *[""] * (width - len(row))] for row in header]
    if len(padded) == 1:
        return unique_names(padded[0])
    parts: list[list[str]] = [[] for _ in range(width)]
    edges: set[int] = set()
    for number, row in enumerate(padded):
        held = ""
        for index, cell in enumerate(row):
            plain = clean(cell)
            if plain:
                held = plain
                edges.add(index)
            elif number >= leaf or index in edges:
                held = ""  # below another group, an empty cell belongs to that one
            if held and held not in parts[index]:
                parts[index].append(held)
    return unique_names([" | ".join(item) for item in parts])


def _filled(row: Row) -> list[str]:
    return [cell.strip() for cell in row if cell.strip()]


def _is_value(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell)) or cell in _MARKS


def _is_data(rows: Sequence[Row], at: int) -> bool:
    """Does this row look like data rather than like names? Years and running numbers are names, too."""
    row, below = rows[at], rows[at + 1 : at + 41]
    numbers = [cell.strip() for cell in row if _NUMBER.fullmatch(cell.strip() or "x")]
    if numbers and not all(_YEAR.fullmatch(cell) for cell in numbers) and not _running(numbers):
        return True
    if any(_over_numbers(index, cell, below) for index, cell in enumerate(row)):
        return False  # a header that is repeated further down recurs, too
    texts = [(index, cell.strip()) for index, cell in enumerate(row) if len(cell.strip()) > 1]
    if len(below) < 2 or not texts or any(list(other) == list(row) for other in below):
        return False
    again = sum(
        1 for index, cell in texts if any(index < len(other) and other[index].strip() == cell for other in below)
    )
    return again >= max(2, 0.5 * len(texts))


def _over_numbers(index: int, cell: str, below: Sequence[Row]) -> bool:
    """Is this a text above a column of numbers?"""
    values = [row[index].strip() for row in below if index < len(row) and row[index].strip()]
    text = bool(cell.strip()) and not _is_value(cell.strip())
    return text and len(values) > 1 and sum(_is_value(value) for value in values) >= 0.6 * len(values)


def _running(numbers: Sequence[str]) -> bool:
    if len(numbers) < 2 or not all(cell.isdigit() and len(cell) <= 3 for cell in numbers):
        return False
    values = [int(cell) for cell in numbers]
    return all(after - before == 1 for before, after in itertools.pairwise(values))


def _is_surely_header(rows: Sequence[Row], at: int) -> bool:
    """All texts, all different, as many as the rows below are wide."""
    cells = _filled(rows[at])
    width = max((_end(row) for row in rows[at + 1 :]), default=0)
    texts = not any(_is_value(cell) for cell in cells)
    return len(cells) >= max(2, width) and texts and len(set(cells)) == len(cells) and not _is_data(rows, at)


def _is_group(rows: Sequence[Row], at: int, header: int) -> bool:
    """Is this row above the header one of groups: several texts, spread over the width, each over a named column?"""
    row, names = rows[at], rows[header]
    places = [index for index, cell in enumerate(row) if cell.strip()]
    if len(places) < 2 or any(
        _is_value(row[index].strip()) and not _YEAR.fullmatch(row[index].strip()) for index in places
    ):
        return False
    if len(_filled(names)) <= len(places) and all(index < len(names) and names[index].strip() for index in places):
        return False
    return places[-1] >= max(_end(names) / 3, 1)


def _is_below_header(rows: Sequence[Row], at: int) -> bool:
    """Does this row hold units or explanations: texts where the rows below have numbers?"""
    row, below = rows[at], [other for other in rows[at + 1 : at + 31] if len(_filled(other)) > 1]
    if len(below) < 3:
        return False
    texts = columns = 0
    for index, cell in enumerate(row):
        values = [other[index].strip() for other in below if index < len(other) and other[index].strip()]
        real = [value for value in values if value not in _MARKS]
        if not real or sum(bool(_NUMBER.fullmatch(value)) for value in values) + len(values) - len(real) < 0.7 * len(
            values
        ):
            continue
        if cell.strip():
            columns += 1
            texts += not _is_value(cell.strip())
    return columns >= 2 and texts >= 0.8 * columns


@dataclass(frozen=True, slots=True)
class Below:
    """What stands below a table. `until`: how the first such row begins; `totals`: first cells of rows of sums."""

    until: str = ""
    totals: tuple[str, ...] = ()


def find_below(last: Sequence[Row], width: int) -> Below:
    """Footnotes and totals among the last rows of a table of this width (rows with anything in them, in order)."""
    rows = [row for row in last if _filled(row)]
    if width < 3 or len(rows) < 3:
        return Below()
    usual = sorted(len(_filled(row)) for row in rows)[len(rows) // 2]
    end = len(rows)
    while end > 1 and _is_note(rows[end - 1], width, usual):
        end -= 1
    until = ""
    if end < len(rows):
        until = _beginning(first_cell(rows[end]), [first_cell(row) for row in rows[:end]])
        if not until:
            end = len(rows)
    totals = [first_cell(row) for row in rows[max(end - 3, 0) : end] if _TOTAL.fullmatch(first_cell(row))]
    seen = [first_cell(row) for row in rows[:end]]
    return Below(until, tuple(item for item in totals if seen.count(item) == 1))


def with_below(
    settings: TableSettings, tail: Sequence[Row], width: int, begins: Callable[[], Iterable[str]]
) -> tuple[TableSettings, dict[str, Any]]:
    """The settings with what stands below the table, and that part of them.

    `tail`: the last rows; `begins`: the first cells of all rows, asked for only if something was found. What occurs in
    the table, too, is no footnote and no total, but a value.
    """
    below = find_below(tail[-TAIL:], width)
    if not below.until and not below.totals:
        return settings, {}
    ends, totals = 0, Counter[str]()
    for item in begins():
        ends += bool(below.until) and item.startswith(below.until)
        totals[item] += item in below.totals
    facts: dict[str, Any] = {}
    if below.until and ends == sum(first_cell(row).startswith(below.until) for row in tail[-TAIL:]):
        facts["until"] = below.until
    if once := tuple(item for item in below.totals if totals[item] == 1):
        facts["drop_rows"] = list(once)
    chosen = settings.model_copy(update={name: tuple(v) if isinstance(v, list) else v for name, v in facts.items()})
    return chosen, facts


def _is_note(row: Row, width: int, usual: int) -> bool:
    cells = _filled(row)
    few = len(cells) <= max(1, 0.3 * min(width, usual))
    return few and not _is_value(cells[0]) and row[0].strip() == cells[0]


def _beginning(note: str, others: Sequence[str]) -> str:
    """The first words of a footnote, as many as tell it from the rows above."""
    words = note.split(" ")
    for count in range(1, len(words) + 1):
        text = " ".join(words[:count])
        if len(text) >= min(6, len(note)) and not any(other.startswith(text) for other in others):
            return text[:60]
    return ""


def first_cell(row: Row) -> str:
    """The first cell of a row that holds something."""
    return next((clean(cell) for cell in row if cell.strip()), "")


def kept(
    rows: Iterable[tuple[int, list[str]]], settings: TableSettings, left: list[int]
) -> Iterator[tuple[int, list[str]]]:
    """Rows above `until` and not in `drop_rows`. `left` is told: rows dropped, rows below."""
    left[:] = [0, 0]
    over = False
    empty: list[tuple[int, list[str]]] = []  # held back: above a footnote they only divide it from the table
    for line, row in rows:
        begins = first_cell(row) if settings.until or settings.drop_rows else "?"
        over = over or bool(settings.until and begins.startswith(settings.until))
        if over:
            left[1] += bool(begins)
        elif not begins:
            empty.append((line, row))
        elif begins in settings.drop_rows:
            left[0] += 1
        else:
            yield from empty
            empty.clear()
            yield line, row
    if not over:
        yield from empty


def said_of(left: Sequence[int], settings: TableSettings) -> list[str]:
    """Notes on rows that were left out, so that nothing is lost in silence."""
    found = []
    if left[0]:
        found.append(f"{left[0]} rows of totals are left out, as drop_rows says: {', '.join(settings.drop_rows)}.")
    if left[1]:
        found.append(f"{left[1]} rows below the table are left out, from {settings.until!r} on, as until says.")
    if settings.until and not left[1]:
        found.append(f"No row begins with {settings.until!r}: until ends nothing.")
    return found


def blocks(rows: Sequence[Row]) -> list[tuple[int, int]]:
    """First and last row of each table on a page, where several are divided by empty rows; else none."""
    found: list[tuple[int, int]] = []
    start: int | None = None
    for index, row in enumerate([*rows, []]):
        if _filled(row):
            start = index if start is None else start
        elif start is not None:
            found.append((start, index - 1))
            start = None
    tables = [(first, last) for first, last in found if _is_table(rows[first : last + 1])]
    return tables if len(tables) > 1 else []


def _is_table(rows: Sequence[Row]) -> bool:
    """A header of at least two names, and below it rows that are as wide."""
    if len(rows) < 2:
        return False
    header = header_index(rows)
    if header is None or header + 1 >= len(rows) or _is_data(rows, header):
        return False
    names = _filled(rows[header])
    return (
        len(names) >= 2
        and sum(_end(row) >= 2 for row in rows[header + 1 :]) >= 1
        and not any(_NUMBER.fullmatch(name) and not _YEAR.fullmatch(name) for name in names)
    )
