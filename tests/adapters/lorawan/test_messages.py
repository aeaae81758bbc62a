"""What network servers send becomes one uplink, whoever sent it: real messages, real codecs' expectations, hostile JSON."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.adapters.lorawan import LorawanAdapter
from nabe.adapters.lorawan.servers import SERVERS
from nabe.devices.builtin import codec_text
from nabe.errors import Invalid, NabeError
from nabe.model.dataset import System
from nabe.model.device import Link, Notice, NoticeKind, Uplink
from nabe.model.text import Text
from nabe.ports.source import AdapterContext
from nabe.sandbox import Codec, Sandbox
from nabe.testing.needs import need

DATA = (
    Path(os.environ.get("NABE_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data") / "lorawan" / "netzserver"
)
FOLDERS = {"ChirpStack": "chirpstack", "LORIOT": "loriot", "ThingsStackCommunity": "things_stack"}
CODECS = {
    "Bosch_Parking_Lot_Sensor": "bosch-tps110",
    "Decentlab_DL-CWS": "decentlab/cws",
    "Decentlab_DL-PM": "decentlab/pm",
    "Milesight_AM319": "milesight/am300",
    "Milesight_AT101": "milesight/at101",
    "Milesight_CT101-CT103": "milesight/ct101",
    "Milesight_EM300-TH": "milesight/em300",
    "Milesight_EM500-PT100": "milesight/em500",
    "Milesight_EM500-SWL": "milesight/em500",
    "Milesight_VS121": "milesight/vs121",
}
#: What other decoders of the same device say otherwise, and why ours is kept (docs/guides/devices.md).
DIFFERING = {
    # The Things Network's decoder of this device reads the version in the order of its bytes (0.29.2) and gives codes.
    ("Bosch_Parking_Lot_Sensor", 3): {"resetCause", "firmwareVersion", "debugInfo"},
    # Temperatures have a sign: 0xE100 is -793.6, not 5760.0. The motion field is called pir, as in the reading of now.
    ("Milesight_AM319", -1): {"temperature", "trigger"},
}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox(workers=1)
    yield made
    made.close()


def test_every_real_message_gives_what_was_measured(sandbox: Sandbox) -> None:
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")
    messages = values = 0
    for path in sorted(DATA.glob("*/*/payload*.json")):
        device, server = path.parts[-3:-1]
        (uplink,) = SERVERS[FOLDERS[server]]("", json.loads(path.read_text("utf-8")))
        assert isinstance(uplink, Uplink)
        expected = json.loads(path.with_name(path.name.replace("payload", "result")).read_text("utf-8"))
        outcome = sandbox.decode(Codec(codec_text(f"builtin:{CODECS[device]}")), uplink.payload, uplink.port or 0)
        assert outcome.failure is None, (path, outcome)
        for record, told in _records(expected, outcome.data):
            for name, value in told.items():
                if name.startswith("lora_"):
                    assert _radio(uplink, name, value), (path, name, value)
                    continue
                earlier = record is not outcome.data
                if name in DIFFERING.get((device, -1 if earlier else uplink.port or 0), set()):
                    continue
                assert record.get(name) == value, (path, name)
                values += 1
        messages += 1
    assert messages == 77 and values > 350


def _records(expected: Any, data: dict[str, Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """(what we read, what was expected) of each reading in a result file; earlier readings have times of their own."""
    for result in expected if isinstance(expected, list) else [expected]:
        if result.get("deviceType") == "Lora gateway":
            continue
        told = result["telemetry"]
        for item in told if isinstance(told, list) else [told]:
            at = item.get("ts")
            earlier = isinstance(at, int) and at < 1e12
            yield (data["history"][0] if earlier else data), item.get("values", {})


def _radio(uplink: Uplink, name: str, value: Any) -> bool:
    found = {
        "lora_frame_counter": uplink.counter,
        "lora_frame_port": uplink.port,
        "lora_spreading_factor": uplink.link.spreading,
        "lora_rssi": uplink.link.rssi,
        "lora_snr": uplink.link.snr,
        "lora_frequency": value,  # not kept
    }[name]
    return found == value


CHIRPSTACK: dict[str, Any] = {
    "deduplicationId": "3ac7e3c4-4401-4b8d-9386-a5c902f9202d",
    "time": "2026-07-18T09:34:15.775023242+00:00",
    "deviceInfo": {
        "applicationName": "Kühlung",
        "applicationId": "17c82e96-be03-4f38-aef3-f83d48582d97",
        "deviceProfileName": "EM300-TH",
        "deviceName": "Kühlschrank Kita 3",
        "devEui": "24E124136B502217",
    },
    "devAddr": "00189440",
    "fCnt": 17,
    "fPort": 85,
    "data": "AXVcA2c0AQRoZQ==",
    "object": {"temperature": 30.8},
    "rxInfo": [
        {"gatewayId": "a", "rssi": -90, "snr": 1.5, "gwTime": "2026-07-18T09:34:15.5+00:00"},
        {"gatewayId": "b", "rssi": -48, "snr": 9, "gwTime": "2026-07-18T09:34:15.6+00:00"},
    ],
    "txInfo": {"modulation": {"lora": {"spreadingFactor": 11}}},
}


def test_chirpstack_v4_in_full() -> None:
    (uplink,) = SERVERS["chirpstack"]("application/1/device/2/event/up", CHIRPSTACK)
    assert uplink == Uplink(
        device="24e124136b502217",
        received=1784367255775023,
        counter=17,
        session="00189440",
        port=85,
        payload=bytes.fromhex("01755C0367340104 6865"),
        decoded={"temperature": 30.8},
        heard=1784367255500000,
        link=Link(-48.0, 9.0, 11, 2, "b"),
        name="Kühlschrank Kita 3",
        kind="EM300-TH",
        group="Kühlung",
        address={"application": "17c82e96-be03-4f38-aef3-f83d48582d97"},
    )


INFO = {"deviceInfo": {"devEui": "24e124136b502217"}, "time": "2026-07-18T09:34:15Z"}
TTS = {
    "end_device_ids": {
        "device_id": "dev1",
        "dev_eui": "0004A30B001C0530",
        "application_ids": {"application_id": "app1"},
    },
    "received_at": "2026-07-18T09:34:15.775Z",
}


@pytest.mark.parametrize(
    ("server", "topic", "body", "expected"),
    [
        ("chirpstack", "x/event/join", INFO | {"devAddr": "01"}, (NoticeKind.JOIN, None, "")),
        ("chirpstack", "status", INFO | {"margin": 7, "batteryLevel": 75.5}, (NoticeKind.STATUS, 75.5, "")),
        ("chirpstack", "status", INFO | {"margin": 7, "externalPowerSource": True, "batteryLevel": 0}, (NoticeKind.STATUS, None, "")),
        ("chirpstack", "", INFO | {"queueItemId": "q", "acknowledged": True}, (NoticeKind.ACKNOWLEDGED, None, "q")),
        ("chirpstack", "ack", INFO | {"queueItemId": "q"}, (NoticeKind.FAILED, None, "q")),
        ("chirpstack", "txack", INFO | {"queueItemId": "q", "gatewayId": "g"}, (NoticeKind.SENT, None, "q")),
        ("chirpstack", "log", INFO | {"level": "ERROR", "code": "UPLINK_CODEC"}, (NoticeKind.LOG, None, "")),
        ("things_stack", "", TTS | {"join_accept": {"session_key_id": "x"}}, (NoticeKind.JOIN, None, "")),
        ("things_stack", "", TTS | {"downlink_ack": {"correlation_ids": ["as:1", "nabe:42"]}}, (NoticeKind.ACKNOWLEDGED, None, "42")),
        ("things_stack", "", TTS | {"downlink_failed": {"downlink": {"correlation_ids": ["nabe:42"]}, "error": {}}}, (NoticeKind.FAILED, None, "42")),
        ("loriot", "", {"cmd": "txd", "EUI": "0004A30B001C0530", "seqdn": 3}, (NoticeKind.SENT, None, "3")),
        ("thingpark", "", {"DevEUI_downlink_Sent": {"DevEUI": "0004A30B001C0530", "DeliveryStatus": "1", "CorrelationID": "7"}}, (NoticeKind.SENT, None, "7")),
    ],
)  # fmt: skip
def test_events_that_are_no_messages(server: str, topic: str, body: Any, expected: Any) -> None:
    (notice,) = SERVERS[server](topic, body)
    assert isinstance(notice, Notice)
    assert (notice.kind, notice.battery, notice.downlink) == expected


def test_thingpark_and_its_numbers_as_text() -> None:
    body = {
        "DevEUI_uplink": {
            "Time": "2026-06-01T12:00:00.123+02:00", "DevEUI": "24E124136B502217", "FPort": "85", "FCntUp": "12", "DevAddr": "1DBC",
            "payload_hex": "01755C", "LrrRSSI": "-60.0", "LrrSNR": "9.25", "SpFact": "7", "DevLrrCnt": "3", "BatteryLevel": 127, "Lrrid": "X",
        }
    }  # fmt: skip
    (uplink,) = SERVERS["thingpark"]("", body)
    assert (uplink.counter, uplink.port, uplink.payload, uplink.battery) == (12, 85, b"\x01\x75\x5c", 50.0)
    assert uplink.link == Link(-60.0, 9.25, 7, 3, "X")
    assert uplink.received == 1780308000123000


def test_a_milesight_gateway_speaks_chirpstack_v3() -> None:
    body = {
        "applicationID": 1, "applicationName": "cloud", "data": "AXVcA2c0AQRoZQ==", "devEUI": "24e124136b502217", "deviceName": "x",
        "fCnt": 5, "fPort": 85, "time": "2026-06-01T12:00:00Z",
        "rxInfo": [{"mac": "24e124fffef12345", "rssi": -41, "loRaSNR": 13.8, "time": "2026-06-01T12:00:00Z"}],
        "txInfo": {"adr": True, "dataRate": {"modulation": "LORA", "bandwidth": 125, "spreadFactor": 7}, "frequency": 868300000},
    }  # fmt: skip
    (uplink,) = SERVERS["chirpstack"]("", body)
    assert uplink.link == Link(-41.0, 13.8, 7, 1, "24e124fffef12345") and uplink.counter == 5


@pytest.mark.parametrize(
    ("server", "body", "field"),
    [
        ("chirpstack", [], "body"),
        ("chirpstack", {"hello": 1}, "body"),
        ("chirpstack", {"rxInfo": [], "data": "", "deviceInfo": {"devEui": "xyz"}}, "deviceInfo.devEui"),
        ("chirpstack", CHIRPSTACK | {"data": "%%%"}, "data"),
        ("chirpstack", CHIRPSTACK | {"data": "A" * 10_000}, "data"),
        ("chirpstack", CHIRPSTACK | {"deviceInfo": 1}, "deviceInfo"),
        ("things_stack", {"uplink_message": {}}, "end_device_ids.dev_eui"),
        ("things_stack", TTS, "body"),
        ("loriot", {"EUI": "x"}, "cmd"),
        ("loriot", {"cmd": "rx", "EUI": "0004A30B001C0530", "data": "zz"}, "data"),
        ("thingpark", {}, "body"),
    ],
)
def test_what_is_wrong_is_named_without_its_value(server: str, body: Any, field: str) -> None:
    with pytest.raises(Invalid) as caught:
        SERVERS[server]("", body)
    assert caught.value.params["field"] == field
    assert "xyz" not in str(caught.value) and "zz" not in str(caught.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def _spoiled(body: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A good message with one member, at any depth, replaced by anything."""
    places: list[tuple[str | int, ...]] = []

    def walk(value: Any, path: tuple[str | int, ...]) -> None:
        places.append(path)
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, inner in items:
            walk(inner, (*path, key))

    walk(body, ())

    def put(place: tuple[str | int, ...], value: Any) -> Any:
        if not place:
            return value
        copy = json.loads(json.dumps(body))
        at: Any = copy
        for key in place[:-1]:
            at = at[key]
        at[place[-1]] = value
        return copy

    return st.builds(put, st.sampled_from(places), JSON)


