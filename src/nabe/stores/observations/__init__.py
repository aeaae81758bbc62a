"""Observations, embedded: fresh ones in a log that survives, history as Parquet that any engine reads."""

from __future__ import annotations

from nabe.stores.observations.store import ObservationStore

__all__ = ["ObservationStore"]
