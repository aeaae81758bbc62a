"""The last step of every way in: messages are taken, and what comes to nothing is parked, once."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from nabe.devices.intake import PREFIX, Intake, now_micros
from nabe.errors import Denied, Invalid, LimitExceeded, NabeError, Unknown
from nabe.model.message import Message, Parked
from nabe.model.party import DEVICE_JOB, Actor
from nabe.ports.messages import Parking

_LOG = logging.getLogger("nabe.devices")
#: Codes of messages that are kept aside: what is missing here may come.
PARKED: Final = frozenset({"device-unknown", "device-profile", "device-codec"})
#: Seconds between two looks at whether the declarations changed.
_LOOK_S: Final = 5.0
_PAGE: Final = 1000

#: Begins to fetch messages: (receive, state) -> what ends it; None: there is nothing to fetch from.
Listen = Callable[[Callable[[str, bytes], None], Callable[[str], None]], Callable[[], None] | None]


@dataclass(frozen=True, slots=True)
class UnknownDevice:
    """A device that sends and is not declared. Times in µs. `parked`: messages that wait for it."""

    system: str
    device: str
    parked: int
    first: int
    last: int
    name: str = ""
    kind: str = ""


class Receiving:
    """Takes single messages, from webhooks and from brokers elsewhere."""

    def __init__(self, intake: Intake, parking: Parking) -> None:
        self._intake, self._parking = intake, parking

    def receive(self, actor: Actor, topic: str, body: bytes, *, way: str) -> NabeError | None:
        """Take a message: None when it is stored; an error of `PARKED` when it is kept aside.

        Raises every other error: then it is not kept, and whoever sent it is told.
        """
        at = now_micros()
        name = hashlib.sha256(b"\x00".join((actor.id.encode(), topic.encode("utf-8", "replace"), body))).hexdigest()
        message = Message(actor, topic, body, at, f"{way}:{name}", way)
        (error,) = self._intake.take([message])
        if error is None:
            return None
        if error.code not in PARKED:
            raise error
        self._parking.park([(message, error.code, str(error))])
        return error

    def fetched(self, system: str, topic: str, body: bytes) -> None:
        """Take a message of a broker elsewhere. It cannot be told what is wrong, so all of that is parked.

        Raises `SourceUnavailable` only: the broker sends it again.
        """
        try:
            self.receive(DEVICE_JOB, f"{PREFIX}{system}/{topic}", body, way="broker")
        except (Invalid, Denied, Unknown, LimitExceeded) as error:
            name = hashlib.sha256(topic.encode("utf-8", "replace") + b"\x00" + body).hexdigest()
            message = Message(DEVICE_JOB, f"{PREFIX}{system}/{topic}", body, now_micros(), f"broker:{name}", "broker")
            self._parking.park([(message, error.code, str(error))])

    def unknown(self, read: Callable[[Parked], Sequence[tuple[str, str, str, str]]]) -> list[UnknownDevice]:
        """Devices that send and are not declared, the latest first. `read`: (system, device, name, kind) of a message."""
        found: dict[tuple[str, str], UnknownDevice] = {}
        after = 0
        while page := self._parking.parked(after=after, limit=_PAGE):
            after = page[-1].number
            for item in page:
                if item.code != "device-unknown":
                    continue
                for system, device, name, kind in read(item):
                    at, old = item.message.at, found.get((system, device))
                    count, first = (old.parked + 1, old.first) if old else (1, at)
                    found[(system, device)] = UnknownDevice(system, device, count, first, at, name, kind)
        return sorted(found.values(), key=lambda item: -item.last)


class Listening:
    """Fetches messages from brokers of declared systems, as long as it runs; follows changes of the declarations."""

    def __init__(self, receiving: Receiving, listeners: Callable[[], Mapping[str, tuple[object, Listen]]]) -> None:
        """`listeners`: system -> (what tells one declaration of it from another, how to listen)."""
        self._receiving, self._listeners = receiving, listeners
        self._at_work: dict[str, tuple[object, Callable[[], None]]] = {}
        self._states: dict[str, str] = {}
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def state(self) -> Mapping[str, str]:
        """How each stands; empty: connected."""
        return dict(self._states)

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="nabe-listening", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End all."""
        self._wake.set()
        if self._thread is not None:
            self._thread.join(15.0)
        for system in list(self._at_work):
            self._end(system)

    def _run(self) -> None:
        while True:
            try:
                self._follow()
            except Exception as error:  # one bad declaration, or a catalogue that does not answer now
                _LOG.warning("listening: %s", error if isinstance(error, NabeError) else type(error).__name__)
            if self._wake.wait(_LOOK_S):
                return

    def _follow(self) -> None:
        wanted = self._listeners()
        for system in list(self._at_work):
            if system not in wanted or wanted[system][0] != self._at_work[system][0]:
                self._end(system)
        for system, (mark, listen) in wanted.items():
            if system in self._at_work:
                continue
            try:
                end = listen(self._taking(system), self._telling(system))
            except NabeError as error:
                self._states[system] = error.detail
                continue
            if end is not None:
                self._at_work[system] = (mark, end)

    def _taking(self, system: str) -> Callable[[str, bytes], None]:
        return lambda topic, body: self._receiving.fetched(system, topic, body)

    def _telling(self, system: str) -> Callable[[str], None]:
        def tell(state: str) -> None:
            if state and state != self._states.get(system):
                _LOG.warning("broker of %s: %s", system, state)
            self._states[system] = state

        return tell

    def _end(self, system: str) -> None:
        _, end = self._at_work.pop(system)
        self._states.pop(system, None)
        with suppress(Exception):
            end()
