"""Sessions of MQTT clients: subscriptions, and what is on its way to them (MQTT 3.1.1, 4.1, 4.3, 4.4)."""

from __future__ import annotations

import json
import logging
import os
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from nabe.errors import NabeError
from nabe.model.party import Actor
from nabe.mqtt.packets import Kind, Publish, acknowledgement, publish

_LOG = logging.getLogger("nabe.mqtt")
#: On the way without acknowledgement, waiting behind them, and how much a client may leave unread of what has no QoS.
_WINDOW, _MOST_WAITING, _UNREAD = 64, 1_000, 1_000_000
#: Most sessions that one account may leave behind, most subscriptions of one, and seconds that one is kept.
MOST_KEPT, MOST_SUBSCRIPTIONS, KEPT_S = 50, 200, 86_400.0


class Wire(Protocol):
    """Bytes to one client; all on the event loop."""

    def write(self, data: bytes) -> None: ...
    def unread(self) -> int:
        """Bytes that the client did not take yet."""

    def pause(self) -> None:
        """Read nothing more for now."""

    def resume(self) -> None: ...
    def close(self) -> None: ...


@dataclass(slots=True)
class Subscription:
    """`end` stops the watch behind it."""

    qos: int
    end: Callable[[], None]


@dataclass(slots=True)
class Session:
    """`wire` None: the client is away. `received`: packets of QoS 2 that came and were not yet released by the client."""

    actor: Actor
    client: str
    clean: bool
    use_case: str
    secret: str | None = None
    wire: Wire | None = None
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    received: set[int] = field(default_factory=set)
    seen: float = 0.0
    dropped: int = 0
    _flying: OrderedDict[int, Publish | None] = field(default_factory=OrderedDict)
    _waiting: deque[Publish] = field(default_factory=deque)
    _next: int = 0

    def deliver(self, topic: str, payload: bytes, qos: int) -> None:
        """To the client, now or as soon as it can."""
        if not qos:
            if self.wire is not None and self.wire.unread() < _UNREAD:
                self.wire.write(publish(Publish(topic, payload)))
            else:
                self.dropped += self.wire is not None
        elif self.wire is not None and len(self._flying) < _WINDOW and not self._waiting:
            self._send(Publish(topic, payload, qos))
        elif self.wire is not None or not self.clean:
            if len(self._waiting) >= _MOST_WAITING:
                self._waiting.popleft()
                self.dropped += 1
            self._waiting.append(Publish(topic, payload, qos))

    def answered(self, kind: Kind, packet: int) -> None:
        """PUBACK, PUBREC or PUBCOMP of the client."""
        if kind is Kind.PUBREC:
            if packet in self._flying:
                self._flying[packet] = None
            if self.wire is not None:
                self.wire.write(acknowledgement(Kind.PUBREL, packet))
            return
        self._flying.pop(packet, None)
        while self._waiting and self.wire is not None and len(self._flying) < _WINDOW:
            self._send(self._waiting.popleft())

    def returned(self) -> None:
        """The client is back: what it did not acknowledge goes out again, in order, then what waits (4.4)."""
        assert self.wire is not None
        for packet, item in self._flying.items():
            if item is None:
                self.wire.write(acknowledgement(Kind.PUBREL, packet))
            else:
                self.wire.write(publish(Publish(item.topic, item.payload, item.qos, False, True, packet)))
        while self._waiting and len(self._flying) < _WINDOW:
            self._send(self._waiting.popleft())

    def end(self) -> None:
        """Watch nothing more."""
        for item in self.subscriptions.values():
            item.end()
        self.subscriptions.clear()

    def _send(self, item: Publish) -> None:
        assert self.wire is not None
        self._next = self._next % 65_535 + 1
        while self._next in self._flying:
            self._next = self._next % 65_535 + 1
        sent = Publish(item.topic, item.payload, item.qos, False, False, self._next)
        self._flying[self._next] = sent
        self.wire.write(publish(sent))


class Sessions:
    """All sessions by account and client id: what one account's client is called means nothing to another's.

    Sessions that clients want kept survive a restart in `file`: their subscriptions, not what waited for them.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._by_key: dict[tuple[str, str], Session] = {}

    def __iter__(self) -> Any:
        return iter(list(self._by_key.values()))

    def get(self, actor: str, client: str) -> Session | None:
        """The session of this client."""
        return self._by_key.get((actor, client))

    def put(self, session: Session) -> None:
        """Add one; the longest unseen of the account goes when there are too many."""
        self._by_key[session.actor.id, session.client] = session
        away = [item for item in self if item.actor.id == session.actor.id and item.wire is None]
        for item in sorted(away, key=lambda item: item.seen)[: max(0, len(away) - MOST_KEPT)]:
            self.drop(item)

    def drop(self, session: Session) -> None:
        """End one."""
        session.end()
        if self._by_key.get((session.actor.id, session.client)) is session:
            del self._by_key[session.actor.id, session.client]

    def tidy(self) -> None:
        """End those whose clients were away too long."""
        for item in self:
            if item.wire is None and time.time() - item.seen > KEPT_S:
                self.drop(item)

    def save(self) -> None:
        """Write down those that are to be kept, if that is another than last time."""
        kept = [
            {
                "actor": msgspec.to_builtins(item.actor),
                "client": item.client,
                "use_case": item.use_case,
                "seen": int(item.seen),
                "filters": {name: subscription.qos for name, subscription in item.subscriptions.items()},
            }
            for item in self
            if not item.clean
        ]
        text = json.dumps(kept)
        try:
            if (self._file.read_text("utf-8") if self._file.exists() else "[]") == text:
                return
            beside = self._file.with_suffix(".new")
            with open(os.open(beside, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
            os.replace(beside, self._file)
        except OSError as error:
            _LOG.warning("sessions are not written down: %s", error.strerror)

    def load(self) -> list[tuple[Session, dict[str, int]]]:
        """Sessions as they were written down, with the filters that they want; nothing if the file cannot be read."""
        try:
            found = json.loads(self._file.read_text("utf-8"))
            return [
                (
                    Session(
                        msgspec.convert(item["actor"], Actor),
                        item["client"],
                        False,
                        item["use_case"],
                        seen=float(item["seen"]),
                    ),
                    dict(item["filters"]),
                )
                for item in found
            ]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError, NabeError, msgspec.MsgspecError):
            _LOG.warning("sessions of the last run cannot be read and are forgotten")
            return []
