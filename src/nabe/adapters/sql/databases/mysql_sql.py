"""Columns and hints in the SQL of MariaDB and MySQL. Pure."""

from __future__ import annotations

import datetime as dt

from nabe.adapters.sql.databases.base import NO, YES, Unfit, around_number, whole_numbers
from nabe.adapters.sql.translate import Kind, Native
from nabe.adapters.sql.zones import mysql_utc
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import Compare, In, Op
from nabe.query.sql import literal, quoted

_WHOLE = "'^[[:space:]]*[-+]?[0-9]{1,18}[[:space:]]*$'"
_NUMBER = "'^[[:space:]]*[-+]?([0-9]{1,200}[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]{1,2})?[[:space:]]*$'"
_YES, _NO = (str(words) for words in (YES, NO))


def expression(native: Native, field: Field, zone: str) -> str:
    """The column as the hub's type."""
    name, kind = quoted(native.name, "mysql"), native.kind
    found: str | None = None
    match field.type:
        case FieldType.STRING:
            found = _string(name, native)
        case FieldType.INTEGER:
            found = _integer(name, native)
        case FieldType.NUMBER:
            found = _number(name, native)
        case FieldType.BOOLEAN:
            found = _boolean(name, kind)
        case FieldType.DATE if kind in (Kind.DATE, Kind.TIMESTAMP, Kind.TIMESTAMPTZ):
            found = f"IF({_real(name)}, CAST({name} AS DATE), NULL)"
        case FieldType.DATETIME if kind is Kind.TIMESTAMPTZ:  # the session's zone is UTC
            found = f"IF({_real(name)}, {name}, NULL)"
        case FieldType.DATETIME if kind in (Kind.TIMESTAMP, Kind.DATE):
            found = f"IF({_real(name)}, {mysql_utc(f'CAST({name} AS DATETIME(6))', zone)}, NULL)"
        case FieldType.GEOMETRY if kind is Kind.GEOMETRY:
            found = f"ST_AsBinary({name})"
    if found is None:
        raise Unfit
    return found


def _string(name: str, native: Native) -> str | None:
    if native.kind is Kind.BINARY:
        return f"LOWER(HEX({name}))"
    if native.kind is Kind.GEOMETRY:
        return f"ST_AsText({name})"
    if native.kind is Kind.TEXT:
        text = name if native.plain else f"CONVERT({name} USING utf8mb4)"
    else:
        text = f"CAST({name} AS CHAR CHARACTER SET utf8mb4)"
    # Its own collation would make groups of texts that the hub tells apart.
    return f"({text} COLLATE {native.collation or 'utf8mb4_bin'})"


def _integer(name: str, native: Native) -> str | None:
    match native.kind:
        case Kind.BOOL | Kind.INT if "bigint" not in native.native or "unsigned" not in native.native:
            return f"({name} + 0)" if native.native.startswith("bit") else name
        case Kind.INT:
            return f"IF({name} <= 9223372036854775807, CAST({name} AS SIGNED), NULL)"
        case Kind.DECIMAL | Kind.FLOAT:
            fits = f"{name} = TRUNCATE({name}, 0) AND ABS({name}) < 9223372036854775807"
            return f"IF({fits}, CAST({name} AS SIGNED), NULL)"
        case Kind.TEXT | Kind.CASTABLE:
            return f"IF({name} REGEXP {_WHOLE}, CAST({name} AS SIGNED), NULL)"
    return None


def _number(name: str, native: Native) -> str | None:
    match native.kind:
        case Kind.FLOAT if native.native.startswith("double"):
            return name
        case Kind.INT | Kind.DECIMAL | Kind.FLOAT:
            return f"CAST({name} AS DOUBLE)"
        case Kind.TEXT | Kind.CASTABLE:
            return f"IF({name} REGEXP {_NUMBER}, CAST({name} AS DOUBLE), NULL)"
    return None


def _boolean(name: str, kind: Kind) -> str | None:
    match kind:
        case Kind.BOOL:
            return f"({name} <> 0)"
        case Kind.INT | Kind.DECIMAL:
            return f"IF({name} IN (0, 1), {name} = 1, NULL)"
        case Kind.TEXT | Kind.CASTABLE:
            word = f"LOWER(TRIM({name}))"
            return f"IF({word} IN {_YES}, TRUE, IF({word} IN {_NO}, FALSE, NULL))"
    return None


def _real(name: str) -> str:
    """'0000-00-00' and days without a month are no days."""
    return f"MONTH({name}) > 0 AND DAYOFMONTH({name}) > 0"


def hint(native: Native, field: Field, part: Compare | In) -> str | None:
    """A condition on the bare column that holds wherever `part` does (its collation equals at least what bytes do)."""
    name = quoted(native.name, "mysql")
    values = part.values if isinstance(part, In) else (part.value,)
    op = Op.EQ if isinstance(part, In) else part.op
    if not values or op is Op.NE:
        return None
    match field.type, native.kind:
        case FieldType.STRING, Kind.TEXT if op is Op.EQ:
            return f"{name} IN ({', '.join(literal(value, 'mysql') for value in values)})"
        case FieldType.STRING, Kind.INT if op is Op.EQ:
            return whole_numbers(name, values)
        case FieldType.NUMBER, Kind.INT | Kind.DECIMAL if len(values) == 1:
            return around_number(name, op, values[0])
        case (FieldType.DATE, Kind.DATE) | (FieldType.DATETIME, Kind.TIMESTAMPTZ) if len(values) == 1:
            return f"{name} {op.value} {literal(values[0], 'mysql')}"
        case FieldType.DATETIME, Kind.TIMESTAMP if isinstance(values[0], dt.datetime) and len(values) == 1:
            value = literal(values[0], "mysql")
            after, before = f"{name} >= {value} - INTERVAL 1 DAY", f"{name} <= {value} + INTERVAL 1 DAY"
            return f"{after} AND {before}" if op is Op.EQ else after if op in (Op.GT, Op.GE) else before
    return None
