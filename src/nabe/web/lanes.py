"""Threads for questions: most wait for a silo and get a thread each; what comes from memory takes turns.

Threads that compute at the same time take turns anyway (one interpreter), and pay for each change: one after the other
they answer up to 1.6 times as many questions (docs/benchmarks.md). So questions that were answered from memory in a few
milliseconds last time share a lane of their own; everything that may wait for somebody stays out of it.
"""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import anyio.to_thread

T = TypeVar("T")

#: An answer that takes longer than this does not belong into the lane (seconds).
QUICK_S = 0.03
_MOST_KNOWN = 10_000


class Lanes:
    """Which questions are quick, learnt from how long they took."""

    def __init__(self) -> None:
        self._quick: dict[Hashable, bool] = {}
        # An executor of one thread hands over in a quarter of the time that a limiter over many threads needs.
        self._lane = ThreadPoolExecutor(1, thread_name_prefix="quick")

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

        if not self._quick.get(key):
            return await anyio.to_thread.run_sync(timed)
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._lane, context.run, timed)
