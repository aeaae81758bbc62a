"""Parquet and GeoParquet: columns have types already, filters and columns are pushed into the reader."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nabe.adapters.file.part import Part, RawColumn, RawGeometry, check_width
from nabe.adapters.file.translate import TYPED_TEXT, name, text
from nabe.adapting.places import Place
from nabe.errors import SourceRefused


def open_parquet(system: str, place: Place) -> Part:
    """Open a Parquet file."""
    function = f"read_parquet({text(str(place.path))})"
    refused = SourceRefused(system, f"{place.shown!r} is not a readable Parquet file.", hint="Deliver it anew.")
    try:
        metadata = pq.read_metadata(place.path)
        schema = metadata.schema.to_arrow_schema()
        size = sum(metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups))
    except (pa.ArrowException, OSError):
        raise refused from None
    check_width(system, place.shown, len(schema))
    geo = _geo(schema)
    primary = geo.get("primary_column", "")
    columns = tuple(
        RawColumn(field.name, name(field.name), _native(field)) for field in schema if field.name != primary
    )

    def relation(_cursor: Any, _columns: Collection[str]) -> str:
        return function

    geometry = RawGeometry(name(primary), _crs(geo)) if primary in schema.names else None
    return Part(
        place.shown, columns, relation, metadata.num_rows, 2 * size, geometry=geometry, paths=(str(place.path),)
    )


def _geo(schema: pa.Schema) -> dict[str, Any]:
    """What GeoParquet says of the geometry; empty if it is plain Parquet or not in WKB."""
    raw = (schema.metadata or {}).get(b"geo")
    try:
        found = json.loads(raw) if raw else {}
        wkb = found["columns"][found["primary_column"]].get("encoding", "WKB") == "WKB" if found else False
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}
    return found if wkb else {}


def _crs(geo: dict[str, Any]) -> str:
    """The CRS as PROJJSON; absent means OGC:CRS84."""
    crs = geo["columns"][geo["primary_column"]].get("crs")
    return json.dumps(crs) if crs else "OGC:CRS84"


def _native(field: pa.Field) -> str:
    kind = field.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return TYPED_TEXT
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return "BLOB"
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP WITH TIME ZONE" if kind.tz else "TIMESTAMP"
    if pa.types.is_decimal(kind):
        return "DECIMAL(38, 9)"
    simple = {"bool": "BOOLEAN", "int64": "BIGINT", "double": "DOUBLE", "float": "FLOAT", "date32[day]": "DATE"}
    if str(kind) in simple:
        return simple[str(kind)]
    return "INTEGER" if pa.types.is_integer(kind) else "DATE" if pa.types.is_date(kind) else "OTHER"
