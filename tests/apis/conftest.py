"""An open canary city with a few datasets more: hard keys, times, no key, nothing in space."""

import json

import pytest

from nabe.model.catalogue import Change
from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.text import Text
from nabe.testing.serving import OpenCity

STREETS = [("12/34", "A.1 ü"), ("50%25", "B"), ("x y", "C?&=")]
MEASURED = [
    (f"Ort {i % 3}.{i}", f"2026-11-{1 + i // 2:02}T{i:02}:00:00Z", f"2026-11-{1 + i // 2:02}", i / 2) for i in range(24)
]


def _field(name, kind=FieldType.STRING):
    return Field(name, kind)


def _dataset(id, fields, **more):
    fields = tuple(_field(*item) if isinstance(item, tuple) else _field(item) for item in fields)
    source = {"path": f"{id}.{'geojson' if id == 'wege' else 'csv'}"}
    return Dataset(id, Text(id), "planung", Access.OPEN, fields, system="dateien", source=source, **more)


@pytest.fixture(scope="package")
def town(tmp_path_factory):
    made = OpenCity(tmp_path_factory.mktemp("city"))
    folder = made.nabe.root / "daten"
    (folder / "strassen.csv").write_text("\n".join(["nr,name", *(f'"{a}","{b}"' for a, b in STREETS)]), "utf-8")
    rows = [f"{ort},{at},{day},{value}" for ort, at, day, value in MEASURED]
    (folder / "messungen.csv").write_text("\n".join(["ort,at,day,value", *rows]), "utf-8")
    (folder / "liste.csv").write_text("wert,limit\n" + "".join(f"{i},{i % 2}\n" for i in range(30)), "utf-8")
    shapes = [
        {"type": "Polygon", "coordinates": [[[9.9, 51.5], [9.9, 51.6], [10, 51.6], [10, 51.5], [9.9, 51.5]]]},
        None,
        {"type": "LineString", "coordinates": [[179, 0], [180, 1]]},
    ]
    features = [{"type": "Feature", "properties": {"id": i}, "geometry": shape} for i, shape in enumerate(shapes)]
    (folder / "wege.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
    number, moment, day = FieldType.NUMBER, FieldType.DATETIME, FieldType.DATE
    measured = ["ort", ("at", moment), ("day", day), ("value", number)]
    datasets = [
        _dataset("strassen", ["nr", "name"], key=("nr",), licence="dl-de/by-2-0"),
        _dataset("messungen", measured, key=("ort", "at"), time="at"),
        _dataset("liste", [("wert", FieldType.INTEGER), ("limit", FieldType.INTEGER)]),
        _dataset("wege", [("id", FieldType.INTEGER), ("geometry", FieldType.GEOMETRY)], key=("id",)),
    ]
    made.declare(*(Change("dataset", item.id, item) for item in datasets))
    yield made
    made.nabe.close()


@pytest.fixture
def client(town):
    return town.client()
