"""nabe devices: lists, what is unknown, what is silent, and taking in what was parked."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.devices.conftest import Town
from tests.devices.support import KITA_OST, KITA_WEST, chirpstack
from typer.testing import CliRunner

from nabe.cli import app
from nabe.devices.lists import read
from nabe.errors import Invalid
from nabe.model.dataset import Access, Dataset
from nabe.model.text import Text

run = CliRunner()


def nabe(town: Town, *args: str, code: int = 0) -> Any:
    answer = run.invoke(app, [*args, "-w", str(town.root)])
    assert answer.exit_code == code, (answer.output, answer.exception)
    return json.loads(answer.output) if "--json" in args else answer.output


def test_from_the_first_message_of_a_stranger_to_its_observations(town: Town) -> None:
    stranger = "00000000000000aa"
    with town.client() as client:
        client.post("/devices/funknetz", json=chirpstack(KITA_OST))
        client.post("/devices/funknetz", json=chirpstack(stranger))
    town.nabe.devices.fleet.flush()
    (unknown,) = nabe(town, "devices", "unknown", "--json")
    assert (unknown["device"], unknown["parked"], unknown["kind"]) == (stranger, 1, "EM300")
    nabe(
        town,
        "devices",
        "add",
        "00-00-00-00-00-00-00-AA",
        "--dataset",
        "klima",
        "--profile",
        "milesight-em300-th",
        "--name",
        "Neu",
    )
    assert nabe(town, "devices", "unknown", "--json") == []
    assert "1 stored, 0 left" in nabe(town, "parked", "replay", "--topic", "devices/funknetz")
    assert len(town.things()["Neu"]["Air temperature"]) == 1
    rows = {row["id"]: row for row in nabe(town, "devices", "list", "--json")}
    assert rows[KITA_OST]["battery"] == 92.0 and rows[KITA_OST]["state"] == "ok"
    assert rows[KITA_WEST]["state"] == "never heard"
    shown = nabe(town, "devices", "show", KITA_OST, "--json")
    assert shown["properties"] == {"Inventarnummer": "4711"} and set(shown["datastreams"]) == {
        "temperature",
        "humidity",
    }
    nabe(town, "devices", "remove", stranger)


def test_what_stopped_sending_and_what_runs_low(town: Town) -> None:
    low = bytes.fromhex("01750503673401046865")
    with town.client() as client:
        client.post("/devices/funknetz", json=chirpstack(KITA_OST, low, time="2026-01-01T00:00:00Z"))
    now = int(time.time() * 1e6)
    views = {item.device.id: item for item in town.nabe.devices.views(town.actors["it"], now=now)}
    assert views[KITA_OST].silent and views[KITA_OST].low
    assert not views[KITA_WEST].silent  # its profile does not say how often it sends
    assert town.nabe.devices.views(town.actors["fremd"], now=now) == []
    assert [row["id"] for row in nabe(town, "devices", "list", "--low", "--json")] == [KITA_OST]


def test_a_list_is_taken_in_whole_or_not_at_all(town: Town, tmp_path: Path) -> None:
    file = tmp_path / "neu.yaml"
    file.write_text(
        "- {id: 0000000000000001, profile: milesight-em300-th, name: A}\n- {id: 0000000000000002, profile: nein}\n"
    )
    answer = run.invoke(app, ["devices", "import", str(file), "--dataset", "klima", "-w", str(town.root)])
    assert answer.exit_code != 0
    assert len(nabe(town, "devices", "list", "--system", "funknetz", "--json")) == 2
    file.write_text("- {id: 0000000000000001, profile: milesight-em300-th, name: A, properties: {raum: '3'}}\n")
    assert nabe(town, "devices", "import", str(file), "--dataset", "klima", "--json") == {
        "devices": 1,
        "new": 1,
        "changed": 0,
    }
    assert nabe(town, "devices", "import", str(file), "--dataset", "klima", "--json") == {
        "devices": 1,
        "new": 0,
        "changed": 0,
    }


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.csv", "name\nx\n", "its id is missing"),
        ("a.csv", "id;profile\na;p\na;p\n", "listed twice"),
        ("a.csv", "id\na\n", "its profile is missing"),
        ("a.csv", "id;profile;lat;lon\na;p;51;\n", "belong together"),
        ("a.csv", "id;profile;lat;lon\na;p;95;7\n", "no place on earth"),
        ("a.csv", "id;profile;lat;lon\na;p;x;7\n", "is no number"),
        ("a.yaml", "a: [", "is no YAML"),
        ("a.yaml", "just text", "no list of devices"),
        ("b.csv", None, "cannot be read"),
    ],
)
def test_what_is_wrong_in_a_list_is_named(tmp_path: Path, name: str, text: str | None, why: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    datasets = {"d": Dataset("d", Text("d"), "amt", Access.OPEN, (), "s")}
    with pytest.raises(Invalid) as caught:
        read(tmp_path / name, "s", datasets, "d")
    assert why in str(caught.value)


def test_spreadsheets_as_they_come(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(
        "DevEUI,Profil,Bezeichnung,Straße\r\n24:E1:24:13:6B:50:22:17,p,Küche,Ring 1\r\n".encode("cp1252")
    )
    (found,) = read(tmp_path / "a.csv", "s", {}, "d")
    assert (found.id, found.name, found.properties) == (KITA_OST, "Küche", {"Straße": "Ring 1"})
