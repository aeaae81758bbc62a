"""Geometry of any kind and reference system into WKB in OGC:CRS84 (longitude, latitude)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

#: Longitude and latitude in degrees on WGS 84: what the hub speaks.
CRS84 = "OGC:CRS84"
_SAME = frozenset({"", CRS84, "EPSG:4326", "WGS84"})
_POINT = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])


def to_wkb(column: pa.Array, kind: str, crs: str) -> pa.Array:
    """A column of raw geometry as WKB in OGC:CRS84. What is not a geometry, or not on the earth, becomes NULL.

    `kind`: `xy` (struct of two numbers), `text` (WKT, EWKT, hexadecimal WKB or GeoJSON), `wkb`.
    """
    if kind == "xy":
        return _points(column, crs)
    shapes = _from_text(column) if kind == "text" else _from_wkb(column)
    there = ~shapely.is_missing(shapes)
    if not is_lonlat(crs) and there.any():
        shapes[there] = shapely.transform(shapes[there], lambda x, y: _transformed(crs, x, y), interleaved=False)
    if there.any():
        bounds = shapely.bounds(shapes)
        with np.errstate(invalid="ignore"):
            on_earth = np.isfinite(bounds).all(axis=1) & (np.abs(bounds[:, [0, 2]]) <= 360).all(axis=1)
            on_earth &= (np.abs(bounds[:, [1, 3]]) <= 90.000001).all(axis=1)
        shapes[there & ~on_earth & ~shapely.is_empty(shapes)] = None
    return pa.array(shapely.to_wkb(shapes, flavor="iso", byte_order=1), pa.binary(), from_pandas=True)


def is_lonlat(crs: str) -> bool:
    """Are these coordinates what the hub speaks already (with x first)?"""
    return crs in _SAME or _is_wgs84(crs)


@lru_cache(maxsize=64)
def known_crs(crs: str) -> str:
    """The short name of a CRS where it has one: the WKT of UTM 32 -> `EPSG:25832`; else as given; empty if unreadable."""
    try:
        found = CRS.from_user_input(crs)
    except CRSError:
        return ""
    if found.to_authority() is None and (code := found.to_epsg(min_confidence=20)) is not None:
        # The name alone proves nothing: Köln's files say UTM 32 and mean a false easting of 2,500,000.
        return f"EPSG:{code}" if _projection(found) == _projection(CRS.from_epsg(code)) else crs
    authority = found.to_authority()
    return ":".join(authority) if authority else crs


def _projection(crs: CRS) -> dict[str, object]:
    """Parameters of the projection; empty for degrees."""
    operation = crs.coordinate_operation
    return {item.name: item.value for item in operation.params} if operation is not None else {}


@lru_cache(maxsize=64)
def _is_wgs84(crs: str) -> bool:
    return known_crs(crs) in _SAME


@lru_cache(maxsize=64)
def _transformer(crs: str) -> Transformer:
    """From `crs`. A system known by number is used under it: so the shift of its date is known, too."""
    return Transformer.from_crs(CRS.from_user_input(known_crs(crs) or crs), CRS84, always_xy=True)


def _transformed(crs: str, x: Any, y: Any) -> tuple[Any, Any]:
    lon, lat = _transformer(crs).transform(x, y)
    return lon, lat


def _points(column: pa.StructArray, crs: str) -> pa.Array:
    x, y = (np.asarray(column.field(part).to_numpy(zero_copy_only=False), dtype=float) for part in ("x", "y"))
    if not is_lonlat(crs):
        x, y = _transformed(crs, x, y)
    with np.errstate(invalid="ignore"):
        good = np.isfinite(x) & np.isfinite(y) & (np.abs(x) <= 360) & (np.abs(y) <= 90)
    wkb = np.empty(len(x), dtype=_POINT)
    wkb["order"], wkb["type"], wkb["x"], wkb["y"] = 1, 1, x, y
    fixed = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(_POINT.itemsize), len(x), [pa.array(good).buffers()[1], pa.py_buffer(wkb.tobytes())]
    )
    return fixed.cast(pa.binary())


def _from_wkb(column: pa.Array) -> Any:
    return shapely.from_wkb(np.asarray(column.to_numpy(zero_copy_only=False), dtype=object), on_invalid="ignore")


def _from_text(column: pa.Array) -> Any:
    """Each cell by what it begins with: `{` GeoJSON, hexadecimal digits WKB, else WKT (`SRID=...;` cut off)."""
    shapes = np.empty(len(column), dtype=object)
    for index, value in enumerate(column.to_pylist()):
        if value is None:
            continue
        value = value.strip()
        if value.startswith("{"):
            shapes[index] = shapely.from_geojson(value, on_invalid="ignore")
        elif value[:2] in ("00", "01"):
            shapes[index] = shapely.from_wkb(value, on_invalid="ignore")
        else:
            shapes[index] = shapely.from_wkt(
                value.partition(";")[2] if value.startswith("SRID=") else value, on_invalid="ignore"
            )
    return shapes
