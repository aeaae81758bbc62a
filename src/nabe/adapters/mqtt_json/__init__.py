"""Devices and gateways that send JSON of any kind over MQTT, by a declared mapping."""

from __future__ import annotations

from nabe.adapters.mqtt_json.adapter import MqttJsonAdapter

__all__ = ["MqttJsonAdapter"]
