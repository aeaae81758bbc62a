"""Filters as values: what rows are wanted, in no engine's language.

`query.evaluate` applies them to Arrow rows, `query.sql` writes them as SQL; a property test holds the two equal.
SQL's three-valued logic holds: a comparison with a missing value is neither true nor false, and the row is not wanted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

Value = str | int | float | bool | dt.date | dt.datetime


class Op(StrEnum):
    EQ = "="
    NE = "<>"
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="


@dataclass(frozen=True, slots=True)
class AllRows:
    """No restriction (there is no `None` that means everything)."""


ALL_ROWS = AllRows()


@dataclass(frozen=True, slots=True)
class NoRows:
    """Nothing."""


@dataclass(frozen=True, slots=True)
class Compare:
    field: str
    op: Op
    value: Value


@dataclass(frozen=True, slots=True)
class In:
    field: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Like:
    """`%` any run, `_` any character, no escape. `ignore_case` folds by Unicode."""

    field: str
    pattern: str
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class IsNull:
    field: str


@dataclass(frozen=True, slots=True)
class BBox:
    """The geometry's own bounding box touches this one (OGC:CRS84 degrees; west > east crosses the antimeridian)."""

    field: str
    west: float
    south: float
    east: float
    north: float


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Expr


Expr = AllRows | NoRows | Compare | In | Like | IsNull | BBox | And | Or | Not


def fields_of(expr: Expr) -> Iterator[str]:
    """Names of the fields that a filter looks at."""
    match expr:
        case And(parts) | Or(parts):
            for part in parts:
                yield from fields_of(part)
        case Not(part):
            yield from fields_of(part)
        case Compare(field) | In(field) | Like(field) | IsNull(field) | BBox(field):
            yield field
        case _:
            return


def both(left: Expr, right: Expr) -> Expr:
    """Rows that both want."""
    if isinstance(left, AllRows):
        return right
    if isinstance(right, AllRows):
        return left
    flat = [part for side in (left, right) for part in (side.parts if isinstance(side, And) else (side,))]
    return And(tuple(flat))


def conjuncts(expr: Expr) -> tuple[Expr, ...]:
    """The parts joined by AND at the top; none for `AllRows`."""
    if isinstance(expr, AllRows):
        return ()
    return expr.parts if isinstance(expr, And) else (expr,)
