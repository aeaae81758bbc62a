"""MDS 2.0: pages, hours, spans, positions, zones, reports with what is withheld; real examples."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
import shapely

from nabe.adapters.mobility import MobilityAdapter
from nabe.adapters.mobility.settings import TableSettings
from nabe.adapters.mobility.windows import extent
from nabe.errors import SourceRefused, SourceUnavailable
from nabe.model.dataset import FieldType
from nabe.model.expr import And, Compare, Op
from nabe.model.query import Scan
from nabe.testing.silo import no_secrets

from .support import Field, Reply, Request, Server, context, data, dataset, opened, rows, serving, texts

HOUR = dt.timedelta(hours=1)
TRIPS = (
    *texts("trip_id"),
    Field("end_time", FieldType.DATETIME),
    Field("begin", FieldType.GEOMETRY, column="start_geometry"),
)


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


def mds(root: Any, server: Server, **more: Any) -> Any:
    return opened(root, kind="mds", url=server.url, **more)


def hour(moment: dt.datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H")


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0)


def trips(request: Request) -> Any:
    """One trip in the middle of each hour."""
    if request.path != "/api/trips" or "end_time" not in request.params:
        return Reply({}, 400)
    start = dt.datetime.strptime(request.params["end_time"], "%Y-%m-%dT%H").replace(tzinfo=dt.UTC)
    end = int((start + HOUR / 2).timestamp() * 1000)
    place = {"lat": 48.4, "lng": 9.99, "altitude": 478.0}
    trip = {"trip_id": hour(start), "end_time": end, "start_location": place, "end_location": place}
    return {"version": "2.0.0", "trips": [trip]}


def asked(server: Server) -> list[str]:
    return [request.params.get("end_time", "") for request in server.seen]


def test_trips_are_asked_for_hour_by_hour(tmp_path, server):
    server.answer = trips
    found = rows(mds(tmp_path, server), dataset({"table": "trips", "hours": 3}, TRIPS))
    wanted = [hour(now() - n * HOUR) for n in (3, 2, 1)]
    assert [row["trip_id"] for row in found] == wanted == asked(server)
    assert found[0]["end_time"] == now() - 2.5 * HOUR
    assert shapely.from_wkb(found[0]["begin"]).wkt == "POINT (9.99 48.4)"
    assert server.seen[0].headers["accept"] == "application/vnd.mds+json;version=2.0"


def test_the_version_is_asked_for_as_declared(tmp_path, server):
    server.answer = {"version": "1.2.0", "vehicles": []}
    rows(mds(tmp_path, server, version="1.2"), dataset("vehicles", texts("device_id")))
    assert server.seen[0].headers["accept"] == "application/vnd.mds+json;version=1.2"


@pytest.mark.parametrize(
    ("parts", "hours"),
    [
        ([(Op.GE, 5)], (5, 4, 3, 2, 1)),
        ([(Op.GT, 5.5), (Op.LT, 3)], (6, 5, 4)),
        ([(Op.LE, 3)], (24, 3)),
        ([(Op.EQ, 2.5)], (3,)),
        ([(Op.GE, 2), (Op.LT, 4)], ()),
        ([(Op.GE, 400)], (24, 1)),
    ],
)
def test_conditions_on_the_time_leave_fewer_hours_and_the_same_rows(tmp_path, server, parts, hours):
    server.answer = trips
    source, whole = mds(tmp_path, server), dataset("trips", TRIPS)
    conditions = And(tuple(Compare("end_time", op, now() - back * HOUR) for op, back in parts))
    found = rows(source, whole, Scan("inhalt", ("trip_id",), conditions))
    span = [hour(now() - n * HOUR) for n in (hours if len(hours) != 2 else range(hours[0], hours[1] - 1, -1))]
    assert asked(server) == span
    everything = rows(source, whole)
    assert found == [{"trip_id": row["trip_id"]} for row in everything if _holds(row["end_time"], parts)]


def _holds(value: dt.datetime, parts: list[tuple[Op, float]]) -> bool:
    tests = {
        Op.GE: value.__ge__,
        Op.GT: value.__gt__,
        Op.LE: value.__le__,
        Op.LT: value.__lt__,
        Op.EQ: value.__eq__,
    }
    return all(tests[op](now() - back * HOUR) for op, back in parts)


def test_a_filter_behind_a_minimum_group_does_not_narrow_the_hours(tmp_path, server):
    server.answer = trips
    where = Compare("end_time", Op.GE, now() - HOUR)
    scan = Scan("inhalt", ("end_time",), where)
    rows(
        mds(tmp_path, server),
        dataset({"table": "trips", "hours": 3}, TRIPS),
        scan,
        columns=frozenset({"end_time"}),
        min_group=2,
    )
    assert len(server.seen) == 3


def test_hours_without_trips_and_hours_to_come_have_no_rows(tmp_path, server):
    def answer(request: Request) -> Any:
        back = (now() - dt.datetime.strptime(request.params["end_time"], "%Y-%m-%dT%H").replace(tzinfo=dt.UTC)) / HOUR
        return {3.0: Reply({}, 404), 1.0: Reply({}, 202)}.get(back) or trips(request)

    server.answer = answer
    found = rows(mds(tmp_path, server), dataset({"table": "trips", "hours": 3}, TRIPS))
    assert [row["trip_id"] for row in found] == [hour(now() - 2 * HOUR)]
    server.answer = Reply({}, 500)
    with pytest.raises(SourceUnavailable):
        rows(mds(tmp_path, server, retries=0), dataset("trips", TRIPS))


def test_what_would_be_asked_for_is_told(tmp_path, server):
    from nabe.testing.sealing import seal

    source, whole = mds(tmp_path, server), dataset("trips", TRIPS)
    assert source.explain(seal(whole)) == f"MDS trips of {server.url}, 24 hours by end_time"
    few = Scan("inhalt", ("trip_id",), Compare("end_time", Op.GE, now() - 2 * HOUR))
    assert source.explain(seal(whole, few)).endswith(", 2 hours by end_time")
    status = dataset("vehicles_status", texts("device_id"))
    one = Scan("inhalt", ("device_id",), Compare("device_id", Op.EQ, "d-1"))
    assert source.explain(seal(status, one)).endswith(", one device_id") and server.seen == []


def test_each_hour_is_handed_on_as_it_comes(tmp_path, server):
    from nabe.testing.sealing import seal

    server.answer = lambda request: Reply({}, 404) if len(server.seen) == 1 else trips(request)
    batches = mds(tmp_path, server).read(seal(dataset({"table": "trips", "hours": 5}, TRIPS)))
    assert [next(batches.batches).num_rows for _ in range(2)] == [0, 1]
    assert len(server.seen) == 2
    batches.close()


def test_withheld_numbers_are_so_in_every_type(tmp_path, server):
    head = "provider_id,start_date,special_group_type,vehicle_type,trip_count,rider_count\n"
    server.answer = Reply((head + "p,2026-10-01,all_riders,bicycle,12,-1\n").encode(), Content_Type="text/vnd.mds+csv")
    fields = (*texts("rider_count"), Field("trips", FieldType.NUMBER, column="trip_count"))
    (row,) = rows(mds(tmp_path, server), dataset({"table": "reports", "months": 1}, fields))
    assert row == {"rider_count": None, "trips": 12.0}


def test_a_dataset_from_a_day_on_must_be_narrowed_when_it_has_grown(tmp_path, server):
    server.answer = trips
    since = dataset({"table": "trips", "since": "2020-01-01"}, TRIPS)
    with pytest.raises(SourceRefused, match=r"more than 744 hours.*Narrow the question by end_time"):
        rows(mds(tmp_path, server), since)
    assert server.seen == []
    scan = Scan("inhalt", ("trip_id",), Compare("end_time", Op.GE, now() - 2 * HOUR))
    assert len(rows(mds(tmp_path, server), since, scan)) == 2
    moment = dt.datetime(2026, 11, 24, 12, 30, tzinfo=dt.UTC)
    start, end = extent(TableSettings(table="trips", since="2026-11-24T10"), moment)
    assert (start.hour, end.hour) == (10, 12)


def test_recent_events_are_a_span_of_milliseconds_within_two_weeks(tmp_path, server):
    event = {"event_id": "e", "timestamp": int((now() - HOUR).timestamp() * 1000), "location": {"lat": 48.4, "lng": 10}}
    server.answer = {"version": "2.0.0", "events": [event], "links": {"next": None}}
    fields = (*texts("event_id"), Field("timestamp", FieldType.DATETIME), Field("geometry", FieldType.GEOMETRY))
    (row,) = rows(mds(tmp_path, server), dataset({"table": "events_recent", "hours": 2000}, fields))
    assert row["timestamp"] == now() - HOUR and row["geometry"]
    (request,) = server.seen
    assert request.path == "/api/events/recent"
    assert abs(int(request.params["end_time"]) / 1000 - dt.datetime.now(dt.UTC).timestamp()) < 60
    assert (
        dt.timedelta(days=13)
        < dt.datetime.now(dt.UTC) - dt.datetime.fromtimestamp(int(request.params["start_time"]) / 1000, dt.UTC)
        < dt.timedelta(days=14)
    )


def test_one_vehicle_is_asked_for_by_its_id(tmp_path, server):
    status = {
        "device_id": "d-1",
        "last_event": {"vehicle_state": "available", "timestamp": 1795521600000, "event_types": ["trip_end"]},
        "last_telemetry": {"location": {"lat": 48.4, "lng": 9.99}},
    }

    def answer(request: Request) -> Any:
        if request.path.endswith("/status/weg"):
            return Reply({}, 404)
        return {"version": "2.0.0", "ttl": 0, "last_updated": 1, "vehicles_status": [status]}

    server.answer = answer
    fields = (
        *texts("device_id", "last_event.vehicle_state", "last_event.event_types"),
        Field("at", FieldType.DATETIME, column="last_event.timestamp"),
        Field("geometry", FieldType.GEOMETRY),
    )
    source, whole = mds(tmp_path, server), dataset("vehicles_status", fields)
    scan = Scan("inhalt", tuple(field.name for field in fields), Compare("device_id", Op.EQ, "d-1"))
    (row,) = rows(source, whole, scan)
    assert (row["last_event_vehicle_state"], row["last_event_event_types"]) == ("available", "trip_end")
    assert row["at"] == dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC) and row["geometry"]
    assert rows(source, whole, Scan("inhalt", ("device_id",), Compare("device_id", Op.EQ, "weg"))) == []
    assert rows(source, whole, Scan("inhalt", ("device_id",), Compare("device_id", Op.EQ, "../trips"))) == []
    assert [request.path for request in server.seen] == [
        "/api/vehicles/status/d-1",
        "/api/vehicles/status/weg",
        "/api/vehicles/status",
    ]


def test_a_page_holds_for_its_ttl_in_milliseconds(tmp_path, server):
    server.answer = {"version": "2.0.0", "ttl": 60_000, "last_updated": 1795521600000, "stops": [{"stop_id": "s"}]}
    source = mds(tmp_path, server)
    for _ in range(3):
        assert rows(source, dataset("stops", texts("stop_id"))) == [{"stop_id": "s"}]
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("following", "says"),
    [
        ("http://10.0.0.1/vehicles", "on another host"),
        ("{url}/vehicles", "points back|again and again"),
        ("{url}/vehicles?page={n}", "again and again"),
    ],
)
def test_pages_without_end_or_elsewhere_are_refused(tmp_path, server, following, says):
    def answer(_: Request) -> Any:
        target = following.format(url=server.url, n=7)
        return {"version": "2.0.0", "vehicles": [{"device_id": "d"}], "links": {"next": target}}

    server.answer = answer
    with pytest.raises(SourceRefused, match=says):
        rows(mds(tmp_path, server), dataset("vehicles", texts("device_id")))
    assert len(server.seen) <= 3


def test_a_log_in_is_sent(tmp_path, server):
    server.answer = {"version": "2.0.0", "vehicles": []}
    auth = {"type": "bearer", "token": "${TOKEN}"}
    rows(mds(tmp_path, server, auth=auth, secrets=lambda _: "geheim"), dataset("vehicles", texts("device_id")))
    assert server.seen[0].headers["authorization"] == "Bearer geheim"


REPORT = (
    *texts("special_group_type", "geography_id", "vehicle_type"),
    Field("start_date", FieldType.DATE),
    Field("trip_count", FieldType.INTEGER),
    Field("rider_count", FieldType.INTEGER),
    Field("rider_count_withheld", FieldType.BOOLEAN),
)


def test_reports_are_asked_for_month_by_month(tmp_path, server):
    head = "provider_id,start_date,special_group_type,geography_id,vehicle_type,trip_count,rider_count\n"

    def answer(request: Request) -> Any:
        if len(server.seen) == 1:
            return Reply({}, 404)
        return Reply((head + "p,2026-10-01,all_riders,g,bicycle,12,-1\n").encode(), Content_Type="text/vnd.mds+csv")

    server.answer = answer
    (row,) = rows(mds(tmp_path, server), dataset({"table": "reports", "months": 2}, REPORT))
    assert (row["trip_count"], row["rider_count"], row["rider_count_withheld"]) == (12, None, True)
    first = now().replace(day=1)
    last = first - dt.timedelta(days=1)
    assert [request.path for request in server.seen] == [
        f"/api/reports/{month:%Y-%m}.csv" for month in (last.replace(day=1) - dt.timedelta(days=1), last)
    ]
    assert server.seen[0].headers["accept"] == "text/vnd.mds+csv;version=2.0"


# Real examples, in a folder.


def local(root: Any) -> Any:
    return opened(root, kind="mds", path=str(data("mds_geography_stop.json").parent))


def test_the_monthly_reports_keep_what_was_withheld_withheld(tmp_path):
    found = rows(local(tmp_path), dataset("reports", REPORT))
    assert len(found) == 36 and {row["start_date"].month for row in found} == {9, 10, 11}
    withheld = [row for row in found if row["rider_count_withheld"]]
    assert len(withheld) == 4 and all(row["rider_count"] is None for row in withheld)
    assert min(row["rider_count"] for row in found if row["rider_count"] is not None) == 0
    assert sum(row["trip_count"] is None for row in found) == 2, "two counts of trips are withheld, too"
    assert sum(row["rider_count"] or 0 for row in found if row["start_date"].month == 9) == 2128
    one = dataset({"table": "reports", "file": "mds_provider_report_2019-09.csv"}, REPORT)
    assert len(rows(local(tmp_path), one)) == 12


def test_geographies_are_one_shape_or_one_for_each_feature(tmp_path):
    fields = (*texts("geography_id", "geography_type"), Field("published_date", FieldType.DATETIME))
    fields += (Field("features", FieldType.INTEGER), Field("geometry", FieldType.GEOMETRY))
    kinds = {"no-ride-zone": "MultiPolygon", "stop": "MultiPoint", "municipal-boundary": "MultiPolygon"}
    for name, kind in kinds.items():
        source = {"table": "geographies", "file": f"mds_geography_{name}.json"}
        (row,) = rows(local(tmp_path), dataset(source, fields))
        assert shapely.from_wkb(row["geometry"]).geom_type == kind
        assert row["published_date"] == dt.datetime(2019, 10, 2, 16, 53, 42, 868000, tzinfo=dt.UTC)
    stops = {"table": "geography_features", "file": "mds_geography_stop.json"}
    found = rows(local(tmp_path), dataset(stops, (*texts("geography_type"), *fields[-1:])))
    assert len(found) == 9 and {row["geography_type"] for row in found} == {"stop"}
    zones = {"table": "geography_features", "file": "mds_geography_no-ride-zone.json"}
    names = rows(local(tmp_path), dataset(zones, texts("NAME")))
    assert {"name": "Louisville Extreme Park"} in names


def test_the_agencies_of_a_county(tmp_path):
    source = {"table": "jurisdictions", "file": "mds_jurisdiction_jurisdictions.json"}
    found = rows(local(tmp_path), dataset(source, texts("agency_key", "mobility_modes")))
    assert found[:2] == [
        {"agency_key": "miami-dade-county", "mobility_modes": "taxi"},
        {"agency_key": "miami", "mobility_modes": "micromobility"},
    ]


# What a look into it says.


def look(root: Any, server: Server) -> Any:
    adapter = MobilityAdapter()
    found = adapter.sniff(f"{server.url}/mds/trips?end_time=2026-11-24T10", context(root))
    assert found is None, "trips of one hour are not recognised: their parameter is the adapter's"
    found = adapter.sniff(f"{server.url}/mds/vehicles", context(root))
    assert found == {"kind": "mds", "url": f"{server.url}/mds/", "version": "2.0"}
    return adapter.probe(found, no_secrets, context(root))


def test_what_tells_of_persons_is_marked(tmp_path, server):
    def answer(request: Request) -> Any:
        name = request.path.removeprefix("/api/mds/")
        if name == "vehicles":
            vehicle = {"device_id": "d", "vehicle_id": "UL-X 1", "vehicle_type": "car", "license_plate": "UL-X 1"}
            return {"version": "2.0.0", "vehicles": [vehicle]}
        if name == "trips" and request.params.get("end_time") != "2026-11-24T10":
            return trips(Request_(request))
        return Reply({}, 404)

    server.answer = answer
    found = look(tmp_path, server)
    assert found.discover() == ["vehicles", "trips"]
    table = found.describe("trips")
    personal = {column.name for column in table.columns if column.personal}
    assert {"trip_id", "end_time", "start_geometry", "end_geometry"} == personal
    assert any("movements of persons" in note for note in table.notes)
    assert any("whole hours" in note for note in table.notes)
    assert "start_location.lat" not in {column.name for column in table.columns}
    vehicles = found.describe("vehicles")
    assert [column.name for column in vehicles.columns] == ["device_id", "vehicle_id", "vehicle_type"]
    assert any("license_plate" in note for note in vehicles.notes)


class Request_:
    """The same request below another path."""

    def __init__(self, request: Request) -> None:
        self.path, self.params = "/api/trips", request.params
