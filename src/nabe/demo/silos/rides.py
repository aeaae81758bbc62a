"""Silo `roller_anbieter`: the fleet of the provider Flitz, its zones and trips, for GBFS and MDS."""

from __future__ import annotations

import json
import math
import uuid
from pathlib import Path
from typing import Any

import numpy as np
from shapely.geometry import Point, mapping

from nabe.demo.silos.writing import degrees, in_degrees
from nabe.demo.town import Address, Town, dice

SCOOTERS, HUBS, TRIPS, ZONES = 480, 40, 240, 12
_NAMES = uuid.UUID("0d2b8f1c-3c57-4a35-9b51-9a7d0e9d5f10")
_PROVIDER = str(uuid.uuid5(_NAMES, "flitz"))


def write(town: Town, folder: Path) -> None:
    """`gbfs/…` and `mds/…`."""
    rng = dice("scooters")
    zones = _zones(town)
    places = _parked(town, zones, rng)
    (folder / "gbfs").mkdir()
    (folder / "mds").mkdir()
    for name, content in (
        ("gbfs/system_information", _system()),
        ("gbfs/vehicle_types", _types()),
        ("gbfs/vehicle_status", {"vehicles": _vehicles(places, rng)}),
        ("gbfs/geofencing_zones", _geofencing(zones)),
        ("mds/vehicles", [_vehicle(number) for number in range(SCOOTERS)]),
        ("mds/vehicles_status", [_status(number, place, rng) for number, place in enumerate(places)]),
        ("mds/trips", _trips(town, rng)),
        *zip(("gbfs/station_information", "gbfs/station_status"), _hubs(town, rng), strict=True),
    ):
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        (folder / f"{name}.json").write_text(text, "utf-8")


def _text(words: str) -> list[dict[str, str]]:
    return [{"text": words, "language": "de"}]


def _id(what: str, number: int) -> str:
    return str(uuid.uuid5(_NAMES, f"{what} {number}"))


def _zones(town: Town) -> list[tuple[str, Point]]:
    """Where scooters may not be parked: around stations and car parks (no parking), by schools (slow, too)."""
    places = [*town.places["car_parks"][:6], *town.places["schools"][:6]]
    return [(f"Parkverbot {place.name}", Point(place.address.east, place.address.north)) for place in places]


def _parked(town: Town, zones: list[tuple[str, Point]], rng: np.random.Generator) -> list[tuple[float, float]]:
    """Most in the inner districts, one in ten where it may not be."""
    near = [house for house in town.addresses if house.district in ("01", "02", "03", "04", "07")]
    found = []
    for number in range(SCOOTERS):
        if number % 10 == 0:
            _, middle = zones[int(rng.integers(len(zones)))]
            angle, far = float(rng.uniform(0, 2 * math.pi)), float(rng.uniform(0, 70))
            found.append(degrees(middle.x + far * math.cos(angle), middle.y + far * math.sin(angle)))
        else:
            house: Address = near[int(rng.integers(len(near)))]
            found.append(degrees(house.east + float(rng.uniform(3, 9)), house.north + float(rng.uniform(3, 9))))
    return found


def _system() -> dict[str, Any]:
    return {
        "system_id": "flitz_musterstadt",
        "languages": ["de"],
        "name": _text("Flitz Musterstadt (synthetisch)"),
        "opening_hours": "24/7",
        "feed_contact_email": "daten@flitz.example",
        "timezone": "Europe/Berlin",
    }


def _types() -> dict[str, Any]:
    scooter = {"form_factor": "scooter_standing", "propulsion_type": "electric", "max_range_meters": 45_000}
    names = (("flitz-3", "Flitz 3"), ("flitz-4", "Flitz 4"))
    return {"vehicle_types": [{"vehicle_type_id": id, **scooter, "name": _text(name)} for id, name in names]}


def _vehicles(places: list[tuple[float, float]], rng: np.random.Generator) -> list[dict[str, Any]]:
    return [
        {
            "vehicle_id": _id("shown", number),
            "lat": latitude,
            "lon": longitude,
            "is_reserved": bool(rng.random() < 0.03),
            "is_disabled": bool(rng.random() < 0.05),
            "vehicle_type_id": f"flitz-{3 + number % 2}",
            "current_range_meters": int(rng.integers(2_000, 45_000)),
            "ago": int(rng.integers(20, 900)),
        }
        for number, (longitude, latitude) in enumerate(places)
    ]


