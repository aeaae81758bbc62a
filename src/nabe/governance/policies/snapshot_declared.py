"""Who may have a dataset copied into the lake."""

from __future__ import annotations

from nabe.governance.facts import Facts
from nabe.model.decision import Effect, Obligations, Request, Verdict
from nabe.model.party import ADMINISTRATION, JOBS, Role


def snapshot_declared(request: Request, facts: Facts) -> Verdict | None:
    """Art. 25 GDPR: a copy is taken only of what was declared to be copied; whoever starts it sees nothing of it.

    The schedule may, IT of the administration, and data owners of the owning organisation. Reading the copy is decided
    like reading the silo.
    """
    actor, dataset = request.actor, facts.dataset
    params = {"dataset": dataset.id, "owner": dataset.owner}
    if dataset.snapshots is None:
        return Verdict(Effect.DENY, "snapshot_declared", "snapshot_not_declared", params, law="Art. 25 GDPR")
    home = facts.snapshot.organisations.get(actor.organisation)
    inside = home is not None and home.kind in ADMINISTRATION
    owns = Role.DATA_OWNER in actor.roles and actor.organisation in facts.snapshot.ancestry(dataset.owner)
    if actor != JOBS and not owns and not (inside and Role.IT in actor.roles):
        return Verdict(Effect.DENY, "snapshot_declared", "may_not_snapshot", params, law="Art. 25 GDPR")
    columns = frozenset(field.name for field in dataset.fields)
    return Verdict(
        Effect.PERMIT,
        "snapshot_declared",
        "may_snapshot",
        params,
        law="Art. 25 GDPR",
        obligations=Obligations(columns=columns),
    )
