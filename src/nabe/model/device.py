"""Devices that send by themselves: what a network hands over of them, what is known of each, and how it is told.

A *profile* says of a kind of device how its payload is read and which of its values become which Datastreams. A *device*
is one of them: its dataset, its profile, its place. Times are microseconds since the epoch, UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as _field
from enum import StrEnum
from typing import Any

from nabe.model.text import Text


@dataclass(frozen=True, slots=True)
class Link:
    """How well a message was heard, by the gateway that heard it best. `gateways`: how many did."""

    rssi: float | None = None
    snr: float | None = None
    spreading: int | None = None
    gateways: int = 0
    gateway: str = ""


@dataclass(frozen=True, slots=True)
class Uplink:
    """One message of a device, whatever network server or service it came through.

    `device`: its DevEUI (16 lower-case hex digits) or another id that the service gives it. `counter` and `session` tell
    frames apart (LoRaWAN: FCntUp, and what changes when a device joins anew). `received`: when the network server got it;
    `heard`: when a gateway did, by a clock of its own; None where unknown. `payload`: bytes as sent; `decoded`: fields, if
    somebody decoded it already. `address`: what a downlink to this device needs. `place`: longitude, latitude.
    """

    device: str
    received: int | None = None
    counter: int | None = None
    session: str = ""
    port: int | None = None
    payload: bytes = b""
    decoded: Mapping[str, Any] | None = None
    heard: int | None = None
    link: Link = Link()
    battery: float | None = None
    place: tuple[float, float] | None = None
    name: str = ""
    kind: str = ""
    group: str = ""
    address: Mapping[str, str] = _field(default_factory=dict)


class NoticeKind(StrEnum):
    """What a network server tells of a device beside its messages."""

    JOIN = "join"
    STATUS = "status"
    PLACE = "place"
    SENT = "sent"  # a downlink left a gateway
    ACKNOWLEDGED = "acknowledged"  # the device confirmed a downlink
    FAILED = "failed"  # a downlink did not arrive
    LOG = "log"


@dataclass(frozen=True, slots=True)
class Notice:
    """An event that is no message. `downlink`: the id of the downlink it is about. `battery` in percent."""

    device: str
    kind: NoticeKind
    at: int | None = None
    battery: float | None = None
    place: tuple[float, float] | None = None
    downlink: str = ""
    text: str = ""
    name: str = ""


Told = Uplink | Notice


@dataclass(frozen=True, slots=True)
class Downlink:
    """Bytes for a device. `address` as in its last uplink; `reference` comes back in notices."""

    device: str
    port: int
    payload: bytes
    confirmed: bool = False
    address: Mapping[str, str] = _field(default_factory=dict)
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """A field of a decoded payload that becomes a Datastream.

    `field`: way into the decoded object (`temperature`, `wifi[0].rssi`). `property`: name of what is observed;
    `definition`: its address. `unit`: UCUM code, empty for what has none. `kind`: number, integer, boolean, text or any
    (the observation type follows). `factor` and `offset` bring the value into the unit. `missing`: values that mean "no
    value"; `lowest`, `highest`: what a sensor cannot measure is none. `words`: value as text -> what is stored.
    `ports`: only of messages on these.
    """

    field: str
    property: str
    definition: str = ""
    unit: str = ""
    kind: str = "number"
    title: Text = Text()
    factor: float = 1.0
    offset: float = 0.0
    missing: tuple[float | str, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    words: Mapping[str, str] = _field(default_factory=dict)
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """What can be sent to a device: a TaskingCapability. `parameters`: name -> type (number, integer, boolean, text).

    The codec's `encodeDownlink` makes bytes of them; `port` if it names none.
    """

    name: str
    title: Text = Text()
    port: int = 1
    confirmed: bool = False
    parameters: Mapping[str, str] = _field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Profile:
    """A kind of device.

    `codec`: JavaScript that decodes its payload, or `builtin:NAME`; empty: what the network server decoded is taken.
    `every`: how often it sends (ISO 8601 duration); after `silent_after` such intervals without a message it counts as
    silent. `battery`: way to the battery's state, in percent or volts; at or below `battery_low` it is low. `time`: way to
    the moment of measuring, if the payload says it; `latitude`, `longitude`: ways to the place of a device that moves. `history`: way to a list of
    earlier readings, each with its moment at `history_time`.
    """

    id: str
    title: Text
    measures: tuple[Measure, ...] = ()
    codec: str = ""
    maker: str = ""
    model: str = ""
    description: Text = Text()
    documentation: str = ""
    every: str = ""
    silent_after: int = 3
    battery: str = ""
    battery_low: float = 0.0
    time: str = ""
    latitude: str = ""
    longitude: str = ""
    history: str = ""
    history_time: str = "timestamp"
    commands: tuple[Command, ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """A device that is known. `system`: the silo it comes through. `thing`, `streams`: its entities, once they are made.

    `streams`: field of a measure -> id of the Datastream. `properties` go to the Thing (a street key, an inventory number).
    """

    system: str
    id: str
    dataset: str
    profile: str
    name: str = ""
    description: str = ""
    place: tuple[float, float] | None = None
    properties: Mapping[str, Any] = _field(default_factory=dict)
    thing: int | None = None
    streams: Mapping[str, int] = _field(default_factory=dict)
    capabilities: Mapping[str, int] = _field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What was last seen of a device. Times None: never. `epoch` counts restarts of its counter within a session."""

    last_seen: int | None = None
    counter: int | None = None
    session: str = ""
    epoch: int = 0
    epoch_since: int | None = None
    battery: float | None = None
    link: Link = Link()
    place: tuple[float, float] | None = None
    messages: int = 0
    lost: int = 0
    failures: int = 0
    last_failure: str = ""
    address: Mapping[str, str] = _field(default_factory=dict)
