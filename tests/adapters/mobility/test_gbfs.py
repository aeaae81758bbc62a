"""GBFS of both versions: feeds found, joined, kept for their time; languages, times, zones; real examples."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
import shapely

from nabe.errors import SourceRefused, SourceUnavailable
from nabe.model.dataset import Field, FieldType

from .support import Reply, Request, Server, data, dataset, described, feeds, opened, probe, read, rows, serving, texts

WHEN = (Field("last_reported", FieldType.DATETIME),)
PLACE = (Field("place", FieldType.GEOMETRY, column="geometry"),)
NUMBERS = tuple(Field(name, FieldType.INTEGER) for name in ("num_vehicles_available", "capacity"))


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


def gbfs(root: Any, server: Server, **more: Any) -> Any:
    return opened(root, kind="gbfs", url=f"{server.url}/gbfs.json", **more)


def test_stations_of_one_feed_only_are_kept_with_gaps(tmp_path, server):
    server.answer = feeds(
        {
            "station_information": {
                "stations": [{"station_id": "a", "capacity": 9}, {"station_id": "b", "capacity": 4}]
            },
            "station_status": {"stations": [{"station_id": 2, "num_vehicles_available": 1}, {"station_id": "a"}]},
        }
    )
    found = rows(gbfs(tmp_path, server), dataset("stations", (*texts("station_id"), *NUMBERS)))
    assert found == [
        {"station_id": "a", "num_vehicles_available": None, "capacity": 9},
        {"station_id": "b", "num_vehicles_available": None, "capacity": 4},
        {"station_id": "2", "num_vehicles_available": 1, "capacity": None},
    ]
    assert (
        "Stations in station_status only: 1; the rest of them is missing."
        in probe(tmp_path, f"{server.url}/gbfs.json").describe("stations").notes
    )


def test_both_versions_give_the_same_fields(tmp_path, server):
    fields = (*texts("vehicle_id"), *WHEN, Field("is_disabled", FieldType.BOOLEAN), *PLACE)
    wanted = [
        {
            "vehicle_id": "x",
            "last_reported": dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC),
            "is_disabled": True,
            "place": shapely.to_wkb(shapely.Point(9.99, 48.4)),
        }
    ]
    old = {"bike_id": "x", "last_reported": 1795521600, "is_disabled": 1, "lat": 48.4, "lon": 9.99}
    server.answer = feeds({"free_bike_status": {"bikes": [old]}}, version="2.3", language="de")
    assert rows(gbfs(tmp_path, server), dataset("vehicles", fields)) == wanted
    new = {
        "vehicle_id": "x",
        "last_reported": "2026-11-24T13:00:00+01:00",
        "is_disabled": True,
        "lat": 48.4,
        "lon": 9.99,
    }
    server.answer = feeds({"vehicle_status": {"vehicles": [new]}})
    assert rows(gbfs(tmp_path, server), dataset("vehicles", fields)) == wanted


def test_a_vehicle_without_coordinates_has_no_place(tmp_path, server):
    bikes = [{"vehicle_id": "a", "lat": 91, "lon": 1}, {"vehicle_id": "b"}, {"vehicle_id": "c", "lat": None, "lon": 2}]
    server.answer = feeds({"vehicle_status": {"vehicles": bikes}})
    assert [row["place"] for row in rows(gbfs(tmp_path, server), dataset("vehicles", PLACE))] == [None] * 3


@pytest.mark.parametrize(
    ("wanted", "there", "text"),
    [
        ("de", ("en", "de-AT"), "de-AT"),
        ("fr", ("en", "nl"), "en"),
        ("nl", ("de", "en", "nl"), "nl"),
        ("de", ("es",), "es"),
    ],
)
def test_the_language_is_the_wanted_one_then_german_then_english(tmp_path, server, wanted, there, text):
    names = [{"language": language, "text": language} for language in there]
    server.answer = feeds({"system_regions": {"regions": [{"region_id": "1", "name": names}]}})
    assert rows(gbfs(tmp_path, server, language=wanted), dataset("regions", texts("name"))) == [{"name": text}]


def test_the_feeds_of_2_are_those_of_the_language(tmp_path, server):
    def answer(request: Request) -> Any:
        name = request.path.removeprefix("/api/")
        if name == "gbfs.json":
            listed = {
                code: {"feeds": [{"name": "system_regions", "url": f"{server.url}/{code}"}]}
                for code in ("en", "de", "nl")
            }
            return {"version": "2.3", "ttl": 0, "last_updated": 1, "data": listed}
        return {"version": "2.3", "data": {"regions": [{"region_id": "1", "name": name}]}}

    server.answer = answer
    assert rows(gbfs(tmp_path, server), dataset("regions", texts("name"))) == [{"name": "de"}]
    assert rows(gbfs(tmp_path, server, language="nl"), dataset("regions", texts("name"))) == [{"name": "nl"}]


def test_rules_of_zones_are_rows_with_their_shape(tmp_path, server):
    square = json.loads(shapely.to_geojson(shapely.MultiPolygon([shapely.box(9.9, 48.3, 10, 48.4)])))
    rules = [
        {"ride_allowed": False, "vehicle_type_id": ["a", "b"]},
        {"ride_start_allowed": True, "maximum_speed_kph": 6},
    ]
    zone = {"type": "Feature", "geometry": square, "properties": {"name": "Münsterplatz", "rules": rules}}
    plain = {"type": "Feature", "geometry": square, "properties": {"name": "ohne Regeln"}}
    collection = {"type": "FeatureCollection", "features": [zone, plain]}
    server.answer = feeds({"geofencing_zones": {"geofencing_zones": collection}}, version="2.3", language="de")
    fields = (
        *texts("name", "vehicle_type_ids"),
        Field("ride_start_allowed", FieldType.BOOLEAN),
        Field("maximum_speed_kph", FieldType.INTEGER),
        *PLACE,
    )
    first, second = rows(gbfs(tmp_path, server), dataset("geofencing_rules", fields))
    assert (first["vehicle_type_ids"], first["ride_start_allowed"], first["name"]) == ("a; b", False, "Münsterplatz")
    assert (second["maximum_speed_kph"], second["ride_start_allowed"]) == (6, True)
    assert shapely.from_wkb(first["place"]).area == pytest.approx(0.01)
    assert len(rows(gbfs(tmp_path, server), dataset("geofencing_zones", fields[:1]))) == 2


def test_the_times_of_alerts_are_written_out_in_both_versions(tmp_path, server):
    alert = {"alert_id": "1", "times": [{"start": 1795521600}], "last_updated": 1795521600}
    server.answer = feeds({"system_alerts": {"alerts": [alert]}}, version="2.3", language="de")
    fields = (*texts("times"), Field("last_updated", FieldType.DATETIME))
    (row,) = rows(gbfs(tmp_path, server), dataset("system_alerts", fields))
    assert json.loads(row["times"]) == [{"start": "2026-11-24T12:00:00+00:00"}]
    assert row["last_updated"] == dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)


def asked(server: Server) -> list[str]:
    return [request.path.rpartition("/")[2] for request in server.seen]


@pytest.mark.parametrize("by", ["ttl", "Cache-Control"])
def test_a_feed_is_not_asked_for_again_before_its_time_is_over(tmp_path, server, by):
    regions = {"regions": [{"region_id": "1"}]}
    if by == "ttl":
        server.answer = feeds({"system_regions": regions}, ttl=60)
    else:
        plain = feeds({"system_regions": regions})
        server.answer = lambda request: Reply(plain(request), Cache_Control="public, max-age=60")
    source = gbfs(tmp_path, server)
    for _ in range(3):
        assert len(rows(source, dataset("regions", texts("region_id")))) == 1
    assert asked(server) == ["gbfs.json", "system_regions"]


def test_a_feed_is_asked_for_again_when_its_time_is_over(tmp_path, server, monkeypatch):
    server.answer = feeds({"system_regions": {"regions": [{"region_id": "1"}]}}, ttl=60)
    source = gbfs(tmp_path, server)
    rows(source, dataset("regions", texts("region_id")))
    server.answer = feeds({"system_regions": {"regions": [{"region_id": "2"}]}}, ttl=60)
    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    assert rows(source, dataset("regions", texts("region_id"))) == [{"region_id": "2"}]


def test_no_feed_can_silence_itself_for_longer_than_a_day(tmp_path, server, monkeypatch):
    server.answer = feeds({"system_regions": {"regions": [{"region_id": "1"}]}}, ttl=10**9)
    source = gbfs(tmp_path, server)
    rows(source, dataset("regions", texts("region_id")))
    later = time.time() + 86_401
    monkeypatch.setattr(time, "time", lambda: later)
    rows(source, dataset("regions", texts("region_id")))
    assert asked(server) == ["gbfs.json", "system_regions"] * 2


def test_many_threads_ask_a_feed_once(tmp_path, server):
    from concurrent.futures import ThreadPoolExecutor

    server.answer = feeds({"system_regions": {"regions": [{"region_id": "1"}]}}, ttl=60)
    source = gbfs(tmp_path, server)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: rows(source, dataset("regions", texts("region_id"))), range(16)))
    assert found == [[{"region_id": "1"}]] * 16
    assert sorted(asked(server)) == ["gbfs.json", "system_regions"]


def test_the_last_answer_stands_in_for_a_while_and_says_so(tmp_path, server, monkeypatch):
    from nabe.testing.sealing import seal

    server.answer = feeds({"system_regions": {"regions": [{"region_id": "1"}]}}, ttl=60)
    source = gbfs(tmp_path, server, stale_s=100, retries=0)
    wanted = dataset("regions", texts("region_id"))
    assert rows(source, wanted) == [{"region_id": "1"}]
    now = time.time()
    server.answer = Reply({}, 503)
    monkeypatch.setattr(time, "time", lambda: now + 120)
    batches = source.read(seal(wanted))
    assert sum(batch.num_rows for batch in batches.batches) == 1
    assert batches.stale_since is not None and abs(batches.stale_since.timestamp() - now) < 5
    count = len(server.seen)
    rows(source, wanted)
    assert len(server.seen) == count, "left alone for a moment after it failed"
    monkeypatch.setattr(time, "time", lambda: now + 161)
    with pytest.raises(SourceUnavailable, match="503"):
        rows(source, wanted)


def test_data_that_say_to_be_old_are_refused_where_that_matters(tmp_path, server):
    server.answer = feeds({"system_regions": {"regions": [{"region_id": "1"}]}})  # of 24 November 2026, 12:00 UTC
    wanted = dataset("regions", texts("region_id"))
    assert rows(gbfs(tmp_path, server, max_age_s=1e9), wanted)
    old = lambda request: (  # noqa: E731
        feeds({"system_regions": {"regions": []}})(request) | {"last_updated": "2020-01-01T00:00:00Z"}
    )
    server.answer = old
    with pytest.raises(SourceUnavailable, match="its data are of 2020-01-01 00:00:00 UTC"):
        rows(gbfs(tmp_path, server, max_age_s=3600), wanted)


# Real examples of the text of GBFS 3.1, in a folder.


def test_the_examples_of_the_standard(tmp_path):
    folder = data("gbfs_v3.1")
    source = opened(tmp_path, kind="gbfs", path=str(folder))
    fields = (*texts("station_id", "name", "contact_phone"), *NUMBERS[:1], *WHEN, *PLACE)
    found = {row["station_id"]: row for row in rows(source, dataset("stations", fields))}
    assert set(found) == {"pga", "station1", "station2"}, "not one coherent feed: nothing is lost"
    assert found["pga"]["name"] == "Parking garage A" and found["pga"]["contact_phone"] == "+33109874321"
    assert found["pga"]["num_vehicles_available"] is None
    assert shapely.from_wkb(found["pga"]["place"]) == shapely.Point(45.678901, 12.345678)
    assert found["station2"]["num_vehicles_available"] == 6 and found["station2"]["place"] is None
    assert found["station1"]["last_reported"] == dt.datetime(2023, 7, 17, 11, 34, 13, tzinfo=dt.UTC)
    other = {"table": "stations", "file": "station_information.2.json"}
    area = (*texts("station_id", "city"), Field("area", FieldType.GEOMETRY, column="station_area"))
    portland = next(row for row in rows(source, dataset(other, area)) if row["station_id"] == "station12")
    assert portland["city"] == "Portland, OR" and shapely.from_wkb(portland["area"]).geom_type == "MultiPolygon"
    rules = (Field("maximum_speed_kph", FieldType.INTEGER), *texts("vehicle_type_ids"))
    assert rows(source, dataset("geofencing_rules", rules)) == [
        {"maximum_speed_kph": 10, "vehicle_type_ids": "moped1; car1"}
    ]
    types = described(probe(tmp_path, str(folder)), "vehicle_types")
    assert types["g_CO2_km"] is FieldType.INTEGER and types["vehicle_assets.icon_last_modified"] is FieldType.DATE


def test_the_tariffs_of_ulm_in_german(tmp_path, server):
    given = read(data("ulm_swu2go_tarife.json"))["feed_data"]
    documents = {
        "system_pricing_plans": {"plans": given["pricing_plans"]},
        "system_alerts": {"alerts": given["alerts"]},
    }
    server.answer = feeds(documents, version="2.3", language="de")
    source = gbfs(tmp_path, server)
    fields = (*texts("plan_id", "name", "currency", "per_km_pricing"), Field("price", FieldType.NUMBER))
    plans = {row["plan_id"]: row for row in rows(source, dataset("pricing_plans", fields))}
    assert plans["small_hour_daytime"]["name"] == "eCompact - 7-20 Uhr pro Stunde"
    assert plans["small_day"]["price"] == 0.0 and {row["currency"] for row in plans.values()} == {"EUR"}
    assert json.loads(plans["small_day"]["per_km_pricing"]) == [{"start": 0, "interval": 1, "rate": 0.19}]
    (alert,) = rows(source, dataset("system_alerts", texts("alert_id", "summary")))
    assert alert == {"alert_id": "mobidatabw_1", "summary": "Keine Echtzeitdaten"}


def test_what_a_provider_adds_of_persons_and_plates_is_not_proposed(tmp_path, server):
    (vehicle,) = read(data("anbieter_deer_fahrzeuge.json"))[:1]
    vehicle = {
        "vehicle_id": "1",
        "lat": 48.7,
        "lon": 8.7,
        "is_disabled": False,
        **vehicle,
        "modifiedBy": "m",
        "vin": "W",
    }
    server.answer = feeds({"vehicle_status": {"vehicles": [vehicle]}})
    look = probe(tmp_path, f"{server.url}/gbfs.json")
    found = described(look, "vehicles")
    assert "mileage" in found and "brand" in found
    assert not {"numberPlate", "vin", "modifiedBy"} & set(found)
    assert any(note.startswith("Left out") and "numberPlate" in note for note in look.describe("vehicles").notes)


def test_what_would_be_asked_for_is_told_without_keys(tmp_path, server):
    from nabe.testing.sealing import seal

    source = gbfs(tmp_path, server, params={"key": "geheim"})
    assert source.explain(seal(dataset("regions", texts("name")))) == f"GBFS regions of {server.url}/gbfs.json"
    assert opened(tmp_path, kind="gbfs", path="x").explain(seal(dataset("regions", ()))) == "GBFS regions of x"


def test_other_hosts_of_a_list_of_feeds_are_proposed_for_review(tmp_path, server):
    from nabe.adapters.mobility import MobilityAdapter

    from .support import context

    listed = [{"name": name, "url": f"https://{name}.example/x"} for name in ("b", "a")]
    server.answer = {"version": "3.0", "ttl": 0, "data": {"feeds": [*listed, {"name": "c", "url": "c.json"}]}}
    found = MobilityAdapter().sniff(f"{server.url}/gbfs.json?stadt=ulm", context(tmp_path))
    url = f"{server.url}/gbfs.json"
    assert found == {"kind": "gbfs", "url": url, "params": {"stadt": "ulm"}, "hosts": ["a.example", "b.example"]}


def test_records_without_their_id_are_missed_by_name(tmp_path, server):
    server.answer = feeds({"vehicle_status": {"vehicles": [{"is_disabled": True}]}})
    with pytest.raises(SourceRefused, match="no record has 'vehicle_id'"):
        rows(gbfs(tmp_path, server), dataset("vehicles", texts("vehicle_id", "station_id")))


def test_a_table_that_no_feed_gives_is_refused_by_name(tmp_path, server):
    server.answer = feeds({"system_regions": {"regions": []}})
    with pytest.raises(SourceRefused, match=r"has no vehicle_status or free_bike_status.*system_regions"):
        rows(gbfs(tmp_path, server), dataset("vehicles", texts("vehicle_id")))
    with pytest.raises(SourceRefused, match="there is no table 'buses'"):
        rows(gbfs(tmp_path, server), dataset("buses", texts("vehicle_id")))
