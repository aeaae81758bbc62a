"""The sensorthings adapter keeps to what every source must do, whichever entity holds the rows."""

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

from .service import Service
from .support import dataset, opened


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


@pytest.fixture
def gone() -> Server:
    made = Server()
    made.close()
    return made


def place(row: dict[str, Any]) -> Any:
    return json.loads(shapely.to_geojson(shapely.from_wkb(row["place"]))) if row["place"] else None


def moment(row: dict[str, Any]) -> str | None:
    return row["seen"].strftime("%Y-%m-%dT%H:%M:%S.000Z") if row["seen"] else None


def columns(**ways: str) -> tuple[Field, ...]:
    return tuple(replace(field, column=ways.get(field.name, f"properties.{field.name}")) for field in FIELDS)


def silo(
    root: Path, server: Server, gone: Server, fields: tuple[Field, ...], source: dict[str, Any], lost: str
) -> Silo:
    whole = dataset(source, fields)
    away = opened(root, gone.url + "/v1.1", retries=0)
    missing = dataset(source, (*fields, Field("lost", FieldType.STRING, column=lost)), "verlust")
    return Silo(opened(root, server.url + "/v1.1"), whole, missing, (away, whole))


class TestThings(SourceConformance):
    """Rows are things: own properties, a place that not every thing has, text keys that are ids."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        things, locations = [], []
        for row in ROWS:
            own = {**row, "opened": row["opened"].isoformat() if row["opened"] else None, "seen": moment(row)}
            del own["place"]
            things.append({"@iot.id": row["key"], "name": row["name"], "properties": own, "Locations": [row["key"]]})
            if place(row):
                feature = {"type": "Feature", "properties": {}, "geometry": place(row)}
                locations.append({"@iot.id": row["key"], "name": "Ort", "location": feature, "Things": [row["key"]]})
        server.answer = Service({"Things": things, "Locations": locations, "Datastreams": []})
        ways = columns(key="id", name="name", place="Locations[0].location")
        source = {"entity": "Things", "ids": "text", "points": True, "page_size": 5}
        return silo(tmp_path, server, gone, ways, source, "properties.lost")


class TestObservations(SourceConformance):
    """Rows are observations: a number as result, times, the name of their datastream, the feature they are of."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        observations, features = [], []
        streams = [{"@iot.id": n, "name": name} for n, name in enumerate(("Nord", "Süd", "Ost", "West", None))]
        for number, row in enumerate(ROWS):
            more = {name: row[name] for name in ("key", "name", "household", "note", "count", "open")}
            more["opened"] = row["opened"].isoformat() if row["opened"] else None
            stream = next(item["@iot.id"] for item in streams if item["name"] == row["quarter"])
            observations.append(
                {"@iot.id": number, "result": row["share"], "resultTime": moment(row), "parameters": more,
                 "phenomenonTime": "2026-01-01T00:00:00Z", "Datastream": stream, "FeatureOfInterest": number}
            )  # fmt: skip
            features.append({"@iot.id": number, "name": f"F{number}", "feature": place(row)})
        server.answer = Service(
            {"Things": [], "Observations": observations, "Datastreams": streams, "FeaturesOfInterest": features}, most=5
        )
        ways = tuple(
            replace(field, column={"share": "result", "seen": "resultTime", "quarter": "Datastream.name", "place": "FeatureOfInterest.feature"}.get(field.name, f"parameters.{field.name}"))
            for field in FIELDS
        )  # fmt: skip
        source = {"entity": "Observations", "results": "number", "points": True, "ids": "number"}
        return silo(tmp_path, server, gone, ways, source, "Datastream.unitOfMeasurement.lost")
