"""OParl: council information systems, with bodies, persons, meetings, agendas and papers."""

from __future__ import annotations

from nabe.adapters.oparl.adapter import OparlAdapter

__all__ = ["OparlAdapter"]
