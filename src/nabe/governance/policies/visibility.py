"""Who may know that a dataset exists and ask for it."""

from __future__ import annotations

from nabe.governance.facts import Facts, is_member
from nabe.model.dataset import Access
from nabe.model.decision import Effect, Request, Verdict
from nabe.model.party import ADMINISTRATION, GROUP, Role

#: Roles of Table 6 that look after all data of the administration.
OVERSIGHT = frozenset(
    {
        Role.DATA_STRATEGIST,
        Role.GROUP_DATA_MANAGER,
        Role.QUALITY_MANAGER,
        Role.ETHICS_OMBUDSPERSON,
        Role.DATA_PROTECTION_OFFICER,
        Role.IT,
    }
)


def visibility(request: Request, facts: Facts) -> Verdict | None:
    """Study §1.1 (know what others hold) within the access level; the inventory itself may be closed."""
    reason = _visible_as(request, facts)
    if not reason:
        return None
    return Verdict(Effect.PERMIT, "visibility", reason, {"dataset": facts.dataset.id}, law="Studie § 1.1")


def _visible_as(request: Request, facts: Facts) -> str:
    actor, dataset, snapshot = request.actor, facts.dataset, facts.snapshot
    if dataset.access is Access.OPEN:
        return "visible_open"
    made_by = snapshot.usecases.get(dataset.product.use_case) if dataset.product else None
    if made_by is not None and made_by.public and dataset.access is not Access.RESTRICTED:
        return "visible_public_product"  # study §2.3.8: citizens may know what is made of data, if not what it says
    home = snapshot.organisations.get(actor.organisation)
    kind = home.kind if home else None
    if dataset.access is Access.GROUP and kind in GROUP:
        return "visible_group"
    if dataset.access is Access.INTERNAL and kind in ADMINISTRATION:
        return "visible_internal"
    if kind in ADMINISTRATION and actor.roles & OVERSIGHT:
        return "visible_oversight"
    above = actor.organisation in snapshot.ancestry(dataset.owner) and Role.DATA_OWNER in actor.roles
    if actor.organisation and (actor.organisation == dataset.owner or above):
        return "visible_owner"
    working = (snapshot.usecases[case] for case in snapshot.granting.get(dataset.id, ()))
    if any(is_member(actor, case, snapshot) for case in working):
        return "visible_member"
    return ""
