"""The examples of the guide are read by the adapter as the guide says."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from nabe.adapters.mobility import MobilityAdapter
from nabe.adapters.mobility.spec import tables
from nabe.model.dataset import Field, FieldType

from .support import dataset, opened, rows, system, texts

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "adapters-mobility.md"


def examples() -> dict[str, str]:
    return dict(re.findall(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```", GUIDE.read_text("utf-8"), re.S))


@pytest.mark.parametrize("name", ["gbfs_system", "mds_system", "gtfs_system"])
def test_the_systems_of_the_guide_have_no_problems(name):
    assert MobilityAdapter().check_system(system(**yaml.safe_load(examples()[name]))) == []


@pytest.mark.parametrize(
    ("name", "kind", "fields"),
    [("stations", "gbfs_system", ("station_id", "tarifzone")), ("trips", "mds_system", ("trip_id",))],
)
def test_the_datasets_of_the_guide_have_no_problems(name, kind, fields):
    connection, source = (yaml.safe_load(examples()[item]) for item in (kind, name))
    assert MobilityAdapter().check_dataset(system(**connection), dataset(source, texts(*fields))) == []


def test_the_timetable_of_the_guide_gives_its_rows(tmp_path):
    connection = yaml.safe_load(examples()["gtfs_system"])
    folder = tmp_path / connection["path"]
    folder.mkdir()
    (folder / "stop_times.txt").write_text(examples()["stop_times"])
    fields = tuple(
        Field(item["name"], FieldType(item["type"]), column=item.get("column", ""))
        for item in yaml.safe_load(examples()["fields"])
    )
    found = rows(opened(tmp_path, **connection), dataset("stop_times", fields))
    assert found == json.loads(examples()["rows"])


@pytest.mark.parametrize("kind", ["gbfs", "mds", "gtfs_rt"])
def test_every_table_is_in_the_guide(kind):
    text = GUIDE.read_text("utf-8")
    assert [name for name in tables(kind) if f"`{name}`" not in text] == []
