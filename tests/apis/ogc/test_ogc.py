"""OGC API Features Part 1 as clients meet it. Requirements: OGC 17-069r4."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

import pytest
import shapely

from nabe.testing.serving import on_a_port

OPENAPI = "application/vnd.oai.openapi+json;version=3.0"


def links(body, rel):
    return [item for item in body["links"] if item["rel"] == rel]


def get(client, url, status=200, **more):
    answer = client.get(url, **more)
    assert answer.status_code == status, answer.text
    return answer.json()


def walk(client, url):
    """All features of all pages."""
    found = []
    while url:
        body = get(client, url)
        found += body["features"]
        assert body["numberReturned"] == len(body["features"])
        following = links(body, "next")
        assert all(item["type"] == "application/geo+json" for item in following)
        url = following[0]["href"] if following else ""
    return found


def test_the_landing_page_leads_everywhere(client):
    body = get(client, "/ogc/")
    for rel, media in (
        ("self", "application/json"),
        ("alternate", "text/html"),
        ("service-desc", OPENAPI),
        ("service-doc", "text/html"),
        ("conformance", "application/json"),
        ("data", "application/json"),
    ):
        (link,) = links(body, rel)
        assert link["type"] == media
        assert client.get(link["href"]).headers["content-type"].startswith(media)
    assert client.get("/ogc?f=html").headers["location"] == "/ogc/?f=html"


def test_it_conforms_to_version_1_0_of_core_openapi_html_and_geojson(client):
    body = get(client, "/ogc/conformance")
    assert {uri.rsplit("/", 1)[1] for uri in body["conformsTo"]} == {"core", "oas30", "html", "geojson"}
    assert all("/ogcapi-features-1/1.0/conf/" in uri for uri in body["conformsTo"])


def test_the_openapi_document_lists_every_collection_and_its_parameters(client):
    answer = client.get("/ogc/api")
    assert answer.headers["content-type"] == OPENAPI
    body = answer.json()
    assert body["openapi"].startswith("3.0") and body["servers"] == [{"url": "http://testserver/ogc"}]
    for item in get(client, "/ogc/collections")["collections"]:
        parameters = body["paths"][f"/collections/{item['id']}/items"]["get"]["parameters"]
        refs = {one.get("$ref", "").rsplit("/", 1)[-1] for one in parameters}
        assert {"limit", "bbox", "datetime"} <= refs
    limit = body["components"]["parameters"]["limit"]
    assert limit["schema"] == {"type": "integer", "minimum": 1, "maximum": 10000, "default": 10}
    assert all(one["style"] == "form" and one["explode"] is False for one in body["components"]["parameters"].values())
    ids = [path["get"]["operationId"] for path in body["paths"].values()]
    assert len(ids) == len(set(ids))


def test_collections_are_those_that_the_asker_may_know_of(town, client):
    names = {item["id"] for item in get(client, "/ogc/collections")["collections"]}
    assert names == {"bezirke", "kitas", "auswertung", "strassen", "messungen", "liste", "wege"}
    body = get(town.client("planerin", "planung"), "/ogc/collections")
    closed = {item["id"]: item["readable"] for item in body["collections"]}
    assert closed["faelle"] is True and closed["bezirke"] is True
    assert get(town.client("planerin"), "/ogc/collections/faelle")["readable"] is False
    assert client.get("/ogc/collections/faelle").status_code == 404
    assert "/collections/faelle/items" not in client.get("/ogc/api").text


def test_a_collection_says_where_and_when_its_features_are(client):
    body = get(client, "/ogc/collections/bezirke")
    assert body["itemType"] == "feature" and body["crs"] == ["http://www.opengis.net/def/crs/OGC/1.3/CRS84"]
    assert body["extent"]["spatial"]["bbox"] == [[9.9, 51.5, 9.97, 51.5]]
    assert {item["type"] for item in links(body, "items")} == {"application/geo+json", "text/html"}
    times = get(client, "/ogc/collections/messungen")["extent"]["temporal"]["interval"]
    assert times == [["2026-11-01T00:00:00Z", "2026-11-12T23:00:00Z"]]


def test_items_are_a_page_of_features(client):
    answer = client.get("/ogc/collections/bezirke/items")
    assert answer.headers["content-type"] == "application/geo+json"
    body = answer.json()
    assert body["type"] == "FeatureCollection" and body["numberMatched"] == body["numberReturned"] == 8
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", body["timeStamp"])
    assert body["features"][0] == {
        "type": "Feature",
        "id": "01",
        "geometry": {"type": "Point", "coordinates": [9.9, 51.5]},
        "properties": {"bezirk": "01", "name": "Bezirk 01"},
    }
    assert links(body, "self")[0]["type"] == "application/geo+json"
    assert links(body, "alternate")[0]["type"] == "text/html"
    assert links(body, "collection")[0]["href"] == "http://testserver/ogc/collections/bezirke"
    assert not links(body, "next") and not links(body, "prev")


@pytest.mark.parametrize("limit", [1, 3, 7, 24])
def test_pages_join_up_whatever_their_size(client, limit):
    found = walk(client, f"/ogc/collections/messungen/items?limit={limit}")
    assert len(found) == 24 and len({item["id"] for item in found}) == 24
    assert len(walk(client, f"/ogc/collections/messungen/items?limit={limit}&ort=Ort%201.4")) == 1


def test_a_page_in_the_middle_leads_both_ways_and_keeps_the_question(client):
    body = get(client, "/ogc/collections/liste/items?limit=5&offset=10&lang=en")
    assert links(body, "next")[0]["href"].endswith("items?limit=5&lang=en&offset=15&f=json")
    assert links(body, "prev")[0]["href"].endswith("items?limit=5&lang=en&offset=5&f=json")
    assert links(body, "self")[0]["href"].endswith("items?limit=5&lang=en&offset=10&f=json")


def test_boxes_and_times_filter(client):
    assert get(client, "/ogc/collections/bezirke/items?bbox=9.915,51,9.935,52")["numberMatched"] == 2
    assert get(client, "/ogc/collections/wege/items?bbox=178,-1,-178,2")["numberMatched"] == 1
    assert get(client, "/ogc/collections/liste/items?bbox=178,-1,-178,2")["numberMatched"] == 30
    assert get(client, "/ogc/collections/messungen/items?datetime=2026-11-05/2026-11-06")["numberMatched"] == 4
    assert get(client, "/ogc/collections/messungen/items?datetime=2026-11-01T01:00:00Z")["numberMatched"] == 1


def test_unknown_and_wrong_parameters_are_refused(client):
    for query in ("foo=1", "limit=0", "bbox=1,2", "datetime=x", "f=xml", "limit=1&limit=2", "leitung=x"):
        body = get(client, f"/ogc/collections/kitas/items?{query}", 400)
        assert body["code"] == "invalid" and body["params"]["field"]
    for path in ("", "/conformance", "/collections", "/collections/kitas", "/api", "/collections/kitas/items/1"):
        assert client.get(f"/ogc{path or '/'}?foo=1").status_code == 400


def test_what_is_not_there_is_not_found(client):
    assert client.get("/ogc/collections/dUmmYColLection").status_code == 404
    assert client.get("/ogc/collections/dUmmYColLection/items").status_code == 404
    assert client.get("/ogc/collections/bezirke/items/99").status_code == 404
    assert client.get("/ogc/collections/messungen/items/99").status_code == 404
    assert client.get("/ogc/collections/liste/items/30").status_code == 404


@pytest.mark.parametrize("dataset", ["bezirke", "strassen", "messungen", "liste", "wege"])
def test_every_feature_is_found_by_its_id(client, dataset):
    for feature in walk(client, f"/ogc/collections/{dataset}/items?limit=11"):
        body = get(client, f"/ogc/collections/{dataset}/items/{quote(feature['id'], safe='')}")
        own = body.pop("links")
        assert body == feature
        (itself,) = links({"links": own}, "self")
        assert get(client, itself["href"])["id"] == feature["id"]


def test_rows_without_a_key_are_numbered_only_where_the_number_is_known(client):
    assert [item["id"] for item in get(client, "/ogc/collections/liste/items?offset=28")["features"]] == ["28", "29"]
    filtered = get(client, "/ogc/collections/liste/items?wert=7")["features"]
    assert len(filtered) == 1 and "id" not in filtered[0]


def test_datasets_without_geometry_are_features_without_one(client):
    features = get(client, "/ogc/collections/liste/items")["features"]
    assert all(item["geometry"] is None for item in features) and features[3]["properties"] == {"wert": 3, "limit": 1}


def test_rings_run_against_the_clock(client):
    (polygon,) = [item for item in get(client, "/ogc/collections/wege/items")["features"] if item["id"] == "0"]
    assert shapely.LinearRing(polygon["geometry"]["coordinates"][0]).is_ccw


def test_a_refusal_gives_its_reasons(town):
    client = town.client("planerin")
    body = get(client, "/ogc/collections/faelle/items?lang=en", 403)
    assert [item["key"] for item in body["reasons"]] and body["title"] == "Not permitted"
    assert get(client, "/ogc/collections/faelle/items/F1", 403)["code"] == "denied"


def test_minimum_groups_hold_for_pages_filters_and_single_features(town):
    client = town.client("planerin", "planung")
    found = walk(client, "/ogc/collections/faelle/items?limit=5000")
    assert found and all("klein" not in item["properties"]["merkmal"] for item in found)
    assert get(client, "/ogc/collections/faelle/items?merkmal=KANARIE.faelle.merkmal.klein")["numberMatched"] == 0
    get(client, "/ogc/collections/faelle/items?fall=F1", 400)
    assert all("fall" not in item["properties"] for item in found)


PAGES = ["/ogc/", "/ogc/conformance", "/ogc/api", "/ogc/collections", "/ogc/collections/bezirke"]
PAGES += [
    "/ogc/collections/liste/items?wert=7",
    "/ogc/collections/messungen/items",
    "/ogc/collections/strassen/items/x%20y",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_resource_is_a_page_too(client, path):
    answer = client.get(path, headers={"Accept": "text/html,*/*;q=0.8", "Accept-Language": "en"})
    assert answer.headers["content-type"].startswith("text/html")
    assert '<html lang="en">' in answer.text and "<h1>" in answer.text
    for href in re.findall(r'href="([^"]+)"', answer.text):
        parts = urlsplit(href.replace("&amp;", "&"))
        if parts.path.startswith("/ogc"):
            assert client.get(f"{parts.path}?{parts.query}").status_code in (200, 307), href


def test_values_on_pages_are_text(town, client):
    path = town.nabe.root / "daten" / "strassen.csv"
    assert "C?&amp;=" in client.get("/ogc/collections/strassen/items?f=html").text and path.exists()


def test_head_is_answered(client):
    answer = client.head("/ogc/collections/bezirke/items")
    assert answer.status_code == 200 and not answer.content


def test_gdal_reads_collections_and_follows_pages(town):
    import pyogrio

    with on_a_port(town.app) as port:
        address = f"OAPIF:http://127.0.0.1:{port}/ogc/"
        try:
            layers = {name for name, _ in pyogrio.list_layers(address)}
        except pyogrio.errors.DataSourceError as error:
            pytest.skip(f"this GDAL cannot read OGC API Features: {error}")
        assert {"bezirke", "messungen", "liste"} <= layers
        _, table = pyogrio.read_arrow(address, layer="messungen")
        assert table.num_rows == 24
        _, table = pyogrio.read_arrow(address, layer="bezirke", bbox=(9.915, 51, 9.935, 52))
        assert table.num_rows == 2
