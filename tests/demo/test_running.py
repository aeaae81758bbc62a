"""`nabe demo` as a person starts it: it serves, says where and how to log in, and leaves nothing behind."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from rich.console import Console

from nabe.demo.accounts import ACCOUNTS, PASSWORD, SHOWN
from nabe.demo.running import _mqtt, free_port, say_port, welcome
from nabe.errors import Invalid


def test_the_welcome_names_address_and_log_ins(capsys):
    console = Console(width=140)
    welcome(console, "http://127.0.0.1:8080/", "de")
    said = capsys.readouterr().out
    assert "http://127.0.0.1:8080/" in said and PASSWORD in said
    assert all(account.actor.id in said for account in ACCOUNTS[:SHOWN])


def test_persistent_uris_follow_the_port_and_other_words_stay(tmp_path):
    path = tmp_path / "nabe.yaml"
    path.write_text('kind: city\nbase_uri: "http://127.0.0.1:8080"\ncontact: http://127.0.0.1:8080\n')
    say_port(tmp_path, 8123)
    assert path.read_text() == 'kind: city\nbase_uri: "http://127.0.0.1:8123"\ncontact: http://127.0.0.1:8080\n'
    path.write_text("kind: city\nbase_uri: https://daten.example\n")
    say_port(tmp_path, 8123)
    assert "https://daten.example" in path.read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "musterstadt"


def _started(folder: Path, port: int) -> tuple[subprocess.Popen[str], str]:
    """`nabe demo` without PostgreSQL, and what it said until the portal's address was there."""
    nowhere = {"PATH": str(Path(sys.executable).parent), "HOME": os.environ.get("HOME", "/"), "COLUMNS": "140"}
    code = "import sys; from nabe.testing import servers; servers.available_postgres = lambda: False\n"
    code += f"sys.argv = ['nabe', 'demo', {str(folder)!r}, '--port', '{port}']; from nabe.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=nowhere
    )
    said = ""
    for line in process.stdout:
        said += line
        if "http://127.0.0.1:" in line and "Portal" in line:
            return process, said
    raise AssertionError(said)


def _observed_since(address: str, moment: dt.datetime) -> bool:
    where = f"phenomenonTime ge {moment.strftime('%Y-%m-%dT%H:%M:%SZ')}"
    end = time.monotonic() + 30
    while time.monotonic() < end:
        asked = {"$filter": where, "$top": "0", "$count": "true"}
        if httpx.get(f"{address}sta/v1.1/Observations", params=asked, timeout=30).json()["@iot.count"] > 5:
            return True
        time.sleep(0.5)
    return False


def test_without_mqtt_it_says_so_in_one_line_and_goes_on(capsys):
    @contextlib.contextmanager
    def refuses(nabe, port):
        raise Invalid("The executable nats-server is missing.")
        yield

    house = SimpleNamespace(devices=refuses)
    nabe = SimpleNamespace(settings=SimpleNamespace(mqtt_port=0))
    with contextlib.ExitStack() as stack:
        assert _mqtt(nabe, house, stack, "en", Console(width=200)) == 0
    said = capsys.readouterr().out.strip()
    assert "nats-server is missing" in said and "all else works" in said and "\n" not in said


def test_a_busy_port_of_mqtt_is_said_and_another_taken(capsys):
    with socket.socket() as taken, contextlib.ExitStack() as stack:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        busy = taken.getsockname()[1]
        house = SimpleNamespace(
            devices=lambda nabe, port: contextlib.nullcontext(SimpleNamespace(ports={"mqtt": port}))
        )
        nabe = SimpleNamespace(settings=SimpleNamespace(mqtt_port=busy))
        assert busy < _mqtt(nabe, house, stack, "en", Console(width=200)) < busy + 50
    said = capsys.readouterr().out.strip()
    assert str(busy) in said and "\n" not in said


def test_it_starts_serves_and_ends_with_ctrl_c_twice(folder):
    port = free_port(28_400)
    for _ in ("first", "second"):
        begin, moment = time.monotonic(), dt.datetime.now(dt.UTC)
        process, said = _started(folder, port)
        took = time.monotonic() - begin
        try:
            assert took < 120, said  # how fast it is, is measured, not tested
            assert "SQLite" in said
            address = re.search(r"http://127\.0\.0\.1:\d+/", said)[0]
            assert httpx.get(f"{address}healthz").status_code == 200
            assert httpx.get(address, follow_redirects=True).status_code == 200
            assert _observed_since(address, moment), "devices send over MQTT and the webhook"
            neighbour = json.loads((folder / ".nabe" / "demo.json").read_text())["ports"]["nachbarstadt"]
            assert httpx.get(f"http://127.0.0.1:{neighbour}/api/kitas.json").status_code == 200
        finally:
            process.send_signal(signal.SIGINT)
            rest = process.stdout.read()  # not communicate: it would lose what was read ahead
            process.wait(20)
        assert process.returncode == 0, rest
        assert PASSWORD in said + rest
        assert "Traceback" not in rest
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{neighbour}/api/kitas.json")
