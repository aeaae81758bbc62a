"""User SQL -> `Query`. Hostile input: one SELECT over datasets, allowed syntax and functions, nothing else.

Walls, each enough by itself against what it is for:
 1. an allow-list of node types and function names (`query.functions`);
 2. every table is a dataset that `resolve` knows, replaced by an alias of ours that holds only readable fields;
 3. a post-condition: each physical table of the final tree is one that we put there.
A user's CAST becomes TRY_CAST (what does not convert is NULL), so that an error cannot tell of a value.
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import sqlglot
from sqlglot import exp
from sqlglot.errors import OptimizeError, ParseError, TokenError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

from nabe.errors import Invalid
from nabe.model.dataset import Dataset, FieldType
from nabe.model.expr import ALL_ROWS, Expr, both
from nabe.model.query import Query, Scan
from nabe.query.conditions import simple_conjuncts, to_expr
from nabe.query.functions import NAMES, allowed_types

DIALECT = "duckdb"
# sqlglot logs the text of statements that it does not know; questions do not belong in logs.
logging.getLogger("sqlglot").setLevel(logging.CRITICAL)
#: Our own names in rewritten SQL begin so; a user's may not.
PREFIX = "nabe_"
LONGEST = 20_000
MOST_NODES = 4_000

#: Types as the qualifier understands them.
_SQL_TYPE = {
    FieldType.STRING: "TEXT",
    FieldType.INTEGER: "BIGINT",
    FieldType.NUMBER: "DOUBLE",
    FieldType.BOOLEAN: "BOOLEAN",
    FieldType.DATE: "DATE",
    FieldType.DATETIME: "TIMESTAMPTZ",
    FieldType.GEOMETRY: "GEOMETRY",
}


@dataclass(frozen=True, slots=True)
class Known:
    """A dataset as the asker may use it: `readable` field names, in order."""

    dataset: Dataset
    readable: tuple[str, ...]


Resolve = Callable[[str], Known]


class _Table(NamedTuple):
    """What the rewriting needs to know of a dataset; hashable, so that the outcome can be remembered."""

    name: str
    fields: tuple[tuple[str, FieldType], ...]


class Qualified(NamedTuple):
    """A vetted tree whose tables are `nabe_<n>`, with the dataset behind each."""

    tree: exp.Query
    tables: tuple[tuple[str, _Table], ...]


def parse(sql: str, resolve: Resolve) -> Query:
    """A SELECT of the Nabe profile as a `Query`.

    `resolve` gives the dataset of a name with the fields that the asker may read; it raises `Unknown` or `Denied`.
    Raises `Invalid` with the position and what would be right.
    """
    tables = tuple(_table(resolve(name), name) for name in table_names(sql))
    scans, text = _query(sql, tables)
    return Query(scans, text, text=sql)


def qualified(sql: str, resolve: Resolve) -> Qualified:
    """The vetted and qualified tree of a SELECT, for lineage."""
    return _qualified(sql, tuple(_table(resolve(name), name) for name in table_names(sql)))


def table_names(sql: str) -> tuple[str, ...]:
    """Names of the datasets that a SELECT reads, vetted as far as that goes without knowing them."""
    return _names(sql)


def parse_filter(text: str, dataset: Dataset) -> Expr:
    """A grant's row filter: comparisons, IN, BETWEEN, LIKE, IS NULL, joined by AND, OR, NOT. Raises `Invalid`."""
    tree = _syntax(f"SELECT 1 WHERE {text}")
    where = tree.args.get("where")
    if where is None or any(tree.args.get(part) for part in ("group", "order", "limit", "joins", "from_", "from")):
        raise Invalid(f"The row filter {text!r} is not a single condition.", field="where")
    return to_expr(where.this, dataset)


