"""The examples of the guide are read by the adapter as the guide says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from nabe.adapters.ckan import CkanAdapter
from nabe.model.dataset import Field, FieldType, System
from nabe.model.text import Text
from nabe.testing.silo import Server, rows, serving

from .support import dataset, fields, opened

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "adapters-ckan.md"
EXAMPLES = dict(re.findall(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```", GUIDE.read_text("utf-8"), re.S))
FIELDS = fields(**{name: (FieldType(kind), way) for name, (kind, way) in yaml.safe_load(EXAMPLES["fields"]).items()})


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving(json.loads(EXAMPLES["answer"]))


def test_the_examples_of_the_guide_have_no_problems():
    adapter = CkanAdapter()
    system = System("s", Text("S"), "ckan", "amt", yaml.safe_load(EXAMPLES["system"]))
    assert adapter.check_system(system) == []
    assert adapter.check_dataset(system, dataset(yaml.safe_load(EXAMPLES["source"]), FIELDS)) == []
    table = (Field("art", FieldType.STRING, column="Art"), Field("ort", FieldType.GEOMETRY))
    assert adapter.check_dataset(system, dataset(yaml.safe_load(EXAMPLES["datastore"]), table)) == []


def test_the_answer_of_the_guide_gives_its_rows(tmp_path, server):
    (row,) = rows(opened(tmp_path, server.url), dataset(yaml.safe_load(EXAMPLES["source"]), FIELDS))
    assert [{**row, "modified": row["modified"].isoformat()}] == json.loads(EXAMPLES["rows"])
    assert server.seen[0].path == "/api/api/3/action/package_search"
    assert server.seen[0].params["fq"] == "organization:umweltamt"
