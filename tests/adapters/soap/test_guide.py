"""The examples of the guide are read by the adapter as the guide says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from nabe.adapters.soap import SoapAdapter
from nabe.model.dataset import Field, FieldType

from .support import Reply, Server, Trees, dataset, opened, rows, system

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "adapters-soap.md"
FIELDS = (
    Field("key", FieldType.STRING),
    Field("name", FieldType.STRING),
    Field("quarter", FieldType.STRING, column="where.quarter"),
    Field("seen", FieldType.DATETIME),
    Field("care", FieldType.STRING),
)


def examples() -> dict[str, str]:
    return dict(re.findall(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```", GUIDE.read_text("utf-8"), re.S))


def test_the_examples_of_the_guide_have_no_problems():
    declared = system(**yaml.safe_load(examples()["system"]))
    assert SoapAdapter().check_system(declared) == []
    assert SoapAdapter().check_dataset(declared, dataset(yaml.safe_load(examples()["source"]), FIELDS)) == []


def test_the_answer_of_the_guide_gives_its_rows(tmp_path):
    server = Server()
    trees = Trees(server, [])
    trees.answer = Reply(examples()["answer"].encode(), Content_Type="text/xml")
    (row,) = rows(opened(tmp_path, trees.wsdl), dataset(yaml.safe_load(examples()["source"]), FIELDS))
    server.close()
    row["seen"] = row["seen"].isoformat()
    assert [row] == json.loads(examples()["rows"])
    assert trees.said("quarter") == ["Nord"]
