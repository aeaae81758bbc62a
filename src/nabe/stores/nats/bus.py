"""Events to those who watch: in this process at once, and over NATS in the others of this city."""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from nabe.errors import SourceUnavailable
from nabe.model.event import EntityEvent
from nabe.stores.nats.link import Link

_LOG = logging.getLogger("nabe.nats")
#: Events that may wait for the way out; what is above is dropped (delivery is at most once).
_MOST_WAITING = 50_000


class NatsBus:
    """See `nabe.ports.bus.Bus`. Works within the process before it is linked, and while the link is broken."""

    def __init__(self) -> None:
        self._watchers: dict[int, Callable[[EntityEvent], None]] = {}
        self._lock = threading.Lock()
        self._next = 0
        self._here = secrets.token_bytes(8)
        self._waiting: list[EntityEvent] = []
        self._numbers = itertools.count(1)
        self._out: tuple[asyncio.AbstractEventLoop, Link, str] | None = None
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(tuple[bytes, list[EntityEvent]]).decode

    def publish(self, events: Sequence[EntityEvent]) -> None:
        """Tell all watchers."""
        events = [replace(event, number=next(self._numbers)) for event in events]
        self._tell(events)
        out = self._out
        if out is None or not events:
            return
        with self._lock:
            first = not self._waiting
            if len(self._waiting) < _MOST_WAITING:
                self._waiting.extend(events)
        if first:
            try:
                out[0].call_soon_threadsafe(self._send)
            except RuntimeError:  # the loop is closed: nobody else is told any more
                self._out = None

    def watch(self, receive: Callable[[EntityEvent], None]) -> Callable[[], None]:
        """Call `receive` for every event from now on."""
        with self._lock:
            self._next += 1
            number = self._next
            self._watchers = self._watchers | {number: receive}

        def end() -> None:
            with self._lock:
                self._watchers = {key: item for key, item in self._watchers.items() if key != number}

        return end

    def link(self, link: Link, name: str) -> None:
        """Tell and hear other processes over this connection; call it on the link's event loop, before it is opened."""
        subject = f"{name}.events"

        async def arrived(client: Client) -> None:
            await client.subscribe(subject, cb=self._heard)

        link.each_time(arrived)
        self._out = (asyncio.get_running_loop(), link, subject)

    def unlink(self) -> None:
        """From now on, this process only."""
        self._out = None

    def _send(self) -> None:
        with self._lock:
            events, self._waiting = self._waiting, []
        out = self._out
        if out is None:
            return
        loop, link, subject = out
        try:
            client = link.client
        except SourceUnavailable:
            return
        for at in range(0, len(events), 1000):
            data = self._encode((self._here, events[at : at + 1000]))
            task = loop.create_task(client.publish(subject, data))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def _heard(self, message: Msg) -> None:
        try:
            sender, events = self._decode(message.data)
        except msgspec.DecodeError:
            _LOG.warning("an event cannot be read: does another version of Nabe share this NATS?")
            return
        if sender != self._here:
            self._tell(events)

    def _tell(self, events: Sequence[EntityEvent]) -> None:
        for receive in self._watchers.values():
            for event in events:
                try:
                    receive(event)
                except Exception as error:
                    _LOG.error("a watcher failed: %s", type(error).__name__)
