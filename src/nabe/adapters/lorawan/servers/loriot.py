"""LORIOT: JSON over MQTT, WebSocket and HTTP; `cmd` says what it is. Pure.

`rx` is an uplink after removal of duplicates; `gw` the same once more with all gateways that heard it, so that both have
one counter and are one message. https://docs.loriot.io/display/NMS/Uplink+Data+Told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nabe.adapting.messages import bytes_of, identity, instant, integer, invalid, mapping, number, objects, text
from nabe.model.device import Link, Notice, NoticeKind, Told, Uplink

_RATE = re.compile(r"SF(\d{1,2})")


def read(topic: str, document: Any) -> list[Told]:
    """What a message says; nothing for answers to questions."""
    body = mapping(document, "body")
    match body.get("cmd"):
        case "rx" | "gw":
            return [_uplink(body)]
        case "txd":
            at, device = instant(body.get("ts")), identity(body.get("EUI"), "EUI")
            return [Notice(device, NoticeKind.SENT, at, downlink=text(body.get("seqdn")))]
        case str():
            return []
        case _:
            raise invalid("it has no cmd", "cmd", "LORIOT sends rx, gw, txd.")


def _uplink(body: Mapping[str, Any]) -> Uplink:
    heard: list[Mapping[str, Any]] = list(objects(body.get("gws"))) or [body]
    best = max(heard, key=lambda item: number(item.get("rssi")) or -999.0)
    rate = _RATE.match(text(body.get("dr")))
    spreading = integer(rate[1], 5, 12) if rate else None
    link = Link(number(best.get("rssi")), number(best.get("snr")), spreading, len(heard), text(best.get("gweui")))
    # 0: mains, 255: the device does not know; between them, shares of 254 (LoRaWAN 1.0.4, 5.5).
    battery = integer(body.get("bat"), 1, 254)
    decoded = body.get("decoded")
    if isinstance(decoded, dict):
        decoded = decoded.get("data")
    return Uplink(
        device=identity(body.get("EUI"), "EUI"),
        received=instant(body.get("ts")),
        counter=integer(body.get("fcnt", 0)),
        session=text(body.get("devaddr")),
        port=integer(body.get("port"), 0, 255),
        payload=bytes_of(body.get("data"), "data", "hex"),
        decoded=decoded if isinstance(decoded, dict) and decoded else None,
        link=link,
        battery=round(battery / 2.54, 1) if battery is not None else None,
        name=text(body.get("devname")),
        group=text(body.get("appname")),
    )
