"""Geometries of GML 2 to 3.2 and of KML as WKB. Arcs become short lines. Pure.

Standards: OGC 07-036 (GML 3.2.1) clause 10, OGC 12-007r2 (KML 2.2) clause 10; and the polygons of OASIS CAP 1.2.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

import shapely
from shapely.geometry.base import BaseGeometry

from nabe.adapting.xml.markup import Node

#: Elements that are a geometry by themselves.
GEOMETRIES = frozenset(
    "Point LineString Polygon LinearRing MultiPoint MultiLineString MultiPolygon MultiCurve MultiSurface MultiGeometry "
    "Curve Surface CompositeCurve CompositeSurface OrientableCurve OrientableSurface PolyhedralSurface".split()
)
#: Warnings (OASIS CAP 1.2): pairs of latitude and longitude in WGS 84 (3.2.4).
_CAP = "emergency:cap"
_LINES = ("LineString", "LineStringSegment", "LinearRing", "GeodesicString")
_ARCS = ("Arc", "ArcString")
_STEPS = 16


class Unreadable(ValueError):
    """A geometry of a form that is not read."""


def is_geometry(name: str, space: str) -> bool:
    """Is an element of this name and namespace a geometry?"""
    if name == "polygon":
        return _CAP in space
    return name in GEOMETRIES and ("opengis.net/gml" in space or "/kml" in space)


def reference_system(node: Node) -> str:
    """The `srsName` of a geometry or of a part of it; empty if it says none. KML is in WGS 84 by definition."""
    if "/kml" in node.space:
        return "OGC:CRS84"
    if _CAP in node.space:
        return "urn:ogc:def:crs:EPSG::4326"
    own = node.attributes.get("srsName", "")
    return own or next((found for child in node.children if (found := reference_system(child))), "")


def geometry(node: Node) -> BaseGeometry:
    """The geometry with its numbers in the order in which they are written. Raises `Unreadable`."""
    try:
        return _geometry(_with_dimension(node, ""))
    except (ValueError, TypeError, IndexError, RecursionError, shapely.errors.ShapelyError):
        raise Unreadable(node.name) from None


def _with_dimension(node: Node, outer: str) -> Node:
    """`srsDimension` holds for all that lies inside (OGC 07-036, 9.10)."""
    own = node.attributes.get("srsDimension") or outer
    if own:
        node.attributes["srsDimension"] = own
    for child in node.children:
        _with_dimension(child, own)
    return node


def _geometry(node: Node) -> BaseGeometry:
    name = node.name
    if name == "polygon":
        return shapely.Polygon([[_number(number) for number in item.split(",")] for item in node.text.split()])
    if name == "Point":
        return shapely.Point(_line(node)[0]) if _line(node) else shapely.Point()
    if name in ("Polygon", "PolygonPatch", "Rectangle", "Triangle"):
        return _polygon(node)
    if name in _LINES or name in ("Curve", "CompositeCurve", "OrientableCurve", "Ring"):
        return shapely.LineString(_curve(node))
    parts = [_geometry(child) for child in _members(node)]
    if name in ("Surface", "CompositeSurface", "OrientableSurface", "PolyhedralSurface"):
        return parts[0] if len(parts) == 1 else _collected(parts)
    if name.startswith("Multi"):
        return _collected(parts)
    raise Unreadable(name)


def _collected(parts: Sequence[BaseGeometry]) -> BaseGeometry:
    """One geometry out of several: of their kind if they are of one."""
    flat = [piece for part in parts for piece in (part.geoms if hasattr(part, "geoms") else [part])]
    flat = [piece for piece in flat if not piece.is_empty]
    kinds = {item.geom_type for item in flat}
    makers = {"Point": shapely.MultiPoint, "LineString": shapely.MultiLineString, "Polygon": shapely.MultiPolygon}
    if len(kinds) == 1 and (maker := makers.get(next(iter(kinds)))):
        return maker(flat)
    return shapely.GeometryCollection(flat)


def _members(node: Node) -> Iterator[Node]:
    """Geometries directly inside, whatever the property between is called (`surfaceMember`, `patches`, none in KML)."""
    for child in node.children:
        if child.name in GEOMETRIES or child.name in ("PolygonPatch", "Rectangle", "Triangle"):
            yield child
        elif child.name.endswith(("ember", "embers", "atches", "baseSurface", "baseCurve")):
            yield from _members(child)


def _polygon(node: Node) -> BaseGeometry:
    outer: list[tuple[float, ...]] = []
    holes: list[list[tuple[float, ...]]] = []
    for child in node.children:
        if child.name in ("exterior", "outerBoundaryIs"):
            outer = _curve(child.children[0])
        elif child.name in ("interior", "innerBoundaryIs"):
            holes += [_curve(ring) for ring in child.children]
    return shapely.Polygon(outer, holes)


def _curve(node: Node) -> list[tuple[float, ...]]:
    """The points along a curve, its segments joined."""
    if node.name in _LINES:
        return _line(node)
    if node.name in _ARCS:
        return _arcs(_line(node))
    if node.name == "Circle":
        first, second, third = _line(node)[:3]
        return _circle(first, second, third)
    found: list[tuple[float, ...]] = []
    for child in node.children:
        if child.name in ("segments", "curveMember", "curveMembers", "baseCurve"):
            pieces = [_curve(item) for item in child.children]
        elif child.name in (*_LINES, *_ARCS, "Circle", "Curve", "CompositeCurve", "OrientableCurve", "Ring"):
            pieces = [_curve(child)]
        else:
            raise Unreadable(child.name)
        for piece in pieces:
            found += piece[1:] if found and piece and found[-1] == piece[0] else piece
    return found[::-1] if node.attributes.get("orientation") == "-" else found


def _line(node: Node) -> list[tuple[float, ...]]:
    """The points written in an element: `posList`, several `pos`, or `coordinates` of GML 2 and KML."""
    found: list[tuple[float, ...]] = []
    for child in node.children:
        text = child.text
        if child.name == "posList":
            numbers = [_number(item) for item in text.split()]
            size = int(child.attributes.get("srsDimension") or node.attributes.get("srsDimension") or 2)
            if size not in (2, 3) or len(numbers) % size:
                raise Unreadable(node.name)
            found += [tuple(numbers[at : at + 2]) for at in range(0, len(numbers), size)]
        elif child.name == "pos":
            found.append(tuple(_number(item) for item in text.split())[:2])
        elif child.name == "coordinates":
            sign = child.attributes.get("cs") or ","
            tidy = re.sub(rf"\s*{re.escape(sign)}\s*", sign, text)
            found += [tuple(_number(number) for number in item.split(sign))[:2] for item in tidy.split()]
        elif child.name in ("pointProperty", "pointRep", "Point"):
            found += _line(child if child.name == "Point" else child.children[0])
    if any(len(item) != 2 for item in found):
        raise Unreadable(node.name)
    return found


def _number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value) or "_" in text:
        raise Unreadable("number")
    return value


def _arcs(points: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Arcs through each three points (begin, between, end) as short lines."""
    if len(points) < 3 or len(points) % 2 == 0:
        raise Unreadable("Arc")
    found = [points[0]]
    for at in range(0, len(points) - 2, 2):
        found += _arc(*points[at : at + 3])
    return found


