"""The other side of the codecs: what devices of the model city put on the air, and how a network server hands it on. Pure."""

from __future__ import annotations

import base64
import datetime as dt
import math
import struct
from typing import Any


def _clip(value: float, low: int, high: int) -> int:
    return max(low, min(high, round(value)))


def em300_th(temperature: float, humidity: float, battery: float) -> bytes:
    """Milesight EM300-TH: °C, %, battery in % (FPort 85)."""
    parts = (
        1,
        0x75,
        _clip(battery, 0, 100),
        3,
        0x67,
        _clip(temperature * 10, -32768, 32767),
        4,
        0x68,
        _clip(humidity * 2, 0, 255),
    )
    return struct.pack("<BBBBBhBBB", *parts)


def em500_swl(level_cm: float, battery: float) -> bytes:
    """Milesight EM500-SWL: water level in cm (FPort 85)."""
    return struct.pack("<BBBBBH", 1, 0x75, _clip(battery, 0, 100), 3, 0x77, _clip(level_cm, 0, 65535))


def ct101(current_a: float, charge_ah: float) -> bytes:
    """Milesight CT101: current in A and electric charge in Ah (FPort 85)."""
    parts = (3, 0x97, _clip(charge_ah * 100, 0, 2**32 - 1), 4, 0x98, _clip(current_a * 100, 0, 65534))
    return struct.pack("<BBIBBH", *parts)


def vs121(people_in: int, people_out: int, in_view: int) -> bytes:
    """Milesight VS121: people that went in and out since the last message, and are in view (FPort 85)."""
    parts = (4, 0xC9, _clip(in_view, 0, 255), 1, 0, 1, 5, 0xCC, _clip(people_in, 0, 32767), _clip(people_out, 0, 32767))
    return struct.pack("<BBBBBBBBHH", *parts)


def lht65(inside: float, humidity: float, probe: float | None, volts: float) -> bytes:
    """Dragino LHT65: °C and % inside, °C at the probe (None: unplugged), battery in V (FPort 2)."""
    status = 3 if volts > 2.65 else 2 if volts > 2.6 else 1 if volts > 2.55 else 0
    battery = status << 14 | _clip(volts * 1000, 0, 0x3FFF)
    outside = 0x7FFF if probe is None else _clip(probe * 100, -32768, 32767)
    return struct.pack(
        ">HhHBhH", battery, _clip(inside * 100, -32768, 32767), _clip(humidity * 10, 0, 0xFFF), 1, outside, 0x7FFF
    )


def tps110(occupied: bool, temperature: float | None = None) -> tuple[int, bytes]:
    """Bosch TPS110: (FPort, payload) of a change, or of a heartbeat with the temperature."""
    if temperature is None:
        return 1, bytes([int(occupied)])
    return 2, struct.pack(">Bb", int(occupied), _clip(temperature, -128, 127))


def dl_pm(
    device: int, pm25: float, pm10: float, temperature: float, humidity: float, hectopascal: float, volts: float
) -> bytes:
    """Decentlab DL-PM: µg/m³, °C, %, hPa, V (FPort 1)."""
    mass = [_clip(value * 10, 0, 65535) for value in (pm25 * 0.9, pm25, (pm25 + pm10) / 2, pm10)]
    count = [_clip(pm25 * factor * 10, 0, 65535) for factor in (6.6, 7.5, 7.6, 7.6, 7.7)]
    climate = [_clip((temperature + 46.85) / 175.72 * 65536, 0, 65535), _clip((humidity + 6) / 125 * 65536, 0, 65535)]
    words = [_clip(volts * 1000, 0, 65535), *mass, 500, *count, *climate, _clip(hectopascal * 50, 0, 65535)]
    return struct.pack(">BHH", 2, device, 0b1111) + struct.pack(f">{len(words)}H", *words)


