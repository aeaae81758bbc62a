"""Files as silos: CSV, Excel, JSON, GeoJSON, Parquet, GeoPackage, Shapefile; in a folder or on the web."""

from __future__ import annotations

from nabe.adapters.file.adapter import FileAdapter

__all__ = ["FileAdapter"]
