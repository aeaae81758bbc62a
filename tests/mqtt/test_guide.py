"""The examples of docs/guides/mqtt.md, executed in order, and what would be lost if Nabe were killed meanwhile."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx
from tests.mqtt.conftest import until

from nabe.testing.needs import need

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guides" / "mqtt.md"


def _port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_the_examples_of_the_guide_are_true(tmp_path):
    need("mosquitto_pub", shutil.which("mosquitto_pub") is not None, "apt: mosquitto-clients")
    page = GUIDE.read_text("utf-8")
    examples = dict(re.findall(r"<!-- example: (\S+) -->\n```\w*\n(.*?)```", page, re.DOTALL))
    http, mqtt = _port(), _port()
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "nabe"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "from nabe.cli import main; main()" "$@"\n')
    command.chmod(0o755)
    (tmp_path / ".config").mkdir()
    for name in ("mosquitto_pub", "mosquitto_sub"):  # the page says 1883, which may be taken here
        (tmp_path / ".config" / name).write_text(f"-p {mqtt}\n-h 127.0.0.1\n")
    city = tmp_path / "dorf"
    environ = os.environ | {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / ".config"),
        "NABE_WORKSPACE": str(city),
        "NABE_MQTT_PORT": str(mqtt),
        "COLUMNS": "200",
    }

    def run(script):
        return subprocess.run(
            ["bash", "-ec", script], cwd=city, env=environ, capture_output=True, text=True, timeout=60
        )

    subprocess.run(
        [command, "init", city, "--title", "Dorf", "--ags", "05999000", "--land", "NW"], check=True, env=environ
    )
    for name in [name for name in examples if "." in name]:
        (city / name).parent.mkdir(exist_ok=True)
        (city / name).write_text(examples[name])
    ran = run(examples["run"] + "echo $TOKEN")
    assert ran.returncode == 0, ran.stderr
    environ["TOKEN"] = ran.stdout.split()[-1]
    server = subprocess.Popen([command, "serve", "--port", str(http)], env=environ, stderr=subprocess.PIPE)
    try:

        def ready():
            try:
                return httpx.get(f"http://127.0.0.1:{http}/readyz").json().get("mqtt") == "ok"
            except httpx.TransportError:
                return False

        until(ready, 120)
        assert run(examples["publish"]).returncode == 0
        address = f"http://127.0.0.1:{http}/sta/v1.1/Datastreams(1)/Observations"
        until(lambda: [item["result"] for item in httpx.get(address).json().get("value", [])] == [21.5])
        assert run(examples["subscribe"]).stdout == examples["subscribed"]
        parked = run(examples["parked"])
        assert "Datastreams(99)" in parked.stdout and "0 stored, 1 left parked" in parked.stdout, parked
        assert "1 dropped" in parked.stdout
    finally:
        server.terminate()
        assert b"Traceback" not in server.communicate(timeout=30)[1]


def test_killed_during_ingest_nothing_acknowledged_is_lost_and_nothing_is_there_twice(tmp_path):
    """The short form of `python scripts/kill9.py`, whose twenty kills take minutes."""
    spec = importlib.util.spec_from_file_location("kill9", ROOT / "scripts" / "kill9.py")
    kill9 = importlib.util.module_from_spec(spec)
    sys.modules["kill9"] = kill9
    spec.loader.exec_module(kill9)
    assert kill9.run(str(tmp_path), 2, "power") == []
