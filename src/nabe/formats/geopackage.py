"""GeoPackage (OGC 12-128r19), written by GDAL; it is a database file, so its bytes come when the last row is in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from nabe.errors import Invalid
from nabe.model.result import Result
from nabe.model.schema import is_geometry


def gpkg(result: Result, title: str = "") -> Iterator[bytes]:
    """One layer, `data`, in longitude and latitude; the first geometry column is its geometry, others are bytes."""
    import pyogrio  # brings GDAL: loaded when first needed

    shape = next((field.name for field in result.schema if is_geometry(field)), None)
    schema = pa.schema([field.remove_metadata() for field in result.schema])
    failed: list[Exception] = []

    def rows() -> Iterator[pa.RecordBatch]:
        try:
            for batch in result.batches:
                yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
        except Exception as error:  # GDAL would only say that something went wrong
            failed.append(error)
            raise

    with tempfile.TemporaryDirectory(prefix="nabe-") as folder:
        path = Path(folder) / "data.gpkg"
        try:
            pyogrio.write_arrow(
                pa.RecordBatchReader.from_batches(schema, rows()),
                path,
                layer="data",
                driver="GPKG",
                geometry_name=shape,
                geometry_type="Unknown" if shape else None,
                crs="EPSG:4326" if shape else None,
                layer_metadata={"title": title} if title else None,
                layer_options={"FID": _free("fid", schema.names)} | ({"GEOMETRY_NAME": shape} if shape else {}),
            )
        except RuntimeError as error:
            raise (
                failed[0]
                if failed
                else Invalid("This answer does not fit into a GeoPackage.", hint="Take Parquet.", code="not-writable")
            ) from error
        with path.open("rb") as file:
            while part := file.read(262_144):
                yield part


def _free(name: str, taken: list[str]) -> str:
    lower = {item.lower() for item in taken}
    while name in lower:
        name = f"{name}_"
    return name
