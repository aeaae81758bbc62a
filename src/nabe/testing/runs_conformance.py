"""What every history of runs must do; a store's tests subclass this with a `store` fixture (see `store_conformance`)."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

from nabe.model.lake import RunState

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def begin(
    runs: Any, dataset: str = "kitas", *, at: dt.datetime = NOW, system: str = "akte", kind: str = "snapshot"
) -> Any:
    """A run that may take two minutes."""
    return runs.begin(kind, system, dataset, at=at, until=at + 2 * MINUTE)


class RunsConformance:
    """Leases over processes, and a history."""

    def test_what_ended_is_read_back_newest_first(self, store: Any) -> None:
        first = begin(store.runs)
        ended = store.runs.end(
            first, RunState.DONE, at=NOW + MINUTE, rows=12, bytes=345, detail="new columns: x", version=3
        )
        second = begin(store.runs, at=NOW + 5 * MINUTE)
        newer, older = store.again().runs.list(system="akte")
        assert older == ended
        assert (older.number, older.state, older.rows, older.bytes, older.version) == (first, RunState.DONE, 12, 345, 3)
        assert (older.started, older.ended, older.detail) == (NOW, NOW + MINUTE, "new columns: x")
        assert (newer.number, newer.state, newer.ended) == (second, RunState.RUNNING, None)

    def test_what_one_process_is_at_no_other_begins(self, store: Any) -> None:
        number, other = begin(store.runs), store.again()
        assert begin(other.runs, at=NOW + MINUTE) is None
        assert begin(other.runs, "schulen") is not None
        assert begin(other.runs, kind="check") is not None
        store.runs.end(number, RunState.UNCHANGED, at=NOW + MINUTE)
        assert begin(other.runs, at=NOW + MINUTE) is not None

    def test_of_many_that_begin_at_once_one_does(self, store: Any) -> None:
        stores = [store.again() for _ in range(4)]
        start, found = threading.Barrier(len(stores)), []

        def one(opened: Any) -> None:
            start.wait()
            found.append(begin(opened.runs))

        threads = [threading.Thread(target=one, args=(opened,)) for opened in stores]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(number is not None for number in found) == 1

    def test_a_run_whose_time_is_over_was_interrupted_and_stands_in_nobodys_way(self, store: Any) -> None:
        lost = begin(store.runs)
        assert begin(store.runs, at=NOW + 3 * MINUTE) is not None
        found = {run.number: run for run in store.runs.list()}
        assert (found[lost].state, found[lost].ended) == (RunState.INTERRUPTED, NOW + 2 * MINUTE)

    def test_a_run_that_gives_signs_of_life_goes_on(self, store: Any) -> None:
        number = begin(store.runs)
        store.runs.extend(number, NOW + 10 * MINUTE)
        assert begin(store.runs, at=NOW + 3 * MINUTE) is None

    def test_the_latest_of_each_kind_system_and_dataset(self, store: Any) -> None:
        for at in (NOW, NOW + MINUTE):
            for dataset, kind in (("kitas", "snapshot"), ("", "check")):
                store.runs.end(begin(store.runs, dataset, at=at, kind=kind), RunState.DONE, at=at)
        other = begin(store.runs, "", kind="check", system="register")
        latest = store.runs.latest()
        assert {key: run.started for key, run in latest.items() if run.number != other} == {
            ("snapshot", "akte", "kitas"): NOW + MINUTE,
            ("check", "akte", ""): NOW + MINUTE,
        }
        assert latest[("check", "register", "")].number == other

    def test_old_runs_are_forgotten_per_system(self, store: Any) -> None:
        for system in ("akte", "register"):
            for minute in range(5):
                at = NOW + minute * MINUTE
                store.runs.end(begin(store.runs, system=system, at=at), RunState.DONE, at=at)
        assert store.runs.prune(2) == 6
        assert [run.started for run in store.runs.list(system="akte")] == [NOW + 4 * MINUTE, NOW + 3 * MINUTE]
        assert len(store.runs.list(dataset="kitas", limit=3)) == 3
