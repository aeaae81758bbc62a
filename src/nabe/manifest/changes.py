"""What differs between two sets of declarations."""

from __future__ import annotations

import dataclasses
from typing import Any

from nabe.model.catalogue import Change, Noun, Snapshot, kind_of


def difference(old: Snapshot, new: Snapshot) -> list[Change]:
    """The changes that lead from one to the other, in the order in which kinds build on each other."""
    before = {(kind_of(noun), noun.id): noun for noun in old.nouns()}
    after = {(kind_of(noun), noun.id): noun for noun in new.nouns()}
    changes = [Change(*key, noun) for key, noun in after.items() if before.get(key) != noun]
    return changes + [Change(*key, None) for key in before if key not in after]


def changed_fields(old: Noun, new: Noun) -> list[str]:
    """Names of the fields in which two versions of a document differ."""
    return [item.name for item in dataclasses.fields(new) if _get(old, item.name) != getattr(new, item.name)]


def _get(noun: Any, name: str) -> Any:
    return getattr(noun, name, None)
