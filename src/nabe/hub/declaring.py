"""Changing what the city declared, so that nobody slips in a consent that the owner did not give."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace

from nabe.errors import Conflict, Denied, Invalid, Unknown
from nabe.hub.deciding import NO_DATASET, Deciding
from nabe.model.catalogue import Change, Snapshot
from nabe.model.decision import Action, Decision
from nabe.model.party import Actor
from nabe.model.usecase import Approval, UseCase
from nabe.ports.catalogue import Catalogue

#: What is wrong with a whole set of declarations, one sentence each.
Validate = Callable[[Snapshot], Sequence[str]]


class Declaring:
    """Writes to the catalogue after deciding who may."""

    def __init__(self, catalogue: Catalogue, deciding: Deciding, validate: Validate) -> None:
        self._catalogue = catalogue
        self._deciding = deciding
        self._validate = validate

    def may_declare(self, actor: Actor, snapshot: Snapshot) -> Decision:
        """Raises `Denied` unless the actor keeps the catalogue."""
        return self._demand(self._deciding.decide(actor, Action.DECLARE, NO_DATASET, "", snapshot))

    def declare(
        self, actor: Actor, changes: Sequence[Change], *, expect: int, at: dt.datetime, approvals_from_files: bool
    ) -> int:
        """Commit all changes or none.

        Approvals of grants are kept as stored: one that is new or whose grant changed is dropped, unless the operator
        applies the city's own files, in which the owner's consent was recorded (the ledger says so).
        """
        snapshot = self._catalogue.snapshot()
        self.may_declare(actor, snapshot)
        if not approvals_from_files:
            changes = [_without_forged_consent(change, snapshot) for change in changes]
        self._check(snapshot, changes)
        return self._catalogue.commit(changes, author=actor.id, at=at, expect=expect)

    def approve(self, actor: Actor, use_case: str, dataset: str, *, note: str, at: dt.datetime) -> int:
        """Record the data owner's consent to one grant."""
        return self._consent(actor, use_case, dataset, Approval(actor.id, at, note), at)

    def withdraw(self, actor: Actor, use_case: str, dataset: str, *, at: dt.datetime) -> int:
        """Take a consent back."""
        return self._consent(actor, use_case, dataset, None, at)

    def _consent(self, actor: Actor, use_case: str, dataset: str, consent: Approval | None, at: dt.datetime) -> int:
        snapshot = self._catalogue.snapshot()
        case, noun = snapshot.usecases.get(use_case), snapshot.datasets.get(dataset)
        grant = case.grant(dataset) if case else None
        known = noun is not None and self._deciding.may_know(actor, noun, snapshot)
        if case is None or noun is None or grant is None or not known:
            raise Unknown(
                f"Use case {use_case!r} asks for no grant of {dataset!r}.", use_case=use_case, dataset=dataset
            )
        self._demand(self._deciding.decide(actor, Action.APPROVE, noun, use_case, snapshot))
        if consent is None and grant.approval is None:
            raise Conflict(f"There is no consent to {dataset!r} for {use_case!r} that could be withdrawn.")
        changed = replace(grant, approval=consent)
        grants = tuple(changed if item.dataset == dataset else item for item in case.grants)
        change = Change("usecase", case.id, replace(case, grants=grants))
        return self._catalogue.commit([change], author=actor.id, at=at, expect=snapshot.version)

    def _check(self, snapshot: Snapshot, changes: Sequence[Change]) -> None:
        table = {(type(noun), noun.id): noun for noun in snapshot.nouns()}
        for change in changes:
            old = snapshot.get(change.kind, change.id)
            if old is not None:
                table.pop((type(old), old.id))
            if change.noun is not None:
                table[(type(change.noun), change.noun.id)] = change.noun
        problems = self._validate(Snapshot.of(list(table.values()), snapshot.version))
        if problems:
            raise Invalid("The declarations do not fit together: " + " · ".join(problems[:20]), problems=list(problems))

    @staticmethod
    def _demand(decision: Decision) -> Decision:
        if not decision.permit:
            raise Denied(
                f"{decision.request.actor.id!r} may not {decision.request.action.value} here.",
                reasons=tuple((verdict.reason, dict(verdict.params)) for verdict in decision.because),
            )
        return decision


def _without_forged_consent(change: Change, snapshot: Snapshot) -> Change:
    if not isinstance(change.noun, UseCase):
        return change
    case, stored = change.noun, snapshot.usecases.get(change.id)
    grants = tuple(replace(grant, approval=case.consented_before(grant, stored)) for grant in case.grants)
    return replace(change, noun=replace(case, grants=grants))