def parse_condition(text: str) -> exp.Expression:
    """The condition of a quality rule, vetted but for its names: whatever may stand behind WHERE. Raises `Invalid`."""
    tree = _vetted(f"SELECT 1 WHERE (\n{text}\n)")
    where = tree.args.get("where")
    others = {name for name, value in tree.args.items() if value and name not in ("where", "expressions")}
    if not isinstance(tree, exp.Select) or where is None or others:
        raise Invalid("The rule is not a single condition.", hint="Write what is true for good rows.", field="sql")
    condition: exp.Expression = where.this
    return condition


def _table(known: Known, name: str) -> _Table:
    types = {field.name: field.type for field in known.dataset.fields}
    return _Table(known.dataset.id, tuple((field, types[field]) for field in known.readable))


@lru_cache(maxsize=2048)
def _names(sql: str) -> tuple[str, ...]:
    tree = _vetted(sql)
    return tuple(dict.fromkeys(table.name.lower() for table, _ in _physical(tree)))


@lru_cache(maxsize=1024)
def _query(sql: str, tables: tuple[_Table, ...]) -> tuple[tuple[tuple[str, Scan], ...], str]:
    tree, placed = _qualified(sql, tables)
    by_alias = dict(placed)
    used: dict[str, set[str]] = {alias: set() for alias in by_alias}
    filters: dict[str, Expr] = dict.fromkeys(by_alias, ALL_ROWS)
    for scope in traverse_scope(tree):
        for column in scope.columns:
            if (alias := _source_of(column, scope)) in used:
                used[alias].add(column.name)
        for name, source in scope.sources.items():
            if isinstance(source, exp.Table) and source.name in by_alias:
                table = by_alias[source.name]
                found = simple_conjuncts(scope.expression, name, dict(table.fields))
                filters[source.name] = both(filters[source.name], found)
    scans = []
    for alias, table in placed:
        wanted = tuple(field for field, _ in table.fields if field in used[alias])
        scans.append((alias, Scan(table.name, wanted or _cheapest(table), filters[alias])))
    return tuple(scans), tree.sql(dialect=DIALECT, comments=False)


def _cheapest(table: _Table) -> tuple[str, ...]:
    """One field for a question that only counts rows."""
    plain = [name for name, kind in table.fields if kind is not FieldType.GEOMETRY]
    return tuple((plain or [name for name, _ in table.fields])[:1])


@lru_cache(maxsize=1024)
def _qualified(sql: str, tables: tuple[_Table, ...]) -> Qualified:
    tree = _vetted(sql)
    by_name = {table.name: table for table in tables}
    placed: list[tuple[str, _Table]] = []
    schema: dict[str, object] = {}
    labels = _labels(tree)
    for node, name in _physical(tree):
        table = by_name[node.name.lower()]
        alias = f"{PREFIX}{len(placed)}"
        placed.append((alias, table))
        schema[alias] = {field: _SQL_TYPE[kind] for field, kind in table.fields}
        node.set("alias", exp.TableAlias(this=exp.to_identifier(name)))
        node.set("this", exp.to_identifier(alias))
    try:
        tree = qualify(tree, schema=schema, dialect=DIALECT)
    except (OptimizeError, ParseError) as error:
        raise _unknown_column(str(error), placed) from None
    except RecursionError:
        raise _too_complex() from None
    for cast in list(tree.find_all(exp.Cast)):
        if type(cast) is exp.Cast:
            cast.replace(exp.TryCast(this=cast.this, to=cast.args["to"]))
    _known_columns(tree, placed)
    _relabel(tree, labels)
    _only_ours(tree, {alias for alias, _ in placed})
    return Qualified(tree, tuple(placed))


def _syntax(sql: str) -> exp.Query:
    if len(sql) > LONGEST:
        raise Invalid(f"The question is longer than {LONGEST} characters.", hint="Ask it in parts.")
    try:
        trees = [tree for tree in sqlglot.parse(sql, dialect=DIALECT) if tree is not None]
    except (ParseError, TokenError) as error:
        raise _syntax_error(error) from None
    except RecursionError:
        raise _too_complex() from None
    if len(trees) != 1:
        raise Invalid("One question at a time: exactly one SELECT.", code="not-a-select")
    tree = trees[0]
    if not isinstance(tree, exp.Query) or isinstance(tree, exp.Table):
        raise Invalid(f"Only SELECT is possible here, not {_word(tree)}.", code="not-a-select")
    if not tree.selects:
        raise Invalid("SELECT what? No column is named.", code="syntax")
    if sum(1 for _ in tree.walk()) > MOST_NODES:
        raise _too_complex()
    return tree


