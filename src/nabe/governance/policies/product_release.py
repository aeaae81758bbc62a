"""A product leaves its use case only if the owners of its inputs let it."""

from __future__ import annotations

from nabe.governance.facts import OPENNESS, Facts
from nabe.model.decision import Effect, Request, Verdict


def product_release(request: Request, facts: Facts) -> Verdict | None:
    """Study §3.1.1 and Annex 1.3: what a grant does not let out cannot be passed on, not even transformed.

    Each input that is less open than the product needs a grant with `publish` in the product's use case.
    """
    product = facts.dataset.product
    if product is None or product.use_case == request.use_case:
        return None
    home = facts.snapshot.usecases.get(product.use_case)
    for source in facts.inputs:
        grant = home.grant(source.id) if home else None
        if OPENNESS[source.access] >= OPENNESS[facts.dataset.access] or (grant is not None and grant.publish):
            continue
        params = {"dataset": facts.dataset.id, "input": source.id, "use_case": product.use_case}
        return Verdict(Effect.DENY, "product_release", "product_not_released", params, law="Studie, Anhang 1.3")
    return None
