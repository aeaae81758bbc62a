"""The examples of the guide are read by the adapter as the guide says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import shapely
import yaml

from nabe.adapters.oparl import OparlAdapter
from nabe.model.dataset import Field, FieldType

from .support import Council, Server, dataset, opened, rows, system

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "adapters-oparl.md"
FIELDS = (
    Field("name", FieldType.STRING),
    Field("start", FieldType.DATETIME),
    Field("organization", FieldType.STRING),
    Field("location", FieldType.STRING),
    Field("place", FieldType.GEOMETRY, column="embedded.location.geojson"),
)


def examples() -> dict[str, str]:
    return dict(re.findall(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```", GUIDE.read_text("utf-8"), re.S))


def test_the_examples_of_the_guide_have_no_problems():
    declared = system(**yaml.safe_load(examples()["system"]))
    assert OparlAdapter().check_system(declared) == []
    assert OparlAdapter().check_dataset(declared, dataset(yaml.safe_load(examples()["source"]), FIELDS)) == []


def test_the_meeting_of_the_guide_gives_its_row(tmp_path):
    server = Server()
    council = Council(server, {"1": {"meeting": [json.loads(examples()["answer"])]}})
    (row,) = rows(opened(tmp_path, council.url), dataset(yaml.safe_load(examples()["source"]), FIELDS))
    server.close()
    row |= {"start": row["start"].isoformat(), "place": shapely.from_wkb(row["place"]).wkt}
    assert [row] == json.loads(examples()["rows"])


def test_wrong_settings_are_told_with_what_would_be_right():
    declared = system("https://ratsinfo.example")
    said = OparlAdapter().check_dataset(declared, dataset({"list": "vorlage"}, FIELDS))
    assert "source.list" in said[0] and "paper" in said[0]
    said = OparlAdapter().check_dataset(declared, dataset({"list": "paper", "rows": "data"}, FIELDS))
    assert "OParl says by itself" in said[0]
    said = OparlAdapter().check_dataset(declared, dataset({"list": "paper", "columns": {"x": {"join": ","}}}, FIELDS))
    assert "no field has the column 'x'" in said[0]
