"""Which fields a source must deliver when it leaves steps of a sealed scan to the hub."""

from __future__ import annotations

from collections.abc import Iterable

from nabe.model.expr import ALL_ROWS, And, BBox, Expr, Not, Or, fields_of
from nabe.model.query import SealedScan
from nabe.ports.source import Capabilities


def has_bbox(expr: Expr) -> bool:
    """Does a bounding box occur in the filter?"""
    match expr:
        case And(parts) | Or(parts):
            return any(has_bbox(part) for part in parts)
        case Not(part):
            return has_bbox(part)
        case _:
            return isinstance(expr, BBox)


def can_filter(expr: Expr, capabilities: Capabilities) -> bool:
    """Does the source apply this filter exactly?"""
    return capabilities.filter and (capabilities.bbox or not has_bbox(expr))


def does_all(scan: SealedScan, capabilities: Capabilities) -> bool:
    """Does the source finish this scan by itself?"""
    return _first_left(scan, capabilities) is None


def needed_fields(scan: SealedScan, capabilities: Capabilities) -> tuple[str, ...]:
    """Fields to deliver: those of the answer, then those that the steps left to the hub look at."""
    left = _first_left(scan, capabilities)
    if left is None:
        return scan.fields
    wanted: list[str] = list(scan.fields)
    steps: list[Iterable[str]] = [
        fields_of(scan.allowed),
        (name for name, _ in scan.rounding if name in _shown(scan)),
        _floor_fields(scan),
        fields_of(scan.where),
        (order.field for order in scan.order),
    ]
    for names in steps[left:]:
        wanted.extend(names)
    return tuple(dict.fromkeys(wanted))


#: The steps of a scan in their order: allowed, rounding, floor, where, order and limit.
STEPS = ("allowed", "rounding", "floor", "where", "order")


def left_over(scan: SealedScan, capabilities: Capabilities) -> tuple[str, ...]:
    """The steps that the hub does: the first that the source cannot do, and all after it."""
    left = _first_left(scan, capabilities)
    return () if left is None else STEPS[left:]


def _first_left(scan: SealedScan, capabilities: Capabilities) -> int | None:
    if scan.allowed != ALL_ROWS and not can_filter(scan.allowed, capabilities):
        return 0
    if not capabilities.floor and (scan.rounding or scan.floor):
        return 1
    if scan.where != ALL_ROWS and not can_filter(scan.where, capabilities):
        return 3
    if (scan.order and not capabilities.order) or (_limited(scan) and not capabilities.limit):
        return 4
    return None


def _limited(scan: SealedScan) -> bool:
    return scan.limit is not None or scan.offset > 0


def _floor_fields(scan: SealedScan) -> tuple[str, ...]:
    floor = scan.floor
    if floor is None:
        return ()
    return (*floor.cells, *floor.measures, *((floor.subject,) if floor.subject else ()))


def _shown(scan: SealedScan) -> set[str]:
    return {*scan.fields, *fields_of(scan.where), *_floor_fields(scan), *(order.field for order in scan.order)}
