"""The connection to NATS, on one event loop, made anew whenever it breaks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import nats
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from nabe.errors import Invalid, SourceUnavailable
from nabe.stores.nats.server import Address

_LOG = logging.getLogger("nabe.nats")
_TRY_S, _LONGEST_S = 0.2, 5.0
T = TypeVar("T")


class Link:
    """`address` is asked before each try: after a restart the server may be elsewhere. `arrived` is called on every connection."""

    def __init__(self, address: Callable[[], Address]) -> None:
        self._address = address
        self._client: Client | None = None
        self._up = asyncio.Event()
        self._lost = asyncio.Event()
        self._arrived: list[Callable[[Client], Awaitable[None]]] = []
        self._task: asyncio.Task[None] | None = None

    def each_time(self, arrived: Callable[[Client], Awaitable[None]]) -> None:
        """Call this now, if there is a connection, and whenever there is one again (to subscribe)."""
        self._arrived.append(arrived)

    async def open(self, seconds: float = 10.0) -> None:
        """Connect, and stay connected until closed. `SourceUnavailable` if there is no connection within the time."""
        self._task = asyncio.create_task(self._keep())
        try:
            await asyncio.wait_for(self._up.wait(), seconds)
        except TimeoutError:
            await self.close()
            raise SourceUnavailable(
                "nats", "there is no connection.", hint="Is mqtt.nats right, and does that server run JetStream?"
            ) from None

    @property
    def up(self) -> bool:
        """Is there a connection now?"""
        return self._up.is_set()

    @property
    def client(self) -> Client:
        """The connection; `SourceUnavailable` while there is none."""
        if self._client is None or not self._up.is_set():
            raise SourceUnavailable("nats", "the connection is broken and being made anew.")
        return self._client

    @property
    def jetstream(self) -> JetStreamContext:
        """JetStream over this connection."""
        return self.client.jetstream(timeout=10.0)

    async def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Something over this connection; `SourceUnavailable` as soon as it breaks, rather than when time is up."""
        task, lost = asyncio.ensure_future(work), asyncio.ensure_future(self._lost.wait())
        try:
            await asyncio.wait({task, lost}, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise SourceUnavailable("nats", "the connection broke.")
            return task.result()
        finally:
            for item in (task, lost):
                item.cancel()

    async def wait(self) -> None:
        """Until there is a connection."""
        await self._up.wait()

    async def close(self) -> None:
        """Disconnect for good."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._leave()

    async def _keep(self) -> None:
        rest = _TRY_S
        while True:
            try:
                await self._connect()
                rest = _TRY_S
                await self._lost.wait()
                _LOG.warning("the connection to NATS broke")
            except (OSError, nats.errors.Error, SourceUnavailable, TimeoutError) as error:
                _LOG.info("NATS does not answer: %s", type(error).__name__)
            except Invalid as error:
                _LOG.error("%s", error)
            await self._leave()
            await asyncio.sleep(rest)
            rest = min(rest * 2, _LONGEST_S)

    async def _connect(self) -> None:
        address = self._address()
        self._lost = asyncio.Event()
        lost = self._lost

        async def gone(*_: Any) -> None:
            lost.set()

        async def quiet(_: Exception) -> None:
            pass

        options: dict[str, Any] = {"user": address.user, "password": address.password} if address.user else {}
        self._client = await nats.connect(
            address.url,
            allow_reconnect=False,
            connect_timeout=3,
            ping_interval=10,
            max_outstanding_pings=2,
            disconnected_cb=gone,
            closed_cb=gone,
            error_cb=quiet,
            name="nabe",
            **options,
        )
        for arrived in self._arrived:
            await arrived(self._client)
        await self._client.flush(3)  # subscriptions hold from here on
        self._up.set()

    async def _leave(self) -> None:
        self._up.clear()
        client, self._client = self._client, None
        if client is not None:
            with contextlib.suppress(Exception):
                await asyncio.wait_for(client.close(), 2)
