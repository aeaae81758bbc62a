"""Who may change what the city declared."""

from __future__ import annotations

from nabe.governance.facts import Facts
from nabe.model.decision import Effect, Request, Verdict
from nabe.model.party import ADMINISTRATION, Role

DECLARERS = frozenset({Role.IT, Role.GROUP_DATA_MANAGER})


def declare_roles(request: Request, facts: Facts) -> Verdict | None:
    """Study Table 6: IT and the group data manager keep the catalogue; everybody else proposes.

    While no organisation is declared yet nobody can belong to one: then IT alone may make the first declarations.
    """
    if not facts.snapshot.organisations and Role.IT in request.actor.roles:
        return Verdict(Effect.PERMIT, "declare_roles", "may_declare_first", law="Studie, Tabelle 6")
    home = facts.snapshot.organisations.get(request.actor.organisation)
    inside = home is not None and home.kind in ADMINISTRATION
    if request.actor.roles & DECLARERS and inside:
        return Verdict(Effect.PERMIT, "declare_roles", "may_declare", law="Studie, Tabelle 6")
    return Verdict(Effect.DENY, "declare_roles", "may_not_declare", law="Studie, Tabelle 6")
