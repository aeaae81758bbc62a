"""The one decision: all policies of an action, combined."""

from __future__ import annotations

import hashlib

from nabe.governance.facts import Facts
from nabe.governance.policies import POLICIES
from nabe.model.decision import Decision, Effect, Obligations, Request, Verdict
from nabe.model.expr import both


def decide(request: Request, facts: Facts) -> Decision:
    """No PERMIT denies, any DENY denies, all NARROWs apply. Pure: the same arguments give the same decision."""
    verdicts = tuple(verdict for policy in POLICIES[request.action] if (verdict := policy(request, facts)) is not None)
    permitted = any(verdict.effect is Effect.PERMIT for verdict in verdicts)
    denied = any(verdict.effect is Effect.DENY for verdict in verdicts)
    if not permitted and not denied:
        verdicts += (Verdict(Effect.DENY, "default", "default_deny", {"dataset": request.dataset}),)
    permit = permitted and not denied
    until = [verdict.until for verdict in verdicts if verdict.until is not None]
    return Decision(
        id=_identify(request, facts, verdicts, permit),
        request=request,
        permit=permit,
        because=verdicts,
        obligations=_narrowest(verdicts) if permit else Obligations(),
        expires_at=min(until) if until else None,
    )


def _narrowest(verdicts: tuple[Verdict, ...]) -> Obligations:
    """The intersection of what PERMITs and NARROWs say."""
    result: Obligations | None = None
    for verdict in verdicts:
        duties = verdict.obligations
        if duties is None:
            continue
        result = duties if result is None else _intersect(result, duties)
    return result or Obligations()


def _intersect(left: Obligations, right: Obligations) -> Obligations:
    rounding = dict(left.rounding)
    for name, step in right.rounding.items():
        rounding[name] = max(step, rounding.get(name, 0.0))
    return Obligations(
        columns=left.columns & right.columns,
        allowed=both(left.allowed, right.allowed),
        min_group=max(left.min_group, right.min_group),
        subject=left.subject or right.subject,
        measures=left.measures | right.measures,
        rounding=rounding,
    )


def _identify(request: Request, facts: Facts, verdicts: tuple[Verdict, ...], permit: bool) -> str:
    """A short id that the ledger keeps: the same for the same decision at the same catalogue version."""
    parts = (
        str(facts.snapshot.version),
        request.actor.id,
        request.action,
        request.dataset,
        request.use_case,
        facts.for_product,
        facts.for_check,
        str(permit),
        *(f"{verdict.policy}:{verdict.reason}" for verdict in verdicts),
    )
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:16]
