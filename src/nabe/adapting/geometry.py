"""Shapes in any reference system as WKB in OGC:CRS84 (longitude, latitude): what the hub speaks."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

CRS84 = "OGC:CRS84"
_SAME = frozenset({"", CRS84, "EPSG:4326", "WGS84"})


def placed(shapes: Any, crs: str) -> pa.Array:
    """An array of shapes (None: none), x first, as WKB in OGC:CRS84; what is not on the earth then is missing."""
    there = ~shapely.is_missing(shapes)
    if not is_lonlat(crs) and there.any():
        shapes[there] = shapely.transform(shapes[there], lambda x, y: degrees(crs, x, y), interleaved=False)
    if there.any():
        bounds = shapely.bounds(shapes)
        with np.errstate(invalid="ignore"):
            on_earth = np.isfinite(bounds).all(axis=1) & (np.abs(bounds[:, [0, 2]]) <= 360).all(axis=1)
            on_earth &= (np.abs(bounds[:, [1, 3]]) <= 90.000001).all(axis=1)
        shapes[there & ~on_earth & ~shapely.is_empty(shapes)] = None
    return pa.array(shapely.to_wkb(shapes, flavor="iso", byte_order=1), pa.binary(), from_pandas=True)


def shape_of(text: str) -> Any:
    """A shape by what the text begins with: `{` GeoJSON, hexadecimal digits WKB, else WKT (`SRID=...;` cut off)."""
    text = text.strip()
    if text.startswith("{"):
        return shapely.from_geojson(text, on_invalid="ignore")
    if text[:2] in ("00", "01"):
        return shapely.from_wkb(text, on_invalid="ignore")
    return shapely.from_wkt(text.partition(";")[2] if text.startswith("SRID=") else text, on_invalid="ignore")


def degrees(crs: str, x: Any, y: Any) -> tuple[Any, Any]:
    """Coordinates (x first) as longitude and latitude; infinite where that is not possible."""
    try:
        lon, lat = _transformer(crs).transform(x, y)
    except ProjError:
        return np.full_like(x, np.inf), np.full_like(y, np.inf)
    return lon, lat


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
    known = known_crs(crs)
    return bool(known) and known in _SAME  # one that nobody knows is not what the hub speaks


@lru_cache(maxsize=64)
def _transformer(crs: str) -> Transformer:
    """From `crs`. A system known by number is used under it: so the shift of its date is known, too."""
    return Transformer.from_crs(CRS.from_user_input(known_crs(crs) or crs), CRS84, always_xy=True)
