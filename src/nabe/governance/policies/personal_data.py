"""Personal fields are read only where a grant names them and a law allows it."""

from __future__ import annotations

from nabe.governance.facts import Facts
from nabe.model.decision import Effect, Obligations, Request, Verdict


def personal_data(request: Request, facts: Facts) -> Verdict | None:
    """Art. 5 (1) c (data minimisation) and Art. 6 GDPR.

    `*` never includes personal fields. A grant that shows personal fields of single persons (no minimum group) needs
    a legal basis in its use case.
    """
    personal = frozenset(field.name for field in facts.dataset.fields if field.personal)
    if not personal:
        return None
    grant, case = facts.grant, facts.use_case
    named = personal.intersection(grant.columns + grant.measures) if grant else frozenset()
    if named and case is not None and not case.legal_basis and grant is not None and grant.min_group < 2:
        params = {"use_case": case.id, "dataset": facts.dataset.id, "fields": ", ".join(sorted(named))}
        return Verdict(Effect.DENY, "personal_data", "legal_basis_missing", params, law="Art. 6 GDPR")
    hidden = personal - named
    if not hidden:
        return None
    columns = frozenset(field.name for field in facts.dataset.fields) - hidden
    params = {"dataset": facts.dataset.id, "fields": ", ".join(sorted(hidden))}
    return Verdict(
        Effect.NARROW,
        "personal_data",
        "personal_hidden",
        params,
        law="Art. 5 (1) c GDPR",
        obligations=Obligations(columns=columns),
    )
