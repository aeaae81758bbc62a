"""Arrow columns as plain values, column by column (an order of magnitude faster than row by row)."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from nabe.model.schema import is_geometry

_NULL = msgspec.Raw(b"null")


def column(array: Any, field: pa.Field) -> list[Any]:
    """Values for JSON: numbers that JSON has no word for become None, geometry becomes GeoJSON as raw JSON."""
    if is_geometry(field):
        return [_NULL if text is None else msgspec.Raw(text.encode()) for text in geojson(array)]
    if pa.types.is_timestamp(array.type):
        return texts(array)
    values: list[Any] = array.to_pylist()
    if pa.types.is_floating(array.type):
        return [None if value is None or not math.isfinite(value) else value for value in values]
    if pa.types.is_binary(array.type):
        return [None if value is None else value.hex() for value in values]
    return values


def texts(array: Any) -> list[str | None]:
    """Moments as ISO 8601 in UTC, without a fraction where there is none."""
    written = pc.strftime(array, format="%Y-%m-%dT%H:%M:%SZ", locale="C")
    return [text.replace(".000000Z", "Z") if text else None for text in written.to_pylist()]


def geojson(array: Any) -> list[str | None]:
    """GeoJSON geometry of each WKB, None where there is none; seven decimals (a centimetre)."""
    shapes = shapely.from_wkb(np.asarray(array.to_numpy(zero_copy_only=False), dtype=object), on_invalid="ignore")
    written = shapely.to_geojson(_rounded(shapes))
    return [None if shape is None else str(text) for shape, text in zip(shapes, written, strict=True)]


def wkt(array: Any) -> list[str | None]:
    """Well-known text of each WKB."""
    shapes = shapely.from_wkb(np.asarray(array.to_numpy(zero_copy_only=False), dtype=object), on_invalid="ignore")
    written = shapely.to_wkt(shapes, rounding_precision=7, trim=True)
    return [None if shape is None else str(text) for shape, text in zip(shapes, written, strict=True)]


def _rounded(shapes: Any) -> Any:
    return shapely.transform(shapes, lambda points: np.round(points, 7)) if len(shapes) else shapes