def _geofencing(zones: list[tuple[str, Point]]) -> dict[str, Any]:
    features = []
    for number, (name, middle) in enumerate(zones):
        rule: dict[str, Any] = {"ride_start_allowed": True, "ride_end_allowed": False, "ride_through_allowed": True}
        if number >= 6:
            rule["maximum_speed_kph"] = 10
        shape = mapping(in_degrees(middle.buffer(60, quad_segs=4)))
        rounded = [[[round(x, 7), round(y, 7)] for x, y in ring] for ring in shape["coordinates"]]
        geometry = {"type": "MultiPolygon", "coordinates": [rounded]}
        features.append({"type": "Feature", "geometry": geometry, "properties": {"name": _text(name), "rules": [rule]}})
    anywhere = {"ride_start_allowed": True, "ride_end_allowed": True, "ride_through_allowed": True}
    return {"geofencing_zones": {"type": "FeatureCollection", "features": features}, "global_rules": [anywhere]}


def _hubs(town: Town, rng: np.random.Generator) -> tuple[dict[str, Any], dict[str, Any]]:
    about, state = [], []
    for number, stop in enumerate(town.places["bus_stops"][:HUBS]):
        longitude, latitude = degrees(stop.address.east + 6, stop.address.north + 6)
        id, room = f"hub-{number + 1:03d}", int(rng.integers(6, 16))
        there = int(rng.integers(0, room + 1))
        place = {"station_id": id, "name": _text(f"Abstellfläche {stop.name}"), "lat": latitude, "lon": longitude}
        about.append({**place, "is_virtual_station": True, "capacity": room})
        counted = {"num_vehicles_available": there, "num_docks_available": room - there}
        flags = {"is_installed": True, "is_renting": True, "is_returning": True}
        state.append({"station_id": id, **counted, **flags, "ago": int(rng.integers(20, 300))})
    return {"stations": about}, {"stations": state}


def _vehicle(number: int) -> dict[str, Any]:
    return {
        "device_id": _id("device", number),
        "provider_id": _PROVIDER,
        "vehicle_id": f"FL{number:04d}",
        "vehicle_type": "scooter_standing",
        "propulsion_types": ["electric"],
    }


def _status(number: int, place: tuple[float, float], rng: np.random.Generator) -> dict[str, Any]:
    state = str(rng.choice(["available", "reserved", "non_operational"], p=[0.92, 0.03, 0.05]))
    location = {"lng": place[0], "lat": place[1]}
    event = {
        "event_id": _id("event", number),
        "vehicle_state": state,
        "event_types": ["trip_end"],
        "location": location,
    }
    telemetry = {
        "telemetry_id": _id("telemetry", number),
        "location": location,
        "battery_percent": int(rng.integers(8, 100)),
    }
    ids = {"device_id": _id("device", number), "provider_id": _PROVIDER}
    return {**ids, "last_event": event, "last_telemetry": telemetry, "ago": int(rng.integers(30, 1_800))}


def _trips(town: Town, rng: np.random.Generator) -> list[dict[str, Any]]:
    """Trips of a day; the service dates them."""
    hours = np.array([0.3 if hour < 5 else 2.2 if hour in (6, 7, 15, 16) else 1.0 for hour in range(24)])
    near = [house for house in town.addresses if house.district in ("01", "02", "03", "04", "07")]
    found = []
    for hour in sorted(rng.choice(24, TRIPS, p=hours / hours.sum()).tolist()):
        start, end = (near[int(index)] for index in rng.integers(0, len(near), 2))
        metres = int(math.hypot(start.east - end.east, start.north - end.north) * 1.3) + 120
        (x, y), (u, v) = degrees(start.east, start.north), degrees(end.east, end.north)
        found.append(
            {
                "hour": hour,
                "second": int(rng.integers(0, 3_600)),
                "provider_id": _PROVIDER,
                "device_id": _id("device", int(rng.integers(SCOOTERS))),
                "trip_type": "rider",
                "start_location": {"lng": x, "lat": y},
                "end_location": {"lng": u, "lat": v},
                "distance": metres,
                "duration": int(metres / 3.6) + int(rng.integers(20, 200)),
            }
        )
    return found