GOOD = {
    "chirpstack": CHIRPSTACK,
    "things_stack": TTS | {"uplink_message": {"f_port": 1, "f_cnt": 2, "frm_payload": "AQ==", "rx_metadata": [{"rssi": -1, "gateway_ids": {}}], "settings": {"data_rate": {"lora": {"spreading_factor": 7}}}, "locations": {"user": {"latitude": 1, "longitude": 2}}, "last_battery_percentage": {"value": 5}}},
    "loriot": {"cmd": "gw", "EUI": "0004A30B001C0530", "ts": 1684478801936, "fcnt": 2, "port": 1, "dr": "SF9 BW125", "data": "01", "bat": 94, "gws": [{"rssi": -1, "snr": 1, "gweui": "x"}]},
    "thingpark": {"DevEUI_uplink": {"DevEUI": "0004A30B001C0530", "Time": "2026-06-01T12:00:00Z", "payload_hex": "01", "Lrrs": {"Lrr": [{"Lrrid": "1"}]}, "CustomerData": {}, "DriverCfg": {}}},
}  # fmt: skip


@pytest.mark.parametrize("server", SERVERS)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_message_is_read_or_refused(server: str, data: st.DataObject) -> None:
    body = data.draw(_spoiled(GOOD[server]) | JSON)
    topic = data.draw(st.sampled_from(["", "application/1/device/2/event/up", "join", "status", "log", "location"]))
    try:
        found = SERVERS[server](topic, body)
    except NabeError as error:
        assert error.params["field"]
    else:
        for item in found:
            assert len(item.device) == 16
            if isinstance(item, Uplink):
                assert item.received is None or 0 <= item.received < 2**53
                assert item.port is None or 0 <= item.port <= 255


