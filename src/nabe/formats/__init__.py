"""Results as bytes: CSV, JSON, NDJSON, GeoJSON, Parquet, XLSX, GeoPackage. Streamed; the result is closed at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from nabe.errors import Invalid
from nabe.formats import text, workbook
from nabe.formats.columnar import parquet
from nabe.formats.geopackage import gpkg
from nabe.model.result import Result


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a result."""

    id: str
    media_type: str
    extension: str
    write: Callable[[Result, str], Iterator[bytes]]


FORMATS: Mapping[str, Format] = {
    item.id: item
    for item in (
        Format("csv", "text/csv; charset=utf-8", "csv", text.csv),
        Format("json", "application/json", "json", text.json),
        Format("ndjson", "application/x-ndjson", "ndjson", text.ndjson),
        Format("geojson", "application/geo+json", "geojson", text.geojson),
        Format("parquet", "application/vnd.apache.parquet", "parquet", parquet),
        Format("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx", workbook.xlsx),
        Format("gpkg", "application/geopackage+sqlite3", "gpkg", gpkg),
    )
}


def write(result: Result, format: str, *, title: str = "") -> Iterator[bytes]:
    """The result in a format, piece by piece. Raises `Invalid` for an unknown format."""
    found = FORMATS.get(format)
    if found is None:
        result.close()
        raise Invalid(f"There is no format {format!r}.", hint=f"Formats: {', '.join(FORMATS)}.", field="format")
    return _closing(result, found, title)


def _closing(result: Result, format: Format, title: str) -> Iterator[bytes]:
    try:
        yield from format.write(result, title)
    finally:
        result.close()
