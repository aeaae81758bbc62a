"""What a device of the model city sends: its values as the message of its network server, gateway or own software."""

from __future__ import annotations

import datetime as dt
import json
import math
from dataclasses import dataclass
from typing import Any

from nabe.demo.sensing import payloads
from nabe.demo.sensing.signals import KINDS, Kind


@dataclass(frozen=True, slots=True)
class Message:
    """For MQTT a topic, for a webhook the system that it goes to (`hook`)."""

    body: bytes
    topic: str = ""
    hook: str = ""


def values(kind: Kind, seed: int, at: float) -> dict[str, Any]:
    """What a device measures at a moment, by field."""
    found: dict[str, Any] = {}
    for signal in kind.signals:
        value = signal.value(math, float(seed), at)
        if signal.kind == "boolean":
            found[signal.field] = bool(value)
        else:
            found[signal.field] = int(value) if signal.kind == "integer" else round(float(value), signal.digits)
    return found


def message(kind: str, device: str, name: str, measured: dict[str, Any], at: float, **more: Any) -> list[Message]:
    """A message, or one per series for devices that speak SensorThings.

    `at`: seconds since the epoch. `counter`: number of the frame. `clock`: what the device's own clock says instead of `at`.
    `streams`: field -> id of the Datastream. `session`: six hex digits that change when a device joins anew.
    """
    of = KINDS[kind]
    clock, session = float(more.get("clock", at)), str(more.get("session", device[-6:]))
    match of.way:
        case "chirpstack":
            told = payloads.chirpstack(kind, device, name, measured, at, clock, int(more["counter"]), session)
            return [Message(_json(told), topic=f"devices/{of.system}/application/stadt/device/{device}/event/up")]
        case "things_stack":
            told = payloads.things_stack(kind, device, measured, at, int(more["counter"]), session)
            return [Message(_json(told), hook=of.system)]
        case "json":
            return [Message(_meter(measured, clock), topic=f"tele/{device}/SENSOR")]
        case _:
            streams: dict[str, int] = more["streams"]
            return [
                Message(_observation(value, clock), topic=f"v1.1/Datastreams({streams[field]})/Observations")
                for field, value in measured.items()
                if field in streams
            ]


def _meter(measured: dict[str, Any], clock: float) -> bytes:
    """Local time without a zone, as such gateways have it."""
    local = iso(clock + _berlin(clock))[:19]
    return _json({"Time": local, "ENERGY": measured})


def _berlin(at: float) -> int:
    """What German time is ahead of UTC: summer time from the last Sunday of March to that of October, 1:00 UTC."""
    year = dt.datetime.fromtimestamp(at, dt.UTC).year

    def last_sunday(month: int) -> float:
        day = dt.datetime(year, month, 31, 1, tzinfo=dt.UTC)
        return (day - dt.timedelta(days=(day.weekday() + 1) % 7)).timestamp()

    return 7_200 if last_sunday(3) <= at < last_sunday(10) else 3_600


def _observation(value: Any, clock: float) -> bytes:
    return _json({"phenomenonTime": iso(clock), "result": value})


def iso(at: float) -> str:
    """Seconds since the epoch as RFC 3339."""
    found = dt.datetime.fromtimestamp(math.floor(at * 1000) / 1000, dt.UTC)
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
