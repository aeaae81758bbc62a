"""Copies of datasets in the lake: taken under a decision, confirmed when nothing changed, kept when the silo fails."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import pyarrow as pa

from nabe.errors import Conflict, Denied, NabeError, SourceRefused, SourceUnavailable
from nabe.governance.constrain import constrain
from nabe.hub.deciding import Deciding
from nabe.model.catalogue import Snapshot
from nabe.model.dataset import Dataset, Snapshots, System
from nabe.model.decision import Action
from nabe.model.lake import Run, RunState, Standing
from nabe.model.party import Actor
from nabe.model.query import Scan
from nabe.ports.lake import Lake
from nabe.ports.runs import Runs
from nabe.ports.source import Batches, CanListColumns, CanMark, Source
from nabe.query.evaluate import finish
from nabe.query.reach import Reach
from nabe.schedule import schedule

T = TypeVar("T")
#: A run that gives no sign of life for so long was interrupted.
LEASE = dt.timedelta(minutes=2)
KIND, CHECK = "snapshot", "check"
#: After a failure it is tried again so soon, then after twice the time, and so on; never later than by schedule.
_RETRY = dt.timedelta(seconds=30)
_MOST_NAMES = 5


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a silo says of a dataset before its rows are read."""

    mark: str
    columns: tuple[str, ...]


class Snapshotting:
    """Takes copies. Rows pass from silo to lake; nobody sees them here."""

    def __init__(
        self, deciding: Deciding, lake: Lake, runs: Runs, reach: Reach, clock: Callable[[], dt.datetime]
    ) -> None:
        self._deciding, self._lake, self._runs, self._reach, self._clock = deciding, lake, runs, reach, clock

    def take(self, actor: Actor, dataset: Dataset, snapshot: Snapshot) -> Run:
        """Copy a dataset, or confirm that the newest copy still holds. How it ended is in the run, not raised.

        Raises `Denied`, and `Conflict` while another process is at it.
        """
        decision = self._deciding.decide(actor, Action.SNAPSHOT, dataset, "", snapshot)
        if not decision.permit:
            reasons = tuple((verdict.reason, dict(verdict.params)) for verdict in decision.because)
            raise Denied(f"Copying {dataset.id!r} is not permitted.", reasons=reasons, dataset=dataset.id)
        system = snapshot.systems.get(dataset.system)
        if dataset.limits is None and system is not None:
            dataset = replace(dataset, limits=system.limits)
        started = self._clock()
        number = self._runs.begin(KIND, dataset.system, dataset.id, at=started, until=started + LEASE)
        if number is None:
            raise Conflict(f"{dataset.id!r} is being copied already.", hint="Wait for that run.", dataset=dataset.id)
        try:
            sealed = constrain(Scan(dataset.id), dataset, decision)
            source = self._reach.source(dataset.system, _timeout(dataset))
            seen = self._look(dataset, source)
            before = self._lake.standing(dataset.id)
            declared = declaration(dataset, system)
            newest = next(iter(self._lake.versions(dataset.id)), None)
            same = bool(seen.mark) and (seen.mark, declared) == (before.mark, before.declared)
            if newest is not None and same and not before.failures:
                state, version, rows, size = RunState.UNCHANGED, newest.number, -1, -1
            else:
                # In a thread of its own, also where nothing can hang: reading and writing go on side by side.
                read = self._reach.stream(dataset.system, _timeout(dataset), lambda: source.read(sealed))
                batches = finish(read, sealed, source.capabilities)
                if read.stale_since is not None:
                    batches.close()
                    raise SourceUnavailable(dataset.system, "it delivers older rows only.")
                written = self._lake.write(dataset, self._alive(batches, number), at=started)
                state = RunState.DONE if written.fresh else RunState.UNCHANGED
                version, rows, size = written.version.number, written.version.rows, written.version.bytes
            detail = _drift(before.columns, seen.columns)
            self._lake.stand(
                dataset.id,
                Standing(started, started, mark=seen.mark, columns=seen.columns, declared=declared),
            )
            return self._end(number, state, rows=rows, bytes=size, detail=detail, version=version)
        except NabeError as error:
            return self._failed(number, dataset, started, declaration(dataset, system), error)
        except BaseException:
            self._end(number, RunState.INTERRUPTED)
            raise

    def check(self, system: System) -> Run | None:
        """See whether a silo answers; None while another process looks."""
        started = self._clock()
        number = self._runs.begin(CHECK, system.id, "", at=started, until=started + LEASE)
        if number is None:
            return None
        try:
            limit = system.limits.timeout_s
            self._reach.call(system.id, limit, lambda: self._reach.source(system.id, limit).check())
            return self._end(number, RunState.DONE)
        except NabeError as error:
            return self._end(number, _state(error), detail=_why(error))
        except BaseException:
            self._end(number, RunState.INTERRUPTED)
            raise

    def _look(self, dataset: Dataset, source: Source) -> _Seen:
        """The silo's mark and columns, where it can tell them."""
        mark = ""
        columns: tuple[str, ...] = ()
        if isinstance(source, CanMark):
            marker: CanMark = source
            mark = self._ask(dataset, source, lambda: marker.mark(dataset))
        if isinstance(source, CanListColumns):
            lister: CanListColumns = source
            columns = self._ask(dataset, source, lambda: lister.columns(dataset))
        return _Seen(mark, columns)

    def _ask(self, dataset: Dataset, source: Source, ask: Callable[[], T]) -> T:
        return self._reach.call(dataset.system, _timeout(dataset), ask, instant=source.capabilities.instant)

    def _alive(self, batches: Batches, number: int) -> Batches:
        """The same rows, the lease of the run extended as they come."""

        def rows() -> Iterator[pa.RecordBatch]:
            said = self._clock()
            for batch in batches.batches:
                yield batch
                now = self._clock()
                if now - said > LEASE / 4:
                    self._runs.extend(number, now + LEASE)
                    said = now

        return replace(batches, batches=rows())

    def _failed(self, number: int, dataset: Dataset, at: dt.datetime, declared: str, error: NabeError) -> Run:
        """The last good copy stays, and is marked."""
        before = self._lake.standing(dataset.id)
        final = isinstance(error, SourceRefused)
        why = _why(error)
        failed = {"tried": at, "failures": before.failures + 1, "why": why, "final": final, "declared": declared}
        self._lake.stand(dataset.id, replace(before, **failed))  # type: ignore[arg-type]
        return self._end(number, _state(error), detail=why)

    def _end(self, number: int, state: RunState, **more: object) -> Run:
        return self._runs.end(number, state, at=self._clock(), **more)  # type: ignore[arg-type]


