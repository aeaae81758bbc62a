"""TLS and WebSocket, and the port of HTTP beside them."""

from __future__ import annotations

import dataclasses
import shutil
import socket
import subprocess
import threading

import httpx
import pytest
import uvicorn
from tests.mqtt.conftest import SETTINGS, Client, House, until

from nabe.app import asgi
from nabe.errors import Invalid
from nabe.testing.needs import need


@pytest.fixture
def served(house):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(asgi(house.nabe), port=port, log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    yield house, port
    server.should_exit = True
    thread.join(10)


def test_over_websocket_it_is_the_same(served):
    house, port = served
    _, token = house.account()
    with (
        Client(port, "web", "erika", token, transport="websockets") as web,
        house.client("tcp", "erika", token) as other,
    ):
        assert web.subscribe("echo/closed", 1) == 1
        for number in range(20):
            other.publish("v1.1/closed", str(number))
            web.publish("v1.1/open", "x" * 50_000, qos=2)
        until(lambda: len(web.got) == 20)
        assert [text for _, text, _ in web.texts()] == [str(number) for number in range(20)]
    with Client(port, "web", "erika", "falsch-falsch", transport="websockets") as web:
        assert web.code.value in (4, 134)
    until(lambda: house.mqtt.state()["connections"] == 0)
    assert httpx.get(f"http://127.0.0.1:{port}/readyz").json()["mqtt"] == "ok"
    figures = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert "nabe_mqtt_stored 40\n" in figures and "nabe_mqtt_delivered 20\n" in figures


def test_over_tls_it_is_the_same_and_a_wrong_certificate_is_named(workspace):
    need("openssl", shutil.which("openssl") is not None, "apt: openssl")
    files = [str(workspace / name) for name in ("key.pem", "cert.pem")]
    made = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*made.split(), "-keyout", files[0], "-out", files[1]], check=True, capture_output=True)
    settings = dataclasses.replace(SETTINGS, mqtt_port=-1, mqtt_tls_port=0, mqtt_cert=files[1], mqtt_key=files[0])
    house = House(workspace, settings)
    with house.stack:
        house.stack.enter_context(pytest.MonkeyPatch.context()).setattr(
            "nabe.app.channels", lambda nabe: [house.book.channel()]
        )
        from nabe.app import devices

        mqtt = house.stack.enter_context(devices(house.nabe))
        assert set(mqtt.ports) == {"mqtts"}
        with Client(mqtt.ports["mqtts"], "tls", tls=files[1]) as client:
            client.publish("v1.1/Things", "safe")
        until(lambda: house.book.payloads() == ["safe"])
        with socket.create_connection(("127.0.0.1", mqtt.ports["mqtts"])) as plain:
            plain.sendall(b"\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00")
            plain.settimeout(5)
            assert b"\x20\x02" not in plain.recv(100)
    broken = House(workspace, dataclasses.replace(settings, mqtt_cert=str(workspace / "none.pem")))
    with broken.stack, pytest.raises(Invalid, match="certificate for MQTT cannot be used: No such file"):
        broken.start()
