"""DuckDB as the engine that joins silos."""

from nabe.stores.duckdb.engine import DuckDbEngine

__all__ = ["DuckDbEngine"]
