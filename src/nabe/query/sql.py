"""Filters and sealed scans as SQL of a dialect (duckdb, postgres, sqlite, mysql).

What is written here must mean the same as `query.evaluate`: comparison of text by code point, LIKE without escape,
missing values last in any order. SQLite needs the function `nabe_casefold` (see `CASEFOLD`) for LIKE without case.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from sqlglot import exp

from nabe.model import expr as e
from nabe.model.dataset import FieldType
from nabe.model.query import SealedScan

#: Name of the function that a SQLite connection must have registered (`str.casefold`).
CASEFOLD = "nabe_casefold"

#: (MySQL's servers differ in what they call it: there the columns come with it.)
_CODEPOINT = {"postgres": ' COLLATE "C"', "mysql": "", "sqlite": "", "duckdb": ""}


def quoted(name: str, dialect: str) -> str:
    """An identifier, quoted for the dialect."""
    return exp.to_identifier(name, quoted=True).sql(dialect)


def literal(value: e.Value, dialect: str) -> str:
    """A value as a literal. Times are written in UTC."""
    if isinstance(value, bool):
        return ("1" if value else "0") if dialect == "sqlite" else ("TRUE" if value else "FALSE")
    if isinstance(value, (int, float)):
        number = exp.Literal.number(repr(value)).sql(dialect)
        return f"CAST('{value}' AS DOUBLE)" if isinstance(value, float) and value in _INFINITE else number
    if isinstance(value, dt.datetime):
        utc = value.astimezone(dt.UTC) if value.tzinfo else value.replace(tzinfo=dt.UTC)
        text = utc.strftime("%Y-%m-%d %H:%M:%S.%f")
        return {
            "duckdb": f"TIMESTAMPTZ '{text}+00:00'",
            "postgres": f"TIMESTAMPTZ '{text}+00:00'",
            "mysql": f"TIMESTAMP '{text}'",
        }.get(dialect, f"'{text}'")
    if isinstance(value, dt.date):
        text = value.isoformat()
        return f"'{text}'" if dialect == "sqlite" else f"DATE '{text}'"
    return exp.Literal.string(value).sql(dialect)


_INFINITE = (float("inf"), float("-inf"))


def condition(
    filter: e.Expr, column: Callable[[str], str], dialect: str, *, bbox: Callable[[e.BBox], str] | None = None
) -> str:
    """A filter as a boolean SQL expression. `column` gives the SQL of a field; `bbox` that of a bounding box."""

    def write(part: e.Expr) -> str:
        match part:
            case e.AllRows():
                return "1 = 1"
            case e.NoRows():
                return "1 = 0"
            case e.Compare(field, op, value):
                return _compare(column(field), op.value, value, dialect)
            case e.In(field, values):
                if not values:
                    return "1 = 0"
                listed = ", ".join(literal(value, dialect) for value in values)
                return f"{_exact(column(field), values[0], dialect)} IN ({listed})"
            case e.Like(field, pattern, ignore_case):
                return _like(column(field), pattern, ignore_case, dialect)
            case e.IsNull(field):
                return f"{column(field)} IS NULL"
            case e.BBox():
                if bbox is None:
                    raise ValueError("this dialect has no bounding boxes here")
                return bbox(part)
            case e.And(parts):
                return "(" + " AND ".join(write(item) for item in parts) + ")" if parts else "1 = 1"
            case e.Or(parts):
                return "(" + " OR ".join(write(item) for item in parts) + ")" if parts else "1 = 0"
            case e.Not(inner):
                return f"NOT ({write(inner)})"

    return write(filter)


def _compare(column: str, op: str, value: e.Value, dialect: str) -> str:
    return f"{_exact(column, value, dialect)} {op} {literal(value, dialect)}"


def _exact(column: str, value: e.Value, dialect: str) -> str:
    """Text is compared by code point, whatever collation the silo has."""
    return f"{column}{_CODEPOINT[dialect]}" if isinstance(value, str) else column


def _like(column: str, pattern: str, ignore_case: bool, dialect: str) -> str:
    if ignore_case:
        pattern = pattern.casefold() if dialect == "sqlite" else pattern.lower()
    if dialect == "sqlite":
        # SQLite's own LIKE ignores ASCII case only; GLOB is exact.
        wild = "".join({"%": "*", "_": "?", "*": "[*]", "?": "[?]", "[": "[[]"}.get(sign, sign) for sign in pattern)
        return f"{f'{CASEFOLD}({column})' if ignore_case else column} GLOB {literal(wild, dialect)}"
    side = f"LOWER({column})" if ignore_case else column
    escape = "" if dialect == "duckdb" else " ESCAPE ''"
    exact = "" if dialect == "postgres" else _CODEPOINT[dialect]
    return f"{side}{exact} LIKE {literal(pattern, dialect)}{escape}"


def select(
    scan: SealedScan,
    relation: str,
    columns: Mapping[str, str],
    dialect: str,
    *,
    bbox: Callable[[e.BBox], str] | None = None,
) -> str:
    """The sealed scan as one SELECT over `relation`, in its order of evaluation, fields under hub names.

    `relation`: SQL of the table or a parenthesised sub-select. `columns`: hub field -> SQL expression for it.
    """
    raw = columns.__getitem__
    steps = dict(scan.rounding)

    def shown(field: str) -> str:
        return f"ROUND({raw(field)} / {steps[field]!r}) * {steps[field]!r}" if field in steps else raw(field)

    allowed = [condition(part, raw, dialect, bbox=bbox) for part in e.conjuncts(scan.allowed)]
    if scan.floor is None:
        wanted = allowed + [condition(part, shown, dialect, bbox=bbox) for part in e.conjuncts(scan.where)]
        fields = ", ".join(f"{shown(field)} AS {quoted(field, dialect)}" for field in scan.fields)
        return f"SELECT {fields} FROM {relation}{_where(wanted)}{_tail(scan, shown, dialect)}"
    return _with_floor(scan, relation, shown, raw, allowed, dialect, bbox)


def _with_floor(
    scan: SealedScan,
    relation: str,
    shown: Callable[[str], str],
    raw: Callable[[str], str],
    allowed: list[str],
    dialect: str,
    bbox: Callable[[e.BBox], str] | None,
) -> str:
    """Rows joined to the cells that are large enough: works where DISTINCT is not allowed in windows."""
    floor = scan.floor
    assert floor is not None

    def name(field: str) -> str:
        return quoted(field, dialect)

    inner = [f"{shown(field)} AS {name(field)}" for field in (*floor.cells, *floor.measures)]
    if floor.subject:
        inner.append(f"{raw(floor.subject)} AS {name(_SUBJECT)}")
    rows = f"SELECT {', '.join(inner) or '1 AS nabe_one'} FROM {relation}{_where(allowed)}"
    size = f"COUNT(DISTINCT {name(_SUBJECT)})" if floor.subject else "COUNT(*)"
    cells = ", ".join(name(field) for field in floor.cells)
    means = "".join(f", AVG({name(field)}) AS {name(_MEAN + field)}" for field in floor.measures)
    grouped = f"SELECT {cells}{', ' if cells else ''}{size} AS {name(_SIZE)}{means} FROM ({rows}) AS g"
    grouped += f" GROUP BY {cells}" if cells else ""
    same = [_same(f"r.{name(field)}", f"c.{name(field)}", dialect) for field in floor.cells]
    same.append(f"c.{name(_SIZE)} >= {floor.size:d}")
    columns = [f"r.{name(field)}" for field in floor.cells]
    columns += [f"c.{name(_MEAN + field)} AS {name(field)}" for field in floor.measures]
    safe = f"SELECT {', '.join(columns) or '1 AS nabe_one'} FROM ({rows}) AS r JOIN ({grouped}) AS c ON {' AND '.join(same)}"
    wanted = [condition(part, name, dialect, bbox=bbox) for part in e.conjuncts(scan.where)]
    fields = ", ".join(name(field) for field in scan.fields)
    return f"SELECT {fields} FROM ({safe}) AS s{_where(wanted)}{_tail(scan, name, dialect)}"


_SUBJECT, _SIZE, _MEAN = "nabe_subject", "nabe_size", "nabe_mean_"


def _same(left: str, right: str, dialect: str) -> str:
    if dialect == "mysql":
        return f"{left} <=> {right}"
    return f"{left} IS {right}" if dialect == "sqlite" else f"{left} IS NOT DISTINCT FROM {right}"


def _where(conditions: list[str]) -> str:
    return f" WHERE {' AND '.join(f'({item})' for item in conditions)}" if conditions else ""


def _tail(scan: SealedScan, column: Callable[[str], str], dialect: str) -> str:
    """ORDER BY with missing values last, LIMIT, OFFSET."""
    keys = []
    for order in scan.order:
        field = scan.dataset.field(order.field)
        text = field is not None and field.type is FieldType.STRING
        side = column(order.field) + (_CODEPOINT[dialect] if text else "")
        direction = "DESC" if order.descending else "ASC"
        keys.append(
            f"{column(order.field)} IS NULL, {side} {direction}"
            if dialect == "mysql"
            else f"{side} {direction} NULLS LAST"
        )
    sql = f" ORDER BY {', '.join(keys)}" if keys else ""
    if scan.limit is not None:
        sql += f" LIMIT {scan.limit:d}"
    elif scan.offset and dialect in ("sqlite", "mysql"):
        sql += " LIMIT 9223372036854775807"
    if scan.offset:
        sql += f" OFFSET {scan.offset:d}"
    return sql
