"""The Things Stack v3: JSON over MQTT (`v3/APP@TENANT/devices/ID/up`) and webhooks. Pure.

https://www.thethingsindustries.com/docs/integrations/other-integrations/mqtt/, .../webhooks/. The body is the same; a
member named after the event says which it is. Members with a value of zero are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nabe.adapting.messages import bytes_of, identity, instant, integer, invalid, mapping, number, objects, place, text
from nabe.model.device import Link, Notice, NoticeKind, Told, Uplink

_NOTICES = {
    "join_accept": NoticeKind.JOIN,
    "downlink_sent": NoticeKind.SENT,
    "downlink_ack": NoticeKind.ACKNOWLEDGED,
    "downlink_nack": NoticeKind.FAILED,
    "downlink_failed": NoticeKind.FAILED,
    "location_solved": NoticeKind.PLACE,
}
_PASSED_OVER = ("downlink_queued", "downlink_queue_invalidated", "service_data", "uplink_normalized")


def read(topic: str, document: Any) -> list[Told]:
    """What an event says; nothing for events that say nothing new of a device."""
    body = mapping(document, "body")
    if "uplink_message" in body:
        return [_uplink(body)]
    for member, kind in _NOTICES.items():
        if member in body:
            return [_notice(kind, member, body)]
    if any(member in body for member in _PASSED_OVER):
        return []
    known = ", ".join(("uplink_message", *_NOTICES))
    raise invalid("it is none of The Things Stack's events", "body", f"It needs one of: {known}.")


def _device(body: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    ids = mapping(body.get("end_device_ids"), "end_device_ids")
    application = text(mapping(ids.get("application_ids"), "end_device_ids.application_ids").get("application_id"))
    address = {"application": application, "device": text(ids.get("device_id"))}
    return identity(ids.get("dev_eui"), "end_device_ids.dev_eui"), address


def _uplink(body: Mapping[str, Any]) -> Uplink:
    device, address = _device(body)
    sent = mapping(body.get("uplink_message"), "uplink_message")
    heard = objects(sent.get("rx_metadata"))
    decoded = sent.get("decoded_payload")
    battery = mapping(sent.get("last_battery_percentage"), "uplink_message.last_battery_percentage")
    if tenant := text(mapping(sent.get("network_ids"), "uplink_message.network_ids").get("tenant_id")):
        address["tenant"] = tenant
    version = mapping(sent.get("version_ids"), "uplink_message.version_ids")
    return Uplink(
        device=device,
        received=instant(sent.get("received_at")) or instant(body.get("received_at")),
        counter=integer(sent.get("f_cnt", 0)),
        session=text(sent.get("session_key_id"))
        or text(mapping(body.get("end_device_ids"), "end_device_ids").get("dev_addr")),
        port=integer(sent.get("f_port", 0), 0, 255),
        payload=bytes_of(sent.get("frm_payload"), "uplink_message.frm_payload", "base64"),
        decoded=decoded if isinstance(decoded, dict) and decoded else None,
        heard=None,
        link=_link(heard, sent),
        battery=number(battery.get("value")),
        place=_place(mapping(sent.get("locations"), "uplink_message.locations")),
        name=address["device"],
        kind=text(version.get("model_id")),
        group=address["application"],
        address=address,
    )


def _link(heard: list[Any], sent: Mapping[str, Any]) -> Link:
    best: dict[str, Any] = max(heard, key=lambda item: number(item.get("rssi")) or -999.0, default={})
    rate = mapping(mapping(sent.get("settings"), "uplink_message.settings").get("data_rate"), "settings.data_rate")
    lora = rate.get("lora") if isinstance(rate.get("lora"), dict) else {}
    ids = best.get("gateway_ids") if isinstance(best.get("gateway_ids"), dict) else {}
    spreading = integer(lora.get("spreading_factor"), 5, 12)  # type: ignore[union-attr]
    gateway = text(ids.get("gateway_id"))  # type: ignore[union-attr]
    return Link(number(best.get("rssi")), number(best.get("snr")), spreading, len(heard), gateway)


def _place(locations: Mapping[str, Any]) -> tuple[float, float] | None:
    """What the network solved or the payload said comes before what somebody entered by hand."""
    for key in sorted(locations, key=lambda name: name == "user"):
        where = locations[key]
        if isinstance(where, dict) and (found := place(where.get("longitude"), where.get("latitude"))) is not None:
            return found
    return None


def _notice(kind: NoticeKind, member: str, body: Mapping[str, Any]) -> Notice:
    device, address = _device(body)
    told = mapping(body.get(member), member)
    down = mapping(told.get("downlink"), f"{member}.downlink") or told
    references = down.get("correlation_ids")
    references = [item for item in references if isinstance(item, str)] if isinstance(references, list) else []
    where = mapping(told.get("location"), f"{member}.location")
    return Notice(
        device,
        kind,
        instant(body.get("received_at")),
        place=place(where.get("longitude"), where.get("latitude")),
        downlink=next((item.removeprefix("nabe:") for item in references if item.startswith("nabe:")), ""),
        text=text(mapping(told.get("error"), f"{member}.error").get("message_format")),
        name=address["device"],
    )