def declaration(dataset: Dataset, system: System | None) -> str:
    """What of a declaration decides which rows a copy holds; another value means that a new copy is due."""
    connection = sorted(system.connection.items()) if system else []
    adapter = system.adapter if system else ""
    text = repr((dataset.fields, sorted(dataset.source.items()), dataset.crs, adapter, connection))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def due(snapshots: Snapshots, standing: Standing, declared: str) -> dt.datetime | None:
    """When the next copy is to be taken; None: at once, since there was none or the declaration is another."""
    if standing.tried is None or standing.declared != declared:
        return None
    regular = schedule(snapshots.every).after(standing.tried)
    if not standing.failures:
        return regular
    again = standing.tried + _RETRY * (1 << min(standing.failures - 1, 10))
    return min(regular, again)


def _timeout(dataset: Dataset) -> float:
    return dataset.limits.timeout_s if dataset.limits else 30.0


def _state(error: NabeError) -> RunState:
    return RunState.REFUSED if isinstance(error, SourceRefused) else RunState.FAILED


def _why(error: NabeError) -> str:
    """The reason without the sentence around it, and what to do."""
    return f"{error.params.get('why', error.detail)} {error.hint}".strip()


def _drift(before: tuple[str, ...], now: tuple[str, ...]) -> str:
    """Columns that came or went since the last copy, by name."""
    if not before or not now:
        return ""
    said = []
    for word, names in (
        ("new columns", [c for c in now if c not in before]),
        ("gone", [c for c in before if c not in now]),
    ):
        if names:
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            said.append(f"{word}: {', '.join(names[:_MOST_NAMES])}{more}")
    return "; ".join(said)
