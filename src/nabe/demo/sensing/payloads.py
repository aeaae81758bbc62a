"""Values of a device as its message: (port, bytes) of LoRaWAN devices, and the body that their network server makes of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

from nabe.demo import uplinks

#: Values by field, as `signals` names them.
Values = Mapping[str, Any]


def _fridge(v: Values) -> tuple[int, bytes]:
    return 2, uplinks.lht65(v["TempC_SHT"], v["Hum_SHT"], v["TempC_DS"], 3.01)


def _bay(v: Values) -> tuple[int, bytes]:
    return uplinks.tps110(v["occupied"], v.get("temperature"))


def _water(v: Values) -> tuple[int, bytes]:
    return 1, uplinks.dl_ctd10(9_100, v["water_depth"], v["temperature"], v["electrical_conductivity"], 3.05)


def _air(v: Values) -> tuple[int, bytes]:
    dust = v["pm2_5_mass_concentration"], v["pm10_mass_concentration"]
    return 1, uplinks.dl_pm(9_200, *dust, v["air_temperature"], v["air_humidity"], v["barometric_pressure"], 3.01)


#: Kind of device -> how it packs its values.
PACKING: Mapping[str, Callable[[Values], tuple[int, bytes]]] = {
    "fridge": _fridge,
    "bay": _bay,
    "water": _water,
    "air": _air,
}


def chirpstack(
    kind: str, device: str, name: str, values: Values, at: float, clock: float, counter: int, session: str
) -> dict[str, Any]:
    """An event `up`. `clock`: what the gateway believes; `session`: of six hex digits, another one after each join."""
    port, payload = PACKING[kind](values)
    body = uplinks.chirpstack_up(
        device, payload, port, counter, _moment(at), name=name, kind=kind, rssi=-70.0 - counter % 41, spreading=7
    )
    body["rxInfo"][0]["gwTime"] = _moment(clock).isoformat()
    return body | {"devAddr": f"01{session}"}


def things_stack(kind: str, device: str, values: Values, at: float, counter: int, session: str) -> dict[str, Any]:
    """An uplink as the webhook sends it."""
    port, payload = PACKING[kind](values)
    body = uplinks.things_stack_up(device, payload, port, counter, _moment(at), application="musterstadt-luft")
    body["uplink_message"]["session_key_id"] = f"AY{session}"
    return body


def _moment(at: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(at, dt.UTC)
