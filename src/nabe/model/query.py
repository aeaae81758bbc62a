"""A question (`Query` of `Scan`s), and what may reach data (`SealedScan`).

Everything asked of Nabe becomes a `Query` made of `Scan`s. The hub seals every scan with a `Decision`.
Only a `SealedScan` reaches data.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Final

from nabe.model.dataset import Dataset
from nabe.model.expr import ALL_ROWS, Expr


class _AllFields(tuple[str, ...]):
    """Marker: every field that the decision leaves (not every field there is)."""


#: Ask for every field that the decision leaves.
ALL_FIELDS: Final[tuple[str, ...]] = _AllFields()


@dataclass(frozen=True, slots=True)
class Order:
    field: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """Rows of one dataset. `fields` in the order wanted; `limit` None = as many as there are."""

    dataset: str
    fields: tuple[str, ...] = ALL_FIELDS
    where: Expr = ALL_ROWS
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Query:
    """A question.

    `scans`: alias -> scan. `sql`: a SELECT of the Nabe profile (DuckDB dialect, already vetted by `query.text`) whose
    tables are these aliases; empty: the answer is the only scan. `count`: also say how many rows there are without
    limit and offset (`Result.total`), where that is possible. `as_of`: answer from what the lake kept of that moment.
    """

    scans: tuple[tuple[str, Scan], ...]
    sql: str = ""
    count: bool = False
    text: str = ""  # what the user wrote, for the ledger and for explain
    as_of: dt.datetime | None = None

    @classmethod
    def of(cls, scan: Scan, *, count: bool = False) -> Query:
        """The question for the rows of one dataset."""
        return cls((("scan", scan),), count=count)


@dataclass(frozen=True, slots=True)
class Floor:
    """Minimum group size (see `model.usecase.Grant.min_group`).

    Rows are hidden unless at least `size` different values of `subject` (empty: rows) are equal in all `cells`.
    `measures` are replaced by their mean over the cell.
    """

    size: int
    cells: tuple[str, ...]
    subject: str = ""
    measures: tuple[str, ...] = ()


_SEAL: Final = object()


@dataclass(frozen=True, slots=True)
class SealedScan:
    """A scan that was decided upon: exactly what may be read, and nothing else. Only `governance.constrain` makes one.

    Order of evaluation, never to be changed: `allowed` (the grant's rows) -> `rounding` -> `floor` -> `where` (the
    asker's filter) -> order, offset, limit -> `fields`. `where` names only readable fields; `allowed` may name others.
    `fields` are hub field names in output order. When `narrowed`, expressions of the asker must not run beside the
    rows that are hidden (fence): errors and timings of such rows would tell of them.
    """

    dataset: Dataset
    fields: tuple[str, ...]
    decision: str
    allowed: Expr = ALL_ROWS
    where: Expr = ALL_ROWS
    rounding: tuple[tuple[str, float], ...] = ()
    floor: Floor | None = None
    order: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    seal: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("A SealedScan is made by governance.constrain only")

    @property
    def narrowed(self) -> bool:
        """Are rows or values hidden from the asker, beyond whole columns?"""
        return self.floor is not None or self.allowed != ALL_ROWS or bool(self.rounding)


@dataclass(frozen=True, slots=True)
class SealedProduct:
    """A product's rows: `query` runs under the product's own use case, then `scan` (the asker's) is applied to them."""

    scan: SealedScan
    query: SealedQuery


@dataclass(frozen=True, slots=True)
class SealedQuery:
    """A query whose every scan was decided upon. `inputs`: alias -> what may be read; `sql` as in `Query`."""

    inputs: tuple[tuple[str, SealedScan | SealedProduct], ...]
    sql: str = ""
    count: bool = False
    as_of: dt.datetime | None = None
