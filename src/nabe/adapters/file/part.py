"""One opened file as a relation of DuckDB with the columns as they are written, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from nabe.adapters.file.lines import Lines
from nabe.errors import SourceRefused

#: Most columns of a table; wider ones are matrices or mistakes.
MOST_COLUMNS = 4096


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column as written. `sql`: how the relation calls it; `native`: its DuckDB type."""

    name: str
    sql: str
    native: str = "VARCHAR"


@dataclass(frozen=True, slots=True)
class RawGeometry:
    """The geometry that a format has by itself: WKB in the relation's column `sql`, in `crs` (empty: not said)."""

    sql: str
    crs: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A file, ready to be read.

    `relation(cursor, columns)` gives the SQL of a table function or of a view registered on that cursor, with at least
    these columns (by `RawColumn.sql`). `rescan`: may SQL read it twice? `size`: about its bytes as Arrow.
    `facts`: what was found out on opening, to be written into `source`; `notes`: what had to be guessed. `lines`: the same
    rows without DuckDB's reader, where it divides them no otherwise.
    """

    shown: str
    columns: tuple[RawColumn, ...]
    relation: Callable[[Any, Collection[str]], str]
    rows: int | None
    size: int
    rescan: bool = True
    geometry: RawGeometry | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    lines: Lines | None = None

    def column(self, name: str) -> RawColumn | None:
        """The column of that name."""
        return next((item for item in self.columns if item.name == name), None)


def check_width(system: str, shown: str, width: int) -> None:
    """Refuse tables that are too wide."""
    if width > MOST_COLUMNS:
        raise SourceRefused(
            system,
            f"{shown!r} has {width} columns; at most {MOST_COLUMNS} can be read.",
            hint="Turn it: one row per value instead of one column.",
        )
