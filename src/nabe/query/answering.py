"""Which source answers for a scan: its silo, or a copy in the lake, because it is declared so or the silo is down."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import TypeVar

from nabe.errors import Invalid, SourceRefused, SourceUnavailable
from nabe.model.dataset import Dataset, Mode, Outage
from nabe.model.query import SealedScan
from nabe.model.result import SourceState
from nabe.ports.lake import Lake
from nabe.ports.source import Batches, Source
from nabe.query import budget as costs
from nabe.query.reach import Reach

T = TypeVar("T")
_LAKE = "nabe-lake"


class Answering:
    """For one question. `down`: silos known to be down, whose datasets are answered from copies.

    Copies lie on our own disk: they are read without the time-outs and breakers of silos.
    """

    def __init__(self, reach: Reach, lake: Lake | None, as_of: dt.datetime | None, down: frozenset[str]) -> None:
        self._reach, self._lake, self._as_of, self._down = reach, lake, as_of, down
        self._kept = lake.source(as_of) if lake is not None else None
        self._asked: dict[str, dict[str, Dataset]] = {}
        self._copied: set[str] = set()
        self.states: dict[str, SourceState] = {}

    def source(self, scan: SealedScan) -> Source:
        """The source for a scan. Raises `SourceUnavailable` if it is down and nothing may stand in."""
        dataset = scan.dataset
        if self._from_lake(dataset):
            return self._copies(dataset)
        self._asked.setdefault(dataset.system, {})[dataset.id] = dataset
        self.states[dataset.id] = SourceState(dataset.system, dataset.id)
        return self._reach.source(dataset.system, self.timeout(scan))

    def ask(self, scan: SealedScan, source: Source, ask: Callable[[], T]) -> T:
        """Ask the scan's source something, cut off in time."""
        if scan.dataset.id in self._copied:
            return ask()
        return self._reach.call(scan.dataset.system, self.timeout(scan), ask, instant=source.capabilities.instant)

    def read(self, scan: SealedScan, source: Source) -> Batches:
        """Its rows, each wait cut off."""
        if scan.dataset.id in self._copied:
            return source.read(scan)
        found = self._reach.read(source, scan, scan.dataset.system, self.timeout(scan))
        if found.stale_since is not None:
            self.states[scan.dataset.id] = SourceState(scan.dataset.system, scan.dataset.id, found.stale_since)
        return found

    @staticmethod
    def timeout(scan: SealedScan) -> float:
        """Seconds."""
        return costs.limits_of(scan.dataset).timeout_s

    def may_stand_in(self) -> bool:
        """Is there a copy that could stand in for a silo that was asked?"""
        return any(self._replaceable(dataset) for asked in self._asked.values() for dataset in asked.values())

    def replaceable(self, error: SourceUnavailable | SourceRefused) -> frozenset[str]:
        """The silos that this error is about, if all that was asked of them can be answered from copies; else none."""
        systems = frozenset(error.system.split(" and ")) & self._asked.keys()
        asked = [dataset for system in systems for dataset in self._asked[system].values()]
        return systems if asked and all(self._replaceable(dataset) for dataset in asked) else frozenset()

    def _from_lake(self, dataset: Dataset) -> bool:
        if self._as_of is not None and dataset.snapshots is None:
            raise Invalid(
                f"No copies of {dataset.id!r} are kept, so it is not known how it was.",
                hint="Its owner can declare snapshots; leave the time out to read it as it is.",
                field="as_of",
                dataset=dataset.id,
            )
        stands_in = dataset.system in self._down and self._replaceable(dataset)
        return self._as_of is not None or dataset.mode is Mode.SNAPSHOT or stands_in

    def _replaceable(self, dataset: Dataset) -> bool:
        return (
            self._lake is not None
            and dataset.snapshots is not None
            and dataset.on_outage is Outage.STALE
            and bool(self._lake.versions(dataset.id))
        )

    def _copies(self, dataset: Dataset) -> Source:
        if self._lake is None or self._kept is None:
            raise SourceUnavailable(_LAKE, "there is none.")
        standing = self._lake.standing(dataset.id)
        if self._as_of is None and standing.stale and dataset.on_outage is Outage.FAIL:
            raise SourceUnavailable(
                dataset.system, standing.why, hint="Its last copy is not served: the dataset says on_outage: fail."
            )
        versions = self._lake.versions(dataset.id)
        at = next((item.at for item in versions if self._as_of is None or item.at <= self._as_of), None)
        down = dataset.mode is Mode.LIVE or standing.stale
        since = (standing.confirmed or at) if down and self._as_of is None else None
        self.states[dataset.id] = SourceState(dataset.system, dataset.id, since, at)
        self._copied.add(dataset.id)
        return self._kept