def opened(**connection: Any) -> Any:
    system = System("netz", Text("x"), "lorawan", "amt", connection)
    adapter = LorawanAdapter()
    assert adapter.check_system(system) == []
    return adapter.open(system, lambda text: text, AdapterContext("/", "/"))


def test_any_other_server_by_a_mapping() -> None:
    network = opened(
        server="mapped",
        message={
            "device": "dev.eui", "eui": True, "payload": "raw", "encoding": "hex", "port": "port", "counter": "n", "time": "ts",
            "rssi": "gw[0].rssi", "gateway": "gw[0].id", "fields": "values",
        },
    )  # fmt: skip
    body = {
        "dev": {"eui": "24-E1-24-13-6B-50-22-17"},
        "raw": "0175",
        "port": 85,
        "n": 7,
        "ts": 1780308000,
        "gw": [{"id": "g", "rssi": -80}],
    }
    (uplink,) = network.read_message("", json.dumps(body).encode())
    assert (uplink.device, uplink.payload, uplink.port, uplink.counter) == ("24e124136b502217", b"\x01\x75", 85, 7)
    assert uplink.received == 1780308000_000000 and uplink.link.rssi == -80.0 and uplink.decoded is None


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"1" * 300_000, b"NaN", b'{"a":"\\ud800"}'])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(NabeError):
        opened(server="chirpstack").read_message("up", body)


def test_settings_say_what_is_wrong() -> None:
    def problems(**connection: Any) -> str:
        return " ".join(LorawanAdapter().check_system(System("netz", Text("x"), "lorawan", "amt", connection)))

    assert "connection.server" in problems(server="chirpstak")
    assert "belong together" in problems(server="mapped")
    assert "which device" in problems(server="mapped", message={"payload": "x"})
    assert "connection.message.device" in problems(server="mapped", message={"device": "a b"})
    assert "connection.broker.url" in problems(server="chirpstack", broker={"url": "http://x"})
