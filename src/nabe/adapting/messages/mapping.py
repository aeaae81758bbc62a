"""Any JSON message by a declared mapping: which member says which device, when, and what was measured. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from nabe.adapting.json_http.paths import GONE, parse, walk
from nabe.adapting.messages.reading import bytes_of, identity, instant, integer, invalid, number, place, text
from nabe.adapting.settings import Settings, TimeZone
from nabe.model.device import Link, Uplink

#: Most records taken from one message.
_MOST_RECORDS = 1000


def _way(value: str) -> str:
    if value:
        path = parse(value)
        if path.up or path.key:
            raise ValueError("a way inside the message is expected, such as device.id or values[0].v")
    return value


Way = Annotated[str, AfterValidator(_way)]


class MessageSettings(Settings):
    """Where things stand in a message. Ways are written `device.id`, `values[0].v`, `['odd name']`."""

    records: Annotated[Way, Field(description="way to the list of records, if a message holds several")] = ""
    device: Annotated[Way, Field(description="way to the id of the device")] = ""
    device_level: Annotated[
        int | None,
        Field(ge=0, le=20, description="if the topic names the device: which of its levels, from 0 (a/b/c: b is 1)"),
    ] = None
    eui: Annotated[bool, Field(description="the id is a DevEUI of 16 hex digits; no: any text")] = False
    time: Annotated[
        Way, Field(description="way to the moment of measuring: RFC 3339, or seconds, ms or µs since 1970")
    ] = ""
    timezone: Annotated[TimeZone, Field(description="time zone of times that name none")] = "UTC"
    fields: Annotated[Way, Field(description="way to the object with the values; empty: the record itself")] = ""
    payload: Annotated[Way, Field(description="way to bytes that the profile's codec is to decode")] = ""
    encoding: Annotated[Literal["base64", "hex"], Field(description="how these bytes are written")] = "base64"
    port: Annotated[Way, Field(description="way to the port (FPort) of a LoRaWAN message")] = ""
    counter: Annotated[Way, Field(description="way to the message's number; tells repeated messages from new ones")] = (
        ""
    )
    session: Annotated[Way, Field(description="way to what changes when the counter starts anew (DevAddr)")] = ""
    rssi: Annotated[Way, Field(description="way to the signal strength, dBm")] = ""
    snr: Annotated[Way, Field(description="way to the signal-to-noise ratio, dB")] = ""
    spreading: Annotated[Way, Field(description="way to the spreading factor")] = ""
    gateway: Annotated[Way, Field(description="way to the id of the gateway")] = ""
    battery: Annotated[Way, Field(description="way to the battery's state in percent")] = ""
    latitude: Annotated[Way, Field(description="way to the device's latitude")] = ""
    longitude: Annotated[Way, Field(description="way to the device's longitude")] = ""
    name: Annotated[Way, Field(description="way to the device's name")] = ""
    kind: Annotated[Way, Field(description="way to a word for the kind of device")] = ""
    group: Annotated[Way, Field(description="way to a word for the group of devices, such as the application")] = ""


def read_all(settings: MessageSettings, topic: str, document: Any) -> list[Uplink]:
    """The uplinks in a message. `Invalid` names the member that is wrong; then none of them is taken."""
    return [_one(settings, topic, record) for record in _records(settings, document)]


def _records(settings: MessageSettings, document: Any) -> Iterator[Mapping[str, Any]]:
    found = _at(document, settings.records) if settings.records else document
    several = found if isinstance(found, list) else [found]
    if len(several) > _MOST_RECORDS:
        raise invalid(f"it holds more than {_MOST_RECORDS} records", settings.records or "body")
    for record in several:
        if not isinstance(record, dict):
            raise invalid("a record is no object", settings.records or "body")
        yield record


def _one(settings: MessageSettings, topic: str, record: Mapping[str, Any]) -> Uplink:
    def at(way: str) -> Any:
        return _at(record, way) if way else None

    if settings.device_level is not None:
        levels = topic.split("/")
        who = levels[settings.device_level] if settings.device_level < len(levels) else None
        device = identity(who, f"level {settings.device_level} of the topic", eui=settings.eui)
    else:
        device = identity(at(settings.device), settings.device or "device", eui=settings.eui)
    payload = bytes_of(at(settings.payload), settings.payload, settings.encoding)
    fields = at(settings.fields) if settings.fields else (None if settings.payload else record)
    if fields is not None and not isinstance(fields, dict):
        fields = {"value": fields}
    moment = None
    if settings.time:
        moment = instant(at(settings.time), settings.timezone)
        if moment is None:
            raise invalid(f"{settings.time} is no moment", settings.time, "RFC 3339, or seconds or ms since 1970.")
    heard = at(settings.gateway)
    link = Link(
        number(at(settings.rssi)),
        number(at(settings.snr)),
        integer(at(settings.spreading), 5, 12),
        int(bool(heard)),
        text(heard),
    )
    return Uplink(
        device,
        moment,
        integer(at(settings.counter)),
        text(at(settings.session)),
        integer(at(settings.port), 0, 255),
        payload,
        fields,
        None,
        link,
        number(at(settings.battery)),
        place(at(settings.longitude), at(settings.latitude)),
        text(at(settings.name)),
        text(at(settings.kind)),
        text(at(settings.group)),
    )


def _at(document: Any, way: str) -> Any:
    found = walk(document, parse(way).steps)
    return None if found is GONE else found
