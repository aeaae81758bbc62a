"""A use case serves from its start to its end."""

from __future__ import annotations

from nabe.governance.facts import Facts, day_of
from nabe.model.decision import Effect, Request, Verdict
from nabe.model.usecase import UseCaseState


def use_case_active(request: Request, facts: Facts) -> Verdict | None:
    """Art. 5 (1) b and e GDPR: no processing before the purpose is set nor after it is gone."""
    case = facts.use_case
    if case is None:
        return None
    if case.state is not UseCaseState.ACTIVE:
        return Verdict(
            Effect.DENY,
            "use_case_active",
            "use_case_draft" if case.state is UseCaseState.DRAFT else "use_case_ended",
            {"use_case": case.id},
            law="Art. 5 (1) b GDPR",
        )
    if case.expires is not None and day_of(request.at) > case.expires:
        params = {"use_case": case.id, "date": case.expires.isoformat()}
        return Verdict(Effect.DENY, "use_case_active", "use_case_expired", params, law="Art. 5 (1) e GDPR")
    return None
