"""Conditions of SQL as `Expr`: row filters of grants, and the parts of a WHERE that a silo can be asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from nabe.errors import Invalid
from nabe.model import expr as e
from nabe.model.dataset import Dataset, FieldType

_OPS: dict[type, e.Op] = {
    exp.EQ: e.Op.EQ,
    exp.NEQ: e.Op.NE,
    exp.LT: e.Op.LT,
    exp.LTE: e.Op.LE,
    exp.GT: e.Op.GT,
    exp.GTE: e.Op.GE,
}
_FLIPPED = {e.Op.LT: e.Op.GT, e.Op.LE: e.Op.GE, e.Op.GT: e.Op.LT, e.Op.GE: e.Op.LE}


def to_expr(node: Any, dataset: Dataset) -> e.Expr:
    """The whole condition. Raises `Invalid` for anything but simple comparisons joined by AND, OR, NOT."""
    types = {field.name: field.type for field in dataset.fields}

    def convert(part: Any) -> e.Expr:
        match part:
            case exp.Paren():
                return convert(part.this)
            case exp.And():
                return e.both(convert(part.left), convert(part.right))
            case exp.Or():
                return e.Or((convert(part.left), convert(part.right)))
            case exp.Not():
                return e.Not(convert(part.this))
            case exp.Boolean():
                return e.ALL_ROWS if part.this else e.NoRows()
        found = simple(part, types)
        if found is None:
            raise _not_simple(part, types, dataset)
        return found

    return convert(node)


def simple_conjuncts(select: Any, alias: str, types: Mapping[str, FieldType]) -> e.Expr:
    """The parts of a WHERE that concern only the table `alias` and reject missing values.

    Such a part may be applied to the table before any join, inner or outer, since the WHERE stays in place.
    """
    where = select.args.get("where") if isinstance(select, exp.Select) else None
    result: e.Expr = e.ALL_ROWS
    if where is None:
        return result
    for part in where.this.flatten() if isinstance(where.this, exp.And) else (where.this,):
        part = part.unnest()
        columns = list(part.find_all(exp.Column))
        if len(columns) != 1 or columns[0].table != alias:
            continue
        found = simple(part, types)
        if found is not None and not isinstance(found, (e.IsNull, e.Not)):
            result = e.both(result, found)
    return result


def simple(node: Any, types: Mapping[str, FieldType]) -> e.Expr | None:
    """One comparison of a field with constants; None if it is not one."""
    match node:
        case exp.EQ() | exp.NEQ() | exp.LT() | exp.LTE() | exp.GT() | exp.GTE():
            return _compare(node, types)
        case exp.Between():
            field = _field(node.this, types)
            low, high = (_value(node.args[side], types.get(field or "")) for side in ("low", "high"))
            if field is None or low is None or high is None:
                return None
            return e.And((e.Compare(field, e.Op.GE, low), e.Compare(field, e.Op.LE, high)))
        case exp.In() if not node.args.get("query") and not node.args.get("unnest"):
            field = _field(node.this, types)
            values = [_value(item, types.get(field or "")) for item in node.expressions]
            if field is None or not values or any(value is None for value in values):
                return None
            return e.In(field, tuple(value for value in values if value is not None))
        case exp.Like() | exp.ILike():
            field = _field(node.this, types)
            pattern = node.expression
            if field is None or types[field] is not FieldType.STRING or not _is_text(pattern):
                return None
            return e.Like(field, pattern.this, isinstance(node, exp.ILike))
        case exp.Is():
            field = _field(node.this, types)
            return e.IsNull(field) if field is not None and isinstance(node.expression, exp.Null) else None
    return None


def _compare(node: exp.Binary, types: Mapping[str, FieldType]) -> e.Expr | None:
    op = _OPS[type(node)]
    field, other = _field(node.left, types), node.right
    if field is None:
        field, other, op = _field(node.right, types), node.left, _FLIPPED.get(op, op)
    value = _value(other, types.get(field or ""))
    return None if field is None or value is None else e.Compare(field, op, value)


def _field(node: Any, types: Mapping[str, FieldType]) -> str | None:
    name = node.name.lower() if isinstance(node, exp.Column) else ""
    return name if name in types and types[name] is not FieldType.GEOMETRY else None


def _is_text(node: Any) -> bool:
    return isinstance(node, exp.Literal) and bool(node.is_string)


def _value(node: Any, kind: FieldType | None) -> e.Value | None:
    """A constant of the field's type; None when the types do not plainly fit (then the engine decides)."""
    if isinstance(node, (exp.Cast, exp.TryCast)) and kind in (FieldType.DATE, FieldType.DATETIME):
        node = node.this
    if isinstance(node, exp.Neg) and isinstance(node.this, exp.Literal) and not node.this.is_string:
        value = _value(node.this, kind)
        return -value if isinstance(value, (int, float)) else None
    if isinstance(node, exp.Boolean):
        return bool(node.this) if kind is FieldType.BOOLEAN else None
    if not isinstance(node, exp.Literal):
        return None
    text = str(node.this)
    try:
        if node.is_string:
            return _from_text(text, kind)
        if kind is FieldType.INTEGER or kind is FieldType.NUMBER:
            return int(text) if text.isdigit() else float(text)
    except ValueError:
        return None
    return None


def _from_text(text: str, kind: FieldType | None) -> e.Value | None:
    if kind is FieldType.STRING:
        return text
    if kind is FieldType.DATE:
        return dt.date.fromisoformat(text)
    if kind is FieldType.DATETIME:
        moment = dt.datetime.fromisoformat(text)
        return moment if moment.tzinfo else None  # without a zone the engine's session zone decides
    return None


def _not_simple(part: Any, types: Mapping[str, FieldType], dataset: Dataset) -> Invalid:
    for column in part.find_all(exp.Column):
        if column.name.lower() not in types:
            return Invalid(
                f"Row filter: {dataset.id!r} has no field {column.name!r}.",
                hint=f"Fields: {', '.join(types)}.",
                field="where",
            )
    return Invalid(
        f"Row filter: {part.sql()[:80]!r} is not a comparison of a field with a constant of its type.",
        hint="Possible: = <> < <= > >= IN BETWEEN LIKE IS NULL, joined by AND, OR, NOT.",
        field="where",
    )
