"""Which products read which, and where that goes round in a circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import sqlglot
from sqlglot import exp


def tables(sql: str) -> set[str]:
    """Names that a SELECT reads, without its own common table expressions; none if it is no SQL (told elsewhere)."""
    try:
        tree = sqlglot.parse_one(sql, read="duckdb")
    except (sqlglot.errors.SqlglotError, RecursionError):
        return set()
    own = {item.alias_or_name.lower() for item in tree.find_all(exp.CTE)}
    return {table.name.lower() for table in tree.find_all(exp.Table)} - own


def circles(reads: Mapping[str, set[str]]) -> Iterator[tuple[str, ...]]:
    """At least one circle of each knot, found in one walk over the graph however many ways lead through it."""
    done: set[str] = set()
    for start in reads:
        path: list[str] = []
        waiting: list[Iterator[str]] = []
        if start not in done:
            path.append(start)
            waiting.append(iter(sorted(reads[start])))
        while waiting:
            name = next(waiting[-1], None)
            if name is None:
                waiting.pop()
                done.add(path.pop())
            elif name in path:
                yield tuple(path[path.index(name) :])
            elif name not in done:
                path.append(name)
                waiting.append(iter(sorted(reads[name])))
