"""One client's connection: what it sends, step by step, and what it gets for it (MQTT 3.1.1, chapters 3 and 4)."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from nabe.errors import Denied, NabeError, NotAuthenticated, SourceUnavailable, TooManyRequests
from nabe.model.party import Actor
from nabe.mqtt.guests import Guest
from nabe.mqtt.packets import (
    PINGRESP,
    REFUSED,
    Connect,
    Kind,
    Malformed,
    Publish,
    Refusal,
    acknowledgement,
    connack,
    frame,
    read_connect,
    read_packet_number,
    read_publish,
    read_subscribe,
    read_unsubscribe,
    suback,
    unsuback,
)
from nabe.mqtt.sessions import MOST_SUBSCRIPTIONS, Session, Subscription, Wire

_LOG = logging.getLogger("nabe.mqtt")
#: Bytes of one packet, before the log-in and after; what one client may have on its way into the inbox.
_FIRST_PACKET, PACKET = 70_000, 1_000_000
_MOST_UNKEPT, _MOST_UNKEPT_BYTES = 2_000, 4_000_000
_ANSWERS = {Kind.PUBACK, Kind.PUBREC, Kind.PUBCOMP}


class Keeper(Protocol):
    """What a connection needs of the gate."""

    patience_s: float
    refusal_s: float

    async def admit(self, asked: Connect, address: str) -> Guest:
        """Who is this? Errors as `Guests.admit`."""

    def session(self, connection: Connection, guest: Guest, client: str, clean: bool) -> tuple[Session, bool]:
        """The client's session; True if it was there before."""

    async def watch(self, session: Session, name: str) -> Callable[[], None]:
        """Deliver to a session what a filter names; the result ends it."""

    def take(self, actor: Actor, item: Publish, kept: Callable[[], None], client: str = "") -> None:
        """A message; `kept` is called when it is durable."""

    def in_order(self, call: Callable[[], None]) -> None:
        """Call this when all that was taken before is durable."""

    def changed(self) -> None:
        """Subscriptions are others now."""

    def gone(self, connection: Connection, session: Session | None) -> None:
        """A connection has ended."""

    def left(self, guest: Guest) -> None:
        """A guest was admitted and is not there any more."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside."""


