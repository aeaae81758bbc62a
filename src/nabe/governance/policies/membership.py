"""Only those who work in a use case may use its purpose."""

from __future__ import annotations

from nabe.governance.facts import Facts, is_member
from nabe.model.dataset import Access
from nabe.model.decision import Effect, Request, Verdict


def membership(request: Request, facts: Facts) -> Verdict | None:
    """Art. 29 and 32 (4) GDPR: access only for persons who act on instruction within the purpose.

    Open data stay open to those who name a use case that is not theirs only if nothing but open data is asked for.
    """
    case = facts.use_case
    if case is None or facts.for_product or is_member(request.actor, case, facts.snapshot):
        return None
    if facts.dataset.access is Access.OPEN and facts.grant is None:
        return None
    return Verdict(Effect.DENY, "membership", "not_a_member", {"use_case": case.id}, law="Art. 29, 32 (4) GDPR")
