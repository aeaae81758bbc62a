"""Who takes what is published, and who answers subscriptions: the registration point of this room.

A channel owns topics. Each standard or kind of device that comes over MQTT is one (SensorThings under `v1.1/`, uplinks of
LoRaWAN under `devices/`); `nabe.app` lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from nabe.errors import Denied, NabeError, Unknown
from nabe.model.message import Message
from nabe.model.party import Actor
from nabe.mqtt.packets import matches

#: Hands a message to a subscriber (topic, payload); quick, on any thread, never raises.
Deliver = Callable[[str, bytes], None]


class Take(Protocol):
    """What becomes of messages: they are one actor's, in the order in which they came. Called on a worker thread.

    One outcome each: None when it is stored (or needs nothing), else the error for which it is parked. Raises
    `SourceUnavailable` when a store does not answer: all of them come again later, with the same `Message.key`, by which
    what was stored the first time is known.
    """

    def __call__(self, messages: Sequence[Message]) -> Sequence[NabeError | None]: ...


class Watch(Protocol):
    """Begin to deliver what a topic filter names, as far as `actor` may see it for `use_case`; the result ends it.

    Raises `NabeError` when nothing may be seen there, or the filter means nothing. Called on a worker thread.
    """

    def __call__(self, actor: Actor, use_case: str, filter: str, deliver: Deliver) -> Callable[[], None]: ...


def _nothing(actor: Actor, use_case: str, filter: str, deliver: Deliver) -> Callable[[], None]:
    raise Unknown("Nothing is told on this topic.", field="topic")


def _refuse(messages: Sequence[Message]) -> Sequence[NabeError | None]:
    return [Denied("Nothing is taken on this topic.")] * len(messages)


@dataclass(frozen=True, slots=True)
class Channel:
    """`topics`: filters of what is published here (`v1.1/#`); `subscribed`: filters of what may be subscribed to, if others.

    A subscription belongs to a channel when a topic filter of the channel wants the subscription's own text.
    """

    topics: tuple[str, ...]
    take: Take = _refuse
    watch: Watch = _nothing
    subscribed: tuple[str, ...] = ()


class Channels:
    """All channels, asked in their order."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = tuple(channels)

    def taking(self, topic: str) -> Channel | None:
        """Who takes what is published on this topic."""
        return next((item for item in self._channels if any(matches(name, topic) for name in item.topics)), None)

    def watch(self, actor: Actor, use_case: str, filter: str, deliver: Deliver) -> Callable[[], None]:
        """Begin to deliver; `Unknown` if no channel tells anything there."""
        for item in self._channels:
            if any(matches(name, filter) for name in item.subscribed or item.topics):
                return item.watch(actor, use_case, filter, deliver)
        return _nothing(actor, use_case, filter, deliver)
