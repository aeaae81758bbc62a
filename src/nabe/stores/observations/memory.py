"""The state that every process keeps: fresh rows, summaries, what has gone. It follows the log, entry by entry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from nabe.stores.observations.segment import Erased, Segment
from nabe.stores.observations.summary import Summaries
from nabe.stores.observations.view import Run, View, merged

#: Runs below these sizes are merged when there are so many of them; larger ones stay until they become history.
_TIERS = ((1_024, 32), (16_384, 16))


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """One change. `rows`: came (sorted; of `groups`: only last rows of streams). `gone`: id, time, result_time.

    `erased` with `counts` (stream, count): gone by time. `groups` and `features`: came as segments. `reserved` (stream, next).
    """

    number: int
    rows: pa.RecordBatch | None = None
    gone: pa.RecordBatch | None = None
    erased: Erased | None = None
    counts: dict[str, np.ndarray] | None = None
    groups: dict[str, np.ndarray] | None = None
    features: dict[str, np.ndarray] | None = None
    reserved: dict[str, np.ndarray] | None = None


class Memory:
    """Not thread-safe: the store's lock guards it. `view` may be kept."""

    def __init__(self) -> None:
        self.base = -1
        self.generation = -1
        self.summaries = Summaries()
        self.view = View()
        self.entries = 0
        self.fresh = 0

    @property
    def number(self) -> int:
        """The newest entry of the log that is in here."""
        return self.view.number

    def reset(self, base: int, summaries: Summaries, tails: pa.RecordBatch | None) -> None:
        """Begin anew from what was made history as of entry `base`."""
        self.base, self.summaries = base, summaries
        self.view = View(base, segments=self.view.segments, tails=(Run.of(tails),) if tails is not None else ())
        self.entries = self.fresh = 0

    def have(self, generation: int, segments: Sequence[Segment]) -> None:
        """These are the segments now."""
        self.generation = generation
        self.view = replace(self.view, segments=tuple(segments))

    def apply(self, entry: Entry) -> None:
        """Take up the next entry; one that is in here already is passed over."""
        if entry.number <= self.number:
            return
        view = replace(self.view, number=entry.number)
        if entry.gone is not None:
            self.summaries.take_away(entry.gone)
            view = _without(view, np.sort(np.asarray(entry.gone.column("id").to_numpy())))
        if entry.erased is not None:
            assert entry.counts is not None
            self.summaries.take_counts(entry.counts["stream"], entry.counts["count"])
            view = _erase(view, entry.erased)
        if entry.reserved is not None:
            self.summaries.reserve(entry.reserved["stream"], entry.reserved["next"])
        if entry.groups is not None:
            self.summaries.add_groups(entry.groups)
            if entry.features is not None:
                self.summaries.see(entry.features["stream"], entry.features["feature"])
            if entry.rows is not None:
                view = replace(view, tails=(*view.tails, Run.of(entry.rows)))
        elif entry.rows is not None and entry.rows.num_rows:
            self.summaries.add(entry.rows)
            self.fresh += entry.rows.num_rows
            view = replace(view, runs=_tidy((*view.runs, Run.of(entry.rows))))
        self.entries += 1
        self.view = view


def _tidy(runs: tuple[Run, ...]) -> tuple[Run, ...]:
    """Merge small runs when there are many."""
    low = 0
    for high, most in _TIERS:
        small = [run for run in runs if low <= len(run.id) < high]
        if len(small) < most:
            return runs
        large = tuple(run for run in runs if not low <= len(run.id) < high)
        runs = (*large, merged(small))
        low = high
    return runs


def _without(view: View, ids: np.ndarray) -> View:
    """Rows with these sorted ids have gone: from runs they are struck out, in segments they are hidden."""
    runs, left = [], ids
    for run in view.runs:
        places = run.where(ids)
        if len(places):
            left = np.setdiff1d(left, run.id[places])
            run = run.without(places)
        runs.append(run)
    return replace(view, runs=tuple(runs), tails=_struck(view.tails, ids), hidden=np.union1d(view.hidden, left))


def _struck(tails: tuple[Run, ...], ids: np.ndarray) -> tuple[Run, ...]:
    found = ((run, run.where(ids)) for run in tails)
    return tuple(run.without(places) if len(places) else run for run, places in found)


def _erase(view: View, erased: Erased) -> View:
    def rest(run: Run) -> Run:
        covered = erased.covers(run.stream, run.time)
        return run.without(np.flatnonzero(covered)) if covered.any() else run

    runs, tails = tuple(map(rest, view.runs)), tuple(map(rest, view.tails))
    return replace(view, runs=runs, tails=tails, erased=(*view.erased, erased))
