"""The NGSI adapter keeps to what every source must do, in both versions and all representations."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely

from nabe.model.dataset import Field, FieldType
from nabe.testing.silo import Server, serving
from nabe.testing.source_conformance import FIELDS, ROWS, Silo, SourceConformance

from .broker import Broker
from .support import dataset, opened

WAYS = {"key": "id", "place": "location"}
COLUMNS = tuple(replace(field, column=WAYS.get(field.name, field.name)) for field in FIELDS)
LOST = Field("lost", FieldType.STRING, column="hausnummer")
FILTERABLE = ["name", "quarter", "note", "count", "share", "open", "seen"]


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


@pytest.fixture
def gone() -> Server:
    made = Server()
    made.close()
    return made


def ld(row: dict[str, Any]) -> dict[str, Any]:
    """A row as an entity of NGSI-LD: what is missing is not there."""
    entity: dict[str, Any] = {"id": row["key"], "type": "Ort"}
    for name, value in row.items():
        if value is None or name == "key":
            continue
        attribute: dict[str, Any] = {"type": "Property", "value": value}
        if name == "seen":
            attribute["value"] = {"@type": "DateTime", "@value": value.strftime("%Y-%m-%dT%H:%M:%SZ")}
        elif name == "opened":
            attribute["value"] = {"@type": "Date", "@value": value.isoformat()}
        elif name == "household":
            attribute = {"type": "Relationship", "object": value}
        elif name == "place":
            attribute = {"type": "GeoProperty", "value": json.loads(shapely.to_geojson(shapely.from_wkb(value)))}
        entity["location" if name == "place" else name] = attribute
    return entity


def v2(row: dict[str, Any]) -> dict[str, Any]:
    """A row as an entity of NGSI v2: points as "latitude, longitude"."""
    entity: dict[str, Any] = {"id": row["key"], "type": "Ort"}
    for name, value in row.items():
        kind = "Text" if isinstance(value, str) else "Boolean" if isinstance(value, bool) else "Number"
        if name == "key" or (value is None and name in ("seen", "place", "opened")):
            continue
        if name == "seen":
            kind, value = "DateTime", value.strftime("%Y-%m-%dT%H:%M:%S.000Z")
        elif name == "opened":
            kind, value = "Date", value.isoformat()
        elif name == "place":
            point = shapely.from_wkb(value)
            kind, value = "geo:point", f"{point.y!r}, {point.x!r}"
        entity["location" if name == "place" else name] = {"type": kind, "value": value, "metadata": {}}
    return entity


def silo(root: Path, server: Server, gone: Server, api: str = "ngsi-ld", **source: Any) -> Silo:
    own = {"type": "Ort", "page_size": 5, "filterable": FILTERABLE, "points": True, **source}
    whole = dataset(own, COLUMNS)
    away = opened(root, gone.url, api=api, retries=0)
    return Silo(opened(root, server.url, api=api), whole, dataset(own, (*COLUMNS, LOST), "verlust"), (away, whole))


class TestNormalized(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        server.answer = Broker([ld(row) for row in ROWS])
        return silo(tmp_path, server, gone)


class TestKeyValues(SourceConformance):
    """A broker that gives fewer than it is asked for, and does not count."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        server.answer = Broker([ld(row) for row in ROWS], most=3, count=False)
        return silo(tmp_path, server, gone, representation="keyValues")


class TestConcise(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        server.answer = Broker([ld(row) for row in ROWS], most=4)
        return silo(tmp_path, server, gone, representation="concise")


class TestNgsiV2(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        server.answer = Broker([v2(row) for row in ROWS], "ngsi-v2")
        return silo(tmp_path, server, gone, "ngsi-v2")


class TestNgsiV2KeyValues(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        server.answer = Broker([v2(row) for row in ROWS], "ngsi-v2")
        return silo(tmp_path, server, gone, "ngsi-v2", representation="keyValues")
