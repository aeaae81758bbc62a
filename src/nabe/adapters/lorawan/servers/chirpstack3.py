"""ChirpStack v3, and gateways with a network server of that time inside (Milesight UG, Robustel). Pure.

Two dialects: DevEUIs as hex or, in the older marshaler, as base64; the radio's data under other names.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from nabe.adapting.messages import bytes_of, identity, instant, integer, mapping, number, objects, text
from nabe.model.device import Link, Uplink


def uplink(body: Mapping[str, Any]) -> Uplink:
    """An uplink; its time is that of the message, else of the gateway that heard it first."""
    heard = objects(body.get("rxInfo"))
    best: dict[str, Any] = max(heard, key=lambda item: number(item.get("rssi")) or -999.0, default={})
    times = [found for item in heard if (found := instant(item.get("time"))) is not None]
    snr = best.get("loRaSNR", best.get("snr"))
    gateway = text(best.get("mac")) or _hex(best.get("gatewayID"))
    return Uplink(
        device=identity(_hex(body.get("devEUI")), "devEUI"),
        received=instant(body.get("time")) or min(times, default=None),
        counter=integer(body.get("fCnt", 0)),
        session=_hex(body.get("devAddr")),
        port=integer(body.get("fPort", 0), 0, 255),
        payload=bytes_of(body.get("data"), "data", "base64"),
        decoded=_decoded(body),
        link=Link(number(best.get("rssi")), number(snr), _spreading(body), len(heard), gateway),
        name=text(body.get("deviceName")),
        kind=text(body.get("deviceProfileName")),
        group=text(body.get("applicationName")),
        address={"application": text(body.get("applicationID"))},
    )


def _hex(value: Any) -> str:
    """An id as hex, also where it came as base64 of 8 (DevEUI) or 4 bytes (DevAddr)."""
    if isinstance(value, str) and value.endswith("="):
        try:
            found = base64.b64decode(value, validate=True)
        except (ValueError, binascii.Error):
            return value[:200]
        return found.hex() if len(found) in (4, 8) else value[:200]
    return text(value)


def _spreading(body: Mapping[str, Any]) -> int | None:
    sent = mapping(body.get("txInfo"), "txInfo")
    rate, lora = sent.get("dataRate"), sent.get("loRaModulationInfo")
    if isinstance(lora, dict):
        return integer(lora.get("spreadingFactor"), 5, 12)
    return integer(rate.get("spreadFactor"), 5, 12) if isinstance(rate, dict) else None


def _decoded(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    found = body.get("object")
    if isinstance(found, dict) and found:
        return found
    written = body.get("objectJSON")
    if isinstance(written, str) and written:
        try:
            found = msgspec.json.decode(written)
        except (msgspec.DecodeError, RecursionError):
            return None
    return found if isinstance(found, dict) and found else None
