"""Nabe's own store of sensor data: devices and gateways speak SensorThings over HTTP or MQTT to Nabe itself."""

from __future__ import annotations

from nabe.adapters.sensing.adapter import SensingAdapter

__all__ = ["SensingAdapter"]
