"""A real pygeoapi as a silo: NABE_PYGEOAPI names a Python that has it, or it is in this environment (group `bench`)."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely
import yaml

from nabe.model.dataset import Field, FieldType
from nabe.model.expr import And, BBox, Compare, Op
from nabe.model.query import Scan
from nabe.testing.sealing import seal
from nabe.testing.silo import rows
from nabe.testing.source_conformance import FIELDS, ROWS, Silo, SourceConformance

from .support import dataset, opened, probe

PYTHON = os.environ.get("NABE_PYGEOAPI") or (sys.executable if importlib.util.find_spec("pygeoapi") else "")
pytestmark = pytest.mark.skipif(
    not PYTHON, reason="needs pygeoapi: uv sync --group bench, or NABE_PYGEOAPI=/venv/bin/python"
)
LOST = Field("lost", FieldType.STRING, column="hausnummer")
GEOJSON = tuple(replace(field, column="geometry") if field.name == "place" else field for field in FIELDS)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("pygeoapi")
    features = [
        {
            "type": "Feature",
            "id": number,
            "geometry": json.loads(shapely.to_geojson(shapely.from_wkb(row["place"]))) if row["place"] else None,
            "properties": {
                name: value.isoformat() if hasattr(value, "isoformat") else value
                for name, value in row.items()
                if name != "place"
            },
        }
        for number, row in enumerate(ROWS)
    ]
    (root / "orte.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    (root / "config.yml").write_text(yaml.safe_dump(config(root, address, port)))
    environment = {"PATH": os.environ["PATH"], "HOME": str(root), "PYGEOAPI_CONFIG": str(root / "config.yml")}
    environment["PYGEOAPI_OPENAPI"] = str(root / "openapi.yml")
    entry = ["-c", "from pygeoapi import cli; cli()"]
    generate = [PYTHON, *entry, "openapi", "generate", "config.yml", "--output-file", "openapi.yml"]
    subprocess.run(generate, cwd=root, env=environment, check=True, timeout=120, capture_output=True)
    with (root / "log").open("wb") as log:
        process = subprocess.Popen([PYTHON, *entry, "serve"], cwd=root, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(address, timeout=5).close()
                break
            assert process.poll() is None, (root / "log").read_text()[-2000:]
            time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(10)


def config(root: Path, address: str, port: int) -> dict[str, Any]:
    provider = {"type": "feature", "name": "GeoJSON", "data": str(root / "orte.geojson"), "id_field": "id"}
    words = {"keywords": ["Orte"], "terms_of_service": "https://example.org", "url": "https://example.org"}
    return {
        "server": {
            "bind": {"host": "127.0.0.1", "port": port},
            "url": address,
            "mimetype": "application/json; charset=UTF-8",
            "encoding": "utf-8",
            "languages": ["en-US"],
            "limits": {"default_items": 10, "max_items": 50},
            "map": {"url": "https://example.org/{z}/{x}/{y}.png", "attribution": "-"},
        },
        "logging": {"level": "ERROR"},
        "metadata": {
            "identification": {"title": "Test", "description": "Test", "keywords_type": "theme", **words},
            "license": {"name": "CC0", "url": "https://example.org"},
            "provider": {"name": "Test", "url": "https://example.org"},
            "contact": {"name": "Test", "email": "test@example.org", "url": "https://example.org"},
        },
        "resources": {
            "orte": {
                "type": "collection",
                "title": "Orte der Stadt",
                "description": "Alle Orte",
                "keywords": ["Ort"],
                "extents": {
                    "spatial": {"bbox": [-180, -90, 180, 90], "crs": "http://www.opengis.net/def/crs/OGC/1.3/CRS84"}
                },
                "links": [],
                "providers": [provider | {"crs": ["http://www.opengis.net/def/crs/EPSG/0/25832"]}],
            }
        },
    }


class TestPygeoapi(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, url: str) -> Silo:
        source = {"collection": "orte", "points": True}
        missing = dataset(source, (*GEOJSON, LOST), "verlust")
        return Silo(opened(tmp_path, url, page_size=5), dataset(source, GEOJSON), missing)


def test_pygeoapi_is_recognised_and_described(tmp_path, url):
    table = probe(tmp_path, f"{url}/collections/orte").describe("orte")
    types = {column.name: column.type for column in table.columns}
    assert types["geometry"] is FieldType.GEOMETRY and types["count"] is FieldType.INTEGER
    assert table.rows == len(ROWS) and "Alle Orte" in table.comment


def test_pygeoapi_filters_itself(tmp_path, url):
    where = And((Compare("quarter", Op.EQ, "Nord"), BBox("place", 6, 50, 8, 52)))
    source = opened(tmp_path, url)
    found = rows(
        source, dataset({"collection": "orte", "points": True}, GEOJSON), Scan("inhalt", ("key",), where=where)
    )
    assert {row["key"] for row in found} == {"01", "02", "03"}
    raw = source.read(
        seal(dataset({"collection": "orte", "points": True}, GEOJSON), Scan("inhalt", ("key",), where=where))
    )
    delivered = [key for batch in raw.batches for key in batch.column(0).to_pylist()]
    nowhere = {row["key"] for row in ROWS if row["quarter"] == "Nord" and row["place"] is None}
    assert set(delivered) == {"01", "02", "03"} | nowhere, "its boxes keep what has no place; the hub does not"


def test_places_of_pygeoapi_in_another_reference_system_stand_where_they_are(tmp_path, url):
    fields = (Field("key", FieldType.STRING), Field("place", FieldType.GEOMETRY, column="geometry"))
    source = {"collection": "orte", "crs": "EPSG:25832"}
    near = {row["key"]: row["place"] for row in rows(opened(tmp_path, url), dataset(source, fields)) if row["place"]}
    for row in ROWS:
        if row["place"] and row["key"] != "08":  # the other side of the earth has no place in UTM 32
            assert shapely.from_wkb(near[row["key"]]).distance(shapely.from_wkb(row["place"])) < 1e-6
