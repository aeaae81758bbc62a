"""The soap adapter keeps to what every source must do: SOAP 1.1 and 1.2, WSDL from the web and from the workspace."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely

from nabe.model.dataset import Field, FieldType
from nabe.testing.source_conformance import FIELDS, ROWS, Silo, SourceConformance

from .support import SCHEMA, Server, Trees, dataset, opened, serving, wsdl

TREES = [{**row, "wkt": shapely.from_wkb(row["place"]).wkt if row["place"] else None} for row in ROWS]
COLUMNS = {"quarter": "where.quarter", "place": "where.wkt"}
NESTED = tuple(replace(field, column=COLUMNS.get(field.name, "")) for field in FIELDS)
LOST = Field("lost", FieldType.STRING, column="where.verloren")


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


@pytest.fixture
def gone() -> Server:
    made = Server()
    made.close()
    return made


def silo(root: Path, wsdl: str, gone: str, **source: Any) -> Silo:
    source = {"operation": "listTrees", "rows_path": "trees/tree", **source}
    whole = dataset(source, NESTED)
    lost = dataset(source, (*NESTED, LOST), "verlust")
    return Silo(opened(root, wsdl), whole, lost, (opened(root, gone), whole))


class TestSoap11(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        return silo(tmp_path, Trees(server, TREES).wsdl, f"{gone.url}?wsdl")


class TestSoap12WithAWsdlInTheWorkspace(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        trees = Trees(server, TREES, "soap12")
        (tmp_path / "wsdl").mkdir()
        (tmp_path / "wsdl" / "trees.xsd").write_text(SCHEMA)
        (tmp_path / "wsdl" / "trees.wsdl").write_text(wsdl(f"{trees.server.url}/trees", "trees.xsd", "soap12"))
        (tmp_path / "wsdl" / "gone.wsdl").write_text(wsdl(f"{gone.url}/trees", "trees.xsd", "soap12"))
        return silo(tmp_path, "wsdl/trees.wsdl", "wsdl/gone.wsdl")


class TestServiceThatFilters(SourceConformance):
    """Parameters narrow the answer: the answer is the same, with fewer rows on the way."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        filters = {"quarter": {"eq": "filter.quarter"}, "key": {"in": "filter.keys"}, "seen": {"ge": "filter.since"}}
        trees = Trees(server, TREES)
        return silo(tmp_path, trees.wsdl, f"{gone.url}?wsdl", filters=filters, limit="most")
