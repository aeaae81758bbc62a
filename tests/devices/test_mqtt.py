"""Devices over MQTT: Nabe's own gate, and brokers elsewhere."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import create_connection
from typing import Any

import paho.mqtt.client as paho
import pytest
from tests.devices.conftest import Town
from tests.devices.support import KITA_OST, chirpstack, things_stack

from nabe.app import devices
from nabe.cli.workspace import apply_files
from nabe.testing.machine import free_port


def until(true: Callable[[], Any], seconds: float = 30.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not come to this in time"
        time.sleep(0.05)
    return found


@contextmanager
def client(port: int, user: str, password: str) -> Iterator[Any]:
    made = paho.Client(paho.CallbackAPIVersion.VERSION2)
    made.username_pw_set(user, password)
    connected: list[Any] = []
    made.on_connect = lambda _c, _u, _f, code, _p: connected.append(code)
    made.connect("127.0.0.1", port)
    made.loop_start()
    until(lambda: connected)
    assert not connected[0].is_failure
    yield made
    made.disconnect()
    made.loop_stop()


def sent(client: Any, topic: str, body: Any) -> None:
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    info = client.publish(topic, payload, qos=1)
    info.wait_for_publish(20)
    assert info.is_published()


@pytest.mark.parametrize("nats", ["", "off"])
def test_messages_at_nabes_own_gate(town: Town, nats: str) -> None:
    settings = dataclasses.replace(town.nabe.settings, nats=nats)
    town.nabe.settings = settings
    with devices(town.nabe) as mqtt:
        assert mqtt is not None
        with client(mqtt.ports["mqtt"], "netz", "richtig-lang-genug") as gateway:
            base = "devices/funknetz/application/a/device"
            for counter in range(20):
                sent(gateway, f"{base}/{KITA_OST}/event/up", chirpstack(counter=counter % 15))
            sent(gateway, f"{base}/{KITA_OST}/event/join", {"deviceInfo": {"devEui": KITA_OST}, "devAddr": "1"})
            sent(gateway, "devices/ttn/v3/a@t/devices/x/up", things_stack("0102030405060708", b"\x01"))
            sent(gateway, "tele/nord-1/SENSOR", {"Time": "2026-11-01T12:00:00", "ENERGY": {"Power": 17, "Total": 2.5}})
            sent(gateway, f"{base}/{KITA_OST}/event/up", b"no JSON")
            sent(gateway, f"{base}/00000000000000aa/event/up", chirpstack("00000000000000aa"))
            until(lambda: len(town.things().get("Kita Ost", {}).get("Air temperature", ())) == 15)
            until(lambda: "eui-0102030405060708" in town.things())
            until(lambda: town.nabe.parking.count() == 2)
        with client(mqtt.ports["mqtt"], "fremd", "richtig-lang-genug") as stranger:
            sent(stranger, "devices/funknetz/up", chirpstack(counter=99))
            got: list[Any] = []
            stranger.on_message = lambda _c, _u, item: got.append(item)
            stranger.subscribe("devices/#", 1)
            until(lambda: town.nabe.parking.count() == 3)
    assert {item.code for item in town.nabe.parking.parked()} == {"invalid", "device-unknown", "denied"}
    assert len(town.things()["Kita Ost"]["Air temperature"]) == 15 and got == []
    # A dataset that is not open is filled, and not shown to those who may not read it.
    assert "nord-1" not in town.things()
    device = town.nabe.devices.fleet.view("pumpen", "nord-1", now=0).device
    assert set(device.streams) == {"Power", "Total"}


def test_messages_of_a_broker_elsewhere(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    port, folder = free_port(), town.root / "elsewhere"
    folder.mkdir()
    (folder / "nats.json").write_text(
        json.dumps(
            {
                "listen": f"127.0.0.1:{free_port()}",
                "server_name": "elsewhere",
                "jetstream": {"store_dir": str(folder / "js")},
                "mqtt": {"listen": f"127.0.0.1:{port}", "ack_wait": "1s"},
                "authorization": {"users": [{"user": "nabe", "password": "geheim"}]},
            }
        )
    )
    monkeypatch.setenv("BROKER_PASSWORD", "geheim")
    (town.root / "nabe.yaml").write_text(f"id: stadt\ntitle: Stadt\nallow_hosts: ['127.0.0.1:{port}']\n")
    (town.root / "systems/funknetz.yaml").write_text(
        "id: funknetz\ntitle: Funknetz\nadapter: lorawan\nowner: amt\n"
        f"connection: {{server: chirpstack, broker: {{url: 'mqtt://127.0.0.1:{port}', user: nabe, password: '${{BROKER_PASSWORD}}'}}}}\n"
    )
    apply_files(town.nabe)
    server = Path(sysconfig.get_path("scripts")) / "nats-server"
    process = subprocess.Popen([server, "-c", folder / "nats.json"], stderr=subprocess.DEVNULL)
    try:
        until(lambda: listens(port))
        town.nabe.devices.start()
        until(lambda: town.nabe.devices.state() == {"state": "ok", "brokers": 1, "codec_restarts": 0})
        with client(port, "nabe", "geheim") as chirp:
            topic = f"application/a/device/{KITA_OST}/event/up"
            for counter in range(5):
                sent(chirp, topic, chirpstack(counter=counter))
            sent(chirp, topic, b"no JSON")
            until(lambda: len(town.things().get("Kita Ost", {}).get("Air temperature", ())) == 5)
            until(lambda: town.nabe.parking.count() == 1)
            town.nabe.devices.stop()
            sent(chirp, topic, chirpstack(counter=5))  # while nobody is there
            town.nabe.devices.start()
            until(lambda: len(town.things()["Kita Ost"]["Air temperature"]) == 6)
            # A downlink goes the same way.
            got: list[Any] = []
            chirp.on_message = lambda _c, _u, item: got.append(item)
            chirp.subscribe("application/+/device/+/command/down", 1)
            time.sleep(0.3)
            capability = town.nabe.devices.fleet.view("funknetz", KITA_OST, now=0).device.capabilities[
                "report_interval"
            ]
            with town.client("it") as http:
                body = {"taskingParameters": {"report_interval": 600}, "TaskingCapability": {"@iot.id": capability}}
                assert http.post("/sta/v1.1/Tasks", json=body).status_code == 201
            until(lambda: got)
            assert got[0].topic == f"application/app-1/device/{KITA_OST}/command/down"
            assert json.loads(got[0].payload)["fPort"] == 85
    finally:
        process.terminate()
        process.wait(10)


def listens(port: int) -> bool:
    try:
        with closing(create_connection(("127.0.0.1", port), timeout=0.5)):
            return True
    except OSError:
        return False
