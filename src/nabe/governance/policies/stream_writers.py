"""Who may add, change and remove what a stream dataset holds."""

from __future__ import annotations

from nabe.governance.facts import Facts
from nabe.model.decision import Effect, Request, Verdict
from nabe.model.party import ANONYMOUS, DEVICE_JOB, Role

_LAW = "Art. 5 (1) d GDPR"
#: The silo that is Nabe itself: nobody's devices are declared there.
_OWN = "sensing"
_KEEPERS = frozenset({Role.IT, Role.DATA_OWNER})


def stream_writers(request: Request, facts: Facts) -> Verdict | None:
    """Art. 5 (1) d GDPR (accuracy) and study Table 6: whoever answers for data lets them in, nobody else.

    IT and data owners of the owning organisation or of one above it, and the accounts that the dataset names as its
    writers (devices, gateways). `anonymous` among them lets anyone. What may write may also correct and remove; reading
    is another question. What Nabe itself fetches from the broker of a declared network may go into the datasets that are
    declared for this network.
    """
    actor, dataset = request.actor, facts.dataset
    params = {"dataset": dataset.id, "owner": dataset.owner}
    if dataset.stream is None:
        return Verdict(Effect.DENY, "stream_writers", "no_stream", params, law=_LAW)
    if actor == DEVICE_JOB:
        system = facts.snapshot.systems.get(dataset.system)
        if system is not None and system.adapter != _OWN:
            return Verdict(Effect.PERMIT, "stream_writers", "may_write_devices", params, law="Studie, Tabelle 6")
    if ANONYMOUS.id in dataset.stream.writers:
        return Verdict(Effect.PERMIT, "stream_writers", "may_write_anyone", params, law="Studie, Tabelle 6")
    if actor.id in dataset.stream.writers:
        return Verdict(Effect.PERMIT, "stream_writers", "may_write_named", params, law="Studie, Tabelle 6")
    if actor.roles & _KEEPERS and actor.organisation in facts.snapshot.ancestry(dataset.owner):
        return Verdict(Effect.PERMIT, "stream_writers", "may_write_own", params, law="Studie, Tabelle 6")
    return Verdict(Effect.DENY, "stream_writers", "may_not_write", params, law=_LAW)
