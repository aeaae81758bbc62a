"""A Task becomes a downlink, and the Task says what came of it."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from tests.devices.conftest import Town
from tests.devices.support import KITA_OST, KITA_WEST, chirpstack

from nabe.cli.workspace import apply_files


class Server:
    """What a network server's HTTP interface does with downlinks."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], Any]] = []
        self.fails = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if outer.fails:
                    outer.fails -= 1
                    self.send_response(503)
                    self.end_headers()
                    return
                outer.got.append((self.path, dict(self.headers), body))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b'{"id": "queue-1"}')

            def log_message(self, *_: Any) -> None:
                return None

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.http.server_port
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


def until(true: Callable[[], Any], seconds: float = 20.0) -> Any:
    end = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < end, "it did not come to this in time"
        time.sleep(0.02)
    return found


def connected(town: Town, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The networks' HTTP interfaces are this server."""
    monkeypatch.setenv("KEY", "geheim-1")
    (town.root / "nabe.yaml").write_text(f"id: stadt\ntitle: Stadt\nallow_hosts: ['127.0.0.1:{server.port}']\n")
    for system, kind in (("funknetz", "chirpstack"), ("ttn", "things_stack")):
        (town.root / f"systems/{system}.yaml").write_text(
            f"id: {system}\ntitle: Netz\nadapter: lorawan\nowner: amt\n"
            f"connection: {{server: {kind}, api: 'http://127.0.0.1:{server.port}', token: '${{KEY}}'}}\n"
        )
    apply_files(town.nabe)


def task(town: Town, eui: str, name: str, parameters: Any, actor: str = "it") -> Any:
    capability = town.nabe.devices.fleet.view("funknetz", eui, now=0).device.capabilities[name]
    with town.client(actor) as client:
        body = {"taskingParameters": parameters, "TaskingCapability": {"@iot.id": capability}}
        return client.post("/sta/v1.1/Tasks", json=body)


def standing(town: Town, location: str) -> Any:
    with town.client("it") as client:
        return client.get("/sta/v1.1" + location.split("/sta/v1.1")[1]).json()["taskingParameters"]


def test_a_task_reaches_the_network_and_its_state_comes_back(
    town: Town, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    connected(town, server, monkeypatch)
    with town.client() as client:
        assert client.post("/devices/funknetz", json=chirpstack(KITA_WEST, b"\x79", port=1)).json()["stored"] == 1
    server.fails = 1  # one time out of order: it is asked again
    made = task(town, KITA_WEST, "intervall", {"minuten": 15})
    assert made.status_code == 201
    until(lambda: server.got)
    path, headers, body = server.got[0]
    assert path == f"/api/devices/{KITA_WEST}/queue" and headers["Grpc-Metadata-Authorization"] == "Bearer geheim-1"
    item = body["queueItem"]
    assert (base64.b64decode(item["data"]), item["fPort"], item["confirmed"]) == (b"\x01\x0f", 7, True)
    location = made.headers["location"]
    found = until(lambda: (told := standing(town, location)) and told.get("downlink") and told)
    assert found["minuten"] == 15 and found["downlink"]["status"] == "queued" and found["downlink"]["id"] == "queue-1"
    notice = {"deviceInfo": {"devEui": KITA_WEST}, "time": "2026-11-01T12:00:00Z", "queueItemId": "queue-1"}
    with town.client() as client:
        client.post("/devices/funknetz?event=txack", json=notice | {"gatewayId": "g"})
        until(lambda: standing(town, location)["downlink"]["status"] == "sent")
        client.post("/devices/funknetz?event=ack", json=notice | {"acknowledged": True})
    until(lambda: standing(town, location)["downlink"]["status"] == "acknowledged")
    lines = (
        [entry.entry.action for entry in town.nabe.ledger.entries(limit=200)]
        if hasattr(town.nabe.ledger, "entries")
        else []
    )
    assert not lines or "task" in lines


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ({"minuten": "x"}, "Minuten is no integer"),
        ({}, "Minuten is missing"),
        ({"minuten": 1, "b": 2}, "B is no parameter"),
    ],
)
def test_a_task_that_cannot_be_sent_says_why(
    town: Town, server: Server, monkeypatch: pytest.MonkeyPatch, parameters: Any, why: str
) -> None:
    connected(town, server, monkeypatch)
    with town.client() as client:
        client.post("/devices/funknetz", json=chirpstack(KITA_WEST, b"\x79", port=1))
    made = task(town, KITA_WEST, "intervall", parameters)
    found = until(lambda: (told := standing(town, made.headers["location"])) and told.get("downlink") and told)
    assert found["downlink"]["status"] == "failed" and found["downlink"]["why"].lower().startswith(why.lower())
    assert server.got == []


def test_nobody_commands_what_they_may_not_write(town: Town, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    connected(town, server, monkeypatch)
    with town.client() as client:
        client.post("/devices/funknetz", json=chirpstack(KITA_OST))
    made = task(town, KITA_OST, "reboot", {"reboot": True}, "fremd")
    assert made.status_code == 403
    time.sleep(0.2)
    assert server.got == []


def test_a_network_that_is_not_allowed_is_not_reached(town: Town) -> None:
    (town.root / "systems/funknetz.yaml").write_text(
        "id: funknetz\ntitle: Netz\nadapter: lorawan\nowner: amt\n"
        "connection: {server: chirpstack, api: 'http://127.0.0.1:9'}\n"
    )
    apply_files(town.nabe)
    with town.client() as client:
        client.post("/devices/funknetz", json=chirpstack(KITA_OST))
    made = task(town, KITA_OST, "reboot", {"reboot": True})
    found = until(lambda: (told := standing(town, made.headers["location"])) and told.get("downlink") and told)
    assert found["downlink"]["status"] == "failed" and "private network" in found["downlink"]["why"]
