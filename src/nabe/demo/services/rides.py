"""A provider of shared scooters: GBFS 3.0 for everybody, and MDS 2.0 (vehicles, status, trips) for the city by a token."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nabe.demo.services.answering import Asked, Data, Reply, Service, Wrong, as_json, whole

FEEDS = (
    "system_information",
    "vehicle_types",
    "vehicle_status",
    "station_information",
    "station_status",
    "geofencing_zones",
)
_STEP_S = 30
_PAGE = 200
_MDS = "application/vnd.mds+json;version=2.0"
#: Names of trips come from this one, so that an hour always has the same.
_NAMES = uuid.UUID("6b1f4f0e-58a5-4ad4-9d0e-3f6f1d7c0a11")


def service(folder: Path) -> Service:
    """`/gbfs/…` from the folder `gbfs`, `/mds/…` from `mds`; the token stands in `zugang`."""
    data = Data(folder)

    def answer(asked: Asked) -> Reply:
        parts = [part for part in asked.path.split("/") if part]
        match parts:
            case ["gbfs", "gbfs.json"]:
                feeds = [{"name": name, "url": f"{asked.base}/gbfs/{name}.json"} for name in FEEDS]
                return _feed({"feeds": feeds})
            case ["gbfs", name] if name.removesuffix(".json") in FEEDS:
                return _feed(data.json(f"gbfs/{name}"))
            case ["mds", *path]:
                _judge((folder / "zugang").read_text("utf-8").strip(), asked)
                return _told(data, path, asked)
        raise Wrong(404, "There is nothing at this address.")

    changed = (
        (b'"vehicle_id"', b'"fahrzeug"'),
        (b'"geofencing_zones"', b'"zonen"'),
        (b'"duration"', b'"dauer"'),
        (b'"last_event"', b'"ereignis"'),
    )
    return Service(answer, changed)


def _feed(content: Any) -> Reply:
    now = int(dt.datetime.now(dt.UTC).timestamp()) // _STEP_S * _STEP_S
    head = {"last_updated": _moment(now), "ttl": 0, "version": "3.0"}
    return as_json({**head, "data": _dated(content, now)})


def _dated(content: Any, now: int) -> Any:
    """Vehicles and stations that were heard of `ago` seconds ago."""
    found = dict(content)
    for name in ("vehicles", "stations"):
        if name in found and found[name] and "ago" in found[name][0]:
            items = [{**item, "last_reported": _moment(now - item["ago"])} for item in found[name]]
            found[name] = [{key: value for key, value in item.items() if key != "ago"} for item in items]
    return found


def _moment(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat().replace("+00:00", "Z")


def _judge(token: str, asked: Asked) -> None:
    given = asked.headers.get("authorization", "")
    if given != f"Bearer {token}":
        raise Wrong(401, "A token is needed.", {"WWW-Authenticate": 'Bearer realm="mds"'})
    accept = asked.headers.get("accept", "")
    if "vnd.mds" in accept and "version=2.0" not in accept:
        raise Wrong(406, "This is MDS 2.0.", {"Content-Type": _MDS})


def _told(data: Data, path: list[str], asked: Asked) -> Reply:
    match path:
        case ["vehicles"]:
            return _pages(data, "vehicles", asked)
        case ["vehicles", "status"]:
            return _pages(data, "vehicles_status", asked)
        case ["trips"]:
            return _trips(data.json("mds/trips.json"), asked.params)
    raise Wrong(404, "There is nothing at this address.")


def _pages(data: Data, name: str, asked: Asked) -> Reply:
    now = int(dt.datetime.now(dt.UTC).timestamp() // 60 * 60_000)
    items, page = data.json(f"mds/{name}.json"), whole(asked.params, "page", 1, 1)
    rows = [_heard(item, now) for item in items[(page - 1) * _PAGE : page * _PAGE]]
    links = {"next": asked.link(page=page + 1)} if page * _PAGE < len(items) else {}
    return as_json({"version": "2.0.0", "last_updated": now, "ttl": 0, name: rows, "links": links}, _MDS)


def _heard(item: Mapping[str, Any], now: int) -> dict[str, Any]:
    found = {key: value for key, value in item.items() if key != "ago"}
    for name in ("last_event", "last_telemetry"):
        if name in found:
            found[name] = {**found[name], "timestamp": now - item["ago"] * 1000}
    return found


def _trips(templates: list[Mapping[str, Any]], params: Mapping[str, str]) -> Reply:
    """The trips that ended in one hour (UTC). Those of an hour are always the same; there are fewer at night."""
    try:
        hour = dt.datetime.strptime(params.get("end_time", ""), "%Y-%m-%dT%H").replace(tzinfo=dt.UTC)
    except ValueError:
        raise Wrong(400, "end_time must be an hour such as 2026-11-01T00.") from None
    if hour + dt.timedelta(hours=1) > dt.datetime.now(dt.UTC):
        raise Wrong(404, "That hour is not over.")
    begin = int(hour.timestamp()) * 1000
    rows = []
    for number, item in enumerate(templates):
        if item["hour"] != hour.hour:
            continue
        end = begin + item["second"] * 1000
        rows.append(
            {
                **{key: value for key, value in item.items() if key not in ("hour", "second")},
                "trip_id": str(uuid.uuid5(_NAMES, f"{begin} {number}")),
                "start_time": end - item["duration"] * 1000,
                "end_time": end,
                "publication_time": begin + 3_600_000,
            }
        )
    return as_json({"version": "2.0.0", "trips": rows}, _MDS)