def _vetted(sql: str) -> exp.Query:
    tree = _syntax(sql)
    types = allowed_types()
    for node in tree.walk():
        if type(node) not in types:
            raise _refused(node)
        if isinstance(node, exp.Anonymous) and node.name.lower() not in NAMES:
            raise _refused(node)
        if isinstance(node, exp.With) and node.args.get("recursive"):
            raise Invalid("WITH RECURSIVE is not possible here.", code="not-allowed")
        if isinstance(node, exp.Identifier) and node.name.lower().startswith(PREFIX):
            raise Invalid(f"Names that begin with {PREFIX!r} are reserved.", value=node.name, code="not-allowed")
        if isinstance(node, exp.Select) and (node.args.get("into") or node.args.get("kind") or node.args.get("locks")):
            raise Invalid("SELECT INTO and locks are not possible here.", code="not-allowed")
        if isinstance(node, exp.Star) and node.args.get("rename"):
            raise Invalid("* RENAME is not possible here.", hint="Name the columns.", code="not-allowed")
    return tree


def _physical(tree: exp.Query) -> list[tuple[exp.Table, str]]:
    """The tables that are no CTE, each with the name by which the SQL calls it. Refuses every other shape."""
    try:
        scopes = traverse_scope(tree)
    except (OptimizeError, RecursionError):
        raise Invalid(
            "The question cannot be understood: name each table once in a FROM.", code="not-allowed"
        ) from None
    found: dict[int, tuple[exp.Table, str]] = {}
    references: set[int] = set()
    for scope in scopes:
        for name, (node, source) in _sources(scope):
            if isinstance(source, Scope):
                references.add(id(node))
            elif isinstance(source, exp.Table):
                found[id(source)] = (source, name)
    for node in tree.find_all(exp.Table):
        if id(node) in references and id(node) not in found:
            continue
        if id(node) not in found:
            raise Invalid(
                "This use of a table is not possible here.", value=node.sql(dialect=DIALECT)[:80], code="not-allowed"
            )
    for node, _ in found.values():
        _plain(node)
    return list(found.values())


def _sources(scope: Scope) -> list[tuple[str, tuple[Any, Any]]]:
    return [(name, (node, source)) for name, (node, source) in scope.selected_sources.items()]


def _plain(table: exp.Table) -> None:
    """A dataset's bare name, perhaps with an alias."""
    if not isinstance(table.this, exp.Identifier) or table.args.get("db") or table.args.get("catalog"):
        raise Invalid(
            f"{table.sql(dialect=DIALECT)[:80]!r} is not a dataset.",
            hint="FROM takes names of datasets; files, URLs and table functions are out of reach.",
            code="not-a-dataset",
        )
    extras = {name for name, value in table.args.items() if value and name not in ("this", "alias", "joins")}
    alias = table.args.get("alias")
    if extras or (alias is not None and alias.args.get("columns")):
        raise Invalid("Give columns other names in SELECT, not behind the table.", value=table.name, code="not-allowed")


def _known_columns(tree: exp.Query, placed: list[tuple[str, _Table]]) -> None:
    """A column without a table can only be the name of an output column; the qualifier lets others pass in HAVING."""
    outputs = {alias.alias.lower() for alias in tree.find_all(exp.Alias)}
    for column in tree.find_all(exp.Column):
        if not column.table and column.name.lower() not in outputs:
            raise _unknown_column(f"Column '{column.name}' could not be resolved", placed)


