"""Who may have copies taken, see them, and have them forgotten; and what is due when."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

from nabe.errors import Denied, Unknown
from nabe.hub.deciding import NO_DATASET, Deciding, unknown
from nabe.hub.snapshotting import CHECK, KIND, Snapshotting, declaration, due
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Access, Dataset
from nabe.model.decision import Action
from nabe.model.lake import Run, Standing, Version
from nabe.model.party import Actor
from nabe.ports.lake import Lake
from nabe.ports.runs import Runs
from nabe.query.reach import Reach
from nabe.schedule import schedule


@dataclass(frozen=True, slots=True)
class Due:
    """Something to be done on schedule. `at` None: at once."""

    kind: str
    system: str
    dataset: str
    at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Kept:
    """Copies of a dataset, newest first. `next`: when the next is due (None: at once, or never without a schedule)."""

    versions: tuple[Version, ...]
    standing: Standing
    next: dt.datetime | None


class Keeping:
    """The governed side of copies."""

    def __init__(
        self, deciding: Deciding, lake: Lake, runs: Runs, reach: Reach, clock: Callable[[], dt.datetime]
    ) -> None:
        self._deciding, self._lake, self._runs, self._clock = deciding, lake, runs, clock
        self._taking = Snapshotting(deciding, lake, runs, reach, clock)

    def take(self, actor: Actor, id: str, snapshot: Snapshot) -> Run:
        """Copy a dataset now."""
        dataset = snapshot.datasets.get(id)
        if dataset is None or not (self._may_copy(actor, dataset, snapshot) or self._knows(actor, dataset, snapshot)):
            raise unknown(id)
        return self._taking.take(actor, dataset, snapshot)

    def check(self, actor: Actor, id: str, snapshot: Snapshot) -> Run | None:
        """See whether a silo answers."""
        self._must_reach(actor, snapshot)
        system = snapshot.systems.get(id)
        if system is None:
            raise Unknown(f"There is no system {id!r}.", system=id)
        return self._taking.check(system)

    def forget(self, actor: Actor, id: str, before: dt.datetime | None, snapshot: Snapshot) -> int:
        """Remove copies. What is not declared any more belongs to nobody: IT may remove it."""
        dataset = snapshot.datasets.get(id)
        if dataset is None:
            self._must_reach(actor, snapshot)
            if id not in self._lake.datasets():
                raise unknown(id)
        elif not self._may_copy(actor, dataset, snapshot):
            if not self._knows(actor, dataset, snapshot):
                raise unknown(id)
            decision = self._deciding.decide(actor, Action.SNAPSHOT, dataset, "", snapshot)
            if dataset.snapshots is not None or not self._reaches(actor, snapshot):
                reasons = tuple((verdict.reason, dict(verdict.params)) for verdict in decision.because)
                raise Denied(f"Removing copies of {id!r} is not permitted.", reasons=reasons, dataset=id)
        return self._lake.forget(id, before)

    def kept(self, actor: Actor, id: str, snapshot: Snapshot) -> Kept:
        """Copies of a dataset that the actor may know of; their sizes only for those who may read or keep it."""
        dataset = snapshot.datasets.get(id)
        if dataset is None or not self._knows(actor, dataset, snapshot):
            raise unknown(id)
        versions, standing = self._lake.versions(id), self._lake.standing(id)
        if not self._sees_sizes(actor, dataset, snapshot):
            versions = [replace(version, rows=-1, bytes=-1, digest="") for version in versions]
            standing = replace(standing, why="", columns=(), mark="")
        when = None
        if dataset.snapshots is not None:
            when = due(dataset.snapshots, standing, declaration(dataset, snapshot.systems.get(dataset.system)))
        return Kept(tuple(versions), standing, when)

    def runs(self, actor: Actor, system: str, limit: int, snapshot: Snapshot) -> list[Run]:
        """Runs of datasets that the actor may know of; details only for those who may read or keep them."""
        known = {item.id: item for item in snapshot.datasets.values() if item.system == system}
        known = {id: item for id, item in known.items() if self._knows(actor, item, snapshot)}
        reaches = self._reaches(actor, snapshot)
        if system not in snapshot.systems or not (known or reaches):
            raise Unknown(f"There is no system {system!r} that you may know of.", system=system)
        shown = []
        for run in self._runs.list(system=system, limit=limit):
            dataset = known.get(run.dataset)
            if dataset is None and not reaches and run.dataset:
                continue
            if not reaches and (dataset is None or not self._sees_sizes(actor, dataset, snapshot)):
                run = replace(run, rows=-1, bytes=-1, detail="")
            shown.append(run)
        return shown

    def agenda(self, actor: Actor, snapshot: Snapshot) -> list[Due]:
        """Everything on schedule, whether it is due or not."""
        self._must_reach(actor, snapshot)
        found = []
        for dataset in snapshot.datasets.values():
            if dataset.snapshots is not None and dataset.product is None:
                declared = declaration(dataset, snapshot.systems.get(dataset.system))
                at = due(dataset.snapshots, self._lake.standing(dataset.id), declared)
                found.append(Due(KIND, dataset.system, dataset.id, at))
        checked = [system for system in snapshot.systems.values() if system.check_every]
        latest = self._runs.latest() if checked else {}
        for system in checked:
            run = latest.get((CHECK, system.id, ""))
            found.append(Due(CHECK, system.id, "", schedule(system.check_every).after(run.started) if run else None))
        return found

    def tidy(self, actor: Actor, keep: int, snapshot: Snapshot) -> int:
        """Forget old runs."""
        self._must_reach(actor, snapshot)
        return self._runs.prune(keep)

    def _knows(self, actor: Actor, dataset: Dataset, snapshot: Snapshot) -> bool:
        return self._deciding.may_know(actor, dataset, snapshot)

    def _may_copy(self, actor: Actor, dataset: Dataset, snapshot: Snapshot) -> bool:
        return self._deciding.decide(actor, Action.SNAPSHOT, dataset, "", snapshot).permit

    def _reaches(self, actor: Actor, snapshot: Snapshot) -> bool:
        return self._deciding.decide(actor, Action.REACH, NO_DATASET, "", snapshot).permit

    def _must_reach(self, actor: Actor, snapshot: Snapshot) -> None:
        decision = self._deciding.decide(actor, Action.REACH, NO_DATASET, "", snapshot)
        if not decision.permit:
            reasons = tuple((verdict.reason, dict(verdict.params)) for verdict in decision.because)
            raise Denied("Looking after the silos is not permitted.", reasons=reasons)

    def _sees_sizes(self, actor: Actor, dataset: Dataset, snapshot: Snapshot) -> bool:
        return dataset.access is Access.OPEN or self._may_copy(actor, dataset, snapshot)
