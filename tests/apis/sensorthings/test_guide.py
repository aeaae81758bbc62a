"""What the guide says works."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from tests.apis.sensorthings.conftest import stream

from nabe.model.catalogue import Change
from nabe.model.dataset import Access, System
from nabe.model.text import Text
from nabe.testing.serving import OpenCity

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "sensorthings.md"
EXAMPLES = re.findall(r"<!-- example: (.*?) -->\n```\w*\n(.*?)```", GUIDE.read_text("utf-8"), re.S)


@pytest.fixture(scope="module")
def http(tmp_path_factory):
    city = OpenCity(tmp_path_factory.mktemp("guide"))
    system = System("sensoren", Text("Sensoren"), "sensing", "planung")
    city.declare(
        Change("system", "sensoren", system), Change("dataset", "wetter", stream("wetter", Access.OPEN, "anonymous"))
    )
    client = city.client()
    client.base_url = "http://testserver/sta/v1.1/"
    yield client
    city.nabe.close()


def test_its_examples_in_their_order(http):
    seen = []
    for name, text in EXAMPLES:
        seen.append(name)
        if name.startswith("POST"):
            answer = http.post(name.removeprefix("POST "), json=json.loads(text))
            assert answer.status_code in (200, 201), answer.text
            if name == "POST CreateObservations":
                assert [line.startswith("error") for line in answer.json()] == [False, False, False, True]
            if name == "POST $batch":
                assert [part["status"] for part in answer.json()["responses"]] == [201, 200, 200]
                assert answer.json()["responses"][2]["body"] == {"value": [{"name": "Bahnhof"}]}
            continue
        for line in text.split("\n"):
            if line:
                answer = http.get(line)
                assert answer.status_code == 200, f"{line}: {answer.text}"
                assert answer.content and answer.text not in ('{"value":[]}', "0"), line
        if name == "aggregate":
            rows = [(row["mean"], row["n"]) for row in answer.json()["value"]]
            assert rows == [(4.2, 1), (4.0, 1), (5.0, 1), (6.0, 1)]
    assert len(seen) == 6
