"""Messages fetched from a broker elsewhere: none is lost while nobody takes it, and what is refused says so."""

from __future__ import annotations

import json
import subprocess
import sysconfig
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from socket import create_connection

import pytest

from nabe.errors import SourceRefused, SourceUnavailable
from nabe.outbound.mqtt import Broker
from nabe.testing.machine import free_port


@contextmanager
def broker(folder: Path, port: int) -> Iterator[None]:
    """A real broker: nats-server with its MQTT listener, user and password."""
    config = folder / "nats.json"
    config.write_text(
        json.dumps(
            {
                "listen": f"127.0.0.1:{free_port()}",
                "server_name": "test",
                "jetstream": {"store_dir": str(folder / "js")},
                "mqtt": {"listen": f"127.0.0.1:{port}", "ack_wait": "1s"},
                "authorization": {"users": [{"user": "nabe", "password": "geheim"}]},
            }
        )
    )
    server = Path(sysconfig.get_path("scripts")) / "nats-server"
    process = subprocess.Popen([server, "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: listens(port))
        yield
    finally:
        process.terminate()
        process.wait(10)


def listens(port: int) -> bool:
    try:
        with closing(create_connection(("127.0.0.1", port), timeout=0.5)):
            return True
    except OSError:
        return False


def until(true: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to this in time"
        time.sleep(0.02)


def client(port: int, **more: object) -> Broker:
    given = {"user": "nabe", "password": "geheim", "allow_hosts": (f"127.0.0.1:{port}",), "timeout_s": 5.0} | more
    return Broker("netz", f"mqtt://127.0.0.1:{port}", **given)  # type: ignore[arg-type]


def test_messages_come_again_until_somebody_keeps_them(tmp_path: Path) -> None:
    port = free_port()
    with broker(tmp_path, port):
        kept: list[tuple[str, bytes]] = []
        states: list[str] = []
        refusals = 2

        def receive(topic: str, body: bytes) -> None:
            nonlocal refusals
            if body == b"2" and refusals:
                refusals -= 1
                raise OSError("the disk is full")
            kept.append((topic, body))

        end = client(port).listen(["uplinks/#"], receive, states.append)
        until(lambda: "" in states)
        for number in range(4):
            client(port).publish("uplinks/a", str(number).encode())
        until(lambda: len({body for _, body in kept}) == 4)
        end()
        # What is sent while nobody is there comes afterwards: the session is kept.
        client(port).publish("uplinks/b", b"later")
        end = client(port).listen(["uplinks/#"], receive, states.append)
        until(lambda: ("uplinks/b", b"later") in kept)
        end()
        assert refusals == 0


def test_a_wrong_password_says_so(tmp_path: Path) -> None:
    port = free_port()
    with broker(tmp_path, port):
        states: list[str] = []
        end = client(port, password="falsch").listen(["x"], lambda _t, _b: None, states.append)
        until(lambda: any("refuses" in state or "ended" in state for state in states))
        end()
        with pytest.raises((SourceRefused, SourceUnavailable)) as caught:
            client(port, password="falsch").publish("x", b"")
        assert "falsch" not in str(caught.value)


def test_a_broker_that_is_not_there_or_not_allowed() -> None:
    port = free_port()
    states: list[str] = []
    end = client(port).listen(["x"], lambda _t, _b: None, states.append)
    until(lambda: bool(states))
    end()
    assert states[0] == "the broker does not answer"
    with pytest.raises(SourceUnavailable):
        client(port).publish("x", b"")
    with pytest.raises((SourceRefused, SourceUnavailable)):
        client(port, allow_hosts=()).publish("x", b"")


@pytest.mark.parametrize("url", ["http://x", "mqtt://", "mqtt://user:geheim@host:1883"])
def test_addresses_that_cannot_be_used(url: str) -> None:
    with pytest.raises(SourceRefused) as caught:
        Broker("netz", url)
    assert "geheim" not in str(caught.value)
