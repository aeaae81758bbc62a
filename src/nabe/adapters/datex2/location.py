"""Where something is: coordinates, lines and areas of a DATEX II location as GeoJSON in longitude and latitude. Pure.

DATEX II writes latitude before longitude, in `pointCoordinates` by name and in a `posList` by order (level C, GML
profile of version 3; the German extensions of version 2 alike).
"""

from __future__ import annotations

import math
from typing import Any

from nabe.adapters.datex2.texts import child, every, value, within
from nabe.adapting.geometry import degrees, is_lonlat
from nabe.adapting.xml.markup import Node

Pair = tuple[float, float]

#: Elements whose latitude and longitude only say where a sign is drawn on a map.
_SHOWN = ("locationForDisplay", "coordinatesForDisplay")
_LINES = ("gmlLineString", "lineString")
_AREAS = ("gmlMultiPolygon", "gmlPolygon")


def geometry(node: Node | None, crs: str = "", order: str = "auto") -> dict[str, Any] | None:
    """The most exact geometry that a location has: areas, else lines, else points, else where it is to be shown."""
    if node is None:
        return None
    shown = next((pair for name in _SHOWN for item in _found(node, name) if (pair := _pair(item, crs))), None)
    areas = [ring for name in _AREAS for item in _found(node, name) for ring in _polygons(item, crs, order, shown)]
    if areas:
        return {"type": "MultiPolygon", "coordinates": areas}
    lines = [
        line for name in _LINES for item in _found(node, name) if len(line := _positions(item, crs, order, shown)) > 1
    ]
    if lines:
        single = len(lines) == 1
        return {"type": "LineString" if single else "MultiLineString", "coordinates": lines[0] if single else lines}
    points = list(dict.fromkeys(pair for item in _found(node, "pointCoordinates") if (pair := _pair(item, crs))))
    if len(points) == 1 or (not points and shown):
        return {"type": "Point", "coordinates": points[0] if points else shown}
    if points:
        return {"type": "MultiPoint", "coordinates": points}
    written = any(_found(node, name) for name in (*_LINES, *_AREAS, "pointCoordinates", *_SHOWN))
    return {"type": "Unreadable"} if written else None  # counted as a value that is no geometry, not as a gap


def _found(node: Node, name: str) -> list[Node]:
    return [node] if node.name == name else list(within(node, name))


def _pair(node: Node, crs: str) -> Pair | None:
    """Longitude and latitude of an element that names both."""
    return _placed(_number(value(node, "longitude")), _number(value(node, "latitude")), crs)


def _placed(x: float | None, y: float | None, crs: str) -> Pair | None:
    """As degrees; numbers that are degrees already stay so (suppliers mix them), no place is no place."""
    if x is None or y is None:
        return None
    if not is_lonlat(crs) and not (abs(x) <= 180 and abs(y) <= 90):
        east, north = degrees(crs, x, y)
        x, y = float(east), float(north)
    return (x, y) if math.isfinite(x) and math.isfinite(y) and abs(x) <= 360 and abs(y) <= 90 else None


def _positions(node: Node, crs: str, order: str, shown: Pair | None) -> list[Pair]:
    """The points of a posList, or of several pos."""
    found: list[tuple[float, float]] = []
    for item in node.children:
        if item.name in ("posList", "pos"):
            numbers = [_number(word) for word in item.text.split()]
            size = int(dimension) if (dimension := item.attributes.get("srsDimension", "2")) in ("2", "3") else 2
            if len(numbers) % size or None in numbers:
                return []
            found += [(numbers[at], numbers[at + 1]) for at in range(0, len(numbers), size)]  # type: ignore[misc]
    if not found:
        return []
    swap = order == "latlon" or (order == "auto" and not _written_east_first(found, shown))
    pairs = [_placed(b, a, crs) if swap else _placed(a, b, crs) for a, b in found]
    return [pair for pair in pairs if pair] if None not in pairs else []


def _written_east_first(found: list[Pair], shown: Pair | None) -> bool:
    """Only where the place shown leaves no doubt: far off as the standard has it, near the other way round."""
    if shown is None:
        return False
    (a, b), (lon, lat) = found[0], shown
    return math.hypot(b - lon, a - lat) > 5 and math.hypot(a - lon, b - lat) < 1


def _polygons(node: Node, crs: str, order: str, shown: Pair | None) -> list[list[list[Pair]]]:
    """Polygons of a gmlMultiPolygon: exterior and interior rings."""
    found = []
    members = list(within(node, "gmlPolygon")) or [node]
    for member in members:
        outer = child(member, "exterior")
        holes = list(every(member, "interior"))
        rings = [_ring(item, crs, order, shown) for item in ([outer] if outer is not None else []) + holes]
        if rings and len(rings[0]) >= 4:
            found.append([rings[0], *(ring for ring in rings[1:] if len(ring) >= 4)])
    return found


def _ring(node: Node, crs: str, order: str, shown: Pair | None) -> list[Pair]:
    holder = node if any(item.name in ("posList", "pos") for item in node.children) else None
    if holder is None:
        holder = next((item for item in node.children), None)
    ring = _positions(holder, crs, order, shown) if holder is not None else []
    return [*ring, ring[0]] if ring and ring[0] != ring[-1] else ring


def _number(text: str | None) -> float | None:
    try:
        found = float((text or "").replace(",", "."))
    except ValueError:
        return None
    return found if math.isfinite(found) and "_" not in (text or "") else None
