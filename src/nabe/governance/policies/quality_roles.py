"""Who may have data checked and see how many rows break the rules."""

from __future__ import annotations

from nabe.governance.facts import Facts
from nabe.model.decision import Effect, Request, Verdict
from nabe.model.party import ADMINISTRATION, QUALITY_JOB, Role


def quality_roles(request: Request, facts: Facts) -> Verdict | None:
    """Study Table 6: whoever works where the data come from, the data owner above, and the quality manager.

    Everybody else who may know the dataset sees whether its rules are kept, and the figures of fields that they may read.
    """
    actor, snapshot, owner = request.actor, facts.snapshot, facts.dataset.owner
    if actor == QUALITY_JOB:
        return None
    params = {"dataset": facts.dataset.id, "owner": owner}
    above = actor.organisation in snapshot.ancestry(owner) and Role.DATA_OWNER in actor.roles
    if owner and (actor.organisation == owner or above):
        return Verdict(Effect.PERMIT, "quality_roles", "may_check_own", params, law="Studie, Tabelle 6")
    home = snapshot.organisations.get(actor.organisation)
    if home is not None and home.kind in ADMINISTRATION and Role.QUALITY_MANAGER in actor.roles:
        return Verdict(Effect.PERMIT, "quality_roles", "may_check_all", params, law="Studie, Tabelle 6")
    return Verdict(Effect.DENY, "quality_roles", "may_not_check", params, law="Studie, Tabelle 6")
