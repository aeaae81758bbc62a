"""LoRaWAN networks: ChirpStack, The Things Stack, LORIOT, ThingPark, and any other by a declared mapping."""

from __future__ import annotations

from nabe.adapters.lorawan.adapter import LorawanAdapter

__all__ = ["LorawanAdapter"]
