"""Terms (`model.term`) as SQL text of DuckDB, SQLite and PostgreSQL: one compiler, three dialects.

    where = condition(term, column, DUCKDB, now=micros)
    order = order_by(orderings, column, SQLITE, now=micros)

`column(path)` says what a path is in SQL (`Column`) and raises `Invalid` for one that there is not. The text holds no parameters:
literals are quoted. A SQLite connection needs `SQLITE_FUNCTIONS`; PostgreSQL needs PostGIS where places are compared.

Types: numbers, texts, times (a moment, an interval), durations, truth values, geometries. A value inside JSON and a
result become what they are compared with: `result gt '3'` compares as text, `result gt 3` numbers only. Missing values
make a comparison neither true nor false, `eq null` and `ne null` excepted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nabe.errors import Invalid
from nabe.model.term import Ordering, Path, Term
from nabe.query.terms.columns import Column, Kind, Scope
from nabe.query.terms.compiler import Compiler
from nabe.query.terms.dialects import DUCKDB, POSTGRES, SQLITE, Dialect
from nabe.query.terms.limits import check
from nabe.query.terms.plain import SQLITE_FUNCTIONS

#: Most keys of an order.
_KEYS = 20


def condition(term: Term, column: Callable[[Path], Column], dialect: Dialect, *, now: int) -> str:
    """A filter as a SQL condition in brackets. `now`: microseconds since the epoch.

    `Invalid`: an unknown function, arguments that do not fit, a term that is too large, or whatever `column` raises.
    """
    check(term)
    return Compiler(column, dialect, now).condition(term)


def order_by(
    orderings: Sequence[Ordering], column: Callable[[Path], Column], dialect: Dialect, *, now: int
) -> list[str]:
    """The parts of an ORDER BY: missing values last ascending, first descending; texts by code point, numbers before texts."""
    if len(orderings) > _KEYS:
        raise Invalid(f"More than {_KEYS} keys to order by.")
    parts: list[str] = []
    for ordering in orderings:
        check(ordering.term)
        compiler = Compiler(column, dialect, now)
        how = "DESC NULLS FIRST" if ordering.descending else "ASC NULLS LAST"
        parts.extend(f"{key} {how}" for key in _sort_keys(compiler, ordering.term))
    return parts


def _sort_keys(compiler: Compiler, term: Term) -> list[str]:
    value = compiler.value(term)
    exact = compiler.dialect.exact
    match value.kind:
        case Kind.TEXT:
            keys = [f"({value.sql}){exact}"]
        case Kind.JSON | Kind.RESULT:
            keys = [compiler.number_of(value), f"({compiler.text_of(value)}){exact}"]
        case Kind.SHAPE:
            if not value.more:
                raise Invalid("A geometry has no order.")
            keys = [f"({value.more}){exact}"]
        case Kind.NULL:
            return []
        case _:
            keys = [key for key in (value.stamp or value.sql, value.stamp_more or value.more) if key]
    if value.literal is not None:
        return []  # the same for all rows; a bare number would be taken as the place of a column
    for scope in reversed(value.within):
        keys = [scope.least(key) for key in keys]
    return keys


__all__ = [
    "DUCKDB",
    "POSTGRES",
    "SQLITE",
    "SQLITE_FUNCTIONS",
    "Column",
    "Dialect",
    "Kind",
    "Scope",
    "check",
    "condition",
    "order_by",
]
