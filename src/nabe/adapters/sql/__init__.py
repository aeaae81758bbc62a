"""Databases as silos: SQLite, PostgreSQL/PostGIS, MariaDB/MySQL, SQL Server, Oracle."""

from __future__ import annotations

from nabe.adapters.sql.adapter import SqlAdapter

__all__ = ["SqlAdapter"]
