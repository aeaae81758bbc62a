"""What a sealed scan means, written as plainly as can be: a walk over dicts, the measure for engines and sources."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from functools import cmp_to_key
from typing import Any

from nabe.model.expr import AllRows, And, BBox, Compare, Expr, In, IsNull, Like, NoRows, Not, Op, Or
from nabe.model.query import Order, SealedScan
from nabe.testing.source_content import ROWS

Row = dict[str, Any]


def holds(expr: Expr, row: Row) -> bool | None:
    """Is the filter true of the row? None: it cannot be said (a value is missing)."""
    match expr:
        case AllRows():
            return True
        case NoRows():
            return False
        case And(parts):
            said = [holds(part, row) for part in parts]
            return False if False in said else None if None in said else True
        case Or(parts):
            said = [holds(part, row) for part in parts]
            return True if True in said else None if None in said else False
        case Not(part):
            inner = holds(part, row)
            return None if inner is None else not inner
        case IsNull(field):
            return row[field] is None
        case In(field, values):
            if not values:
                return False
            return None if row[field] is None else row[field] in values
        case Compare(field, op, value):
            return None if row[field] is None else _compare(row[field], op, value)
        case Like(field, pattern, ignore_case):
            return None if row[field] is None else _like(row[field], pattern, ignore_case)
        case BBox(field, west, south, east, north):
            return None if row[field] is None else _in_box(row[field], west, south, east, north)


def _compare(left: Any, op: Op, right: Any) -> bool:
    outcome: dict[Op, bool] = {
        Op.EQ: left == right,
        Op.NE: left != right,
        Op.LT: left < right,
        Op.LE: left <= right,
        Op.GT: left > right,
        Op.GE: left >= right,
    }
    return outcome[op]


def _like(text: str, pattern: str, ignore_case: bool) -> bool:
    if ignore_case:
        text, pattern = text.lower(), pattern.lower()
    parts = (".*" if char == "%" else "." if char == "_" else re.escape(char) for char in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


def _in_box(wkb: bytes, west: float, south: float, east: float, north: float) -> bool:
    lon, lat = struct.unpack("<dd", wkb[5:21])  # the content holds points only
    across = west <= lon <= east if west <= east else lon >= west or lon <= east
    return bool(across and south <= lat <= north)


def expected(scan: SealedScan, rows: Sequence[Row] = ROWS) -> list[Row]:
    """The rows that a sealed scan gives, in its order of evaluation."""
    kept = [dict(row) for row in rows if holds(scan.allowed, row) is True]
    for name, step in scan.rounding:
        for row in kept:
            row[name] = None if row[name] is None else float(round(row[name] / step) * step)
    if scan.floor is not None:
        kept = _floor(scan, kept)
    kept = [row for row in kept if holds(scan.where, row) is True]
    if scan.order:
        kept = _ordered(kept, scan.order)
    until = None if scan.limit is None else scan.offset + scan.limit
    return [{name: row[name] for name in scan.fields} for row in kept[scan.offset : until]]


def _floor(scan: SealedScan, rows: list[Row]) -> list[Row]:
    floor = scan.floor
    assert floor is not None
    cells: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        cells.setdefault(tuple(row[name] for name in floor.cells), []).append(row)
    kept = []
    for cell in cells.values():
        subjects = {row[floor.subject] for row in cell} - {None} if floor.subject else range(len(cell))
        if len(subjects) < floor.size:
            continue
        for name in floor.measures:
            known = [row[name] for row in cell if row[name] is not None]
            mean = sum(known) / len(known) if known else None
            for row in cell:
                row[name] = mean
        kept += cell
    return kept


def _ordered(rows: list[Row], order: tuple[Order, ...]) -> list[Row]:
    def compare(left: Row, right: Row) -> int:
        for item in order:
            a, b = left[item.field], right[item.field]
            if a == b:
                continue
            if a is None or b is None:
                return 1 if a is None else -1
            return (1 if a > b else -1) * (-1 if item.descending else 1)
        return 0

    return sorted(rows, key=cmp_to_key(compare))
