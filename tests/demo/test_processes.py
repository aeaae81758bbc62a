"""Silos that are processes start, give way on a busy port, obey their mood, and are gone afterwards."""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import sys
import time

import httpx
import pytest

from nabe.demo.processes import services
from nabe.demo.running import free_port
from nabe.demo.services.answering import MOODS
from nabe.demo.silos import neighbour


@pytest.fixture
def folder(tmp_path):
    neighbour.write(tmp_path)
    return tmp_path


@contextlib.contextmanager
def _served(folder, port=0):
    with services({"nachbarstadt": folder}, {"nachbarstadt": port or free_port(28_100)}) as addresses:
        yield addresses["nachbarstadt"]


def test_the_neighbour_serves_csv_and_json_and_says_that_they_are_synthetic(folder):
    with _served(folder) as address:
        table = httpx.get(f"{address}/daten/einwohner.csv")
        kitas = httpx.get(f"{address}/api/kitas.json")
        assert table.headers["content-type"].startswith("text/csv")
        assert table.headers["x-synthetic"] == "true"
        assert table.text.startswith("stichtag,ortsteil,name,altersgruppe,einwohner\n")
        assert len(kitas.json()) == 12
        assert httpx.get(f"{address}/").status_code == 404
        assert httpx.get(f"{address}/../../etc/passwd").status_code == 404
        assert httpx.get(f"{address}/..%2f..%2fetc%2fpasswd.txt").status_code == 404
        tag = table.headers["etag"]
        assert httpx.get(f"{address}/daten/einwohner.csv", headers={"If-None-Match": tag}).status_code == 304
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{address}/daten/einwohner.csv")


def test_it_gives_way_when_its_port_is_taken(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with _served(folder, other.getsockname()[1]) as address:
            assert not address.endswith(f":{other.getsockname()[1]}")
            assert httpx.get(f"{address}/api/kitas.json").status_code == 200


def test_it_ends_when_the_process_that_started_it_is_killed(folder):
    code = (
        "import sys, time; from pathlib import Path; from nabe.demo.processes import services\n"
        f"with services({{'nachbarstadt': Path({str(folder)!r})}}, {{'nachbarstadt': {free_port(28_200)}}}) as a:\n"
        "    print(a['nachbarstadt'], flush=True); time.sleep(60)"
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


def test_a_silo_obeys_the_mood_in_its_folder_and_recovers(folder):
    mood = folder / "mood"
    with _served(folder) as address:
        kitas = f"{address}/api/kitas.json"
        for word in (*MOODS, "kaputt", ""):
            mood.write_text(word)
            if word == "gone":
                end = time.monotonic() + 5
                with pytest.raises(httpx.TransportError):
                    while time.monotonic() < end:
                        httpx.get(kitas, timeout=1)
                        time.sleep(0.05)
                mood.write_text("")
                while time.monotonic() < end:
                    with contextlib.suppress(httpx.TransportError):
                        httpx.get(kitas, timeout=1)
                        break
            elif word in ("slow", "drip"):
                with pytest.raises(httpx.TransportError), httpx.stream("GET", kitas, timeout=1) as answer:
                    begin = time.monotonic()
                    for _ in answer.iter_raw():
                        if time.monotonic() - begin > 2:
                            raise httpx.ReadTimeout("it drips")
            else:
                answer = httpx.get(kitas)
                assert answer.status_code == (500 if word == "error" else 200), word
                assert answer.headers["content-type"].startswith("text/html") is (word == "login")
                if word == "garbage":
                    with pytest.raises(json.JSONDecodeError):
                        json.loads(answer.content.decode("latin-1"))
        assert len(httpx.get(kitas).json()) == 12
        assert httpx.get(f"{address}/mood").status_code == 404


def test_a_service_is_small():
    code = (
        "import nabe.demo.services.__main__, nabe.demo.services.things, sys\n"
        "print([m for m in ('numpy', 'pyarrow', 'shapely', 'pydantic', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_busy_port_leads_to_the_next_free_one():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        busy = other.getsockname()[1]
        assert free_port(busy) > busy