def dl_cws(device: int, surface: float, air: float, humidity: float, volts: float) -> bytes:
    """Decentlab DL-CWS: road surface and air in °C, %, V (FPort 1)."""
    fraction = max(humidity, 1.0) / 100
    gamma = math.log(fraction) + 17.62 * air / (243.12 + air)
    dew = 243.12 * gamma / (17.62 - gamma)
    words = [_clip(value * 100 + 32768, 0, 65535) for value in (surface, air, humidity, dew)]
    words += [32768 + 71, _clip((air + surface) / 2 * 100 + 32768, 0, 65535), _clip(volts * 1000, 0, 65535)]
    return struct.pack(">BHH", 2, device, 0b11) + struct.pack(">7H", *words)


def dl_ctd10(device: int, depth_mm: float, temperature: float, conductivity: float, volts: float) -> bytes:
    """Decentlab DL-CTD10: water depth in mm, °C, µS/cm, V (FPort 1)."""
    words = [_clip(depth_mm + 32768, 0, 65535), _clip(temperature * 10 + 32768, 0, 65535)]
    words += [_clip(conductivity, 0, 65535), int(temperature < 0), _clip(volts * 1000, 0, 65535)]
    return struct.pack(">BHH", 2, device, 0b11) + struct.pack(">5H", *words)


def ers_co2(temperature: float, humidity: float, lux: float, motions: int, ppm: float, volts: float) -> bytes:
    """ELSYS ERS CO2: °C, %, lx, motions since the last message, ppm, V (FPort 5)."""
    parts = (
        1,
        _clip(temperature * 10, -32768, 32767),
        2,
        _clip(humidity, 0, 100),
        4,
        _clip(lux, 0, 65535),
        5,
        _clip(motions, 0, 255),
    )
    return struct.pack(">BhBBBHBB", *parts) + struct.pack(
        ">BHBH", 6, _clip(ppm, 0, 65535), 7, _clip(volts * 1000, 0, 65535)
    )


def chirpstack_up(
    eui: str,
    payload: bytes,
    port: int,
    counter: int,
    at: dt.datetime,
    *,
    name: str = "",
    application: str = "musterstadt",
    kind: str = "",
    rssi: float = -95.0,
    snr: float = 6.5,
    spreading: int = 9,
    gateways: int = 1,
) -> dict[str, Any]:
    """What ChirpStack v4 sends for it; the topic is `application/APPLICATION/device/EUI/event/up`."""
    heard = [
        {"gatewayId": f"a84041ffff1e{n:04x}", "rssi": round(rssi - 7 * n), "snr": round(snr - 2 * n, 1)}
        for n in range(gateways)
    ]
    return {
        "time": at.isoformat(),
        "deviceInfo": {
            "tenantName": "Musterstadt",
            "applicationId": application,
            "applicationName": application,
            "deviceProfileName": kind,
            "deviceName": name or eui,
            "devEui": eui,
        },
        "devAddr": eui[-8:],
        "dr": 12 - spreading,
        "fCnt": counter,
        "fPort": port,
        "confirmed": False,
        "data": base64.b64encode(payload).decode(),
        "rxInfo": heard,
        "txInfo": {
            "frequency": 868_100_000,
            "modulation": {"lora": {"bandwidth": 125_000, "spreadingFactor": spreading}},
        },
    }


def things_stack_up(
    eui: str,
    payload: bytes,
    port: int,
    counter: int,
    at: dt.datetime,
    *,
    application: str = "musterstadt",
    rssi: float = -95.0,
) -> dict[str, Any]:
    """What The Things Stack v3 sends for it; the topic is `v3/APPLICATION@TENANT/devices/ID/up`."""
    return {
        "end_device_ids": {
            "device_id": f"eui-{eui}",
            "application_ids": {"application_id": application},
            "dev_eui": eui.upper(),
            "dev_addr": eui[-8:].upper(),
        },
        "received_at": at.isoformat(),
        "uplink_message": {
            "session_key_id": base64.b64encode(bytes.fromhex(eui)).decode(),
            "f_port": port,
            "f_cnt": counter,
            "frm_payload": base64.b64encode(payload).decode(),
            "rx_metadata": [{"gateway_ids": {"gateway_id": "rathaus"}, "rssi": rssi, "snr": 7.2}],
            "settings": {"data_rate": {"lora": {"bandwidth": 125000, "spreading_factor": 8}}, "frequency": "868300000"},
            "received_at": at.isoformat(),
        },
    }