def _arc(a: tuple[float, ...], b: tuple[float, ...], c: tuple[float, ...]) -> list[tuple[float, ...]]:
    centre = _centre(a, b, c)
    if centre is None:
        return [b, c]
    x, y = centre
    radius = math.hypot(a[0] - x, a[1] - y)
    start, middle, end = (math.atan2(p[1] - y, p[0] - x) for p in (a, b, c))
    sweep = (end - start) % math.tau
    if (middle - start) % math.tau > sweep:
        sweep -= math.tau
    angles = [start + sweep * step / _STEPS for step in range(1, _STEPS)]
    return [(x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles] + [c]


def _centre(a: tuple[float, ...], b: tuple[float, ...], c: tuple[float, ...]) -> tuple[float, float] | None:
    """The centre of the circle through three points; None if they lie on a line. Reckoned from `a`, to keep digits."""
    bx, by, cx, cy = b[0] - a[0], b[1] - a[1], c[0] - a[0], c[1] - a[1]
    twice = 2 * (bx * cy - by * cx)
    if abs(twice) < 1e-12 * max(bx * bx + by * by, cx * cx + cy * cy, 1e-300):
        return None
    first, second = bx * bx + by * by, cx * cx + cy * cy
    return a[0] + (cy * first - by * second) / twice, a[1] + (bx * second - cx * first) / twice


def _circle(a: tuple[float, ...], b: tuple[float, ...], c: tuple[float, ...]) -> list[tuple[float, ...]]:
    centre = _centre(a, b, c)
    if centre is None:
        raise Unreadable("Circle")
    x, y = centre
    radius, start = math.hypot(a[0] - x, a[1] - y), math.atan2(a[1] - y, a[0] - x)
    angles = [start + math.tau * step / (2 * _STEPS) for step in range(1, 2 * _STEPS)]
    return [a, *((x + radius * math.cos(angle), y + radius * math.sin(angle)) for angle in angles), a]
