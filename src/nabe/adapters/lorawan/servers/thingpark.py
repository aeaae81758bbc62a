"""Actility ThingPark (Wireless, Enterprise): JSON documents posted by its HTTP tunnel, `{"DevEUI_uplink": {...}}`. Pure.

https://docs.thingpark.com, "Tunnel interface". Numbers come as text in older versions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nabe.adapting.messages import bytes_of, identity, instant, integer, invalid, mapping, number, objects, place, text
from nabe.model.device import Link, Notice, NoticeKind, Told, Uplink


def read(topic: str, document: Any) -> list[Told]:
    """What a document says; nothing for reports about other things than a device's messages."""
    body = mapping(document, "body")
    if "DevEUI_uplink" in body:
        return [_uplink(mapping(body["DevEUI_uplink"], "DevEUI_uplink"))]
    if "DevEUI_location" in body:
        told = mapping(body["DevEUI_location"], "DevEUI_location")
        where = place(told.get("DevLON"), told.get("DevLAT"))
        return [Notice(_device(told), NoticeKind.PLACE, instant(told.get("Time")), place=where)]
    if "DevEUI_downlink_Sent" in body:
        told = mapping(body["DevEUI_downlink_Sent"], "DevEUI_downlink_Sent")
        kind = NoticeKind.SENT if text(told.get("DeliveryStatus")) == "1" else NoticeKind.FAILED
        reference = text(told.get("CorrelationID"))
        return [Notice(_device(told), kind, instant(told.get("Time")), downlink=reference)]
    if "DevEUI_notification" in body:
        told = mapping(body["DevEUI_notification"], "DevEUI_notification")
        kind = NoticeKind.JOIN if text(told.get("Type")) == "join" else NoticeKind.LOG
        return [Notice(_device(told), kind, instant(told.get("Time")), text=text(told.get("Type")))]
    if any(name.startswith("DevEUI_") for name in body):
        return []
    raise invalid("it is none of ThingPark's documents", "body", "DevEUI_uplink is expected.")


def _device(told: Mapping[str, Any]) -> str:
    return identity(told.get("DevEUI"), "DevEUI")


def _uplink(told: Mapping[str, Any]) -> Uplink:
    decoded = told.get("payload")
    battery = integer(told.get("BatteryLevel"), 1, 254)
    receivers = mapping(told.get("Lrrs"), "Lrrs").get("Lrr")
    heard = objects(receivers)
    count = integer(told.get("DevLrrCnt"), 0, 1000) or len(heard) or 1
    spreading = integer(told.get("SpFact"), 5, 12)
    link = Link(number(told.get("LrrRSSI")), number(told.get("LrrSNR")), spreading, count, text(told.get("Lrrid")))
    return Uplink(
        device=_device(told),
        received=instant(told.get("Time")),
        counter=integer(told.get("FCntUp", 0)),
        session=text(told.get("DevAddr")),
        port=integer(told.get("FPort", 0), 0, 255),
        payload=bytes_of(told.get("payload_hex"), "payload_hex", "hex"),
        decoded=decoded if isinstance(decoded, dict) and decoded else None,
        link=link,
        battery=round(battery / 2.54, 1) if battery is not None else None,
        place=place(told.get("DevLON"), told.get("DevLAT")),
        name=text(mapping(told.get("CustomerData"), "CustomerData").get("name")),
        kind=text(mapping(told.get("DriverCfg"), "DriverCfg").get("id")),
    )
