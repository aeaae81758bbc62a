"""The gate: listeners, who is connected, and the ways from clients into the inbox and from watches to clients."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from nabe.errors import Invalid, NabeError, SourceUnavailable
from nabe.model.party import Actor
from nabe.mqtt.batches import Batches
from nabe.mqtt.channels import Channels
from nabe.mqtt.connection import Connection
from nabe.mqtt.guests import Guest, Guests
from nabe.mqtt.packets import Connect, Publish
from nabe.mqtt.sessions import Session, Sessions, Subscription, Wire

_LOG = logging.getLogger("nabe.mqtt")
#: Seconds between looks at all connections, and between two questions whether a guest is still welcome.
_LOOK_S, _WELCOME_S = 1.0, 5.0
#: Seconds that a client has to read what it was still sent.
_LINGER_S = 5.0


@dataclass(slots=True)
class Figures:
    """What has happened since the start."""

    published: int = 0
    refused: int = 0
    delivered: int = 0
    connections: int = 0


class Gate:
    """`most`: connections at a time; of one address at most a quarter of them (at least 100)."""

    #: Seconds that a client has for CONNECT, and that a refusal takes.
    patience_s, refusal_s = 10.0, 0.5

    def __init__(
        self,
        guests: Guests,
        channels: Channels,
        batches: Batches,
        file: Path,
        *,
        most: int = 2_000,
        threads: int = 4,
    ) -> None:
        self._guests, self._channels, self._batches = guests, channels, batches
        self.sessions = Sessions(file)
        self._most, self._most_of_one = most, max(most // 4, 100)
        self._connections: set[Connection] = set()
        self._by_address: Counter[str] = Counter()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="nabe-mqtt-door")
        self._tasks: set[asyncio.Task[Any]] = set()
        self._servers: list[asyncio.Server] = []
        self._loop = asyncio.get_running_loop()
        self._changed = False
        self.figures = Figures()

    # --- listening --------------------------------------------------------------------------------------------------

    async def listen(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> int:
        """Take connections; the port. `Invalid` names what keeps us from it."""
        try:
            server = await self._loop.create_server(
                lambda: _Tcp(self), host, port, ssl=tls, backlog=512, ssl_handshake_timeout=10 if tls else None
            )
        except OSError as error:
            hint = "Another broker, or another Nabe? server.mqtt_port names another port; 0 any free one."
            raise Invalid(
                f"MQTT port {port} of {host} cannot be used: {error.strerror}.", hint=hint, field="mqtt_port"
            ) from None
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def connected(self, wire: Wire, address: str) -> Connection | None:
        """A client has come; None: there are too many."""
        if len(self._connections) >= self._most or self._by_address[address] >= self._most_of_one:
            self.figures.refused += 1
            return None
        connection = Connection(self, wire, address)
        self._connections.add(connection)
        self._by_address[address] += 1
        self.figures.connections = len(self._connections)
        return connection

    async def restore(self) -> None:
        """Watch again for the sessions that clients left behind when Nabe was stopped."""
        for session, filters in self.sessions.load():
            self.sessions.put(session)
            for name, qos in filters.items():
                with contextlib.suppress(NabeError):
                    session.subscriptions[name] = Subscription(qos, await self.watch(session, name))

    async def run(self) -> None:
        """Look after connections until cancelled."""
        checked = time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_S)
            now = time.monotonic()
            for connection in list(self._connections):
                if connection.overdue(now):
                    connection.close(will=True)
            if now - checked > _WELCOME_S:
                checked = now
                await self._look_at_guests()
            self.sessions.tidy()
            if self._changed:
                self._changed = False
                self.sessions.save()

    async def close(self) -> None:
        """Take nothing more and send everybody away; sessions are written down."""
        for server in self._servers:
            server.close()
        self.sessions.save()
        for connection in list(self._connections):
            connection.close()
        for session in self.sessions:
            session.end()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def _look_at_guests(self) -> None:
        """Whose token was revoked or has expired is sent away, with all that was left behind."""
        guests = {item.guest for item in self._connections if item.guest is not None and item.guest.secret is not None}
        for guest in guests:
            try:
                if await self.in_thread(self._guests.welcome, guest):
                    continue
            except SourceUnavailable:
                return  # nobody is sent away because a store is slow
            for connection in [item for item in self._connections if item.guest == guest]:
                connection.close()
            for session in self.sessions:
                if session.actor == guest.actor and session.secret == guest.secret:
                    self.sessions.drop(session)
            self._changed = True

    # --- for connections --------------------------------------------------------------------------------------------

    async def in_thread(self, work: Callable[..., Any], *arguments: Any) -> Any:
        """Work that waits for a database."""
        return await self._loop.run_in_executor(self._threads, work, *arguments)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside; ended with the gate."""
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def admit(self, asked: Connect, address: str) -> Guest:
        """Who is this?"""
        return await self.in_thread(self._guests.admit, asked, address)  # type: ignore[no-any-return]

    def left(self, guest: Guest) -> None:
        """The guest has gone."""
        if guest.by_password:
            self.spawn(self._leave(guest))

    async def _leave(self, guest: Guest) -> None:
        with contextlib.suppress(NabeError):
            await self.in_thread(self._guests.leave, guest)

    def session(self, connection: Connection, guest: Guest, client: str, clean: bool) -> tuple[Session, bool]:
        """The client's session, new or from before (then True); whoever was connected under this name is sent away (3.1.4)."""
        found = self.sessions.get(guest.actor.id, client)
        if found is not None and found.wire is not None:
            for other in list(self._connections):
                if other is not connection and other._session is found:
                    other.close(will=True)
        same = found is not None and (found.actor, found.use_case) == (guest.actor, guest.use_case)
        if found is not None and same and not clean and not found.clean:
            found.secret = guest.secret
            return found, True
        if found is not None:
            self.sessions.drop(found)
        session = Session(guest.actor, client, clean, guest.use_case, guest.secret)
        self.sessions.put(session)
        self._changed = True
        return session, False

    def gone(self, connection: Connection, session: Session | None) -> None:
        """A connection has ended."""
        if connection in self._connections:
            self._connections.remove(connection)
            self._by_address[connection.address] -= 1
            if not self._by_address[connection.address]:
                del self._by_address[connection.address]
            self.figures.connections = len(self._connections)
        if connection.guest is not None:
            self.left(connection.guest)
        if session is not None:
            session.wire, session.seen = None, time.time()
            if session.clean:
                self.sessions.drop(session)
            self._changed = True

    def changed(self) -> None:
        """Subscriptions are others now."""
        self._changed = True

    def take(self, actor: Actor, item: Publish, kept: Callable[[], None], client: str = "") -> None:
        """Into the inbox; `kept` is called when it is durable. `retain` is not honoured: what clients send is never handed on."""
        self.figures.published += 1
        self._batches.add(actor, item.topic, item.payload, kept, client=client, packet=item.packet, again=item.again)

    def in_order(self, call: Callable[[], None]) -> None:
        """Call this when everything before is durable."""
        self._batches.after(call)

    async def watch(self, session: Session, name: str) -> Callable[[], None]:
        """Deliver to a session what this filter names; `NabeError` if it may not have it."""
        loop, figures = self._loop, self.figures

        def here(topic: str, payload: bytes) -> None:
            found = session.subscriptions.get(name)
            if found is not None:
                figures.delivered += 1
                session.deliver(topic, payload, found.qos)

        def deliver(topic: str, payload: bytes) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(here, topic, payload)

        found: Callable[[], None] = await self.in_thread(
            self._channels.watch, session.actor, session.use_case, name, deliver
        )
        return found


class _Tcp(asyncio.Protocol):
    """A client on TCP or TLS."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._connection: Connection | None = None
        self._out: list[bytes] = []
        self._size = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has come."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self._connection = self._gate.connected(self, peer[0] if peer else "")
        if self._connection is None:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """The client sends."""
        if self._connection is not None:
            self._connection.feed(data)

    def connection_lost(self, _: Exception | None) -> None:
        """The client is gone."""
        if self._connection is not None:
            self._connection.lost()

    # --- Wire -------------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """What is written in one turn of the loop goes out in one piece."""
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(data)
        self._size += len(data)

    def unread(self) -> int:
        return self._there.get_write_buffer_size() + self._size

    def pause(self) -> None:
        if not self._there.is_closing():
            self._there.pause_reading()

    def resume(self) -> None:
        if not self._there.is_closing():
            self._there.resume_reading()

    def close(self) -> None:
        """Who does not read what is still to come is cut off after a while."""
        self._flush()
        self._there.close()
        self._loop.call_later(_LINGER_S, self._there.abort)

    def _flush(self) -> None:
        if self._out and not self._there.is_closing():
            self._there.write(b"".join(self._out))
        self._out.clear()
        self._size = 0

    @property
    def _there(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport
