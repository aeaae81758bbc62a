"""Nabe reads from Nabe: its own /ogc/, served on a port, is a silo like any other OGC API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely

from nabe.model.catalogue import Change
from nabe.model.dataset import Access, Dataset, Field, FieldType, System
from nabe.model.expr import And, BBox, Compare, Op
from nabe.model.query import Scan
from nabe.model.text import Text
from nabe.testing.serving import OpenCity, on_a_port
from nabe.testing.silo import context, no_secrets, rows
from nabe.testing.source_conformance import FIELDS, ROWS, Silo, SourceConformance

from .support import OgcFeaturesAdapter, dataset, opened, probe

LOST = Field("lost", FieldType.STRING, column="hausnummer")
GEOJSON = tuple(replace(field, column="geometry") if field.name == "place" else field for field in FIELDS)


@pytest.fixture(scope="module")
def asked() -> list[str]:
    return []


@pytest.fixture(scope="module")
def url(tmp_path_factory: Any, asked: list[str]) -> Iterator[str]:
    root = tmp_path_factory.mktemp("andere_stadt")
    city = OpenCity(root)
    features = [
        {
            "type": "Feature",
            "geometry": json.loads(shapely.to_geojson(shapely.from_wkb(row["place"]))) if row["place"] else None,
            "properties": {
                name: value.isoformat() if hasattr(value, "isoformat") else value
                for name, value in row.items()
                if name != "place"
            },
        }
        for row in ROWS
    ]
    document = {"type": "FeatureCollection", "features": features}
    (root / "daten" / "orte.geojson").write_text(json.dumps(document))
    source = {"path": "orte.geojson"}
    noun = Dataset("orte", Text("Orte"), "planung", Access.OPEN, FIELDS, "dateien", source, key=("key",), time="seen")
    city.declare(Change("dataset", "orte", noun))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            asked.append(f"{scope['path']}?{scope['query_string'].decode()}")
        await city.app(scope, receive, send)

    with on_a_port(app) as port:
        yield f"http://127.0.0.1:{port}/ogc"


class TestNabe(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, url: str) -> Silo:
        source = {"collection": "orte", "points": True, "time": "seen"}
        missing = dataset(source, (*GEOJSON, LOST), "verlust")
        return Silo(opened(tmp_path, url, page_size=5), dataset(source, GEOJSON), missing)


def test_the_other_nabe_filters_itself(tmp_path, url, asked):
    asked.clear()
    where = And((Compare("quarter", Op.EQ, "Nord"), BBox("place", 6, 50, 8, 52), Compare("count", Op.GT, 4)))
    source = {"collection": "orte", "points": True}
    found = rows(opened(tmp_path, url), dataset(source, GEOJSON), Scan("inhalt", ("key",), where=where))
    assert {row["key"] for row in found} == {
        row["key"] for row in ROWS if row["quarter"] == "Nord" and (row["count"] or 0) > 4 and row["place"]
    }
    (items,) = [path for path in asked if "/items" in path and "quarter=Nord" in path]
    assert "bbox=5.998000" in items and "count" not in items, "equal and boxes are known to its OpenAPI, more is not"


def test_connecting_to_another_nabe_proposes_its_datasets(tmp_path, url):
    for address in (url, f"{url}/collections", f"{url}/collections/orte", f"{url}/collections/orte?f=html"):
        looking = probe(tmp_path, address)
        assert "orte" in looking.discover()
    table = looking.describe("orte")
    types = {column.name: column.type for column in table.columns}
    assert types["geometry"] is FieldType.GEOMETRY and types["seen"] is FieldType.DATETIME
    assert types["count"] is FieldType.INTEGER and types["key"] is FieldType.STRING
    assert (table.rows, table.source["points"], table.crs) == (len(ROWS), True, "OGC:CRS84")
    adapter = OgcFeaturesAdapter()
    assert adapter.sniff(url.removesuffix("/ogc") + "/api/openapi.json", context(tmp_path)) is None
    assert adapter.open(System("a", Text("A"), "ogc_features", "amt", {"url": url}), no_secrets, context(tmp_path))
