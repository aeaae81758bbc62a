"""Which sensing datasets an asker may read or write, and how much of them is seen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from nabe.errors import Denied
from nabe.hub.deciding import NO_DATASET, Deciding, unknown
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Access, Dataset, Mode
from nabe.model.decision import Action, Decision
from nabe.model.expr import ALL_ROWS
from nabe.model.party import Actor
from nabe.query.sensing import DatasetView, View, dataset_view

_MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Seen:
    """What may be read. `narrowed`: datasets that may be read in part only, by rows or rounded, so not here."""

    version: int
    view: View
    narrowed: tuple[str, ...]
    expires_at: dt.datetime | None


class Seeing:
    """Views by actor and use case, remembered until the declarations change or a decision expires."""

    def __init__(self, deciding: Deciding) -> None:
        self._deciding = deciding
        self._remembered: tuple[int, dict[tuple[Actor, str | None], Seen]] = (-1, {})

    def snapshot(self) -> Snapshot:
        """The declarations as they are now."""
        return self._deciding.snapshot()

    def reading(self, actor: Actor, use_case: str, now: dt.datetime) -> Seen:
        """What the actor may read for a use case."""
        return self._seen(actor, use_case, now)

    def writing(self, actor: Actor, now: dt.datetime) -> View:
        """What the actor may write; of that everything can be addressed."""
        return self._seen(actor, None, now).view

    def _seen(self, actor: Actor, use_case: str | None, now: dt.datetime) -> Seen:
        snapshot = self.snapshot()
        version, remembered = self._remembered
        if version != snapshot.version or len(remembered) > _MOST_REMEMBERED:
            remembered = {}
            self._remembered = (snapshot.version, remembered)
        found = remembered.get((actor, use_case))
        if found is None or (found.expires_at is not None and found.expires_at <= now):
            found = self._decided(actor, use_case, snapshot)
            remembered[(actor, use_case)] = found
        return found

    def _decided(self, actor: Actor, use_case: str | None, snapshot: Snapshot) -> Seen:
        views: dict[str, DatasetView] = {}
        narrowed: list[str] = []
        expiries: list[dt.datetime] = []
        action = Action.READ if use_case is not None else Action.WRITE
        for dataset in streams_in(snapshot):
            decision = self._deciding.decide(actor, action, dataset, use_case or "", snapshot)
            if decision.expires_at is not None:
                expiries.append(decision.expires_at)
            if not decision.permit:
                continue
            if action is Action.WRITE:
                views[dataset.id] = DatasetView(dataset.id, decision.id, closed=dataset.access is not Access.OPEN)
            elif is_narrowed(decision):
                narrowed.append(dataset.id)
            elif columns := decision.obligations.columns:
                closed = dataset.access is not Access.OPEN
                views[dataset.id] = dataset_view(dataset, columns, decision.id, closed)
        return Seen(snapshot.version, View(views), tuple(narrowed), min(expiries) if expiries else None)

    def demand(self, actor: Actor, action: Action, name: str, *, what: str) -> Dataset:
        """The stream dataset, if the actor may do this. `Unknown`, `Denied` with the reasons."""
        snapshot = self.snapshot()
        dataset = snapshot.datasets.get(name)
        if dataset is None:
            raise unknown(name)
        decision = self._deciding.decide(actor, action, dataset, "", snapshot)
        if not decision.permit:
            if not self.knows(actor, dataset):
                raise unknown(name)
            raise refused(decision, what)
        return dataset

    def knows(self, actor: Actor, dataset: Dataset) -> bool:
        """May the actor know that this dataset exists?"""
        return self._deciding.may_know(actor, dataset, self.snapshot())

    def keeps(self, actor: Actor) -> bool:
        """Does the actor keep the catalogue?"""
        return self._deciding.decide(actor, Action.DECLARE, NO_DATASET, "", self.snapshot()).permit

    def decision(self, actor: Actor, action: Action, dataset: Dataset) -> Decision:
        """Decide."""
        return self._deciding.decide(actor, action, dataset, "", self.snapshot())


def is_narrowed(decision: Decision) -> bool:
    """Are rows hidden, values rounded or groups demanded? SQL and downloads do that, entities cannot be shown so."""
    duties = decision.obligations
    return duties.min_group > 1 or duties.allowed != ALL_ROWS or bool(duties.rounding)


def streams_in(snapshot: Snapshot) -> Iterable[Dataset]:
    """Datasets that come as a stream."""
    return (dataset for dataset in snapshot.datasets.values() if dataset.mode is Mode.STREAM)


def refused(decision: Decision, what: str) -> Denied:
    """A denial in words."""
    dataset = decision.request.dataset
    return Denied(
        f"{what} {dataset!r} is not permitted.",
        reasons=tuple((verdict.reason, dict(verdict.params)) for verdict in decision.because),
        dataset=dataset,
    )
