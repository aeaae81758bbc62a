"""What is not open is read for a registered use case only."""

from __future__ import annotations

from nabe.governance.facts import Facts, names_purpose
from nabe.model.dataset import Access
from nabe.model.decision import Effect, Request, Verdict


def purpose_limitation(request: Request, facts: Facts) -> Verdict | None:
    """Art. 5 (1) b GDPR, purpose limitation; study §4.1: access "on the basis of defined use cases"."""
    if names_purpose(request.use_case):
        if facts.use_case is not None:
            return None
        reason, params = "use_case_unknown", {"use_case": request.use_case}
    elif facts.dataset.access is Access.OPEN:
        return None
    else:
        reason, params = "purpose_missing", {"dataset": facts.dataset.id}
    return Verdict(Effect.DENY, "purpose_limitation", reason, params, law="Art. 5 (1) b GDPR")
