"""Observations that come one by one, stored many at a time: whatever arrives while some are being stored goes with the next.

A thread for each of them, each waiting for its own piece of a commit, cost eight times as much.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from starlette.requests import Request

from nabe.apis.sensorthings import arrays, bodies
from nabe.apis.sensorthings.address import address
from nabe.apis.sensorthings.batch import Reply
from nabe.apis.sensorthings.service import ID, Service, observing
from nabe.errors import NabeError
from nabe.hub import Hub
from nabe.web.asker import Asker, asker_of

_MOST = 2_000


@dataclass(slots=True)
class Posted:
    """An Observation as it was sent to a set of Observations."""

    request: Request
    path: str
    body: bytes
    base: str


class Gathering:
    """`put` from any event loop; one thread stores."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="observations")
        self._loops: WeakKeyDictionary[asyncio.AbstractEventLoop, _Waiting] = WeakKeyDictionary()

    async def put(self, posted: Posted) -> Reply | None:
        """The answer; None: it is nothing that is gathered (it makes other entities, or is wrong)."""
        loop = asyncio.get_running_loop()
        waiting = self._loops.get(loop)
        if waiting is None:
            waiting = self._loops[loop] = _Waiting(lambda items: loop.run_in_executor(self._thread, self._store, items))
        return await waiting.put(posted)

    def _store(self, items: Sequence[Posted]) -> list[Reply | None]:
        replies: list[Reply | None] = [None] * len(items)
        rows: dict[str, list[tuple[int, tuple[int, dict[str, Any]]]]] = {}
        askers: dict[str, Asker] = {}
        for place, item in enumerate(items):
            try:
                at = address(item.path)
                row = (
                    arrays.plain(bodies.decode(item.body), at.hops[-1].id if at.hops else None)
                    if observing(at)
                    else None
                )
                if row is not None:
                    asker = asker_of(item.request)
                    # The same account may come with tokens of different rights.
                    who = repr(asker.actor)
                    askers[who] = asker
                    rows.setdefault(who, []).append((place, row))
            except NabeError:
                continue  # said where one request is answered by itself
        for who, own in rows.items():
            for place, id in self._observe(askers[who], own):
                replies[place] = Service(self._hub, askers[who], items[place].base).observed(id)
        return replies

    def _observe(self, asker: Asker, rows: list[tuple[int, tuple[int, dict[str, Any]]]]) -> list[tuple[int, int]]:
        """Place and id of those that are kept; what is wrong with others is found when each is answered by itself."""
        incoming = arrays.table([row for _, row in rows], time.time_ns() // 1000)
        errors: dict[int, NabeError] = {}
        try:
            ids = self._hub.sensing.observe(
                asker.actor, incoming.table, interface=ID, errors=errors, placed=True
            ).tolist()
        except NabeError:
            return []
        return [
            (rows[at][0], id)
            for row, (at, id) in enumerate(zip(incoming.places, ids, strict=True))
            if row not in errors
        ]


class _Waiting:
    """What waits in one event loop."""

    def __init__(self, store: Callable[[Sequence[Posted]], asyncio.Future[list[Reply | None]]]) -> None:
        self._store = store
        self._items: list[tuple[Posted, asyncio.Future[Reply | None]]] = []
        self._task: asyncio.Task[None] | None = None

    async def put(self, posted: Posted) -> Reply | None:
        future: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        self._items.append((posted, future))
        if self._task is None:
            self._task = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._items:
                taken, self._items = self._items[:_MOST], self._items[_MOST:]
                try:
                    replies = await self._store([posted for posted, _ in taken])
                except Exception as error:
                    for _, future in taken:
                        if not future.done():
                            future.set_exception(error)
                    continue
                for (_, future), reply in zip(taken, replies, strict=True):
                    if not future.done():
                        future.set_result(reply)
        finally:
            self._task = None
