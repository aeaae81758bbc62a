"""What happens, as it happens, for browsers: server-sent events (WHATWG HTML, 9.2) at the address of what is watched.

    curl -H 'Accept: text/event-stream' 'http://localhost:8080/sta/v1.1/Datastreams(1)/Observations'

Each event is named `created`, `updated` or `deleted` and has the entity's id; its data are what GET answers for it. `lost` says
that the reader was too slow for some.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from dataclasses import replace

import anyio
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from nabe.apis.sensorthings.batch import VERSION
from nabe.apis.sensorthings.mqtt import Subscription, subscription
from nabe.errors import NabeError, TooManyRequests
from nabe.hub import Hub
from nabe.model.entities import EntityRow
from nabe.model.event import EntityEvent, Happening
from nabe.web.asker import Asker, asker_of
from nabe.web.services import services_of
from nabe.web.stream import STALLED_S, in_thread

MEDIA_TYPE = "text/event-stream"
INTERFACE = "sensorthings-live"
#: Readers of this process at a time; events that wait for a slow one; seconds between signs of life.
MOST, MOST_WAITING, HEARTBEAT_S = 500, 1_000, 15.0


def wanted(request: Request) -> bool:
    """Does the request ask for events?"""
    return request.method == "GET" and MEDIA_TYPE in request.headers.get("accept", "")


async def live(request: Request, path: str, base: str) -> Response:
    """Events at this address from now on. Errors of `subscription`; `Unknown` for an entity that is not there; `TooManyRequests`."""
    query = request.url.query
    asked = subscription(f"{VERSION}/{path}" + (f"?{query}" if query else ""))
    asker = await in_thread(asker_of, request)
    hub: Hub = services_of(request).hub
    if asked.query.id is not None or asked.query.hops:
        there = replace(asked.query, top=0 if asked.query.id is None else None, keys=True)
        await in_thread(lambda: hub.sensing.read(asker.actor, asker.use_case, there, interface=INTERFACE))
    if Live.open >= MOST:
        raise TooManyRequests(f"More than {MOST} are watching already.", retry_after=30)
    return Live(request, hub, asker, asked, base)


class Live(Response):
    """A response without end; it ends when the reader goes, takes nothing for a while, or is no longer who it was."""

    open = 0

    def __init__(self, request: Request, hub: Hub, asker: Asker, asked: Subscription, base: str) -> None:
        super().__init__(media_type=MEDIA_TYPE, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._request, self._hub, self._asker, self._asked, self._base = request, hub, asker, asked, base
        self._waiting: deque[bytes] = deque()
        self._lost = False
        self._news = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events until it ends."""
        loop = asyncio.get_running_loop()

        def told(event: EntityEvent, row: EntityRow | None) -> None:
            text = self._event(event, row)
            if text:
                with contextlib.suppress(RuntimeError):  # the server has stopped
                    loop.call_soon_threadsafe(self._put, text)

        query, asker = self._asked.query, self._asker
        watch = await in_thread(
            lambda: self._hub.sensing.watch(asker.actor, asker.use_case, query, told, interface=INTERFACE)
        )
        Live.open += 1
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            async with anyio.create_task_group() as group:
                group.start_soon(self._until_gone, receive, group.cancel_scope)
                await self._pass_on(send)
                group.cancel_scope.cancel()
        finally:
            Live.open -= 1
            watch.close()

    async def _until_gone(self, receive: Receive, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        scope.cancel()

    async def _pass_on(self, send: Send) -> None:
        piece, looked = b": Nabe\n\n", time.monotonic()
        with contextlib.suppress(TimeoutError):
            while True:
                with anyio.fail_after(STALLED_S):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await self._next() or b": still here\n\n"
                if time.monotonic() - looked > HEARTBEAT_S / 2:
                    looked = time.monotonic()
                    if not await in_thread(self._same):
                        break
        await send({"type": "http.response.body"})

    async def _next(self) -> bytes:
        """Events that wait; nothing when none came for a while."""
        with contextlib.suppress(TimeoutError), anyio.fail_after(HEARTBEAT_S):
            await self._news.wait()
        self._news.clear()
        found = b"".join(self._waiting)
        self._waiting.clear()
        if self._lost:
            self._lost = False
            return b"event: lost\ndata: {}\n\n" + found
        return found

    def _put(self, text: bytes) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._lost = True
        self._waiting.append(text)
        self._news.set()

    def _event(self, event: EntityEvent, row: EntityRow | None) -> bytes:
        payload = self._asked.payload(event, row, self._base)
        if payload is None and event.happening is not Happening.DELETED:
            return b""
        head = f"event: {event.happening.value}\nid: {event.ids[0]}\n".encode()
        return head + b"data: " + (payload or b"{}").replace(b"\n", b" ") + b"\n\n"

    def _same(self) -> bool:
        """Has the reader's token not been revoked meanwhile?"""
        try:
            return asker_of(self._request).actor == self._asker.actor
        except NabeError:
            return False
