"""The grant: what the data owner allowed a use case to read of a dataset."""

from __future__ import annotations

import math

from nabe.governance.facts import Facts, day_of, end_of
from nabe.model.dataset import Access, Dataset
from nabe.model.decision import Effect, Obligations, Request, Verdict
from nabe.model.usecase import Grant

_LAW = "Art. 6 GDPR"


def grants(request: Request, facts: Facts) -> Verdict | None:
    """Art. 6 GDPR (lawfulness) and the city's own data sovereignty: no use without the owner's consent.

    A grant counts when approved and not expired; it narrows columns, rows and groups, and never widens.
    """
    case, grant, dataset = facts.use_case, facts.grant, facts.dataset
    if case is None:
        return None
    if grant is None:
        if dataset.access is Access.OPEN or (dataset.product is not None and dataset.product.use_case == case.id):
            return None
        return _deny("no_grant", case.id, dataset.id)
    if dataset.access is Access.OPEN and not _names_personal(grant, dataset):
        return None
    if grant.approval is None:
        return _deny("grant_not_approved", case.id, dataset.id)
    if grant.expires is not None and day_of(request.at) > grant.expires:
        return _deny("grant_expired", case.id, dataset.id, date=grant.expires.isoformat())
    ends = [day for day in (grant.expires, case.expires) if day is not None]
    return Verdict(
        Effect.PERMIT,
        "grants",
        _granted(grant),
        {
            "use_case": case.id,
            "dataset": dataset.id,
            "columns": ", ".join(grant.columns),
            "min_group": grant.min_group,
            "approved_by": grant.approval.by,
        },
        law=case.legal_basis or _LAW,
        obligations=_obligations(grant, facts),
        until=end_of(min(ends)) if ends else None,
    )


def _granted(grant: Grant) -> str:
    if grant.min_group > 1:
        return "granted_narrowed"
    return "granted_in_part" if grant.where or grant.rounding else "granted"


def _obligations(grant: Grant, facts: Facts) -> Obligations:
    dataset = facts.dataset
    everything = "*" in grant.columns
    columns = frozenset(
        field.name
        for field in dataset.fields
        if field.name in grant.columns or field.name in grant.measures or (everything and not field.personal)
    )
    rounding = {name: step for name, step in grant.rounding.items() if math.isfinite(step) and step > 0}
    return Obligations(
        columns=columns,
        allowed=facts.row_filter,
        min_group=grant.min_group,
        subject=dataset.subject,
        measures=frozenset(grant.measures),
        rounding=rounding,
    )


def _names_personal(grant: Grant, dataset: Dataset) -> bool:
    return any(field.personal and field.name in grant.columns for field in dataset.fields)


def _deny(reason: str, use_case: str, dataset: str, **params: str) -> Verdict:
    return Verdict(Effect.DENY, "grants", reason, {"use_case": use_case, "dataset": dataset, **params}, law=_LAW)
