"""The schedule does what is due, once, and lets nothing stand in its way."""

from __future__ import annotations

import datetime as dt
import threading
import time

import pytest

from nabe.errors import Conflict, SourceUnavailable
from nabe.hub import Due
from nabe.jobs import Scheduler, running
from nabe.model.lake import Run, RunState
from nabe.model.party import JOBS

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


def clock():
    return dt.datetime.now(dt.UTC)


class Hub:
    """An agenda that tests write, and what was done. `work` runs in place of the copy."""

    def __init__(self, *agenda, work=lambda dataset: None):
        self.items = {(item.kind, item.system, item.dataset): item for item in agenda}
        self.work, self.done, self.looked = work, [], 0
        self.lock = threading.Lock()

    def agenda(self, actor):
        assert actor == JOBS
        self.looked += 1
        with self.lock:
            return list(self.items.values())

    def snapshot(self, actor, dataset):
        assert actor == JOBS
        (key,) = [key for key in self.items if key[2] == dataset]
        try:
            self.work(dataset)
        finally:
            with self.lock:
                self.done.append(dataset)
        with self.lock:
            self.items[key] = Due(*key, clock() + dt.timedelta(hours=1))
        return Run(1, "snapshot", key[1], dataset, NOW, NOW, RunState.DONE)

    def check(self, actor, system):
        with self.lock:
            self.done.append(system)
            self.items[("check", system, "")] = Due("check", system, "", clock() + dt.timedelta(hours=1))

    def tidy(self, actor, keep):
        return 0


def until(condition, seconds=5.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.005)
    pytest.fail("it did not happen in time")


@pytest.fixture
def start():
    begun = []

    def start(hub, **more):
        begun.append(Scheduler(hub, clock, **more))
        begun[-1].start()
        return begun[-1]

    yield start
    for scheduler in begun:
        scheduler.stop()


def due(dataset, system="akte", after=0.0):
    return Due("snapshot", system, dataset, clock() + dt.timedelta(seconds=after) if after else None)


def test_what_is_due_is_done_and_what_is_not_waits(start):
    hub = Hub(due("a"), due("b", after=0.15), due("c", after=3600), Due("check", "register", "", None))
    start(hub)
    until(lambda: sorted(hub.done) == ["a", "b", "register"])
    time.sleep(0.1)
    assert sorted(hub.done) == ["a", "b", "register"]


def test_one_silo_is_never_pressed_by_two_pieces_of_work(start):
    at_once, most = [0], [0]

    def work(_):
        at_once[0] += 1
        most[0] = max(most[0], at_once[0])
        time.sleep(0.02)
        at_once[0] -= 1

    hub = Hub(*(due(name) for name in "abcdef"), work=work)
    start(hub, workers=4)
    until(lambda: len(hub.done) == 6)
    assert most == [1]


def test_a_silo_that_hangs_does_not_keep_the_others_waiting(start):
    release = threading.Event()
    hub = Hub(due("hangs", "kaputt"), *(due(name, f"s{name}") for name in "abc"),
              work=lambda dataset: release.wait(10) if dataset == "hangs" else None)  # fmt: skip
    start(hub, workers=2)
    until(lambda: sorted(hub.done) == ["a", "b", "c"])
    release.set()
    until(lambda: len(hub.done) == 4)


@pytest.mark.parametrize("error", [Conflict("busy"), SourceUnavailable("nabe-storage", "locked."), ValueError("?")])
def test_work_that_cannot_be_begun_is_not_tried_without_end(start, error):
    def work(_):
        raise error

    hub = Hub(due("a"), work=work)
    start(hub)
    until(lambda: hub.done)
    time.sleep(0.3)
    assert hub.done == ["a"]
    assert hub.looked < 10


def test_an_agenda_that_cannot_be_read_is_read_again(start):
    class Broken(Hub):
        def agenda(self, actor):
            if self.looked < 2:
                self.looked += 1
                raise SourceUnavailable("nabe-storage", "locked.") if self.looked == 1 else ValueError("?")
            return super().agenda(actor)

    hub = Broken(due("a"))
    start(hub, look_s=0.05)
    until(lambda: hub.done == ["a"])


def test_stopping_waits_for_what_is_at_work_and_begins_nothing_more():
    began = threading.Event()

    def work(_):
        began.set()
        time.sleep(0.2)

    hub = Hub(*(due(name, f"s{name}") for name in "abcdef"), work=work)
    scheduler = Scheduler(hub, clock, workers=1)
    scheduler.start()
    assert began.wait(5)
    scheduler.stop()
    assert len(hub.done) == 1


def test_without_workers_there_is_no_schedule():
    with running(Hub(due("a")), clock, 0) as scheduler:
        assert scheduler is None
