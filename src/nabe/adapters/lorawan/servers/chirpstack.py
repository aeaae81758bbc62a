"""ChirpStack v4 (and v3): JSON events over MQTT (`application/ID/device/EUI/event/up`) and HTTP (`?event=up`). Pure.

https://www.chirpstack.io/docs/chirpstack/integrations/events.html. Members with a value of zero may be left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nabe.adapters.lorawan.servers import chirpstack3
from nabe.adapting.messages import bytes_of, identity, instant, integer, invalid, mapping, number, objects, place, text
from nabe.model.device import Link, Notice, NoticeKind, Told, Uplink

_EVENTS = ("up", "join", "ack", "txack", "status", "location", "log", "integration")


def read(topic: str, document: Any) -> list[Told]:
    """What an event says; nothing for events that are not about a device."""
    body = mapping(document, "body")
    event = _event(topic, body)
    if "devEUI" in body:
        return [chirpstack3.uplink(body)] if event == "up" else []
    if event == "up":
        return [_uplink(body)]
    if event == "integration":
        return []
    return [_notice(event, body)]


def _event(topic: str, body: Mapping[str, Any]) -> str:
    """The event that the topic or the parameter names; else what the message looks like."""
    named = topic.rsplit("/", 1)[-1]
    if named in _EVENTS:
        return named
    if "rxInfo" in body and ("data" in body or "fCnt" in body):
        return "up"
    for member, event in (
        ("acknowledged", "ack"),
        ("margin", "status"),
        ("batteryLevel", "status"),
        ("location", "location"),
        ("code", "log"),
        ("integrationName", "integration"),
        ("gatewayId", "txack"),
        ("devAddr", "join"),
    ):
        if member in body:
            return event
    raise invalid("it is none of ChirpStack's events", "body", f"Known: {', '.join(_EVENTS)}.")


def _uplink(body: Mapping[str, Any]) -> Uplink:
    info = mapping(body.get("deviceInfo"), "deviceInfo")
    device = identity(info.get("devEui"), "deviceInfo.devEui")
    heard = objects(body.get("rxInfo"))
    decoded = body.get("object")
    return Uplink(
        device=device,
        received=instant(body.get("time")),
        counter=integer(body.get("fCnt", 0)),
        session=text(body.get("devAddr")),
        port=integer(body.get("fPort", 0), 0, 255),
        payload=bytes_of(body.get("data"), "data", "base64"),
        decoded=decoded if isinstance(decoded, dict) and decoded else None,
        heard=_gateway_time(heard),
        link=_link(heard, body),
        name=text(info.get("deviceName")),
        kind=text(info.get("deviceProfileName")),
        group=text(info.get("applicationName")),
        address={"application": text(info.get("applicationId"))},
    )


def _gateway_time(heard: list[Any]) -> int | None:
    """Of gateways with a clock of their own (`gwTime`), the earliest."""
    times = [found for item in heard if (found := instant(item.get("gwTime"))) is not None]
    return min(times, default=None)


def _link(heard: list[Any], body: Mapping[str, Any]) -> Link:
    best: dict[str, Any] = max(heard, key=lambda item: number(item.get("rssi")) or -999.0, default={})
    sent = mapping(mapping(body.get("txInfo"), "txInfo").get("modulation"), "txInfo.modulation")
    lora = sent.get("lora") if isinstance(sent.get("lora"), dict) else {}
    spreading = integer(lora.get("spreadingFactor"), 5, 12)  # type: ignore[union-attr]
    return Link(number(best.get("rssi")), number(best.get("snr")), spreading, len(heard), text(best.get("gatewayId")))


def _notice(event: str, body: Mapping[str, Any]) -> Notice:
    info = mapping(body.get("deviceInfo"), "deviceInfo")
    device = identity(info.get("devEui"), "deviceInfo.devEui")
    at, downlink = instant(body.get("time")), text(body.get("queueItemId"))
    name = text(info.get("deviceName"))
    match event:
        case "join":
            return Notice(device, NoticeKind.JOIN, at, name=name, text=text(body.get("devAddr")))
        case "status":
            told = (
                None
                if body.get("batteryLevelUnavailable") or body.get("externalPowerSource")
                else body.get("batteryLevel")
            )
            return Notice(device, NoticeKind.STATUS, at, number(told), name=name)
        case "location":
            where = mapping(body.get("location"), "location")
            found = place(where.get("longitude"), where.get("latitude"))
            return Notice(device, NoticeKind.PLACE, at, place=found, name=name)
        case "ack":
            kind = NoticeKind.ACKNOWLEDGED if body.get("acknowledged") is True else NoticeKind.FAILED
            return Notice(device, kind, at, downlink=downlink, name=name)
        case "txack":
            return Notice(device, NoticeKind.SENT, at, downlink=downlink, name=name)
        case _:
            return Notice(
                device, NoticeKind.LOG, at, text=text(body.get("description")) or text(body.get("code")), name=name
            )
