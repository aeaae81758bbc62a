"""Silos that are processes start, give way on a busy port, and are gone afterwards."""

from __future__ import annotations

import socket
import subprocess
import sys
import time

import httpx
import pytest

from nabe.demo.processes import neighbour_server
from nabe.demo.running import free_port
from nabe.demo.silos import neighbour


@pytest.fixture
def folder(tmp_path):
    neighbour.write(tmp_path)
    return tmp_path


def test_the_neighbour_serves_csv_and_json_and_says_that_they_are_synthetic(folder):
    with neighbour_server(folder, free_port(28_100)) as address:
        table = httpx.get(f"{address}/daten/einwohner.csv")
        kitas = httpx.get(f"{address}/api/kitas.json")
        assert table.headers["content-type"].startswith("text/csv")
        assert table.headers["x-synthetic"] == "true"
        assert table.text.startswith("stichtag,ortsteil,name,altersgruppe,einwohner\n")
        assert len(kitas.json()) == 12
        assert httpx.get(f"{address}/").status_code == 404
        assert httpx.get(f"{address}/../../etc/passwd").status_code == 404
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/daten/einwohner.csv")


def test_the_neighbour_gives_way_when_its_port_is_taken(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with neighbour_server(folder, other.getsockname()[1]) as address:
            assert not address.endswith(f":{other.getsockname()[1]}")
            assert httpx.get(f"{address}/api/kitas.json").status_code == 200


def test_the_neighbour_ends_when_the_process_that_started_it_is_killed(folder):
    code = (
        "import sys, time; from pathlib import Path; from nabe.demo.processes import neighbour_server\n"
        f"with neighbour_server(Path({str(folder)!r}), {free_port(28_200)}) as a: print(a, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    address = parent.stdout.readline().strip()
    assert httpx.get(f"{address}/api/kitas.json").status_code == 200
    parent.kill()
    parent.wait()
    parent.stdout.close()
    end = time.monotonic() + 5
    with pytest.raises(httpx.TransportError):
        while time.monotonic() < end:
            httpx.get(f"{address}/api/kitas.json")
            time.sleep(0.05)


def test_a_busy_port_leads_to_the_next_free_one():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = other.getsockname()[1]
        assert free_port(busy) > busy
