"""DATEX II: what the road authorities, traffic centres and car parks of Europe publish about roads and parking."""

from __future__ import annotations

from nabe.adapters.datex2.adapter import Datex2Adapter

__all__ = ["Datex2Adapter"]
