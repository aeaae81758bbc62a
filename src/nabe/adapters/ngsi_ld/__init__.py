"""Context brokers (NGSI-LD, NGSI v2): what a smart-city platform knows of its things right now."""

from __future__ import annotations

from nabe.adapters.ngsi_ld.adapter import NgsiAdapter

__all__ = ["NgsiAdapter"]
