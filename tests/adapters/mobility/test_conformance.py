"""The mobility adapter keeps to what every source must do, in the standards that let a feed bring members of its own.

GTFS Realtime is left out: its messages have no days, no truth values and no whole numbers below zero, and extensions
of protobuf need code generated for each; what it delivers is tested in `test_gtfs_rt.py`.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely

from nabe.model.dataset import Field, FieldType
from nabe.testing.source_conformance import FIELDS, ROWS, Silo, SourceConformance

from .support import Reply, Request, Server, dataset, feeds, opened, serving

LOST = Field("lost", FieldType.STRING, column="vendor_lost")
#: The content's fields, as members of the standard where it has one that fits, else as a vendor's own.
KEYS = {"key": "station_id", "name": "name", "count": "capacity", "open": "is_renting", "place": "geometry"}


def as_fields(columns: dict[str, str]) -> tuple[Field, ...]:
    return tuple(replace(field, column=columns.get(field.name, f"vendor_{field.name}")) for field in FIELDS)


def place(row: dict[str, Any]) -> tuple[float | None, float | None]:
    found = shapely.from_wkb(row["place"]) if row["place"] else None
    return (found.x, found.y) if found is not None else (None, None)


def extensions(row: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    found = {name: row[name] for name in names}
    for name in ("opened", "seen"):
        if name in found and found[name] is not None:
            found[name] = found[name].isoformat()
    return {f"vendor_{name}": value for name, value in found.items()}


INFORMATION = [
    {
        "station_id": row["key"],
        "name": [{"language": "en", "text": "wrong"}, {"language": "de", "text": row["name"]}] if row["name"] else None,
        "lon": place(row)[0],
        "lat": place(row)[1],
        "capacity": row["count"],
        **extensions(row, ("quarter", "household", "note", "opened")),
    }
    for row in ROWS
]
STATUS = [
    {"station_id": row["key"], "is_renting": row["open"], **extensions(row, ("share", "seen"))} for row in ROWS[::-1]
]


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


@pytest.fixture
def gone() -> Server:
    made = Server()
    made.close()
    return made


def silo(root: Path, server: Server, gone: Server, fields: tuple[Field, ...], source: Any, **connection: Any) -> Silo:
    whole = dataset(source, fields)
    path = connection.pop("at", "")
    away = opened(root, url=gone.url + path, retries=0, **connection)
    open_ = opened(root, url=server.url + path, **connection)
    return Silo(open_, whole, dataset(source, (*fields, LOST), "verlust"), (away, whole))


class TestGbfs3(SourceConformance):
    """Stations joined with their status, texts in several languages."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        server.answer = feeds(
            {"station_information": {"stations": INFORMATION}, "station_status": {"stations": STATUS}}
        )
        return silo(tmp_path, server, gone, as_fields(KEYS), "stations", kind="gbfs", at="/gbfs.json")


class TestGbfs2(SourceConformance):
    """Free bicycles of 2.x, the list of feeds by language, kept for its time."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        bikes = [
            {
                "bike_id": row["key"],
                "lon": place(row)[0],
                "lat": place(row)[1],
                "is_disabled": row["open"] if row["open"] is None else int(row["open"]),
                "last_reported": row["seen"] and int(row["seen"].timestamp()),
                **extensions(row, ("name", "quarter", "household", "note", "count", "share", "opened")),
            }
            for row in ROWS
        ]
        server.answer = feeds({"free_bike_status": {"bikes": bikes}}, version="2.3", language="de", ttl=60)
        columns = {"key": "vehicle_id", "open": "is_disabled", "seen": "last_reported", "place": "geometry"}
        return silo(tmp_path, server, gone, as_fields(columns), "vehicles", kind="gbfs", at="/gbfs.json")


class TestMds(SourceConformance):
    """Vehicles in pages."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        vehicles = [
            {
                "device_id": row["key"],
                "vehicle_type": row["name"],
                "battery_capacity": row["count"],
                "location": {"lng": place(row)[0], "lat": place(row)[1]} if row["place"] else None,
                "publication_time": row["seen"] and int(row["seen"].timestamp() * 1000),
                **extensions(row, ("quarter", "household", "note", "share", "open", "opened")),
            }
            for row in ROWS
        ]

        def answer(request: Request) -> Any:
            page = int(request.params.get("page", 0))
            following = f"{server.url}/vehicles?page={page + 1}" if (page + 1) * 5 < len(vehicles) else None
            return {"version": "2.0.0", "vehicles": vehicles[page * 5 : page * 5 + 5], "links": {"next": following}}

        server.answer = answer
        columns = {"key": "device_id", "name": "vehicle_type", "count": "battery_capacity", "place": "geometry"}
        fields = tuple(
            replace(field, column="publication_time") if field.name == "seen" else field for field in as_fields(columns)
        )
        source = {"table": "vehicles", "columns": {"publication_time": {"date_format": "unix_ms"}}}
        return silo(tmp_path, server, gone, fields, source, kind="mds")


def stops() -> bytes:
    """The content as stops.txt: with a byte order mark and CRLF."""
    out = io.StringIO()
    names = [f"vendor_{f.name}" for f in FIELDS if f.name not in ("key", "name", "place")]
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["stop_id", "stop_name", "stop_lat", "stop_lon", *names])
    for row in ROWS:
        lon, lat = place(row)
        more = [row[name.removeprefix("vendor_")] for name in names]
        more = ["" if value is None else value.isoformat() if hasattr(value, "isoformat") else value for value in more]
        writer.writerow([row["key"], row["name"], lat, lon, *more])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


GTFS = as_fields({"key": "stop_id", "name": "stop_name", "place": "geometry"})


class TestGtfsZip(SourceConformance):
    """Stops of a zip archive on the web, with columns of its own."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server, gone: Server) -> Silo:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("fahrplan/stops.txt", stops())
            archive.writestr("fahrplan/routes.txt", "route_id,route_type\n1,0\n")
        server.answer = Reply(out.getvalue(), Content_Type="application/zip")
        return silo(tmp_path, server, gone, GTFS, "stops", kind="gtfs", at="/gtfs.zip")


class TestGtfsFolder(SourceConformance):
    """The same in a folder of the workspace."""

    @pytest.fixture
    def silo(self, tmp_path: Path) -> Silo:
        folder = tmp_path / "fahrplan"
        folder.mkdir()
        (folder / "stops.txt").write_bytes(stops())
        whole = dataset("stops", GTFS)
        away = opened(tmp_path, kind="gtfs", path="weg")
        return Silo(
            opened(tmp_path, kind="gtfs", path="fahrplan"),
            whole,
            dataset("stops", (*GTFS, LOST), "verlust"),
            (away, whole),
        )
