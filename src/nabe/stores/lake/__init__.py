"""The lake: versions of datasets as plain folders of Parquet with a manifest, which any engine reads."""

from __future__ import annotations

from nabe.stores.lake.lake import ParquetLake

__all__ = ["ParquetLake"]
