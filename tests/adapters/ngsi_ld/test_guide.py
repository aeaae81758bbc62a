"""The examples of the guide are read by the adapter as the guide says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from nabe.adapters.ngsi_ld import NgsiAdapter
from nabe.model.dataset import FieldType, System
from nabe.model.text import Text
from nabe.testing.silo import Server, rows, serving

from .support import dataset, fields, opened

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "adapters-ngsi-ld.md"
EXAMPLES = dict(re.findall(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```", GUIDE.read_text("utf-8"), re.S))
FIELDS = fields(**{name: (FieldType(kind), way) for name, (kind, way) in yaml.safe_load(EXAMPLES["fields"]).items()})


@pytest.fixture
def server() -> Iterator[Server]:
    answer = json.loads(EXAMPLES["answer"])
    yield from serving(lambda request: answer if request.params["offset"] == "0" else [])


def test_the_examples_of_the_guide_have_no_problems():
    adapter = NgsiAdapter()
    system = System("s", Text("S"), "ngsi_ld", "amt", yaml.safe_load(EXAMPLES["system"]))
    assert adapter.check_system(system) == []
    assert adapter.check_dataset(system, dataset(yaml.safe_load(EXAMPLES["source"]), FIELDS)) == []


def test_the_answer_of_the_guide_gives_its_rows(tmp_path, server):
    (row,) = rows(opened(tmp_path, server.url), dataset(yaml.safe_load(EXAMPLES["source"]), FIELDS))
    assert row.pop("place") is not None
    assert [{**row, "observed": row["observed"].isoformat()}] == json.loads(EXAMPLES["rows"])
    assert server.seen[0].path == "/api/ngsi-ld/v1/entities"
    assert server.seen[0].params["q"] == 'status=="open"'
    assert server.seen[0].params["type"] == "OffStreetParking"
