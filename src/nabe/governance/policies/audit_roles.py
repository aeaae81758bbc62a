"""Who may read the ledger."""

from __future__ import annotations

from nabe.governance.facts import Facts
from nabe.model.decision import Effect, Request, Verdict
from nabe.model.party import ADMINISTRATION, Role


def audit_roles(request: Request, facts: Facts) -> Verdict | None:
    """Art. 39 (1) b GDPR: the data-protection officer and the ethics ombudsperson see all uses; data owners those of their data."""
    actor, snapshot = request.actor, facts.snapshot
    home = snapshot.organisations.get(actor.organisation)
    inside = home is not None and home.kind in ADMINISTRATION
    if inside and actor.roles & {Role.DATA_PROTECTION_OFFICER, Role.ETHICS_OMBUDSPERSON}:
        return Verdict(Effect.PERMIT, "audit_roles", "may_audit", law="Art. 39 (1) b GDPR")
    owner = facts.dataset.owner
    if owner and Role.DATA_OWNER in actor.roles and actor.organisation in snapshot.ancestry(owner):
        return Verdict(
            Effect.PERMIT, "audit_roles", "may_audit_own", {"dataset": facts.dataset.id}, law="Studie, Tabelle 6"
        )
    return Verdict(Effect.DENY, "audit_roles", "may_not_audit", law="Art. 39 (1) b GDPR")
