"""Silo `sensordienst`: things, datastreams and a week of values for the SensorThings service of the environment office."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import shapely

from nabe.demo.silos.writing import degrees
from nabe.demo.town import NOTICE, Town, dice

#: Name, symbol, UCUM, usual value and daily swing of what is measured.
_AIR = (
    ("Stickstoffdioxid", "µg/m³", "ug/m3", 22.0, 9.0),
    ("Feinstaub PM10", "µg/m³", "ug/m3", 17.0, 4.0),
    ("Lufttemperatur", "°C", "Cel", 9.0, 4.0),
)
_WATER = (("Wasserstand", "cm", "cm", 84.0, 3.0), ("Wassertemperatur", "°C", "Cel", 11.0, 0.8))
_GAUGES = ("Mühlbach am Südtor", "Grüne Aue, Brücke Weißenbrück", "Kühlenbach, Mündung")
_NUMBER = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"


def write(town: Town, folder: Path) -> None:
    """`sensoren.json`."""
    stations = [
        (f"Luftsensor {place.name.removeprefix('Luftmessstation ')}", "Luft", place.address.east, place.address.north)
        for place in town.places["stations"]
    ]
    for name, district in zip(_GAUGES, town.districts[:3], strict=True):
        at = shapely.point_on_surface(district.shape)
        stations.append((f"Pegel {name}", "Wasser", at.x, at.y))
    (folder / "sensoren.json").write_text(json.dumps(_document(stations), ensure_ascii=False), "utf-8")


def _document(stations: list[tuple[str, str, float, float]]) -> dict[str, Any]:
    rng = dice("sensor service")
    kinds = (*_AIR, *_WATER)
    things: list[dict[str, Any]] = []
    places: list[dict[str, Any]] = []
    streams: list[dict[str, Any]] = []
    for number, (name, kind, east, north) in enumerate(stations, 1):
        mine = []
        for what in _AIR if kind == "Luft" else _WATER:
            id, property = len(streams) + 1, kinds.index(what) + 1
            mine.append(id)
            links = {"Thing": [number], "Sensor": [1 if kind == "Luft" else 2], "ObservedProperty": [property]}
            streams.append({"id": id, **_stream(what, name, rng), "links": links})
        place = {"type": "Point", "coordinates": list(degrees(east, north))}
        places.append(
            {
                "id": number,
                "name": name,
                "description": "Standort",
                "encodingType": "application/geo+json",
                "location": place,
                "links": {"Things": [number]},
            }
        )
        properties = {"art": kind, "hinweis": NOTICE}
        links = {"Locations": [number], "Datastreams": mine}
        things.append(
            {"id": number, "name": name, "description": f"{kind}-Messstelle", "properties": properties, "links": links}
        )
    return {
        "Things": things,
        "Locations": places,
        "Datastreams": streams,
        "Sensors": [_sensor(1, "Luftsensor LX-3", "Luft", things, streams), _sensor(2, "Pegelsonde P-7", "Wasser", things, streams)],
        "ObservedProperties": [
            {
                "id": number,
                "name": name,
                "definition": f"https://musterstadt.example/messgroesse/{number}",
                "description": name,
                "links": {"Datastreams": [item["id"] for item in streams if item["links"]["ObservedProperty"] == [number]]},
            }
            for number, (name, *_) in enumerate(kinds, 1)
        ],
    }  # fmt: skip


def _stream(what: tuple[str, str, str, float, float], thing: str, rng: Any) -> dict[str, Any]:
    name, symbol, code, usual, swing = what
    level = usual * float(rng.uniform(0.8, 1.25))
    values = [
        round(level + swing * math.sin((hour % 24 - 8) / 24 * 2 * math.pi) + float(rng.normal(0, swing / 5)), 1)
        for hour in range(168)
    ]
    return {
        "name": f"{name} – {thing}",
        "description": name,
        "observationType": _NUMBER,
        "unitOfMeasurement": {"name": symbol, "symbol": symbol, "definition": f"https://ucum.org/#{code}"},
        "values": values,
    }


def _sensor(
    id: int, name: str, kind: str, things: list[dict[str, Any]], streams: list[dict[str, Any]]
) -> dict[str, Any]:
    mine = {item["id"] for item in things if item["properties"]["art"] == kind}
    return {
        "id": id,
        "name": name,
        "description": f"Gerät für {kind}",
        "encodingType": "application/pdf",
        "metadata": "https://musterstadt.example/datenblatt.pdf",
        "links": {"Datastreams": [item["id"] for item in streams if item["links"]["Thing"][0] in mine]},
    }
