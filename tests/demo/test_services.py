"""Each service answers in the words of its standard: pages, conditions, reference systems, tags, log-in."""

from __future__ import annotations

import datetime as dt

import httpx
import pytest

from nabe.demo.processes import services
from nabe.demo.silos import council, geoportal, rides, sensornet, traffic

WRITERS = {
    "geoportal": geoportal.write,
    "sensordienst": sensornet.write,
    "roller_anbieter": rides.write,
    "baustellen_datex": traffic.write_state_works,
    "ratsinformation": council.write,
    "parkleitsystem": traffic.write_car_parks,
}


@pytest.fixture(scope="module")
def at(town, tmp_path_factory):
    root = tmp_path_factory.mktemp("services")
    for name, write in WRITERS.items():
        (root / name).mkdir()
        write(town, root / name)
    (root / "roller_anbieter" / "zugang").write_text("geheim")
    with services({name: root / name for name in WRITERS}) as addresses:
        yield addresses


def _get(url, **more):
    answer = httpx.get(url, **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_features_have_pages_boxes_filters_and_two_reference_systems(at):
    items = f"{at['geoportal']}/collections/baumkontrollen/items"
    seen, url = [], f"{items}?limit=500&stadtteil=04"
    while url:
        page = _get(url)
        seen += page["features"]
        url = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    assert len(seen) == page["numberMatched"] and {item["properties"]["stadtteil"] for item in seen} == {"04"}
    assert len({item["id"] for item in seen}) == len(seen)
    x, y = seen[0]["geometry"]["coordinates"]
    box = _get(f"{items}?bbox={x - 1e-5},{y - 1e-5},{x + 1e-5},{y + 1e-5}&limit=1000")
    assert seen[0]["id"] in {item["id"] for item in box["features"]}
    utm = "http://www.opengis.net/def/crs/EPSG/0/25832"
    answer = httpx.get(f"{items}/{seen[0]['id']}", params={"crs": utm})
    assert answer.headers["content-crs"] == f"<{utm}>"
    assert 550_000 < answer.json()["geometry"]["coordinates"][0] < 580_000
    for wrong in ("limit=0", "limit=x", "bbox=1,2,3", "crs=EPSG:4326", "unbekannt=1"):
        assert httpx.get(f"{items}?{wrong}").status_code == 400, wrong


def test_sensors_know_the_options_of_the_standard(at):
    root = f"{at['sensordienst']}/v1.1"
    page = _get(
        f"{root}/Observations?$top=5&$count=true&$orderby=result desc&$filter=Datastream/id eq 3 and result ge 0"
    )
    values = [item["result"] for item in page["value"]]
    assert values == sorted(values, reverse=True) and len(values) == 5 < page["@iot.count"] <= 48
    assert {item["@iot.id"] for item in _get(page["@iot.nextLink"])["value"]}.isdisjoint(
        {item["@iot.id"] for item in page["value"]}
    )
    expand = "Thing($select=name;$expand=Locations),Observations($orderby=phenomenonTime desc;$top=1)"
    stream = _get(f"{root}/Datastreams(1)?$expand={expand}&$select=id,name")
    assert set(stream) == {"@iot.id", "@iot.selfLink", "name", "Thing", "Observations"}
    assert stream["Thing"]["Locations"][0]["location"]["type"] == "Point"
    latest = dt.datetime.fromisoformat(stream["Observations"][0]["phenomenonTime"])
    assert dt.timedelta(0) < dt.datetime.now(dt.UTC) - latest <= dt.timedelta(hours=2)
    assert len(_get(f"{root}/Things(1)/Datastreams")["value"]) == 3
    assert len(_get(f"{root}/Things?$filter=not (properties/art eq 'Luft')")["value"]) == 3
    for wrong, status in (("$filter=result ge", 400), ("$filter=length(name) gt 3", 501), ("$top=x", 400)):
        assert httpx.get(f"{root}/Observations?{wrong}").status_code == status
    assert httpx.get(f"{root}/Things(99)").status_code == 404


def test_scooters_are_open_and_reports_need_the_token(at):
    address = at["roller_anbieter"]
    feeds = {item["name"]: item["url"] for item in _get(f"{address}/gbfs/gbfs.json")["data"]["feeds"]}
    assert all(_get(url)["version"] == "3.0" for url in feeds.values())
    assert httpx.get(f"{address}/mds/trips").status_code == 401
    assert httpx.get(f"{address}/mds/trips", headers={"Authorization": "Bearer falsch"}).status_code == 401
    log_in = {"Authorization": "Bearer geheim"}
    hour = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=2)).strftime("%Y-%m-%dT%H")
    trips = _get(f"{address}/mds/trips?end_time={hour}", headers=log_in)["trips"]
    assert trips == _get(f"{address}/mds/trips?end_time={hour}", headers=log_in)["trips"]
    assert all(trip["end_time"] - trip["start_time"] == 1000 * trip["duration"] for trip in trips)
    soon = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H")
    assert httpx.get(f"{address}/mds/trips?end_time={soon}", headers=log_in).status_code == 404
    other = {**log_in, "Accept": "application/vnd.mds+json;version=1.2"}
    assert httpx.get(f"{address}/mds/vehicles", headers=other).status_code == 406
    first = _get(f"{address}/mds/vehicles", headers=log_in)
    assert len(first["vehicles"]) == 200 and first["links"]["next"].endswith("page=2")


def test_road_works_are_sent_again_only_when_they_changed(at):
    address = f"{at['baustellen_datex']}/baustellen.xml"
    answer = httpx.get(address)
    assert answer.text.count("<situationRecord ") == traffic.STATE_WORKS
    assert httpx.get(address, headers={"If-None-Match": answer.headers["etag"]}).status_code == 304


def test_the_council_has_lists_with_pages_and_times(at):
    system = _get(f"{at['ratsinformation']}/oparl/system")
    body = _get(system["body"])["data"][0]
    page = _get(body["paper"])
    assert page["pagination"] == {"totalElements": 180, "elementsPerPage": 25, "currentPage": 1, "totalPages": 8}
    assert _get(page["links"]["next"])["pagination"]["currentPage"] == 2
    assert _get(page["data"][0]["id"]) == page["data"][0]
    since = _get(body["paper"], params={"created_since": "2026-06-01T00:00:00+02:00"})
    assert 0 < since["pagination"]["totalElements"] < 180
    assert httpx.get(body["paper"], params={"created_since": "gestern"}).status_code == 400


def test_car_parks_come_in_pages_and_have_free_bays(at):
    pages = [_get(f"{at['parkleitsystem']}/v1/parkhaeuser?page={number}&size=5") for number in (1, 2, 3)]
    assert [len(page["parkhaeuser"]) for page in pages] == [5, 3, 0]
    assert all(0 <= item["frei"] <= item["kapazitaet"] for page in pages for item in page["parkhaeuser"])
