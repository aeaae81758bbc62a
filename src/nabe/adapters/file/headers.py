"""Names of columns out of header cells: line breaks and hyphenation undone, gaps filled, duplicates told apart."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HYPHENATED = re.compile(r"(?<=[^\W\d_])-\s*[\r\n]+\s*(?=[a-zäöüß])")
_NUMBER = re.compile(r"[+-]?[\d.,]*\d[\d.,]*([eE][+-]?\d+)?%?")
_YEAR = re.compile(r"(19|20|21)\d\d")


def clean(text: str) -> str:
    """A header cell on one line, hyphenation at line ends undone."""
    return " ".join(_HYPHENATED.sub("", text.replace("\ufeff", "")).split())


def unique_names(cells: Sequence[str]) -> tuple[str, ...]:
    """A name per column, always the same for the same header: `Jahr`, `Jahr_2`, `column_3`."""
    found: list[str] = []
    taken: set[str] = set()
    for number, text in enumerate(cells, 1):
        plain = clean(text) or f"column_{number}"
        name, times = plain, 1
        while name.lower() in taken:
            times += 1
            name = f"{plain}_{times}"
        taken.add(name.lower())
        found.append(name)
    return tuple(found)


def numbered(width: int) -> tuple[str, ...]:
    """Names where there is no header."""
    return tuple(f"column_{number}" for number in range(1, width + 1))


def header_index(rows: Sequence[Sequence[str]]) -> int | None:
    """Which of the first rows holds the names: the first that fills most of the width. None: the first is data already."""
    width = max((_filled(row) for row in rows), default=0)
    for index, row in enumerate(rows):
        if _filled(row) >= max(1, 0.6 * width):
            return None if index == 0 and _is_data(row) else index
    return None


def _filled(row: Sequence[str]) -> int:
    return sum(1 for cell in row if cell.strip())


def _is_data(row: Sequence[str]) -> bool:
    """Numbers only, and not just years: a table of years has them as names."""
    cells = [cell.strip() for cell in row if cell.strip()]
    return all(_NUMBER.fullmatch(cell) for cell in cells) and not all(_YEAR.fullmatch(cell) for cell in cells)
