"""Maps and geodata of authorities: OGC API Features, and WFS 1.1.0 and 2.0.0."""

from __future__ import annotations

from nabe.adapters.ogc_features.adapter import OgcFeaturesAdapter

__all__ = ["OgcFeaturesAdapter"]
