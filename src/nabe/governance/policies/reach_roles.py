"""Who may see whether a silo answers, by asking it."""

from __future__ import annotations

from nabe.governance.facts import Facts
from nabe.model.decision import Effect, Request, Verdict
from nabe.model.party import ADMINISTRATION, JOBS, Role


def reach_roles(request: Request, facts: Facts) -> Verdict | None:
    """Study Table 6 (IT): who runs the connections looks after them; the schedule does it for them. No data are read."""
    home = facts.snapshot.organisations.get(request.actor.organisation)
    inside = home is not None and home.kind in ADMINISTRATION
    if request.actor == JOBS or (inside and Role.IT in request.actor.roles):
        return Verdict(Effect.PERMIT, "reach_roles", "may_reach", law="Studie, Tabelle 6")
    return Verdict(Effect.DENY, "reach_roles", "may_not_reach", law="Studie, Tabelle 6")
