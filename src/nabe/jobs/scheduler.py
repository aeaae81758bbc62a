"""Does what is due: a thread that looks at the hub's agenda, and a few that work."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from nabe.errors import Conflict, NabeError
from nabe.hub import Due, Hub
from nabe.model.party import JOBS
from nabe.quality import check_copy

_LOG = logging.getLogger("nabe.jobs")
#: Seconds after which the agenda is looked at anew at the latest: declarations may have changed.
LOOK_S = 10.0
#: After it could not be begun (another process is at it, a store does not answer) it rests so many seconds.
_REST_S = 15.0
#: Runs kept of each silo, and how often older ones are forgotten.
KEEP, TIDY_S = 1_000, 3600.0


class Scheduler:
    """One per process; several processes share the work, since what one has begun no other begins.

    `workers`: silos worked on at a time. At most one piece of work per silo, so that a schedule never presses one.
    """

    def __init__(self, hub: Hub, clock: Callable[[], dt.datetime], workers: int = 2, look_s: float = LOOK_S) -> None:
        self._hub, self._clock, self._look_s = hub, clock, look_s
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="nabe-job")
        self._stopped = threading.Event()
        self._wake = threading.Event()
        self._busy: set[str] = set()
        self._resting: dict[tuple[str, str, str], dt.datetime] = {}
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="nabe-schedule", daemon=True)
        self._tidied = clock()

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more, and wait for what is at work (a silo that hangs is cut off by its own limit)."""
        self._stopped.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._wake.clear()
            try:
                wait = self._look()
            except NabeError as error:  # our own store does not answer: it is tried again
                _LOG.warning("the agenda cannot be read: %s", error.detail)
                wait = self._look_s
            except Exception as error:
                _LOG.error("the schedule stumbled: %s", type(error).__name__)
                wait = self._look_s
            self._wake.wait(wait)

    def _look(self) -> float:
        """Begin what is due; seconds until the next is."""
        now = self._clock()
        if (now - self._tidied).total_seconds() > TIDY_S:
            self._hub.tidy(JOBS, KEEP)
            self._tidied = now
            self._pool.submit(self._expire)
        wait = self._look_s
        for item in sorted(self._hub.agenda(JOBS), key=lambda item: item.at or dt.datetime.min.replace(tzinfo=dt.UTC)):
            left = 0.0 if item.at is None else (item.at - now).total_seconds()
            if left > 0:
                return min(wait, left)
            with self._lock:
                if self._stopped.is_set():
                    break
                if item.system in self._busy or now < self._resting.get(_key(item), now):
                    continue
                self._resting.pop(_key(item), None)
                self._busy.add(item.system)
            self._pool.submit(self._work, item)
        return wait

    def _expire(self) -> None:
        """Erase sensor data that are older than their datasets keep them."""
        try:
            self._hub.sensing.expire(JOBS)
        except Exception as error:
            what = error.detail if isinstance(error, NabeError) else type(error).__name__
            _LOG.warning("sensor data were not erased by their retention: %s", what)

    def _work(self, item: Due) -> None:
        try:
            run = self._hub.snapshot(JOBS, item.dataset) if item.dataset else self._hub.check(JOBS, item.system)
            if run is not None and item.dataset:
                check_copy(self._hub, run)
            if run is not None and run.detail:
                _LOG.info("%s %s: %s (%s)", item.kind, item.dataset or item.system, run.state.value, run.detail)
        except Exception as error:
            if not isinstance(error, Conflict):  # another process is at it
                what = error.detail if isinstance(error, NabeError) else type(error).__name__
                _LOG.warning("%s %s: %s", item.kind, item.dataset or item.system, what)
            with self._lock:
                self._resting[_key(item)] = self._clock() + dt.timedelta(seconds=_REST_S)
        finally:
            with self._lock:
                self._busy.discard(item.system)
            self._wake.set()


def _key(item: Due) -> tuple[str, str, str]:
    return (item.kind, item.system, item.dataset)


@contextlib.contextmanager
def running(hub: Hub, clock: Callable[[], dt.datetime], workers: int) -> Iterator[Scheduler | None]:
    """The schedule at work during the `with` block; with no workers, none."""
    if workers < 1:
        yield None
        return
    scheduler = Scheduler(hub, clock, workers)
    scheduler.start()
    try:
        yield scheduler
    finally:
        scheduler.stop()
