"""What the job that checks quality may look at."""

from __future__ import annotations

from nabe.governance.facts import Facts
from nabe.model.dataset import Access, Dataset
from nabe.model.decision import Effect, Obligations, Request, Verdict
from nabe.model.party import ADMINISTRATION, GROUP, QUALITY_JOB

_LAW = "Art. 5 (1) d GDPR"


def quality_job(request: Request, facts: Facts) -> Verdict | None:
    """Art. 5 (1) d GDPR (accuracy): the owner's own rules are checked by counting; no value of a row is handed out.

    The rules are part of the declaration. Of a dataset that they refer to the job sees all if it belongs to the same owner,
    what is not personal if it is open, and only the fields referred to if the owner may know of it; else nothing, so that
    nobody finds out by rules what others hold.
    """
    if request.actor != QUALITY_JOB:
        return None
    dataset, checked = facts.dataset, facts.snapshot.datasets.get(facts.for_check)
    params = {"dataset": dataset.id, "checked": facts.for_check or dataset.id}
    if checked is None or checked.id == dataset.id:
        if not dataset.quality:
            return Verdict(Effect.DENY, "quality_job", "no_quality_rules", params, law=_LAW)
        return _permit("quality_declared", params, frozenset(field.name for field in dataset.fields))
    plain = frozenset(field.name for field in dataset.fields if not field.personal)
    if dataset.owner == checked.owner:
        return _permit("quality_reference_own", params, frozenset(field.name for field in dataset.fields))
    if dataset.access is Access.OPEN:
        return _permit("quality_reference_open", params, plain)
    if _known_to_owner(dataset, checked, facts):
        return _permit("quality_reference_known", params, plain & _referred(checked, dataset.id))
    return Verdict(Effect.DENY, "quality_job", "quality_reference_closed", params, law=_LAW)


def _permit(reason: str, params: dict[str, str], columns: frozenset[str]) -> Verdict:
    return Verdict(Effect.PERMIT, "quality_job", reason, params, law=_LAW, obligations=Obligations(columns=columns))


def _known_to_owner(dataset: Dataset, checked: Dataset, facts: Facts) -> bool:
    owner = facts.snapshot.organisations.get(checked.owner)
    kind = owner.kind if owner else None
    return (dataset.access is Access.GROUP and kind in GROUP) or (
        dataset.access is Access.INTERNAL and kind in ADMINISTRATION
    )


def _referred(checked: Dataset, target: str) -> frozenset[str]:
    references = [field.references for field in checked.fields] + [rule.references for rule in checked.quality]
    return frozenset(item.field for item in references if item is not None and item.dataset == target)
