"""GTFS Realtime: messages made with the bindings, as positions, trips, stops, alerts; messages that are none."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
import shapely
from google.transit import gtfs_realtime_pb2 as gtfs

from nabe.errors import SourceRefused, SourceUnavailable
from nabe.model.dataset import Field, FieldType

from .support import Reply, Server, dataset, described, opened, probe, rows, serving, texts

NOON = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
MADE = int(NOON.timestamp())
TIMES = (Field("timestamp", FieldType.DATETIME), Field("feed_timestamp", FieldType.DATETIME))


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


def message(version: str = "2.0", **header: Any) -> gtfs.FeedMessage:
    made = gtfs.FeedMessage()
    made.header.gtfs_realtime_version = version
    made.header.timestamp = header.get("timestamp", MADE)
    return made


def served(server: Server, made: gtfs.FeedMessage, **headers: str) -> None:
    server.answer = Reply(made.SerializeToString(), Content_Type="application/x-protobuf", **headers)


def feed(root: Any, server: Server, **more: Any) -> Any:
    return opened(root, kind="gtfs_rt", url=f"{server.url}/vehicle-positions.pb", **{"refresh_s": 0, **more})


def vehicle(made: gtfs.FeedMessage, id: str = "1", lat: float = 48.4, lon: float = 9.99) -> Any:
    entity = made.entity.add(id=id)
    entity.vehicle.trip.trip_id, entity.vehicle.trip.route_id = "t1", "5"
    entity.vehicle.trip.start_date = "20261124"
    entity.vehicle.vehicle.id, entity.vehicle.vehicle.license_plate = "wagen 7", "UL-X 7"
    entity.vehicle.position.latitude, entity.vehicle.position.longitude = lat, lon
    entity.vehicle.timestamp = MADE - 60
    entity.vehicle.occupancy_status = gtfs.VehiclePosition.FEW_SEATS_AVAILABLE
    return entity.vehicle


def test_positions_of_vehicles(tmp_path, server):
    made = message()
    vehicle(made)
    made.entity.add(id="2", is_deleted=True).vehicle.vehicle.id = "weg"
    served(server, made)
    fields = (
        *texts("entity_id", "route_id", "vehicle_id", "occupancy_status", "current_status", "congestion_level"),
        *TIMES,
        Field("start_date", FieldType.DATE),
        Field("bearing", FieldType.NUMBER),
        Field("latitude", FieldType.NUMBER),
        Field("geometry", FieldType.GEOMETRY),
    )
    (row,) = rows(feed(tmp_path, server), dataset("vehicle_positions", fields))
    assert shapely.from_wkb(row.pop("geometry")) == shapely.Point(9.99, 48.4), "as written, not 9.989999771118164"
    assert row == {
        "entity_id": "1",
        "route_id": "5",
        "vehicle_id": "wagen 7",
        "occupancy_status": "FEW_SEATS_AVAILABLE",
        "current_status": "IN_TRANSIT_TO",
        "congestion_level": None,
        "timestamp": NOON - dt.timedelta(minutes=1),
        "feed_timestamp": NOON,
        "start_date": dt.date(2026, 11, 24),
        "bearing": None,
        "latitude": 48.4,
    }


def test_a_place_that_is_none_is_missing(tmp_path, server):
    made = message()
    for number, (lat, lon) in enumerate([(91.0, 1.0), (float("nan"), 1.0), (1.0, float("inf")), (0.0, 0.0)]):
        vehicle(made, str(number), lat, lon)
    served(server, made)
    places = rows(feed(tmp_path, server), dataset("vehicle_positions", (Field("geometry", FieldType.GEOMETRY),)))
    assert [row["geometry"] is not None for row in places] == [False, False, False, True]


def test_trip_updates_and_their_stops_are_two_tables(tmp_path, server):
    made = message()
    update = made.entity.add(id="u").trip_update
    update.trip.trip_id, update.trip.schedule_relationship = "t1", gtfs.TripDescriptor.SCHEDULED
    for number, delay in enumerate((60, -30)):
        stop = update.stop_time_update.add(stop_sequence=number, stop_id=f"s{number}")
        stop.arrival.delay, stop.arrival.time = delay, MADE + delay
    skipped = gtfs.TripUpdate.StopTimeUpdate.SKIPPED
    update.stop_time_update.add(stop_sequence=2, schedule_relationship=skipped)
    empty = made.entity.add(id="leer").trip_update
    empty.trip.trip_id, empty.trip.schedule_relationship = "t2", gtfs.TripDescriptor.CANCELED
    served(server, made)
    source = feed(tmp_path, server)
    count = Field("stop_time_updates", FieldType.INTEGER)
    trips = rows(source, dataset("trip_updates", (*texts("trip_id", "schedule_relationship"), count)))
    assert trips == [
        {"trip_id": "t1", "schedule_relationship": "SCHEDULED", "stop_time_updates": 3},
        {"trip_id": "t2", "schedule_relationship": "CANCELED", "stop_time_updates": 0},
    ]
    fields = (
        *texts("trip_id", "stop_id", "schedule_relationship"),
        Field("arrival_delay", FieldType.INTEGER),
        Field("arrival_time", FieldType.DATETIME),
        Field("departure_delay", FieldType.INTEGER),
    )
    stops = rows(source, dataset("stop_time_updates", fields))
    assert [(row["stop_id"], row["arrival_delay"], row["schedule_relationship"]) for row in stops] == [
        ("s0", 60, "SCHEDULED"),
        ("s1", -30, "SCHEDULED"),
        (None, None, "SKIPPED"),
    ]
    assert stops[1]["arrival_time"] == NOON - dt.timedelta(seconds=30) and stops[1]["departure_delay"] is None


def test_alerts_in_the_wanted_language_and_whom_they_concern(tmp_path, server):
    made = message()
    alert = made.entity.add(id="a").alert
    alert.cause, alert.effect = gtfs.Alert.CONSTRUCTION, gtfs.Alert.DETOUR
    for text, language in (("Detour", "en"), ("Umleitung", "de"), ("Déviation", "fr")):
        alert.header_text.translation.add(text=text, language=language)
    alert.description_text.translation.add(text="ohne Sprache")
    alert.active_period.add(start=MADE, end=MADE + 60)
    alert.active_period.add(start=MADE + 600)
    alert.informed_entity.add(route_id="5", route_type=0)
    alert.informed_entity.add(stop_id="s1").trip.trip_id = "t9"
    served(server, made)
    fields = (
        *texts("cause", "effect", "header", "description", "url", "active_periods"),
        Field("start", FieldType.DATETIME),
        Field("end", FieldType.DATETIME),
    )
    (row,) = rows(feed(tmp_path, server), dataset("alerts", fields))
    assert (row["cause"], row["effect"], row["header"]) == ("CONSTRUCTION", "DETOUR", "Umleitung")
    assert (row["description"], row["url"]) == ("ohne Sprache", None)
    assert row["start"] == NOON and row["end"] is None, "its last period is open"
    assert len(json.loads(row["active_periods"])) == 2
    (row,) = rows(feed(tmp_path, server, language="fr"), dataset("alerts", texts("header")))
    assert row == {"header": "Déviation"}
    informed = (*texts("route_id", "stop_id", "trip_id"), Field("route_type", FieldType.INTEGER))
    assert rows(feed(tmp_path, server), dataset("alert_entities", informed)) == [
        {"route_id": "5", "stop_id": None, "trip_id": None, "route_type": 0},
        {"route_id": None, "stop_id": "s1", "trip_id": "t9", "route_type": None},
    ]


def test_a_text_that_is_not_in_utf_8_is_told_as_far_as_it_can_be(tmp_path, server):
    made = message()
    vehicle(made, "x")
    server.answer = Reply(made.SerializeToString().replace(b"wagen 7", b"wag\xe4n 7"))
    (row,) = rows(feed(tmp_path, server), dataset("vehicle_positions", texts("vehicle_id", "trip_id")))
    assert row == {"vehicle_id": "wag\ufffdn 7", "trip_id": "t1"}


def test_an_empty_message_is_no_error(tmp_path, server):
    served(server, message())
    assert rows(feed(tmp_path, server), dataset("vehicle_positions", texts("trip_id"))) == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "it is empty"),
        (b"\x0a\xff\xff\xff\xff\x0f", "no GTFS Realtime message, or is cut off"),
        (b"\xff" * 200, "no GTFS Realtime message, or is cut off"),
        (b'{"header": {"gtfs_realtime_version": "2.0"}}', "JSON, not protobuf"),
        (b"<html>Anmeldung", "a web page.*instead of GTFS Realtime"),
        (b"\x12\x03\x0a\x01a", "it has no header|no GTFS Realtime message"),
    ],
)
def test_what_is_no_message_is_refused(tmp_path, server, body, says):
    server.answer = Reply(body, Content_Type="text/html" if b"<" in body else "application/x-protobuf")
    with pytest.raises(SourceRefused, match=says):
        rows(feed(tmp_path, server), dataset("vehicle_positions", texts("trip_id")))


def test_a_message_that_is_cut_off_or_too_large_is_refused(tmp_path, server):
    made = message()
    for number in range(20_000):
        vehicle(made, str(number))
    whole = made.SerializeToString()
    server.answer = Reply(whole[:-7], Content_Type="application/x-protobuf")
    with pytest.raises(SourceRefused, match="cut off"):
        rows(feed(tmp_path, server), dataset("vehicle_positions", texts("trip_id")))
    server.answer = Reply(whole, Content_Type="application/x-protobuf")
    with pytest.raises(SourceRefused, match="larger than 1 MB"):
        rows(feed(tmp_path, server, max_mb=1), dataset("vehicle_positions", texts("trip_id")))
    assert len(rows(feed(tmp_path, server), dataset("vehicle_positions", texts("trip_id")))) == 20_000


_MEASURE = """
import resource
from nabe.adapters.mobility import realtime
head = bytes([10, 5, 10, 3]) + b"2.0"
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert not list(realtime.parse(head).entities())
body = head + bytes([18, 2, 10, 0]) * 1_000_000
before = peak()
assert sum(1 for _ in realtime.parse(body).entities()) == 1_000_000
print(peak() - before)
"""


def test_many_empty_parts_do_not_fill_the_memory(tmp_path, server):
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", _MEASURE], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 30_000, "KB; as one message they take more than 80 MB"
    made = message()
    update = made.entity.add(id="1").trip_update
    update.trip.trip_id = "t"
    for _ in range(520_000):
        update.stop_time_update.add()
    served(server, made)
    with pytest.raises(SourceRefused, match="an entity of more than 1 MB"):
        rows(feed(tmp_path, server), dataset("stop_time_updates", texts("trip_id")))


def test_differences_alone_are_refused(tmp_path, server):
    made = message()
    made.header.incrementality = gtfs.FeedHeader.DIFFERENTIAL
    served(server, made)
    with pytest.raises(SourceRefused, match="differences only"):
        rows(feed(tmp_path, server), dataset("vehicle_positions", texts("trip_id")))


def test_an_old_message_is_refused_where_that_matters(tmp_path, server):
    served(server, message(timestamp=1_600_000_000))
    with pytest.raises(SourceUnavailable, match="2020-09-13"):
        rows(feed(tmp_path, server, max_age_s=300), dataset("vehicle_positions", texts("trip_id")))


def test_a_message_holds_for_a_quarter_of_a_minute_or_what_the_server_says(tmp_path, server):
    served(server, message(), Cache_Control="max-age=60")
    for source in (feed(tmp_path, server), feed(tmp_path, server, refresh_s=None)):
        for _ in range(2):
            rows(source, dataset("vehicle_positions", texts("trip_id")))
    assert len(server.seen) == 2


def test_the_tables_are_those_that_the_message_has(tmp_path, server):
    made = message()
    vehicle(made)
    served(server, made)
    look = probe(tmp_path, f"{server.url}/vehicle-positions.pb")
    assert look.discover() == ["vehicle_positions"]
    found = described(look, "vehicle_positions")
    assert found["geometry"] is FieldType.GEOMETRY and "latitude" not in found
    assert next(c for c in look.describe("vehicle_positions").columns if c.name == "license_plate").personal


def test_a_file_of_the_workspace(tmp_path):
    made = message()
    vehicle(made)
    (tmp_path / "stand.pb").write_bytes(made.SerializeToString())
    source = opened(tmp_path, kind="gtfs_rt", path="stand.pb")
    assert rows(source, dataset("vehicle_positions", texts("trip_id"))) == [{"trip_id": "t1"}]


def test_the_bindings_are_loaded_when_they_are_needed():
    import subprocess
    import sys

    code = "import nabe.app, sys; nabe.app.adapters(); assert 'google.protobuf' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == 0
