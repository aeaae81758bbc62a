"""Geodata files through GDAL: GeoJSON, Esri JSON, GeoPackage, Shapefile, FlatGeobuf; attributes typed, geometry WKB."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from nabe.adapters.file.part import Part, RawColumn, RawGeometry, check_width
from nabe.adapters.file.settings import TableSettings
from nabe.adapting.places import Place
from nabe.errors import SourceRefused

#: Formats that GDAL reads, and the only driver that may open each.
DRIVERS = {"geojson": "GeoJSON", "esrijson": "ESRIJSON", "gpkg": "GPKG", "shp": "ESRI Shapefile", "fgb": "FlatGeobuf"}
_BATCH = 16_384
_GEOMETRY = "nabe_geometry"
#: pyogrio's own errors are RuntimeErrors and ValueErrors.
_FAILURES = (pa.ArrowException, RuntimeError, ValueError, OSError)


def _gdal() -> Any:
    """GDAL, loaded when the first geodata file is read: it takes 30 MB."""
    import pyogrio

    return pyogrio


def layers(system: str, place: Place) -> list[str]:
    """Names of the layers."""
    try:
        return [str(name) for name, _ in _gdal().list_layers(place.path)]
    except _FAILURES:
        raise _unreadable(system, place) from None


def open_vector(system: str, place: Place, settings: TableSettings) -> Part:
    """Open a layer."""
    options = _options(place, settings)
    if settings.layer and settings.layer not in layers(system, place):
        raise SourceRefused(
            system,
            f"{place.shown!r} has no layer {settings.layer!r}.",
            hint=f"Its layers: {', '.join(layers(system, place))}.",
        )
    if settings.format == "geojson":
        _check_geojson(system, place)
    try:
        with _opened(place, options) as (meta, stream):
            schema, crs = _in_utc(stream.schema, settings), str(meta["crs"] or "")
            geometry_name = meta["geometry_name"] or "wkb_geometry"
    except _FAILURES:
        raise _unreadable(system, place) from None
    columns = tuple(
        RawColumn(field.name, f"c{index}", _native(field.type))
        for index, field in enumerate(schema)
        if field.name != geometry_name
    )
    check_width(system, place.shown, len(columns))

    def batches(wanted: list[RawColumn], geometry: bool, out: pa.Schema) -> Iterator[pa.RecordBatch]:
        names = [item.name for item in wanted]
        with _opened(place, {**options, "columns": names, "read_geometry": geometry}) as (_, stream):
            for batch in stream:
                arrays = [_as_text(batch.column(name)) for name in names]
                if geometry:
                    position = batch.schema.get_field_index(geometry_name)
                    arrays.append(batch.column(position if position >= 0 else len(batch.schema) - 1).cast(pa.binary()))
                yield pa.RecordBatch.from_arrays(
                    [array.cast(field.type) for array, field in zip(arrays, out, strict=True)], schema=out
                )

    def relation(cursor: Any, asked: Collection[str]) -> str:
        wanted = [item for item in columns if item.sql in asked]
        geometry = _GEOMETRY in asked or not wanted
        fields = [pa.field(item.sql, _shown(schema.field(item.name).type)) for item in wanted]
        out = pa.schema([*fields, pa.field(_GEOMETRY, pa.binary())] if geometry else fields)
        view = f"nabe_{id(batches):x}"
        cursor.register(view, pa.RecordBatchReader.from_batches(out, batches(wanted, geometry, out)))
        return view

    rows = _rows(place, options)
    size = (
        sum(item.stat().st_size for item in place.path.parent.glob(f"{place.path.stem}.*"))
        if settings.format == "shp"
        else place.path.stat().st_size
    )
    has_geometry = geometry_name in schema.names
    return Part(
        place.shown,
        columns,
        relation,
        rows,
        size,
        rescan=False,
        geometry=RawGeometry(_GEOMETRY, crs) if has_geometry else None,
    )


def _in_utc(schema: pa.Schema, settings: TableSettings) -> pa.Schema:
    """Esri JSON counts milliseconds in UTC; GDAL forgets to say so."""
    if settings.format != "esrijson":
        return schema
    return pa.schema(
        pa.field(item.name, pa.timestamp("ms", "UTC")) if pa.types.is_timestamp(item.type) else item for item in schema
    )


def _options(place: Place, settings: TableSettings) -> dict[str, Any]:
    options: dict[str, Any] = {"use_pyarrow": True, "batch_size": _BATCH}
    if settings.layer:
        options["layer"] = settings.layer
    if settings.format == "shp":
        # dBase files seldom say how they are written; German ones without .cpg are in Windows-1252.
        cpg = any(place.path.with_suffix(suffix).exists() for suffix in (".cpg", ".CPG"))
        if settings.encoding or not (cpg or _dbf_says(place.path)):
            options["encoding"] = settings.encoding or "CP1252"
    if settings.format == "geojson":
        options["DATE_AS_STRING"] = "YES"
    return options


def _dbf_says(path: Path) -> bool:
    """Does the dBase header name a code page (byte 29)?"""
    for suffix in (".dbf", ".DBF"):
        file = path.with_suffix(suffix)
        if file.exists():
            with file.open("rb") as handle:
                return len(head := handle.read(32)) == 32 and head[29] not in (0, 0x57)
    return False


def _opened(place: Place, options: dict[str, Any]) -> Any:
    return _gdal().raw.open_arrow(place.path, **options)


def _rows(place: Place, options: dict[str, Any]) -> int | None:
    try:
        count = _gdal().read_info(place.path, layer=options.get("layer"), force_feature_count=True)["features"]
    except _FAILURES:
        return None
    return int(count) if count >= 0 else None


def _check_geojson(system: str, place: Place) -> None:
    """GDAL stops silently at the end of a truncated collection: look at the end first."""
    with place.path.open("rb") as file:
        file.seek(max(place.path.stat().st_size - 64, 0))
        if not file.read().rstrip().endswith(b"}"):
            raise SourceRefused(system, f"{place.shown!r} is cut off.", hint="Deliver it anew.")


def _unreadable(system: str, place: Place) -> SourceRefused:
    return SourceRefused(
        system, f"{place.shown!r} is damaged or of another format.", hint="Deliver it anew, or set source.format."
    )


_NATIVE = (
    (pa.types.is_boolean, "BOOLEAN"),
    (pa.types.is_integer, "BIGINT"),
    (pa.types.is_floating, "DOUBLE"),
    (pa.types.is_date, "DATE"),
)


def _native(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "TIMESTAMP WITH TIME ZONE" if kind.tz else "TIMESTAMP"
    return next((name for fits, name in _NATIVE if fits(kind)), "VARCHAR")


def _shown(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    simple = {"BOOLEAN": pa.bool_(), "BIGINT": pa.int64(), "DOUBLE": pa.float64(), "DATE": pa.date32()}
    return simple.get(_native(kind), pa.string())


def _as_text(array: pa.Array) -> pa.Array:
    """Lists and blobs have no column type of their own: JSON and hexadecimal text."""
    kind = array.type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_struct(kind):
        return pa.array(
            [None if item is None else json.dumps(item, default=str) for item in array.to_pylist()], pa.string()
        )
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array([None if item is None else item.hex() for item in array.to_pylist()], pa.string())
    if pa.types.is_time(kind) or pa.types.is_dictionary(kind):
        return array.cast(pa.string())
    return array
