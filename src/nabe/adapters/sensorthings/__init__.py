"""Services of the OGC SensorThings API: sensors of a city, their places and their observations."""

from __future__ import annotations

from nabe.adapters.sensorthings.adapter import SensorThingsAdapter

__all__ = ["SensorThingsAdapter"]
