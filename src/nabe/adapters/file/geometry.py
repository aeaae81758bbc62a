"""Geometry of any kind and reference system into WKB in OGC:CRS84 (longitude, latitude)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from nabe.adapting.geometry import degrees, is_lonlat, placed, shape_of

_POINT = np.dtype([("order", "u1"), ("type", "<u4"), ("x", "<f8"), ("y", "<f8")])


def to_wkb(column: pa.Array, kind: str, crs: str) -> pa.Array:
    """A column of raw geometry as WKB in OGC:CRS84. What is not a geometry, or not on the earth, becomes NULL.

    `kind`: `xy` (struct of two numbers), `text` (WKT, EWKT, hexadecimal WKB or GeoJSON), `wkb`.
    """
    if kind == "xy":
        return _points(column, crs)
    shapes = _from_text(column) if kind == "text" else _from_wkb(column)
    return placed(shapes, crs)


def _points(column: pa.StructArray, crs: str) -> pa.Array:
    x, y = (np.asarray(column.field(part).to_numpy(zero_copy_only=False), dtype=float) for part in ("x", "y"))
    if not is_lonlat(crs):
        x, y = degrees(crs, x, y)
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
    shapes = np.empty(len(column), dtype=object)
    for index, value in enumerate(column.to_pylist()):
        if value is not None:
            shapes[index] = shape_of(value)
    return shapes
