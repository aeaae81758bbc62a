"""Geometry as interfaces write it (GeoJSON, a pair of numbers, WKT) into WKB in OGC:CRS84. Pure."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

CRS84 = "OGC:CRS84"
_SAME = ("", CRS84, "EPSG:4326", "WGS84")


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
    if not _is_lonlat(crs) and there.any():
        shapes[there] = shapely.transform(shapes[there], lambda x, y: _moved(crs, x, y), interleaved=False)
    if there.any():
        bounds = shapely.bounds(shapes)
        with np.errstate(invalid="ignore"):
            on_earth = np.isfinite(bounds).all(axis=1) & (np.abs(bounds[:, [0, 2]]) <= 360).all(axis=1)
            on_earth &= (np.abs(bounds[:, [1, 3]]) <= 90.000001).all(axis=1)
        shapes[there & ~on_earth & ~shapely.is_empty(shapes)] = None
    return pa.array(shapely.to_wkb(shapes, flavor="iso", byte_order=1), pa.binary(), from_pandas=True)


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
                return _from_text(value.strip())
    except (ValueError, TypeError, OverflowError, RecursionError, shapely.GEOSException):
        return None
    return None


def _from_text(value: str) -> Any:
    if value.startswith("{"):
        return shapely.from_geojson(value, on_invalid="ignore")
    if value[:2] in ("00", "01"):
        return shapely.from_wkb(value, on_invalid="ignore")
    return shapely.from_wkt(value.partition(";")[2] if value.startswith("SRID=") else value, on_invalid="ignore")


def _is_lonlat(crs: str) -> bool:
    return crs in _SAME


@lru_cache(maxsize=64)
def _transformer(crs: str) -> Transformer:
    return Transformer.from_crs(CRS.from_user_input(crs), CRS84, always_xy=True)


def _moved(crs: str, x: Any, y: Any) -> tuple[Any, Any]:
    try:
        lon, lat = _transformer(crs).transform(x, y)
    except ProjError:
        return np.full_like(x, np.inf), np.full_like(y, np.inf)
    return lon, lat
