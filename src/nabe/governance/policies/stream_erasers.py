"""Who may have erased what a stream dataset holds."""

from __future__ import annotations

from nabe.governance.facts import Facts
from nabe.model.decision import Effect, Request, Verdict
from nabe.model.party import JOBS, Role

_LAW = "Art. 5 (1) e GDPR"
_KEEPERS = frozenset({Role.IT, Role.DATA_OWNER})


def stream_erasers(request: Request, facts: Facts) -> Verdict | None:
    """Art. 5 (1) e GDPR (storage limitation) and Art. 17: the schedule, by the retention that the dataset declares; as a
    whole, IT and data owners of the owning organisation or of one above it. Devices that may write may not.
    """
    actor, dataset = request.actor, facts.dataset
    params = {"dataset": dataset.id, "owner": dataset.owner}
    if dataset.stream is None:
        return Verdict(Effect.DENY, "stream_erasers", "no_stream", params, law=_LAW)
    if actor == JOBS:
        if dataset.stream.retention:
            params |= {"retention": dataset.stream.retention}
            return Verdict(Effect.PERMIT, "stream_erasers", "erased_by_retention", params, law=_LAW)
        return Verdict(Effect.DENY, "stream_erasers", "no_retention", params, law=_LAW)
    if actor.roles & _KEEPERS and actor.organisation in facts.snapshot.ancestry(dataset.owner):
        return Verdict(Effect.PERMIT, "stream_erasers", "may_erase", params, law=_LAW)
    return Verdict(Effect.DENY, "stream_erasers", "may_not_erase", params, law=_LAW)
