"""The examples of the guide are read by the adapter as the guide says."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import shapely
import yaml

from nabe.adapters.ogc_features import OgcFeaturesAdapter
from nabe.model.dataset import Field, FieldType, System
from nabe.model.text import Text
from nabe.testing.silo import Server, rows, serving

from .support import dataset, opened
from .wfs_server import WfsServer, xml

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "adapters-ogc-features.md"
FIELDS = (
    Field("id", FieldType.STRING),
    Field("name", FieldType.STRING),
    Field("schuelerzahl", FieldType.INTEGER),
    Field("place", FieldType.GEOMETRY, column="geom"),
)
TYPES = {"name": "string", "schuelerzahl": "integer", "geom": "PointPropertyType"}


def examples() -> dict[str, str]:
    return dict(re.findall(r"<!-- example: (\w+) -->\n```\w+\n(.*?)```", GUIDE.read_text("utf-8"), re.S))


@pytest.fixture
def server() -> Iterator[Server]:
    inner = WfsServer([], TYPES, name="app:schulen")
    answer = examples()["answer"]
    yield from serving(lambda request: xml(answer) if request.params["request"] == "GetFeature" else inner(request))


def test_the_examples_of_the_guide_have_no_problems():
    adapter, connection = OgcFeaturesAdapter(), yaml.safe_load(examples()["system"])
    assert adapter.check_system(System("geo", Text("Geo"), "ogc_features", "amt", connection)) == []
    assert adapter.check_dataset(System("geo", Text("Geo"), "ogc_features", "amt", connection), source()) == []


def source():
    return dataset(yaml.safe_load(examples()["source"]), FIELDS)


def test_the_answer_of_the_guide_gives_its_rows(tmp_path, server):
    connection = yaml.safe_load(examples()["system"]) | {"url": server.url}
    (row,) = rows(opened(tmp_path, **connection), source())
    place = shapely.from_wkb(row.pop("place"))
    assert [{**row, "lon": place.x, "lat": place.y}] == json.loads(examples()["rows"])
    assert server.seen[-1].params["count"] == "500"
    assert server.seen[-1].params["typenames"] == "app:schulen"
