"""Who may consent to a grant."""

from __future__ import annotations

from nabe.governance.facts import Facts
from nabe.model.decision import Effect, Request, Verdict
from nabe.model.party import Role


def approval_by_owner(request: Request, facts: Facts) -> Verdict | None:
    """Study Table 6 (data owner): a data owner of the owning organisation, or of one above it."""
    params = {"dataset": facts.dataset.id, "owner": facts.dataset.owner}
    above = facts.snapshot.ancestry(facts.dataset.owner)
    if Role.DATA_OWNER in request.actor.roles and request.actor.organisation in above:
        return Verdict(Effect.PERMIT, "approval_by_owner", "may_approve", params, law="Studie, Tabelle 6")
    return Verdict(Effect.DENY, "approval_by_owner", "may_not_approve", params, law="Studie, Tabelle 6")
