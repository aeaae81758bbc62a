"""The examples of the guide are read by the adapter as the guide says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from nabe.adapters.http_json import HttpJsonAdapter
from nabe.model.dataset import Field, FieldType, System
from nabe.model.text import Text

from .support import Server, dataset, opened, rows, serving

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "adapters-http-json.md"
FIELDS = (
    Field("name", FieldType.STRING),
    Field("updated", FieldType.DATETIME),
    Field("price", FieldType.NUMBER),
    Field("tags", FieldType.STRING),
    Field("remark", FieldType.STRING),
    Field("place", FieldType.GEOMETRY),
)


def examples() -> dict[str, str]:
    return dict(re.findall(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```", GUIDE.read_text("utf-8"), re.S))


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving(json.loads(examples()["answer"]))


def test_the_examples_of_the_guide_have_no_problems():
    adapter, connection = HttpJsonAdapter(), yaml.safe_load(examples()["system"])
    system = System("anbieter", Text("Anbieter"), "http_json", "amt", connection)
    assert adapter.check_system(system) == []
    assert adapter.check_dataset(system, dataset(yaml.safe_load(examples()["source"]), FIELDS)) == []


def test_the_answer_of_the_guide_gives_its_rows(tmp_path, server):
    (row,) = rows(opened(tmp_path, server.url), dataset(yaml.safe_load(examples()["source"]), FIELDS))
    assert row.pop("place") is not None
    row["updated"] = row["updated"].isoformat()
    assert [row] == json.loads(examples()["rows"])
    assert server.seen[0].path == "/api/stations"
    assert server.seen[0].params == {"status": "active", "offset": "0", "limit": "500"}
