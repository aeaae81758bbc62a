"""What the model city's devices put on the air is what their codecs read."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from nabe.adapters.lorawan.servers import SERVERS
from nabe.demo import uplinks
from nabe.devices.builtin import PROFILES, codec_text
from nabe.devices.readings import readings
from nabe.sandbox import Codec, Sandbox

CASES = [
    ("milesight-em300-th", 85, uplinks.em300_th(-4.5, 61.5, 88), {"temperature": -4.5, "humidity": 61.5}),
    ("milesight-em500-swl", 85, uplinks.em500_swl(132, 70), {"water_level": 132}),
    ("milesight-ct101", 85, uplinks.ct101(12.34, 100.5), {"current": 12.34, "total_current": 100.5}),
    ("milesight-vs121", 85, uplinks.vs121(3, 2, 5), {"people_count_all": 5, "people_in": 3, "people_out": 2}),
    ("dragino-lht65", 2, uplinks.lht65(21.5, 45.6, -18.25, 3.05), {"TempC_SHT": 21.5, "Hum_SHT": 45.6, "TempC_DS": -18.25}),
    ("dragino-lht65", 2, uplinks.lht65(21.5, 45.6, None, 3.05), {"TempC_SHT": 21.5, "Hum_SHT": 45.6}),
    ("bosch-tps110", *uplinks.tps110(True), {"occupied": "true"}),
    ("bosch-tps110", *uplinks.tps110(False, -7), {"occupied": "false", "temperature": -7}),
    ("decentlab-dl-pm", 1, uplinks.dl_pm(7, 12.3, 20.1, 8.5, 71, 1013.2, 3.1), {"pm2_5_mass_concentration": 12.3, "pm10_mass_concentration": 20.1, "air_temperature": 8.5, "air_humidity": 71.0, "barometric_pressure": 1013.2}),
    ("decentlab-dl-cws", 1, uplinks.dl_cws(7, -1.25, 0.5, 90, 3.0), {"surface_temperature": -1.25, "air_temperature": 0.5, "air_humidity": 90.0, "dew_point": -0.95}),
    ("decentlab-dl-ctd10", 1, uplinks.dl_ctd10(7, 1234, 11.5, 540, 3.2), {"water_depth": 1234, "temperature": 11.5, "electrical_conductivity": 540}),
    ("elsys-ers-co2", 5, uplinks.ers_co2(21.4, 40, 300, 2, 810, 3.5), {"temperature": 21.4, "humidity": 40, "light": 300, "motion": 2, "co2": 810}),
]  # fmt: skip


@pytest.fixture(scope="module")
def sandbox() -> Any:
    made = Sandbox(workers=1)
    yield made
    made.close()


@pytest.mark.parametrize(("name", "port", "payload", "expected"), CASES)
def test_payloads_come_back(sandbox: Any, name: str, port: int, payload: bytes, expected: dict[str, Any]) -> None:
    profile = PROFILES[name]
    outcome = sandbox.decode(Codec(codec_text(profile.codec)), payload, port)
    assert outcome.failure is None, outcome
    found, _ = readings(profile, outcome.data, port)
    told = {item.field: item.text if item.number is None else item.number for item in found}
    assert told == pytest.approx(expected, abs=0.01) if "occupied" not in expected else told == expected


def test_network_servers_messages_are_read() -> None:
    at = dt.datetime(2026, 11, 1, 12, tzinfo=dt.UTC)
    for server, body in (
        ("chirpstack", uplinks.chirpstack_up("24e124136b502217", b"\x01", 1, 7, at, gateways=2)),
        ("things_stack", uplinks.things_stack_up("24e124136b502217", b"\x01", 1, 7, at)),
    ):
        (uplink,) = SERVERS[server]("", body)
        assert (uplink.device, uplink.payload, uplink.port, uplink.counter) == ("24e124136b502217", b"\x01", 1, 7)
        assert uplink.received == 1793534400_000000 and uplink.session
