"""Coordinate reference systems of databases: their number. Geometry is moved by what all adapters share."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from nabe.adapting.geometry import degrees, placed

_LONLAT = (0, 4326)


def srid_of(crs: str) -> int:
    """The EPSG number in `EPSG:25832`; 4326 for CRS84 and for nothing said."""
    found = re.search(r"(?i)EPSG\D*(?:0/)?(\d{4,6})$", crs.strip())
    return int(found[1]) if found else 4326


def moved(shape: Any, srid: int) -> Any:
    """One shape in longitude and latitude."""
    if srid in _LONLAT:
        return shape
    return shapely.transform(shape, lambda x, y: degrees(f"EPSG:{srid}", x, y), interleaved=False)


def wkb_to_lonlat(column: pa.Array, srid: int) -> pa.Array:
    """A column of WKB in that system as WKB in OGC:CRS84; what is no geometry, or not on the earth, becomes missing."""
    if srid in _LONLAT or not len(column):
        return column
    values = np.asarray(column.to_numpy(zero_copy_only=False), dtype=object)
    return placed(shapely.from_wkb(values, on_invalid="ignore"), f"EPSG:{srid}")