def _only_ours(tree: exp.Query, placed: set[str]) -> None:
    """The post-condition: whatever the rewriting did, no table but ours and CTEs is left, each of ours once."""
    seen: list[str] = []
    for scope in traverse_scope(tree):
        seen.extend(source.name for _, (_, source) in _sources(scope) if isinstance(source, exp.Table))
    ctes = {cte.alias for cte in tree.find_all(exp.CTE)}
    loose = [node.name for node in tree.find_all(exp.Table) if node.name not in placed and node.name not in ctes]
    if set(seen) - placed or loose:
        raise Invalid(
            "This question cannot be made safe.", hint="Write it with plain tables and joins.", code="not-allowed"
        )


def _source_of(column: exp.Column, scope: Scope | None) -> str:
    """The alias of ours that a column comes from, looking outwards as SQL does."""
    while scope is not None:
        source = scope.sources.get(column.table)
        if isinstance(source, exp.Table):
            return source.name
        if source is not None:
            return ""
        scope = scope.parent
    return ""


def _labels(tree: exp.Query) -> list[str]:
    """Names of the output columns as the user wrote them: qualifying folds case and numbers what has no name."""
    if any(item.is_star for item in tree.selects):
        return []
    named = (exp.Alias, exp.Column)
    return [
        item.alias_or_name if isinstance(item, named) else item.sql(dialect=DIALECT).lower()[:60]
        for item in tree.selects
    ]


def _relabel(tree: exp.Query, labels: list[str]) -> None:
    """Give the output columns their names back, each name once."""
    taken: set[str] = set()
    for position, item in enumerate(tree.selects):
        name = item.alias_or_name
        if position < len(labels):
            name = labels[position]
        unique, number = name, 1
        while unique.lower() in taken:
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique.lower())
        if isinstance(item, exp.Alias) and item.alias != unique:
            item.set("alias", exp.to_identifier(unique, quoted=True))


def _syntax_error(error: ParseError | TokenError) -> Invalid:
    first = error.errors[0] if isinstance(error, ParseError) and error.errors else {}
    line, column = first.get("line"), first.get("col")
    where = f" in line {line}, column {column}" if line else ""
    what = re.sub(r" for <class '.*?(\w+)'>", r" in \1", str(first.get("description") or "it is not SQL")).rstrip(".")
    near = str(first.get("highlight") or "")[:40]
    return Invalid(
        f"Syntax error{where}: {what}" + (f", near {near!r}." if near else "."), line=line, column=column, code="syntax"
    )


def _refused(node: Any) -> Invalid:
    if isinstance(node, exp.Func):
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
        close = difflib.get_close_matches(str(name).lower(), NAMES, 1)
        hint = f"Did you mean {close[0]}()?" if close else "The guide lists the functions that are."
        return Invalid(
            f"The function {str(name).lower()}() is not possible here.",
            hint=hint,
            function=str(name),
            code="not-allowed",
        )
    return Invalid(f"{_word(node)} is not possible here.", value=node.sql(dialect=DIALECT)[:80], code="not-allowed")


def _word(node: Any) -> str:
    return node.key.upper() if not isinstance(node, exp.Command) else str(node.this).upper()


def _too_complex() -> Invalid:
    return Invalid(
        "The question is too complex.", hint="Ask it in parts, or make a product of a part.", code="too-complex"
    )


def _unknown_column(message: str, placed: list[tuple[str, _Table]]) -> Invalid:
    """sqlglot's words, with our names put back and the nearest column named."""
    for alias, table in reversed(placed):
        message = message.replace(alias, table.name)
    known = sorted({field for _, table in placed for field, _ in table.fields})
    words = [word.strip("'\"`.,:") for word in message.replace(".", " ").split()]
    close = next(
        (match for word in words for match in difflib.get_close_matches(word.lower(), known, 1) if word not in known),
        "",
    )
    names = ", ".join(known[:40])
    hint = f"Did you mean {close!r}? " if close else ""
    return Invalid(
        f"{message.splitlines()[0].rstrip('.')}.", hint=f"{hint}Fields you may use: {names}.", code="unknown-column"
    )
