"""Observations in PostgreSQL: a table partitioned by month, for cities that have outgrown one machine's files."""

from __future__ import annotations

from nabe.stores.observations.postgres.store import PostgresObservations

__all__ = ["PostgresObservations"]
