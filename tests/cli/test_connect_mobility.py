"""`nabe connect` of mobility feeds: told from plain files and interfaces by what they hold, and declared so that they answer."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from google.transit import gtfs_realtime_pb2 as gtfs

from nabe.testing.silo import Reply, Request, Server, serving

STOPS = "stop_id,stop_name,stop_lat,stop_lon\n1,Rathaus,48.398,9.993\n2,Donau,48.395,9.995\n"


def packed(files: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


FEED = {"stops.txt": STOPS, "routes.txt": "route_id,route_type\n5,3\n"}


def message() -> bytes:
    made = gtfs.FeedMessage()
    made.header.gtfs_realtime_version, made.header.timestamp = "2.0", 1795521600
    entity = made.entity.add(id="1")
    entity.vehicle.trip.route_id = "5"
    entity.vehicle.position.latitude, entity.vehicle.position.longitude = 48.4, 9.99
    return made.SerializeToString()


def answer(request: Request) -> Any:
    here = f"http://{request.headers['host']}"
    about = {"version": "3.0", "ttl": 60, "last_updated": "2026-11-24T12:00:00Z"}
    vehicle = {"vehicle_id": "v", "lat": 48.4, "lon": 9.99, "is_disabled": False, "is_reserved": False}
    match request.path:
        case "/gbfs.json" | "/gbfs/ulm":
            return {**about, "data": {"feeds": [{"name": "vehicle_status", "url": f"{here}/vehicles"}]}}
        case "/vehicles":
            return {**about, "data": {"vehicles": [vehicle]}}
        case "/gtfs.zip":
            return Reply(packed(FEED), Content_Type="application/zip")
        case "/daten.zip":
            return Reply(packed({"kitas.csv": "nr;name\n01;Zoo\n"}), Content_Type="application/zip")
        case "/vehicle-positions.pb":
            return Reply(message(), Content_Type="application/x-protobuf")
        case "/mds/vehicles":
            return {"version": "2.0.0", "vehicles": [{"device_id": "d", "vehicle_type": "bicycle"}]}
        case "/gbfs/liste":
            return [{"id": 1, "name": "kein GBFS"}]
    return Reply({}, 404)


@pytest.fixture
def web(dorf) -> Iterator[Server]:
    path = dorf / "nabe.yaml"
    path.write_text(path.read_text().replace("# allow_hosts: [intern.example]", "allow_hosts: [127.0.0.1]"))
    yield from serving(answer)


@pytest.mark.parametrize(
    ("path", "adapter", "kind"),
    [
        ("/gbfs.json", "mobility", "gbfs"),
        ("/gbfs/ulm", "mobility", "gbfs"),
        ("/gtfs.zip", "mobility", "gtfs"),
        ("/vehicle-positions.pb", "mobility", "gtfs_rt"),
        ("/mds/vehicles", "mobility", "mds"),
        ("/daten.zip", "file", ""),
        ("/gbfs/liste", "http_json", ""),
    ],
)
def test_an_address_is_connected_by_what_it_delivers(dorf, nabe, web, path, adapter, kind):
    nabe("connect", f"http://127.0.0.1:{web.port}{path}", "--as", "mobil", "--all", "-y", code=0)
    declared = (dorf / "systems/mobil.yaml").read_text()
    assert f"adapter: {adapter}\n" in declared
    assert not kind or f"kind: {kind}\n" in declared
    nabe("check", code=0)


def test_what_was_connected_answers(dorf, nabe, web):
    nabe("connect", f"http://127.0.0.1:{web.port}/gbfs.json", "--as", "roller", "-y", code=0)
    document = dorf / "datasets/roller.yaml"
    document.write_text(document.read_text().replace("access: internal", "access: open"))
    nabe("apply", "-y", code=0)
    (row,) = nabe("query", "select vehicle_id, feed_last_updated t from roller", "-f", "json", code=0).json
    assert row["vehicle_id"] == "v" and row["t"].startswith("2026-11-24T12:00:00")


def test_the_times_of_mds_are_read_and_trips_are_restricted(dorf, nabe, web):
    def trips(request: Request) -> Any:
        if request.path == "/mds/trips":
            trip = {"trip_id": "t", "end_time": 1795521600000, "start_location": {"lat": 48.4, "lng": 10}}
            return {"version": "2.0.0", "trips": [trip]}
        return answer(request)

    web.answer = trips
    nabe("connect", f"http://127.0.0.1:{web.port}/mds/vehicles", "--as", "anbieter", "-t", "trips", "-y", code=0)
    document = (dorf / "datasets/anbieter.yaml").read_text()
    assert "access: restricted" in document and document.count("personal: true") == 3


def test_folders_and_archives_of_a_timetable_are_told_from_others(dorf, nabe):
    (dorf / "plan.zip").write_bytes(packed({f"ulm/{name}": text for name, text in FEED.items()}))
    nabe("connect", dorf / "plan.zip", "--as", "plan", "-t", "stops", "-y", code=0)
    assert "kind: gtfs" in (dorf / "systems/plan.yaml").read_text()
    folder = dorf / "plan"
    folder.mkdir()
    for name, text in FEED.items():
        (folder / name).write_text(text)
    nabe("connect", folder, "--as", "halte", "-t", "stops", "-y", code=0)
    document = dorf / "datasets/halte.yaml"
    assert "key:\n  - stop_id\n" in document.read_text() and "type: geometry" in document.read_text()
    document.write_text(document.read_text().replace("access: internal", "access: open"))
    nabe("apply", "-y", code=0)
    assert nabe("query", "select count(*) n from halte", "-f", "json", code=0).json == [{"n": 2}]
    (dorf / "andere.zip").write_bytes(packed({"kitas.csv": "nr;name\n01;Zoo\n"}))
    nabe("connect", dorf / "andere.zip", "--as", "andere", "-y", code=0)
    assert "adapter: file" in (dorf / "systems/andere.yaml").read_text()


def test_few_requests_are_made_to_find_out(dorf, nabe, web):
    nabe("connect", f"http://127.0.0.1:{web.port}/gbfs.json", "--as", "roller", "-y", code=0)
    assert [request.path for request in web.seen] == ["/gbfs.json", "/gbfs.json", "/vehicles"]


def test_an_address_with_a_key_is_declared_with_its_reference(dorf, nabe, web, monkeypatch):
    monkeypatch.setenv("KEY", "geheim")
    nabe("connect", f"http://127.0.0.1:{web.port}/gbfs.json?key=${{KEY}}", "--as", "roller", "-y", code=0)
    declared = (dorf / "systems/roller.yaml").read_text()
    assert "geheim" not in declared and "${KEY}" in declared
    assert {request.params.get("key") for request in web.seen} == {"geheim"}
