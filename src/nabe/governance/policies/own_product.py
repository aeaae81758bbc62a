"""Those who work in a use case may read what it produces."""

from __future__ import annotations

from nabe.governance.facts import Facts, end_of
from nabe.model.decision import Effect, Obligations, Request, Verdict


def own_product(request: Request, facts: Facts) -> Verdict | None:
    """A product is the purpose fulfilled; its inputs are decided for themselves, under the same use case."""
    product = facts.dataset.product
    if product is None or facts.use_case is None or product.use_case != facts.use_case.id or facts.grant is not None:
        return None
    columns = frozenset(field.name for field in facts.dataset.fields)
    return Verdict(
        Effect.PERMIT,
        "own_product",
        "own_product",
        {"dataset": facts.dataset.id, "use_case": product.use_case},
        law="Art. 5 (1) b GDPR",
        obligations=Obligations(columns=columns),
        until=end_of(facts.use_case.expires) if facts.use_case.expires else None,
    )
