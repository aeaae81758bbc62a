"""Mobility in its standards: shared vehicles (GBFS, MDS), timetables (GTFS) and their real time (GTFS Realtime)."""

from __future__ import annotations

from nabe.adapters.mobility.adapter import MobilityAdapter

__all__ = ["MobilityAdapter"]
