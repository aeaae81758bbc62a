"""May a whole question go to one silo in its own dialect, and will it mean the same there?

Only what is provably alike: filters, inner and left joins, grouping, the common aggregates. Text is ordered, compared by
range and folded differently from silo to silo, and MySQL even equals it differently: such questions stay in the hub.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp

from nabe.model.dataset import FieldType

_PLAIN = (
    exp.Select, exp.From, exp.Where, exp.Group, exp.Having, exp.Order, exp.Ordered, exp.Limit, exp.Join, exp.Table,
    exp.TableAlias, exp.Identifier, exp.Column, exp.Star, exp.Alias, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.And,
    exp.Or, exp.Not, exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In, exp.Is, exp.Add, exp.Sub,
    exp.Mul, exp.Neg, exp.Count, exp.Sum, exp.Avg, exp.Min, exp.Max, exp.Distinct, exp.Coalesce,
)  # fmt: skip
_RANGE = (exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.Ordered, exp.Min, exp.Max)
_NUMBERS = frozenset({FieldType.INTEGER, FieldType.NUMBER})


@lru_cache(maxsize=512)
def _tree(sql: str) -> Any:
    return sqlglot.parse_one(sql, dialect="duckdb")


def is_portable(sql: str, types: Mapping[str, Mapping[str, FieldType]], dialect: str) -> bool:
    """Does the SELECT mean the same in `dialect`? `types`: field types by table alias of ours (`nabe_0`, ...)."""
    tree = _tree(sql)
    kinds = {table.alias_or_name: types.get(table.name, {}) for table in tree.find_all(exp.Table)}
    for node in tree.walk():
        if not isinstance(node, _PLAIN) or isinstance(node, exp.Subquery):
            return False
        if isinstance(node, exp.Group) and (
            node.args.get("all") or any(_is_position(item) for item in node.expressions)
        ):
            return False
        if isinstance(node, exp.Join) and (node.args.get("kind") or "INNER") not in ("INNER", "CROSS"):
            return False
        if isinstance(node, exp.Join) and node.args.get("side") not in (None, "", "LEFT"):
            return False
        if isinstance(node, exp.In) and (node.args.get("query") or node.args.get("unnest")):
            return False
        if isinstance(node, (exp.Add, exp.Sub, exp.Mul, exp.Sum, exp.Avg, exp.Neg)) and not _all(node, kinds, _NUMBERS):
            return False
        if isinstance(node, _RANGE) and _any(node, kinds, {FieldType.STRING, FieldType.BOOLEAN}):
            return False
        if dialect == "mysql" and isinstance(node, exp.Column) and _kind(node, kinds) is FieldType.STRING:
            return False
        if isinstance(node, exp.Column) and _kind(node, kinds) in (None, FieldType.GEOMETRY, FieldType.DATETIME):
            return False
    return True


def translated(sql: str, relations: Mapping[str, str], dialect: str) -> str:
    """The SELECT in `dialect`, each of our tables replaced by `relations[alias]` (a parenthesised sub-select)."""
    tree = _tree(sql).copy()
    marks: dict[str, str] = {}
    for table in list(tree.find_all(exp.Table)):
        mark = f"nabe_relation_{len(marks)}"
        marks[mark] = relations[table.name]
        table.set("this", exp.to_identifier(mark))
    text = str(tree.sql(dialect=dialect))
    for mark, relation in marks.items():
        text = text.replace(mark, relation)
    return text


def _is_position(node: Any) -> bool:
    return isinstance(node, exp.Literal)


def _kind(column: Any, kinds: Mapping[str, Mapping[str, FieldType]]) -> FieldType | None:
    return kinds.get(column.table, {}).get(column.name)


def _all(node: Any, kinds: Mapping[str, Mapping[str, FieldType]], wanted: frozenset[FieldType]) -> bool:
    return all(_kind(column, kinds) in wanted for column in node.find_all(exp.Column))


def _any(node: Any, kinds: Mapping[str, Mapping[str, FieldType]], wanted: set[FieldType]) -> bool:
    # A name without a table is an alias of the output (ORDER BY n): its own expression is checked where it stands.
    columns = [column for column in node.find_all(exp.Column) if column.table]
    bare = any(not column.table for column in node.find_all(exp.Column))
    texts = (
        any(isinstance(item, exp.Alias) and _any_text(item, kinds) for item in node.root().selects) if bare else False
    )
    return texts or any(_kind(column, kinds) in wanted for column in columns)


def _any_text(item: Any, kinds: Mapping[str, Mapping[str, FieldType]]) -> bool:
    return any(_kind(column, kinds) is FieldType.STRING for column in item.find_all(exp.Column))
