"""Musterstadt: a synthetic model city with real silos (files, databases, an HTTP service as processes)."""

from __future__ import annotations

from nabe.demo.building import Demo, build
from nabe.demo.processes import Running, silos
from nabe.demo.running import House, run

__all__ = ["Demo", "House", "Running", "build", "run", "silos"]
