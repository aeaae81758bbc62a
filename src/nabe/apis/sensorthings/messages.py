"""SensorThings over MQTT: what is published goes to the hub, what is subscribed to is watched there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from nabe.apis.sensorthings import arrays
from nabe.apis.sensorthings.batch import ROOT
from nabe.apis.sensorthings.mqtt import Publication, published, subscription
from nabe.errors import Invalid, NabeError, SourceUnavailable
from nabe.hub import Hub
from nabe.model.entities import EntityRow
from nabe.model.event import EntityEvent
from nabe.model.message import Message
from nabe.model.party import Actor
from nabe.model.usecase import OPEN_DATA

INTERFACE = "sensorthings-mqtt"
#: Topics that are SensorThings'.
TOPICS = ("v1.1/#",)
_REMEMBERED = 10_000


class Messages:
    """`take` and `watch` as channels of MQTT have them. Links begin with the city's `base_uri`; without one they are relative."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._done: dict[str, Mapping[int, NabeError]] = {}

    def take(self, messages: Sequence[Message]) -> list[NabeError | None]:
        """Store what messages of one actor say, in their order; why not, for each that is not."""
        outcomes: list[NabeError | None] = [None] * len(messages)
        waiting: list[tuple[int, Publication]] = []
        for place, message in enumerate(messages):
            try:
                found = published(message.topic, message.payload, message.at)
                if found.row is not None:
                    waiting.append((place, found))
                    continue
                self._observe(messages, waiting, outcomes)
                waiting = []
                self._create(message, found)
            except SourceUnavailable:
                raise
            except NabeError as error:
                outcomes[place] = error
        self._observe(messages, waiting, outcomes)
        return outcomes

    def _create(self, message: Message, found: Publication) -> None:
        assert found.entity is not None
        key = f"mqtt:{message.key}" if message.key else ""
        self._hub.sensing.create(
            message.actor, OPEN_DATA, found.entity, within=found.within, key=key, interface=INTERFACE
        )

    def _observe(
        self,
        messages: Sequence[Message],
        waiting: Sequence[tuple[int, Publication]],
        outcomes: list[NabeError | None],
    ) -> None:
        """All at once. The same messages that come again have the same key, so that they are stored once."""
        if not waiting:
            return
        names = [messages[place].key for place, _ in waiting]
        key = f"mqtt:{hashlib.sha256(chr(0).join(names).encode()).hexdigest()}" if all(names) else ""
        incoming = arrays.table([found.row for _, found in waiting if found.row is not None], messages[0].at)
        for row, why in incoming.errors.items():
            outcomes[waiting[row][0]] = Invalid(why.removeprefix("error: "))
        for row, error in self._stored(messages[0].actor, incoming.table, key).items():
            outcomes[waiting[incoming.places[row]][0]] = error

    def _stored(self, actor: Actor, table: pa.Table, key: str) -> Mapping[int, NabeError]:
        """Store rows; errors by row. What came already is not even told again to those who watch."""
        known = self._done.get(key)
        if known is not None:
            return known
        errors: dict[int, NabeError] = {}
        self._hub.sensing.observe(actor, table, key=key, interface=INTERFACE, errors=errors, placed=True)
        if key:
            if len(self._done) >= _REMEMBERED:
                self._done.clear()
            self._done[key] = errors
        return errors

    def watch(
        self, actor: Actor, use_case: str, filter: str, deliver: Callable[[str, bytes], None]
    ) -> Callable[[], None]:
        """Deliver what happens to what a topic names; the result ends it. `Unknown` where this actor may see nothing."""
        wanted = subscription(filter)
        if wanted.query.id is not None or wanted.query.hops:
            there = replace(wanted.query, top=0 if wanted.query.id is None else None, keys=True)
            self._hub.sensing.read(actor, use_case, there, interface=INTERFACE)

        city = self._hub.city().base_uri.rstrip("/")
        base = f"{city}{ROOT}" if city else ""

        def tell(event: EntityEvent, row: EntityRow | None) -> None:
            payload = wanted.payload(event, row, base)
            if payload is not None:
                deliver(filter, payload)

        watch = self._hub.sensing.watch(actor, use_case, wanted.query, tell, interface=INTERFACE)
        return watch.close
