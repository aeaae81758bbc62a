"""The CKAN adapter keeps to what every source must do: tables of the datastore, packages, resources."""

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

from .portal import Portal
from .support import dataset, opened

NATIVE = {"count": "int8", "share": "float8", "open": "bool", "opened": "date", "seen": "timestamptz"}
#: Columns of a datastore have any name: with blanks, points, umlauts.
COLUMNS = tuple(replace(field, column=f"Spalte {field.name} [ä.b]") for field in FIELDS)


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


@pytest.fixture
def gone() -> Server:
    made = Server()
    made.close()
    return made


def texts(row: dict[str, Any]) -> dict[str, Any]:
    place = json.loads(shapely.to_geojson(shapely.from_wkb(row["place"]))) if row["place"] else None
    times = {name: row[name].isoformat() if row[name] else None for name in ("opened", "seen")}
    return {**row, **times, "place": place}


def silo(
    root: Path, server: Server, gone: Server, fields: tuple[Field, ...], source: dict[str, Any], lost: str
) -> Silo:
    whole = dataset(source, fields)
    missing = dataset(source, (*fields, Field("lost", FieldType.STRING, column=lost)), "verlust")
    return Silo(opened(root, server.url), whole, missing, (opened(root, gone.url, retries=0), whole))


class TestDatastore(SourceConformance):
    """A portal that gives fewer rows than it is asked for, and filters by equality."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        described = [{"id": "_id", "type": "int"}] + [
            {"id": field.source_column, "type": NATIVE.get(field.name, "text")} for field in COLUMNS
        ]
        records = [
            {"_id": number, **{field.source_column: texts(row)[field.name] for field in COLUMNS}}
            for number, row in enumerate(ROWS)
        ]
        for record in records:  # a geometry stands there as text
            name = next(field.source_column for field in COLUMNS if field.name == "place")
            record[name] = json.dumps(record[name]) if record[name] else None
        server.answer = Portal(tables={"r-1": (described, records)}, most=5)
        by = [
            field.source_column
            for field in COLUMNS
            if field.name in ("key", "name", "note", "quarter", "count", "open")
        ]
        source = {"resource": "r-1", "page_size": 7, "filterable": by}
        return silo(tmp_path, server, gone, COLUMNS, source, "Hausnummer")


class TestPackages(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        server.answer = Portal([{"id": row["key"], "eigen": texts(row)} for row in ROWS], most=4)
        columns = tuple(replace(field, column=f"eigen.{field.name}") for field in FIELDS)
        return silo(tmp_path, server, gone, columns, {"table": "packages"}, "eigen.lost")


class TestResources(SourceConformance):
    """The rows are resources, their quarter the name of the package."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        packages: dict[Any, dict[str, Any]] = {}
        for row in ROWS:
            packages.setdefault(row["quarter"], {"name": row["quarter"], "resources": []})["resources"].append(
                texts(row)
            )
        server.answer = Portal([*packages.values(), {"name": "leer", "resources": []}], most=2)
        columns = tuple(replace(field, column="^.name" if field.name == "quarter" else field.name) for field in FIELDS)
        return silo(tmp_path, server, gone, columns, {"table": "resources"}, "lost")
