"""The ogc_features adapter keeps to what every source must do, whatever standard and version the service speaks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely

from nabe.model.dataset import Field, FieldType
from nabe.testing.silo import Server, serving
from nabe.testing.source_conformance import FIELDS, ROWS, Silo, SourceConformance

from .api_server import ApiServer
from .support import dataset, opened
from .wfs_server import WfsServer

LOST = Field("lost", FieldType.STRING, column="hausnummer")
SHAPES: list[dict[str, Any]] = [
    {**row, "place": shapely.from_wkb(row["place"]) if row["place"] else None} for row in ROWS
]
XSD = {
    **dict.fromkeys(("key", "name", "quarter", "household", "note"), "string"),
    "count": "integer",
    "share": "double",
    "open": "boolean",
    "opened": "date",
    "seen": "dateTime",
    "place": "PointPropertyType",
}
SCHEMA: dict[str, Any] = {
    **{name: {"type": "string"} for name in ("key", "name", "quarter", "household", "note")},
    "count": {"type": "integer"},
    "share": {"type": "number"},
    "open": {"type": "boolean"},
    "opened": {"type": "string", "format": "date"},
    "seen": {"type": "string", "format": "date-time", "x-ogc-role": "primary-instant"},
    "place": {"$ref": "https://geojson.org/schema/Point.json", "x-ogc-role": "primary-geometry"},
}
GEOJSON = tuple(replace(field, column="geometry") if field.name == "place" else field for field in FIELDS)


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


@pytest.fixture
def gone() -> Server:
    made = Server()
    made.close()
    return made


def silo(root: Path, server: Server, gone: Server, fields: Any, source: dict[str, Any], **connection: Any) -> Silo:
    whole = dataset(source, fields, key=("key",))
    away = opened(root, gone.url, retries=0, **connection)
    here = opened(root, server.url, **connection)
    return Silo(here, whole, dataset(source, (*fields, LOST), "verlust"), (away, whole))


class TestOgcApi(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        server.answer = ApiServer(SHAPES, SCHEMA)
        source = {"collection": "orte", "points": True, "time": "seen"}
        return silo(tmp_path, server, gone, GEOJSON, source, type="ogcapi", page_size=5)


class TestWfs2(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        server.answer = WfsServer(SHAPES, XSD)
        return silo(tmp_path, server, gone, FIELDS, {"collection": "app:orte"}, type="wfs", page_size=5)


class TestWfs11(SourceConformance):
    """All at once, x and y in the old spelling."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        server.answer = WfsServer(SHAPES, XSD, version="1.1.0", crs="EPSG:4326", yx=False)
        return silo(tmp_path, server, gone, FIELDS, {"collection": "orte", "axes": "xy"}, version="1.1.0")


class TestWfsThatDoesNotCount(SourceConformance):
    """numberMatched is `unknown`, and it gives fewer rows than asked for."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        server.answer = WfsServer(SHAPES, XSD, counts=False, hits=False, most=3)
        return silo(tmp_path, server, gone, FIELDS, {"collection": "app:orte"}, type="wfs", page_size=5)


class TestWfsGeoJson(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        server.answer = WfsServer(SHAPES, XSD)
        source = {"collection": "app:orte", "format": "geojson", "axes": "xy"}
        fields = GEOJSON
        return silo(tmp_path, server, gone, fields, source, type="wfs", page_size=5)
