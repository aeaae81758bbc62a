"""Who may deliver a new file for a dataset."""

from __future__ import annotations

from nabe.governance.facts import Facts
from nabe.model.decision import Effect, Request, Verdict
from nabe.model.party import Role


def delivery_by_owner(request: Request, facts: Facts) -> Verdict | None:
    """Study Table 6 (data owner): a data owner of the owning organisation, or of one above it; never for a product.

    Art. 5 (1) d GDPR (accuracy): whoever answers for data replaces them, nobody else.
    """
    params = {"dataset": facts.dataset.id, "owner": facts.dataset.owner}
    if facts.dataset.product is not None:
        return Verdict(Effect.DENY, "delivery_by_owner", "product_is_computed", params, law="Art. 5 (1) d GDPR")
    above = facts.snapshot.ancestry(facts.dataset.owner)
    if Role.DATA_OWNER in request.actor.roles and request.actor.organisation in above:
        return Verdict(Effect.PERMIT, "delivery_by_owner", "may_deliver", params, law="Studie, Tabelle 6")
    return Verdict(Effect.DENY, "delivery_by_owner", "may_not_deliver", params, law="Studie, Tabelle 6")
