"""How the hub's field types stand in Arrow, and back."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from nabe.model.dataset import Field, FieldType

#: Arrow metadata of geometry columns: WKB, OGC:CRS84.
GEOMETRY_METADATA = {b"ARROW:extension:name": b"geoarrow.wkb", b"ARROW:extension:metadata": b'{"crs":"OGC:CRS84"}'}

ARROW: dict[FieldType, pa.DataType] = {
    FieldType.STRING: pa.string(),
    FieldType.INTEGER: pa.int64(),
    FieldType.NUMBER: pa.float64(),
    FieldType.BOOLEAN: pa.bool_(),
    FieldType.DATE: pa.date32(),
    FieldType.DATETIME: pa.timestamp("us", tz="UTC"),
    FieldType.GEOMETRY: pa.binary(),
}


def arrow_field(field: Field) -> pa.Field:
    """The Arrow field of a hub field. Geometry is plain `binary` marked by metadata."""
    metadata = GEOMETRY_METADATA if field.type is FieldType.GEOMETRY else None
    return pa.field(field.name, ARROW[field.type], nullable=True, metadata=metadata)


def arrow_schema(fields: Iterable[Field]) -> pa.Schema:
    """The Arrow schema in which every source delivers these fields."""
    return pa.schema([arrow_field(field) for field in fields])


def field_type(arrow: pa.Field | pa.DataType) -> FieldType:
    """The hub type nearest to an Arrow type; what has none is a string."""
    kind = arrow.type if isinstance(arrow, pa.Field) else arrow
    if isinstance(arrow, pa.Field) and is_geometry(arrow):
        return FieldType.GEOMETRY
    if pa.types.is_boolean(kind):
        return FieldType.BOOLEAN
    if pa.types.is_integer(kind):
        return FieldType.INTEGER
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return FieldType.NUMBER
    if pa.types.is_date(kind):
        return FieldType.DATE
    if pa.types.is_timestamp(kind):
        return FieldType.DATETIME
    return FieldType.STRING


def is_geometry(field: pa.Field) -> bool:
    """Is this Arrow column marked as geometry?"""
    return bool(field.metadata) and field.metadata.get(b"ARROW:extension:name") == b"geoarrow.wkb"
