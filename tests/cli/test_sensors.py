"""`nabe sensors`: latest values of what the asker may see, filters, and keeping on looking."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time

import pyarrow as pa
import pytest

from nabe.app import open_workspace
from nabe.config import Settings
from nabe.model.entities import EntityRef, EntityType, NewEntity
from nabe.model.party import Actor, Role

OWNER = Actor("pegelwart", "Pegelwart", "dorf", frozenset({Role.DATA_OWNER}))
MINUTE = 60_000_000

FILES = {
    "nabe.yaml": "kind: city\nid: dorf\ntitle: Dorf\nland: NI\n",
    "organisations/dorf.yaml": "id: dorf\ntitle: Dorf\ntype: municipality\n",
    "systems/netz.yaml": "id: netz\ntitle: Netz\nadapter: sensing\nowner: dorf\n",
    "datasets/pegel.yaml": (
        "id: pegel\ntitle: Pegel\nowner: dorf\nsystem: netz\naccess: open\nlicence: CC0-1.0\nmode: stream\nstream: {writers: [bach]}\n"
    ),
    "datasets/keller.yaml": (
        "id: keller\ntitle: Keller\nowner: dorf\nsystem: netz\naccess: restricted\nmode: stream\nstream: {writers: [bach]}\n"
    ),
    "usecases/wacht/usecase.yaml": (
        "id: wacht\ntitle: Wacht\npurpose: Keller trocken halten\nowner: dorf\nlegal_basis: § 1\nstate: active\nethics: cleared\n"
        "members: [{organisation: dorf}]\n"
        "grants:\n  - {dataset: keller, columns: ['*'], approval: {by: pegelwart, at: 2026-01-01T00:00:00Z}}\n"
    ),
}


def _stream(create, dataset, thing, measured, symbol):
    sensor = create(
        NewEntity(
            EntityType.SENSOR,
            {"name": "Sonde", "description": "Sonde", "encodingType": "text/plain", "metadata": "keine"},
        ),
        dataset,
    )
    observed = NewEntity(
        EntityType.OBSERVED_PROPERTY, {"name": measured, "definition": f"urn:{measured}", "description": measured}
    )
    values = {
        "name": f"{thing}: {measured}",
        "description": measured,
        "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
        "unitOfMeasurement": {"name": symbol, "symbol": symbol, "definition": symbol},
    }
    made = NewEntity(EntityType.THING, {"name": thing, "description": thing})
    links = {"Thing": (made,), "Sensor": (EntityRef(sensor),), "ObservedProperty": (observed,)}
    return create(NewEntity(EntityType.DATASTREAM, values, links), dataset)


def _observe(nabe, stream, *values):
    """(minutes ago, value)"""
    now = time.time_ns() // 1_000
    times = pa.array([int(now - ago * MINUTE) for ago, _ in values]).cast(pa.timestamp("us", tz="UTC"))
    numbers = pa.array([float(value) for _, value in values])
    columns = {"stream": pa.array([stream] * len(values)), "time": times, "number": numbers}
    nabe.hub.sensing.observe(OWNER, pa.table(columns))


@pytest.fixture
def village(tmp_path, nabe):
    """A workspace with a sensor that sends, one that fell silent, one that never sent, and a closed one."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    nabe("apply", "--yes", "-w", tmp_path, code=0)
    with open_workspace(tmp_path, Settings(jobs=0)) as opened:
        opened.identity.put_account(OWNER, "richtig-lang-genug")

        def create(entity, dataset):
            return opened.hub.sensing.create(OWNER, "", entity, dataset=dataset)

        brook = _stream(create, "pegel", "Pegel Brücke", "Wasserstand", "cm")
        old = _stream(create, "pegel", "Pegel Mühle [alt]", "Wasserstand", "cm")
        _stream(create, "pegel", "Pegel neu", "Temperatur", "°C")
        cellar = _stream(create, "keller", "Keller Rathaus", "Feuchte", "%")
        _observe(opened, brook, *((ago, 80 + ago) for ago in (0.2, 10, 20, 30)))
        _observe(opened, old, *((2_000 + ago, 55.125) for ago in (0, 10, 20)))
        _observe(opened, cellar, (1, 71))
    return tmp_path


def test_the_latest_of_each_the_newest_first(village, nabe):
    rows = nabe("sensors", "-w", village, "--as", "anonymous", "--json", code=0).json
    assert [(row["device"], row["value"], row["unit"], row["state"]) for row in rows] == [
        ("Pegel Brücke", 80.2, "cm", "fresh"),
        ("Pegel Mühle [alt]", 55.125, "cm", "silent"),
        ("Pegel neu", None, "°C", "empty"),
    ]
    assert {row["dataset"] for row in rows} == {"pegel"}
    said = nabe("sensors", "-w", village, "--as", "anonymous", code=0).out
    assert "Pegel Mühle [alt]" in said and "80.2" in said and "55.125" in said and "Keller" not in said
    assert ("3 series of 3 devices" in said and "1 fresh" in said and "33 h" in said) or "1 d" in said


def test_filters(village, nabe):
    def devices(*args):
        return [row["device"] for row in nabe("sensors", "-w", village, "--json", *args, code=0).json]

    assert devices("--as", "anonymous", "--silent") == ["Pegel Mühle [alt]", "Pegel neu"]
    assert devices("--as", "anonymous", "--measures", "TEMP") == ["Pegel neu"]
    assert devices("--as", "anonymous", "--limit", "1") == ["Pegel Brücke"]
    assert devices("--as", "pegelwart", "--use-case", "wacht", "--dataset", "keller") == ["Keller Rathaus"]
    assert len(devices("--as", "pegelwart", "--use-case", "wacht")) == 4
    assert devices("--as", "anonymous", "--measures", "feuchte") == []


def test_it_lists_with_and_without_the_word(village, nabe):
    assert nabe("sensors", "list", "-w", village, "--as", "anonymous", code=0).out.count("Pegel") == 3
    assert "no 'lsit'" in nabe("sensors", "lsit", "-w", village, code=2).err


def test_what_may_not_be_seen_is_no_dataset(village, nabe):
    for name in ("keller", "nirgends"):
        ran = nabe("sensors", "-w", village, "--as", "anonymous", "--dataset", name, code=2)
        assert f"no dataset of sensors '{name}'" in ran.err and "pegel" in ran.err
    assert "--live" in nabe("sensors", "-w", village, "--live", "--json", code=2).err


def test_the_help_has_examples(nabe):
    assert "--measures temperature" in nabe("sensors", "--help", code=0).out


def test_live_shows_what_another_process_stores(village):
    # A runner in the background hands SIGINT down ignored; a terminal does not.
    heard = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
    code = (
        heard
        + f"import sys; sys.argv = ['nabe', 'sensors', '-w', {str(village)!r}, '--as', 'anonymous', '--live', '--every', '0.5']\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code + "from nabe.cli import main; main()"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"COLUMNS": "140"},
    )
    said: list[str] = []
    reader = threading.Thread(target=lambda: said.extend(process.stdout), daemon=True)
    reader.start()

    def shown(text):
        end = time.monotonic() + 40
        while not any(text in line for line in list(said)) and time.monotonic() < end:
            time.sleep(0.1)
        return any(text in line for line in list(said))

    try:
        assert shown("80.2"), said
        with open_workspace(village, Settings(jobs=0)) as nabe:
            streams = nabe.hub.sensing.readable_streams(OWNER, "wacht")["pegel"]
            _observe(nabe, streams[0], (0, 123.456))
        assert shown("123.456"), said
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        reader.join(5)
    assert process.returncode == 0, said
    assert not re.search("Traceback", "".join(said))