class Connection:
    """On the event loop of the gate. `address`: where the client is, to slow guessers down."""

    def __init__(self, gate: Keeper, wire: Wire, address: str) -> None:
        self._gate, self._wire, self.address = gate, wire, address
        self._rest = b""
        self._guest: Guest | None = None
        self._session: Session | None = None
        self._will: Publish | None = None
        self._busy = self.closed = False
        self._unkept = self._unkept_bytes = 0
        self._paused = False
        self._keep_alive = 0
        self.began = self.heard = time.monotonic()

    # --- what the gate looks at -------------------------------------------------------------------------------------

    @property
    def guest(self) -> Guest | None:
        """Who it is; None before the log-in."""
        return self._guest

    @property
    def session(self) -> Session | None:
        """Its session; None before the log-in."""
        return self._session

    def overdue(self, now: float) -> bool:
        """Has the client been silent for longer than it said (3.1.2.10), or not even logged in?"""
        if self._guest is None:
            return now - self.began > self._gate.patience_s and not self._busy
        if self._paused or self._busy:
            return False
        return bool(self._keep_alive) and now - self.heard > 1.5 * self._keep_alive

    # --- bytes ------------------------------------------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Bytes of the client."""
        if self.closed:
            return
        self.heard = time.monotonic()
        self._rest = self._rest + data if self._rest else data
        if not self._busy:
            self._go_on()

    def lost(self) -> None:
        """The connection broke: the will is carried out (3.1.2.5)."""
        if not self.closed:
            self.close(will=True)

    def close(self, *, will: bool = False) -> None:
        """End it."""
        if self.closed:
            return
        self.closed = True
        self._wire.close()
        if will and self._will is not None and self._guest is not None:
            self._gate.take(self._guest.actor, self._will, lambda: None)
        self._gate.gone(self, self._session)
        self._rest = b""

    def _go_on(self) -> None:
        data, at = self._rest, 0
        try:
            while at < len(data) and not self._busy and not self.closed:
                known = self._guest is not None
                span = frame(data, at, PACKET if known else _FIRST_PACKET)
                if span is None or span[1] > len(data):
                    break
                first, body = data[at], data[span[0] : span[1]]
                at = span[1]
                if known:
                    self._packet(first, body)
                else:
                    self._connect(first, body)
        except Malformed as error:
            _LOG.info("a client of %s is cut off: %s", self.address, error.detail)
            self.close(will=True)
        self._rest = b"" if self.closed else data[at:]

    def _packet(self, first: int, body: bytes) -> None:
        kind = first >> 4
        if kind == Kind.PUBLISH:
            self._publish(read_publish(first, body))
        elif kind in _ANSWERS:
            self._of_mine.answered(Kind(kind), read_packet_number(first, body))
        elif kind == Kind.PUBREL:
            packet = read_packet_number(first, body)
            self._of_mine.received.discard(packet)
            self._wire.write(acknowledgement(Kind.PUBCOMP, packet))
        elif kind == Kind.SUBSCRIBE:
            self._later(self._subscribe(*read_subscribe(first, body)))
        elif kind == Kind.UNSUBSCRIBE:
            self._unsubscribe(*read_unsubscribe(first, body))
        elif kind == Kind.PINGREQ and first == 0xC0 and not body:
            self._wire.write(PINGRESP)
        elif kind == Kind.DISCONNECT and first == 0xE0 and not body:
            self._will = None
            self.close()
        else:
            raise Malformed("A client sends no such packet here.")

    @property
    def _of_mine(self) -> Session:
        assert self._session is not None
        return self._session

    def _later(self, work: object) -> None:
        """Do something that waits; what the client sends meanwhile waits, too."""
        self._busy = True
        self._wire.pause()

        async def go() -> None:
            try:
                await work  # type: ignore[misc]
            except Malformed as error:
                _LOG.info("a client of %s is cut off: %s", self.address, error.detail)
                self.close(will=True)
            except Exception as error:
                _LOG.error("a client of %s is cut off: %s", self.address, type(error).__name__)
                self.close(will=True)
            self._busy = False
            if not self.closed:
                if not self._paused:
                    self._wire.resume()
                self._go_on()

        self._gate.spawn(go())

    # --- CONNECT ----------------------------------------------------------------------------------------------------

    def _connect(self, first: int, body: bytes) -> None:
        if first != 0x10:
            raise Malformed("The first packet of a client is CONNECT.")
        self._later(self._admit(read_connect(body)))

    async def _admit(self, asked: Connect) -> None:
        if asked.level != 4 and asked.level != 3:
            # MQTT 5 lays its CONNACK out otherwise; its reason 0x84 says the same.
            self._wire.write(b"\x20\x03\x00\x84\x00" if asked.level == 5 else connack(Refusal.PROTOCOL))
            return self.close()
        if not asked.client and not asked.clean:
            self._wire.write(connack(Refusal.IDENTIFIER))
            return self.close()
        try:
            guest = await self._gate.admit(asked, self.address)
        except (NotAuthenticated, TooManyRequests, Denied, SourceUnavailable) as error:
            code = {
                NotAuthenticated: Refusal.CREDENTIALS,
                TooManyRequests: Refusal.UNAVAILABLE,
                Denied: Refusal.NOT_AUTHORISED,
                SourceUnavailable: Refusal.UNAVAILABLE,
            }[type(error)]
            _LOG.info("a client of %s is refused: %s", self.address, error.code)
            await asyncio.sleep(self._gate.refusal_s)
            self._wire.write(connack(code))
            return self.close()
        if self.closed:  # gone meanwhile
            return self._gate.left(guest)
        self._guest, self._will, self._keep_alive = guest, asked.will, asked.keep_alive
        client = asked.client or f"nameless-{secrets.token_hex(8)}"
        # Who is nobody in particular leaves nothing behind: anybody could claim it, or leave any number of it.
        clean = asked.clean or guest.secret is None
        session, present = self._gate.session(self, guest, client, clean)
        self._session = session
        session.wire = self._wire
        self._wire.write(connack(Refusal.ACCEPTED, present=present))
        session.returned()
        return None

    # --- PUBLISH ----------------------------------------------------------------------------------------------------

    def _publish(self, item: Publish) -> None:
        assert self._guest is not None
        session, packet, size = self._of_mine, item.packet, len(item.payload)
        if item.qos == 2:
            if packet in session.received:
                self._gate.in_order(lambda: self._wire.write(acknowledgement(Kind.PUBREC, packet)))
                return
            session.received.add(packet)
        kind = Kind.PUBREC if item.qos == 2 else Kind.PUBACK
        self._unkept += 1
        self._unkept_bytes += size

        def kept() -> None:
            if packet and not self.closed:
                self._wire.write(acknowledgement(kind, packet))
            self._less(size)

        self._gate.take(self._guest.actor, item, kept, session.client)
        if not self._paused and (self._unkept >= _MOST_UNKEPT or self._unkept_bytes >= _MOST_UNKEPT_BYTES):
            self._paused = True
            self._wire.pause()

    def _less(self, size: int) -> None:
        self._unkept -= 1
        self._unkept_bytes -= size
        if self._paused and self._unkept * 2 < _MOST_UNKEPT and self._unkept_bytes * 2 < _MOST_UNKEPT_BYTES:
            self._paused = False
            self.heard = time.monotonic()
            if not self._busy and not self.closed:
                self._wire.resume()

    # --- SUBSCRIBE --------------------------------------------------------------------------------------------------

    async def _subscribe(self, packet: int, filters: list[tuple[str, int]]) -> None:
        assert self._guest is not None
        codes = []
        for name, qos in filters:
            codes.append(await self._watch(self._of_mine, name, qos))
        if not self.closed:
            self._wire.write(suback(packet, codes))
            self._gate.changed()

    async def _watch(self, session: Session, name: str, qos: int) -> int:
        known = session.subscriptions.get(name)
        if known is not None:
            known.qos = qos
            return qos
        if len(session.subscriptions) >= MOST_SUBSCRIPTIONS:
            return REFUSED
        try:
            end: Callable[[], None] = await self._gate.watch(session, name)
        except NabeError as error:
            _LOG.info("%s may not subscribe to %s: %s", session.actor.id, name[:200], error.code)
            return REFUSED
        session.subscriptions[name] = Subscription(qos, end)
        return qos

    def _unsubscribe(self, packet: int, filters: list[str]) -> None:
        for name in filters:
            found = self._of_mine.subscriptions.pop(name, None)
            if found is not None:
                found.end()
        self._wire.write(unsuback(packet))
        self._gate.changed()
