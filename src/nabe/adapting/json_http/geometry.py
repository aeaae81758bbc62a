"""Geometry as interfaces write it (GeoJSON, a pair of numbers, WKT) into WKB in OGC:CRS84. Pure."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from shapely.geometry.base import BaseGeometry

from nabe.adapting.geometry import placed, shape_of


def to_wkb(values: list[Any], crs: str, axes: str) -> pa.Array:
    """JSON values as WKB; what is no geometry, or not on the earth, is missing.

    A value is a GeoJSON geometry or feature, `[x, y]`, `{"x": …, "y": …}` (Esri), WKT, hexadecimal WKB, or GeoJSON as
    text. `axes`: `yx` if the second coordinate comes first.
    """
    shapes = np.empty(len(values), dtype=object)
    with np.errstate(over="ignore"):  # 1e999 in a text: not on the earth, as is found below
        for index, value in enumerate(values):
            shapes[index] = _shape(value)
    there = ~shapely.is_missing(shapes)
    if axes == "yx" and there.any():
        shapes[there] = shapely.transform(shapes[there], lambda x, y: (y, x), interleaved=False)
    return placed(shapes, crs)


def pair(x: Any, y: Any) -> list[float] | None:
    """Two numbers as a point; texts with a comma or point are numbers, too."""
    try:
        found = [float(item.replace(",", ".")) if isinstance(item, str) else float(item) for item in (x, y)]
    except (TypeError, ValueError, OverflowError):
        return None
    return found if not isinstance(x, bool) and all(abs(item) < 1e9 for item in found) else None


def _shape(value: Any) -> Any:
    try:
        match value:
            case {"type": "Point", "coordinates": [x, y, *_]} | [x, y] | [x, y, _]:
                return shapely.Point(found) if (found := pair(x, y)) else None
            case {"type": "Feature", "geometry": inner}:
                return _shape(inner) if not (isinstance(inner, dict) and inner.get("type") == "Feature") else None
            case {"type": str(), "coordinates": list()} | {"type": str(), "geometries": list()}:
                return shapely.from_geojson(json.dumps(value), on_invalid="ignore")
            case {"x": x, "y": y}:
                return shapely.Point(found) if (found := pair(x, y)) else None
            case str():
                return shape_of(value)
            case BaseGeometry():  # made by a dialect that is not JSON
                return value
    except (ValueError, TypeError, OverflowError, RecursionError, shapely.GEOSException):
        return None
    return None
