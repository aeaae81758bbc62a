"""The first point of a geometry in WKB (OGC Simple Features 06-103r4 § 8.2), enough to see where it lies."""

from __future__ import annotations

import struct


def first_point(wkb: bytes) -> tuple[float, float] | None:
    """Its first coordinates (x, y), or None where there are none or the bytes are no WKB."""
    at = 0
    try:
        for _ in range(4):  # collections of multi-polygons are the deepest
            order = "<" if wkb[at] == 1 else ">"
            (kind,) = struct.unpack_from(f"{order}I", wkb, at + 1)
            # EWKB's flags for Z, M and SRID, and ISO's thousands for Z and M.
            at += 9 if kind & 0x20000000 else 5
            match (kind & 0x0FFFFFFF) % 1000:
                case 1:
                    return _point(order, wkb, at)
                case 2:
                    return _point(order, wkb, at + 4) if _count(order, wkb, at) else None
                case 3:
                    return _point(order, wkb, at + 8) if _count(order, wkb, at) and _count(order, wkb, at + 4) else None
            if not _count(order, wkb, at):
                return None
            at += 4
    except (struct.error, IndexError):
        return None
    return None


def _count(order: str, wkb: bytes, at: int) -> int:
    count: int = struct.unpack_from(f"{order}I", wkb, at)[0]
    return count


def _point(order: str, wkb: bytes, at: int) -> tuple[float, float] | None:
    x, y = struct.unpack_from(f"{order}dd", wkb, at)
    return (x, y) if x == x and y == y else None
