"""From the SQL of a product to its fields: where each comes from and what it looks like."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.scope import Scope, build_scope

from nabe.query.text import Resolve, qualified


@dataclass(frozen=True, slots=True)
class FieldLineage:
    """An output field and the (dataset, field) pairs that it is computed from. `unchanged`: it is that field as it is."""

    field: str
    inputs: tuple[tuple[str, str], ...]
    unchanged: bool = False


def lineage(sql: str, resolve: Resolve) -> tuple[FieldLineage, ...]:
    """Lineage of every output column. What only filters, groups or orders is not lineage of a field."""
    placed: Any
    tree: Any
    tree, placed = qualified(sql, resolve)
    names = {alias: table.name for alias, table in placed}
    root: Any = build_scope(tree)
    if root is None:
        return ()
    lines = []
    for position, item in enumerate(tree.selects):
        found = dict.fromkeys(_sources(root, position, names))
        bare = item.this if isinstance(item, exp.Alias) else item
        unchanged = (
            isinstance(bare, exp.Column) and len(found) == 1 and isinstance(root.sources.get(bare.table), exp.Table)
        )
        lines.append(FieldLineage(item.alias_or_name, tuple(found), unchanged))
    return tuple(lines)


def _sources(scope: Any, position: int, names: dict[str, str]) -> list[tuple[str, str]]:
    """Base columns of the output column at `position`."""
    if scope.set_operation_scopes:
        return [source for part in scope.set_operation_scopes for source in _sources(part, position, names)]
    selects = scope.expression.selects
    return _of(selects[position], scope, names) if position < len(selects) else []


def _of(node: Any, scope: Any, names: dict[str, str]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    inner = {id(sub.expression): sub for sub in scope.subquery_scopes}
    for column in node.find_all(exp.Column):
        nearest = column.find_ancestor(exp.Query)
        where = inner.get(id(nearest), scope)
        found += _column(column, where, names)
    return found


def _column(column: Any, scope: Any, names: dict[str, str]) -> list[tuple[str, str]]:
    while scope is not None:
        source = scope.sources.get(column.table)
        if isinstance(source, exp.Table):
            return [(names[source.name], column.name)] if source.name in names else []
        if isinstance(source, Scope):
            inner: Any = source.set_operation_scopes[0] if source.set_operation_scopes else source
            outputs = inner.expression.selects
            position = next(
                (i for i, item in enumerate(outputs) if item.alias_or_name.lower() == column.name.lower()), None
            )
            return [] if position is None else _sources(source, position, names)
        scope = scope.parent
    return []
