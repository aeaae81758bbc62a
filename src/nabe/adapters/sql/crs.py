"""Coordinate reference systems of silos: their number, and geometry moved into the hub's OGC:CRS84."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import shapely
from pyproj import CRS, Transformer

_LONLAT = (0, 4326)


def srid_of(crs: str) -> int:
    """The EPSG number in `EPSG:25832`; 4326 for CRS84 and for nothing said."""
    found = re.search(r"(?i)EPSG\D*(?:0/)?(\d{4,6})$", crs.strip())
    return int(found[1]) if found else 4326


@lru_cache(maxsize=64)
def to_lonlat(srid: int) -> Transformer:
    """From the system with that number to longitude and latitude."""
    return Transformer.from_crs(CRS.from_epsg(srid), CRS.from_user_input("OGC:CRS84"), always_xy=True)


def moved(shapes: Any, srid: int) -> Any:
    """Shapes (an array, or one) in longitude and latitude."""
    if srid in _LONLAT:
        return shapes
    turn = to_lonlat(srid)
    return shapely.transform(shapes, lambda x, y: turn.transform(x, y), interleaved=False)


def wkb_to_lonlat(column: pa.Array, srid: int) -> pa.Array:
    """A column of WKB in that system as WKB in OGC:CRS84; what is no geometry becomes missing."""
    if srid in _LONLAT or not len(column):
        return column
    shapes = shapely.from_wkb(np.asarray(column.to_numpy(zero_copy_only=False), dtype=object), on_invalid="ignore")
    there = ~shapely.is_missing(shapes)
    shapes[there] = moved(shapes[there], srid)
    return pa.array([bytes(item) if item is not None else None for item in shapely.to_wkb(shapes)], pa.binary())
