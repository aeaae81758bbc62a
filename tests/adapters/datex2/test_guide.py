"""The examples of the guide are read by the adapter as the guide says, and its tables name the columns there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import shapely
import yaml

from nabe.adapters.datex2 import Datex2Adapter
from nabe.adapters.datex2.translate import KINDS
from nabe.model.dataset import Field, FieldType

from .support import Server, dataset, opened, rows, system, xml

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "adapters-datex2.md"
FIELDS = (
    Field("id", FieldType.STRING),
    Field("type", FieldType.STRING),
    Field("detail", FieldType.STRING),
    Field("comment", FieldType.STRING),
    Field("start", FieldType.DATETIME),
    Field("plan", FieldType.STRING, column="element.actionPlanIdentifier"),
    Field("location", FieldType.GEOMETRY),
)


def examples() -> dict[str, str]:
    return dict(re.findall(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```", GUIDE.read_text("utf-8"), re.S))


def test_the_examples_of_the_guide_have_no_problems():
    declared = system(**yaml.safe_load(examples()["system"]))
    assert Datex2Adapter().check_system(declared) == []
    assert Datex2Adapter().check_dataset(declared, dataset(yaml.safe_load(examples()["source"]), FIELDS)) == []


def test_the_record_of_the_guide_gives_its_row(tmp_path):
    server = Server(xml(examples()["answer"]))
    (row,) = rows(opened(tmp_path, url=server.url), dataset(yaml.safe_load(examples()["source"]), FIELDS))
    server.close()
    row |= {"start": row["start"].isoformat(), "location": shapely.from_wkb(row["location"]).wkt}
    assert [row] == json.loads(examples()["rows"])


def test_the_guide_names_every_column():
    told = dict(re.findall(r"^\| `(\w+)` \| [^|]+ \| ((?:`\w+` ?)+)\|$", GUIDE.read_text("utf-8"), re.M))
    assert {name: re.findall(r"\w+", columns) for name, columns in told.items()} == {
        name: list(kind.columns) for name, kind in KINDS.items()
    }


def test_wrong_settings_are_told_with_what_would_be_right():
    declared = system(url="https://verkehr.example")
    said = Datex2Adapter().check_dataset(declared, dataset({"publication": "baustellen"}, FIELDS))
    assert "source.publication" in said[0] and "situation" in said[0]
    said = Datex2Adapter().check_dataset(declared, dataset({"publication": "parking_status"}, FIELDS))
    assert any("parking_status has no 'location'" in item and "element.…" in item for item in said)
    assert "one of url and location" in Datex2Adapter().check_system(system())[0]
    said = Datex2Adapter().check_dataset(declared, dataset({"publication": "situation", "rows": "a.b"}, FIELDS))
    assert "rows is for JSON interfaces" in said[0]
