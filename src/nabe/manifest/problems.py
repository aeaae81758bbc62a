"""What is wrong with declarations, where, and what would be right."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error stops `apply`; a warning is worth a look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """`line` counts from 1, 0 if unknown; `field` is a path such as grants[0].columns."""

    file: str
    line: int
    field: str
    message: str
    hint: str = ""
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        head = ": ".join(part for part in (place, self.field) if part)
        text = f"{head}: {self.message}" if head else self.message
        return f"{text} ({self.hint})" if self.hint else text


def nearest(word: object, known: Iterable[str]) -> str:
    """`did you mean ...?`, or the first few that there are."""
    names = sorted(known)
    close = difflib.get_close_matches(str(word), names, 1, 0.6)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"known: {', '.join(names[:12])}{', …' if len(names) > 12 else ''}" if names else "none is declared yet"
