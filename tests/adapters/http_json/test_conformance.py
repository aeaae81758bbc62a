"""The http_json adapter keeps to what every source must do, whatever shape the interface gives its answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely

from nabe.model.dataset import Field, FieldType
from nabe.testing.source_conformance import FIELDS, ROWS, Silo, SourceConformance

from .support import Reply, Request, Server, dataset, opened, serving

LOST = Field("lost", FieldType.STRING, column="adresse.hausnummer")


def record(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a provider's interface nests it: place as GeoJSON, times in ISO 8601."""
    place = json.loads(shapely.to_geojson(shapely.from_wkb(row["place"]))) if row["place"] else None
    times = {name: row[name].isoformat() if row[name] else None for name in ("opened", "seen")}
    return {**row, **times, "place": None, "quarter": None, "wo": {"quarter": row["quarter"], "place": place}}


RECORDS = [record(row) for row in ROWS]
NESTED = tuple(
    replace(field, column=f"wo.{field.name}") if field.name in ("quarter", "place") else field for field in FIELDS
)


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


@pytest.fixture
def gone() -> Server:
    made = Server()
    made.close()
    return made


def silo(root: Path, server: Server, gone: Server, fields: tuple[Field, ...], source: dict[str, Any]) -> Silo:
    whole = dataset(source, fields)
    away = opened(root, gone.url, retries=0)
    return Silo(opened(root, server.url), whole, dataset(source, (*fields, LOST), "verlust"), (away, whole))


class TestNestedList(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        server.answer = {"antwort": {"daten": RECORDS}, "stand": "heute"}
        return silo(tmp_path, server, gone, NESTED, {"rows": "antwort.daten"})


class TestOffsetPages(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        def page(request: Request) -> Any:
            offset, limit = int(request.params.get("offset", 0)), int(request.params.get("limit", 5))
            return {"records": RECORDS[offset : offset + limit], "total": len(RECORDS)}

        server.answer = page
        paging = {"type": "offset", "param": "offset", "size_param": "limit", "size": 5, "total": "total"}
        return silo(tmp_path, server, gone, NESTED, {"path": "orte", "rows": "records", "page": paging})


class TestLinkedPages(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        def page(request: Request) -> Reply:
            number = int(request.params.get("seite", 0))
            link = f'<?seite={number + 1}>; rel="next", </>; rel=first' if number < 3 else "</>; rel=first"
            return Reply(RECORDS[number * 3 : number * 3 + 3], Link=link)

        server.answer = page
        return silo(tmp_path, server, gone, NESTED, {"page": {"type": "link"}})


class TestObjectKeyedById(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        server.answer = {"orte": {item["key"]: {k: v for k, v in item.items() if k != "key"} for item in RECORDS}}
        keyed = tuple(replace(field, column="@key") if field.name == "key" else field for field in NESTED)
        return silo(tmp_path, server, gone, keyed, {"rows": "orte.*"})


class TestGeoJson(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        features = [
            {
                "type": "Feature",
                "geometry": item["wo"]["place"],
                "properties": {**{k: v for k, v in item.items() if k not in ("wo", "place")}, "quarter": item["wo"]["quarter"]},
            }
            for item in RECORDS
        ]  # fmt: skip
        server.answer = {"type": "FeatureCollection", "features": features}
        fields = tuple(replace(field, column="geometry") if field.name == "place" else field for field in FIELDS)
        return silo(tmp_path, server, gone, fields, {"rows": "features[*]"})


class TestLines(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        text = "\n".join(json.dumps(item, ensure_ascii=False) for item in RECORDS)
        server.answer = Reply(text.encode(), Content_Type="application/x-ndjson")
        return silo(tmp_path, server, gone, NESTED, {"lines": True})


class TestGermanTexts(SourceConformance):
    """Numbers with commas, days and times in German, coordinates in two members, gaps written as a dash."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        records = []
        for row in ROWS:
            place = shapely.from_wkb(row["place"]) if row["place"] else None
            records.append(
                {
                    **{name: row[name] for name in ("key", "name", "quarter", "household", "note")},
                    "count": "k.A." if row["count"] is None else f"{row['count']:,}".replace(",", "."),
                    "share": "k.A." if row["share"] is None else f"{row['share']:.10f}".replace(".", ","),
                    "open": {True: "ja", False: "nein", None: ""}[row["open"]],
                    "opened": row["opened"].strftime("%d.%m.%Y") if row["opened"] else "",
                    "seen": int(row["seen"].timestamp() * 1000) if row["seen"] else "k.A.",
                    "lage": {"laenge": place and place.x, "breite": place and str(place.y)},
                }
            )
        server.answer = records
        numbers = {"decimal": ",", "thousands": ".", "nulls": "k.A."}
        columns = {"count": numbers, "share": numbers, "seen": {"date_format": "unix_ms", "nulls": ["k.A."]}}
        return silo(tmp_path, server, gone, FIELDS, {"x": "lage.laenge", "y": "lage.breite", "columns": columns})


class TestInterfaceThatFilters(SourceConformance):
    """The interface filters by equality, range and list: the answer is the same, with fewer rows on the way."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        def answer(request: Request) -> Any:
            found = RECORDS
            for name, value in request.query:
                kind, _, field = name.partition("-")
                wanted = [item for n, item in request.query if n == name]
                tests = {
                    "eq": lambda item, v=value: str(item) == v,
                    "in": lambda item, w=wanted: str(item) in w,
                    "ge": lambda item, v=value: float(item) >= float(v),
                    "lt": lambda item, v=value: float(item) < float(v),
                }
                found = [item for item in found if item[field] is not None and tests[kind](item[field])]
            return found

        server.answer = answer
        filters = {
            "key": {"eq": "eq-key", "in": "in-key"},
            "name": {"eq": "eq-name"},
            "count": {"ge": "ge-count", "lt": "lt-count"},
            "share": {"ge": "ge-share", "lt": "lt-share"},
        }
        return silo(tmp_path, server, gone, NESTED, {"filters": filters})
