"""Open data may be read by anybody for any purpose, except its personal fields."""

from __future__ import annotations

from nabe.governance.facts import Facts
from nabe.model.dataset import Access
from nabe.model.decision import Effect, Obligations, Request, Verdict


def open_data(request: Request, facts: Facts) -> Verdict | None:
    """§ 1 DNG (Datennutzungsgesetz): open data are for use by all; study §3.1.1: open is not maximum.

    Silent when the named use case holds a grant for personal fields of this dataset: then that grant decides.
    """
    if facts.dataset.access is not Access.OPEN:
        return None
    personal = {field.name for field in facts.dataset.fields if field.personal}
    if facts.grant is not None and personal.intersection(facts.grant.columns):
        return None
    columns = frozenset(field.name for field in facts.dataset.fields if not field.personal)
    return Verdict(
        Effect.PERMIT,
        "open_data",
        "open",
        {"dataset": facts.dataset.id},
        law="§ 1 DNG",
        obligations=Obligations(columns=columns),
    )
