"""Conditions by which a reader of Parquet skips rows. They leave too many rows, never too few: the scan is finished after."""

from __future__ import annotations

import datetime as dt
from functools import reduce
from operator import and_, or_
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nabe.model.expr import And, Compare, Expr, In, Op, Or, Value, conjuncts
from nabe.model.query import SealedScan

_COMPARE: dict[Op, Any] = {
    Op.EQ: lambda column, value: column == value,
    Op.LT: lambda column, value: column < value,
    Op.LE: lambda column, value: column <= value,
    Op.GT: lambda column, value: column > value,
    Op.GE: lambda column, value: column >= value,
}


def early(scan: SealedScan, schema: pa.Schema) -> Any:
    """An expression of Arrow datasets, or None. The asker's filter counts only where nothing is narrowed before it."""
    parts = list(conjuncts(scan.allowed))
    if not scan.rounding and scan.floor is None:
        parts += conjuncts(scan.where)
    found = [made for part in parts if (made := _expression(part, schema)) is not None]
    return reduce(and_, found) if found else None


def _expression(part: Expr, schema: pa.Schema) -> Any:
    """The condition, or None where it could mean something else in Arrow."""
    match part:
        case Compare(field, op, value) if op in _COMPARE and _fits(field, (value,), schema):
            return _COMPARE[op](pc.field(field), pa.scalar(value, schema.field(field).type))
        case In(field, values) if values and _fits(field, values, schema):
            return pc.field(field).isin(pa.array(values, schema.field(field).type))
        case And(parts):
            found = [made for item in parts if (made := _expression(item, schema)) is not None]
            return reduce(and_, found) if found else None
        case Or(parts):
            made = [_expression(item, schema) for item in parts]
            return None if not made or any(item is None for item in made) else reduce(or_, made)
    return None


def _fits(field: str, values: tuple[Value, ...], schema: pa.Schema) -> bool:
    """Are the values exactly of the column's type, so that nothing is converted?"""
    if field not in schema.names:
        return False
    kind = schema.field(field).type
    if pa.types.is_string(kind):
        return all(isinstance(value, str) for value in values)
    if pa.types.is_int64(kind):
        return all(type(value) is int and abs(value) < 2**63 for value in values)
    if pa.types.is_float64(kind):
        return all(type(value) is float for value in values)
    if pa.types.is_date(kind):
        return all(type(value) is dt.date for value in values)
    if pa.types.is_timestamp(kind):
        return all(isinstance(value, dt.datetime) and value.tzinfo is not None for value in values)
    return False
