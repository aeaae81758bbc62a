"""`nabe connect` of interfaces that keep to a standard: told from any JSON, proposed as tables, and answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from nabe.testing.silo import Request, Server

THINGS = [
    {"@iot.id": n, "name": f"Station {n}", "description": "", "properties": {"kind": "air", "floor": n},
     "Locations": [{"@iot.id": n, "name": "Ort", "location": {"type": "Point", "coordinates": [6.9 + n / 100, 50.9]}}]}
    for n in range(30)
]  # fmt: skip
STREAMS = [
    {"@iot.id": n, "name": f"NO2 {n}", "description": "", "observationType": "x", "phenomenonTime": "2026-11-23T00:00:00Z/2026-11-24T00:00:00Z",
     "unitOfMeasurement": {"name": "Mikrogramm", "symbol": "µg/m³", "definition": ""}, "Thing": THINGS[n], "ObservedProperty": {"@iot.id": 1, "name": "NO2"},
     "Observations": [{"@iot.id": n, "phenomenonTime": "2026-11-24T00:00:00Z", "resultTime": None, "result": n + 0.5}]}
    for n in range(30)
]  # fmt: skip
SPOTS = [
    {"id": f"urn:ngsi-ld:ParkingSpot:{n}", "type": "ParkingSpot",
     "status": {"type": "Property", "value": "free" if n % 2 else "occupied", "observedAt": "2026-11-24T08:00:00Z"},
     "temperature": {"type": "Property", "value": n / 10, "unitCode": "CEL"},
     "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [6.9 + n / 1000, 50.9]}}}
    for n in range(40)
]  # fmt: skip
PACKAGES = [
    {"id": "p1", "name": "luft", "title": "Luft", "notes": "<p>Werte</p>", "metadata_modified": "2026-11-24T08:00:00.000000",
     "tags": [{"name": "luft"}], "organization": {"title": "Umweltamt"},
     "resources": [
         {"id": "7f2c", "name": "Stationen", "format": "CSV", "url": "https://x.example/a.csv", "datastore_active": True},
         {"id": "8a1b", "name": "Bericht", "format": "CSV", "url": "https://x.example/b.csv", "datastore_active": False},
     ]},
    {"id": "p2", "name": "laerm", "title": "Lärm", "notes": "", "metadata_modified": "2026-11-23T08:00:00.000000", "tags": [], "organization": None, "resources": []},
]  # fmt: skip
RECORDS = [{"_id": n, "Straße": f"Weg {n}", "Zahl": n} for n in range(20)]


def answer(request: Request) -> Any:
    """Each interface at a root of its own, and one that is none of a standard."""
    path, here = request.path, f"http://{request.headers['host']}"
    start = int(request.params.get("offset", request.params.get("start", 0)))
    match path.removeprefix("/"):
        case "frost/v1.1":
            names = ("Things", "Locations", "Datastreams", "Observations")
            return {"value": [{"name": name, "url": f"{here}{path}/{name}"} for name in names]}
        case "frost/v1.1/Things":
            return {"value": THINGS}
        case "frost/v1.1/Datastreams":
            return {"value": STREAMS}
        case "orion/ngsi-ld/v1/types":
            return {"id": "urn:x", "type": "EntityTypeList", "typeList": ["ParkingSpot"]}
        case "orion/ngsi-ld/v1/entities":
            return SPOTS[start : start + int(request.params.get("limit", 20))]
        case "ckan/api/3/action/status_show":
            return {"help": "", "success": True, "result": {"ckan_version": "2.10"}}
        case "ckan/api/3/action/package_search":
            return {"help": "", "success": True, "result": {"count": 2, "results": PACKAGES[start:]}}
        case "ckan/api/3/action/datastore_search":
            fields = [{"id": "_id", "type": "int"}, {"id": "Straße", "type": "text"}, {"id": "Zahl", "type": "int4"}]
            size = int(request.params.get("limit", 20))
            result = {"fields": fields, "records": RECORDS[start : start + size], "total": 20}
            return {"help": "", "success": True, "result": result}
        case "anbieter/v1.1/things" | "anbieter/v2/entities" | "anbieter/dataset/x":
            return [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
        case "anbieter/v1.1":
            return {"value": [{"name": "Things", "url": "x"}, {"name": "Other", "url": "y"}]}
    from nabe.testing.silo import Reply

    return Reply({"error": "not found"}, 404)


@pytest.fixture
def web(dorf) -> Iterator[Server]:
    path = dorf / "nabe.yaml"
    path.write_text(path.read_text().replace("# allow_hosts: [intern.example]", "allow_hosts: [127.0.0.1]"))
    made = Server(answer)
    yield made
    made.close()


def root(server: Server) -> str:
    return server.url.removesuffix("/api")


def published(dorf, id: str) -> None:
    document = dorf / f"datasets/{id}.yaml"
    document.write_text(document.read_text().replace("access: internal", "access: open"))


@pytest.mark.parametrize(
    ("path", "table", "adapter", "sql", "wanted"),
    [
        ("/frost/v1.1", "things", "sensorthings", "select count(*) n, max(properties_floor) m from quelle", {"n": 30, "m": 29}),
        ("/frost/v1.1/Things", "things", "sensorthings", "select count(*) n from quelle where name = 'Station 7'", {"n": 1}),
        ("/frost/v1.1", "observations_latest", "sensorthings", "select count(*) n, max(observations_0_result) m from quelle", {"n": 30, "m": 29.5}),
        ("/orion/ngsi-ld/v1/entities", "ParkingSpot", "ngsi_ld", "select count(*) n, max(temperature) m from quelle", {"n": 40, "m": 3.9}),
        ("/ckan/dataset/luft", "packages", "ckan", "select count(*) n, max(notes) m from quelle", {"n": 2, "m": "Werte"}),
        ("/ckan", "luft/stationen", "ckan", "select count(*) n, max(strasse) m from quelle", {"n": 20, "m": "Weg 9"}),
    ],
)  # fmt: skip
def test_an_interface_of_a_standard_is_recognised_and_answers(dorf, nabe, web, path, table, adapter, sql, wanted):
    nabe("connect", root(web) + path, "--as", "quelle", "-t", table, "-y", code=0)
    assert f"adapter: {adapter}" in (dorf / "systems/quelle.yaml").read_text()
    published(dorf, "quelle")
    nabe("apply", "-y", code=0)
    assert nabe("query", sql, "-f", "json", code=0).json == [wanted]


@pytest.mark.parametrize("path", ["/anbieter/v1.1/things", "/anbieter/v2/entities", "/anbieter/dataset/x"])
def test_what_only_looks_like_a_standard_is_any_json(dorf, nabe, web, path):
    nabe("connect", root(web) + path, "--as", "quelle", "-y", code=0)
    assert "adapter: http_json" in (dorf / "systems/quelle.yaml").read_text()
    assert len(web.seen) <= 12


def test_units_and_points_are_in_the_proposal(dorf, nabe, web):
    nabe("connect", root(web) + "/orion/ngsi-ld/v1", "--as", "quelle", "-y", code=0)
    document = (dorf / "datasets/quelle.yaml").read_text()
    assert "unit: Cel" in document and "points: true" in document and "status_observed_at" in document
    assert "filterable:" in document


def test_files_of_a_portal_are_named_for_the_adapter_that_reads_them(dorf, nabe, web):
    told = nabe("connect", root(web) + "/ckan", "--as", "quelle", "-t", "resources", "-y", "--lang", "en", code=0)
    assert "nabe connect 'https://x.example/b.csv'" in told.out.replace("\n", " ") + told.err.replace("\n", " ")


def test_all_tables_of_a_service_get_one_document_each(dorf, nabe, web):
    nabe("connect", root(web) + "/frost/v1.1", "--as", "s", "-t", "things", "-t", "datastreams", "-y", code=0)
    datastreams = (dorf / "datasets/s_datastreams.yaml").read_text()
    assert "entity: Datastreams" in datastreams and "Thing.Locations[0].location" in datastreams


def test_pickier_adapters_are_asked_first():
    from nabe.app import adapters
    from nabe.ports.source import Claim

    claims = [getattr(adapter, "claim", Claim.STANDARD) for adapter in adapters().values()]
    assert claims == sorted(claims) and list(adapters())[-2:] == ["http_json", "file"]
