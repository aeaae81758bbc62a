"""Threads for questions: most wait for a silo and get a thread each; what comes from memory takes turns.

Threads that compute at the same time take turns anyway (one interpreter), and pay for each change: eight of them need
twice the time of one after the other (docs/benchmarks.md). So questions that were answered from memory in a few
milliseconds last time share a lane of their own; everything that may wait for somebody stays out of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import TypeVar

import anyio
import anyio.to_thread
from anyio.lowlevel import RunVar

T = TypeVar("T")

#: An answer that takes longer than this does not belong into the lane (seconds).
QUICK_S = 0.03
_MOST_KNOWN = 10_000
_LANE: RunVar[anyio.CapacityLimiter] = RunVar("nabe_quick_lane")


class Lanes:
    """Which questions are quick, learnt from how long they took."""

    def __init__(self) -> None:
        self._quick: dict[Hashable, bool] = {}

    async def run(self, work: Callable[[], T], key: Hashable, instant: Callable[[], bool]) -> T:
        """`work` in a thread. `key`: questions that take alike; `instant`: do they wait for nobody?"""

        def timed() -> T:
            start = time.perf_counter()
            answer = work()  # what raises tells nothing of how long answers take
            took = time.perf_counter() - start
            if len(self._quick) >= _MOST_KNOWN:
                self._quick.clear()
            self._quick[key] = took < QUICK_S and (self._quick.get(key, False) or instant())
            return answer

        return await anyio.to_thread.run_sync(timed, limiter=_lane() if self._quick.get(key) else None)


def _lane() -> anyio.CapacityLimiter:
    try:
        return _LANE.get()
    except LookupError:
        lane = anyio.CapacityLimiter(1)
        _LANE.set(lane)
        return lane
