"""What differs between two sets of declarations."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from nabe.model.catalogue import Change, Noun, Snapshot, kind_of
from nabe.model.usecase import UseCase


def difference(old: Snapshot, new: Snapshot) -> list[Change]:
    """The changes that lead from one to the other, in the order in which kinds build on each other."""
    before = {(kind_of(noun), noun.id): noun for noun in old.nouns()}
    after = {(kind_of(noun), noun.id): noun for noun in new.nouns()}
    changes = [Change(*key, noun) for key, noun in after.items() if before.get(key) != noun]
    return changes + [Change(*key, None) for key in before if key not in after]


def with_consents(old: Snapshot, nouns: Sequence[Noun]) -> list[Noun]:
    """The nouns of files, with the consents in force where a file is silent about the same grant.

    An owner who consented in the portal is asked again only when the terms changed (`UseCase.consented_before`). A file
    that names a consent is taken at its word.
    """
    return [_with_consents(old.usecases.get(noun.id), noun) if isinstance(noun, UseCase) else noun for noun in nouns]


def _with_consents(old: UseCase | None, new: UseCase) -> UseCase:
    grants = (replace(grant, approval=grant.approval or new.consented_before(grant, old)) for grant in new.grants)
    return replace(new, grants=tuple(grants))


def consents(old: Noun | None, new: Noun | None) -> list[str]:
    """What a change does to the data owners' consents, one sentence each: the part of a plan nobody may overlook."""
    before = {grant.dataset: grant.approval for grant in old.grants} if isinstance(old, UseCase) else {}
    after = {grant.dataset: grant.approval for grant in new.grants} if isinstance(new, UseCase) else {}
    said = []
    for dataset in sorted(before | after):
        was, will = before.get(dataset), after.get(dataset)
        if was is not None and will is None:
            said.append(f"ends the consent of {was.by} to {dataset}: its terms are others now")
        elif will is not None and was != will:
            said.append(f"records the consent of {will.by} to {dataset}")
    return said


def changed_fields(old: Noun, new: Noun) -> list[str]:
    """Names of the fields in which two versions of a document differ."""
    return [item.name for item in dataclasses.fields(new) if _get(old, item.name) != getattr(new, item.name)]


def _get(noun: Any, name: str) -> Any:
    return getattr(noun, name, None)
