"""The owner's to-do list: what of their data needs a look, what got better, and what could not be checked."""

from __future__ import annotations

from dataclasses import dataclass

from nabe.hub import Hub
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Dataset
from nabe.model.party import Actor, Role
from nabe.model.quality import QualityView, RuleSeverity, RuleView, State

_ORDER = tuple(RuleSeverity)


@dataclass(frozen=True, slots=True)
class Tasks:
    """One dataset of theirs. `open`: broken rules, what matters most first; `mended`: broken before, kept now;
    `unchecked`: not to be checked at present."""

    dataset: Dataset
    open: tuple[RuleView, ...]
    mended: tuple[RuleView, ...]
    unchecked: tuple[RuleView, ...]
    quality: QualityView


def tasks(hub: Hub, actor: Actor, use_case: str) -> list[Tasks]:
    """To-do lists of the datasets for whose data the actor's organisation answers; those with most to do first."""
    organisations = Snapshot(organisations=hub.organisations())
    mine = [item.dataset for item in hub.find(actor, use_case) if _answers_for(actor, item.dataset, organisations)]
    if not mine:
        return []
    views = hub.quality(actor, use_case, [dataset.id for dataset in mine])
    found = [_tasks(dataset, view) for dataset, view in zip(mine, views, strict=True) if view.rules]
    return sorted(found, key=lambda item: (-len(item.open), item.dataset.title.de.casefold()))


def _answers_for(actor: Actor, dataset: Dataset, organisations: Snapshot) -> bool:
    if not actor.organisation:
        return False
    above = organisations.ancestry(dataset.owner)
    return actor.organisation == dataset.owner or (Role.DATA_OWNER in actor.roles and actor.organisation in above)


def _tasks(dataset: Dataset, view: QualityView) -> Tasks:
    rules = sorted(view.rules, key=lambda item: _ORDER.index(item.rule.severity))
    return Tasks(
        dataset,
        tuple(item for item in rules if item.open),
        tuple(item for item in rules if item.mended),
        tuple(item for item in rules if item.last is not None and item.last.state is State.NOT_CHECKED),
        view,
    )
