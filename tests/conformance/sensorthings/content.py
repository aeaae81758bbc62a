"""A small, fully determined world of sensors for two servers to be compared on, and the way to tell its entities apart.

Ids differ from server to server, so every entity has a key of its own, `Thing:3`: kind and place in the order of creation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import httpx

Entity = dict[str, Any]

SETS = {
    "Thing": "Things",
    "Location": "Locations",
    "HistoricalLocation": "HistoricalLocations",
    "Sensor": "Sensors",
    "ObservedProperty": "ObservedProperties",
    "Datastream": "Datastreams",
    "MultiDatastream": "MultiDatastreams",
    "Observation": "Observations",
    "FeatureOfInterest": "FeaturesOfInterest",
}
KINDS = {plural: kind for kind, plural in SETS.items()}
_MEASUREMENT = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement"
#: Results of any type: Nabe refuses texts where a measurement was announced.
_ANYTHING = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Observation"
_COMPLEX = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_ComplexObservation"
_ID = re.compile(r"\(([^()]*)\)\s*$")
_UNITS = [
    {"name": "Grad Celsius", "symbol": "°C", "definition": "ucum:Cel"},
    {"name": "Prozent", "symbol": "%", "definition": "ucum:%"},
    {"name": "Meter je Sekunde", "symbol": "m/s", "definition": "ucum:m/s"},
]
_GEOMETRIES: list[dict[str, Any]] = [
    {"type": "Point", "coordinates": [9.90, 51.50]},
    {"type": "Point", "coordinates": [9.95, 51.52]},
    {"type": "Point", "coordinates": [10.00, 51.54]},
    {"type": "LineString", "coordinates": [[9.90, 51.50], [9.90, 52.50]]},
    {"type": "LineString", "coordinates": [[9.80, 51.53], [10.20, 51.53]]},
    {"type": "Polygon", "coordinates": [[[9.92, 51.51], [9.98, 51.51], [9.98, 51.55], [9.92, 51.55], [9.92, 51.51]]]},
    {"type": "Polygon", "coordinates": [[[10.5, 51.0], [10.7, 51.0], [10.7, 51.2], [10.5, 51.0]]]},
    {"type": "Point", "coordinates": [10.60, 51.05]},
]
#: What an observation may be a result of: numbers in both kinds, texts, the rest of JSON.
_RESULTS: list[Any] = [*range(-3, 13), 0.5, 2.25, -1.75, 1e6, "Regen", "5", "Schnee & Eis", True, False, None]


class World:
    """The world on one server: `root`, and which key has which id there (`ids`)."""

    def __init__(self, root: str, client: httpx.Client, *, multi: bool = True) -> None:
        self.root, self.multi, self._client = root, multi, client
        self.ids: dict[str, str] = {}
        self._keys: dict[tuple[str, str], str] = {}

    def key(self, kind: str, identifier: object) -> str:
        """The key of an entity by its id on this server; unknown ones stay as they are."""
        return self._keys.get((kind, str(identifier).strip("'")), f"{kind}?{identifier}")

    def load(self) -> None:
        """Create everything, then learn the ids of what the server made by itself."""
        for kind, bodies in _everything(self.multi):
            for body in bodies:
                self._create(kind, self._linked(body))
        for kind in ("HistoricalLocation", "FeatureOfInterest"):
            for identifier in self._all(SETS[kind]):
                if (kind, identifier) not in self._keys:
                    self._remember(kind, identifier)

    def clear(self) -> None:
        """Delete all that is there."""
        for plural in ("Things", "Sensors", "ObservedProperties", "Locations", "FeaturesOfInterest"):
            for identifier in self._all(plural):
                self._client.delete(f"{self.root}/{plural}({identifier})").raise_for_status()

    def _create(self, kind: str, body: Entity) -> None:
        answer = self._client.post(f"{self.root}/{SETS[kind]}", json=body)
        if answer.status_code != 201:
            raise RuntimeError(f"{self.root}: {kind} {body}: {answer.status_code} {answer.text[:300]}")
        found = _ID.search(answer.headers["location"])
        assert found, answer.headers["location"]
        self._remember(kind, found[1])

    def _remember(self, kind: str, identifier: str) -> None:
        number = sum(key.startswith(kind + ":") for key in self.ids)
        self.ids[f"{kind}:{number}"] = identifier
        self._keys[kind, identifier.strip("'")] = f"{kind}:{number}"

    def _linked(self, value: Any) -> Any:
        """`{"link": "Thing:3"}` as a link by id."""
        if isinstance(value, dict):
            if set(value) == {"link"}:
                identifier = self.ids[value["link"]]
                return {"@iot.id": identifier.strip("'") if identifier.startswith("'") else int(identifier)}
            return {name: self._linked(part) for name, part in value.items()}
        return [self._linked(part) for part in value] if isinstance(value, list) else value

    def _all(self, plural: str) -> Iterator[str]:
        link: str | None = f"{self.root}/{plural}?$select=id&$orderby=id&$top=1000"
        found: list[str] = []
        while link:
            page = self._client.get(link).raise_for_status().json()
            found += [f"'{i}'" if isinstance(i, str) else str(i) for i in (row["@iot.id"] for row in page["value"])]
            link = page.get("@iot.nextLink")
        yield from found


def _everything(multi: bool) -> Iterator[tuple[str, list[Entity]]]:
    yield "Thing", [_thing(number) for number in range(12)]
    yield "Location", [_location(number) for number in range(len(_GEOMETRIES) + 1)]
    yield "Sensor", [_sensor(number) for number in range(4)]
    yield "ObservedProperty", [_property(number) for number in range(4)]
    yield "FeatureOfInterest", [_feature(number) for number in range(len(_GEOMETRIES))]
    yield "Datastream", [_datastream(number) for number in range(16)]
    # In the order of their streams: where ids hold the stream, their order is that of creation, too.
    yield (
        "Observation",
        [_observation(number) for number in sorted(range(120), key=lambda number: (number % 15, number))],
    )
    if multi:
        yield "MultiDatastream", [_multi(number) for number in range(3)]
        yield "Observation", [_multi_observation(number) for number in sorted(range(12), key=lambda number: number % 3)]


def _link(kind: str, number: int) -> Entity:
    return {"link": f"{kind}:{number}"}


def _thing(number: int) -> Entity:
    thing: Entity = {"name": f"Mast {number}", "description": f"Mast Nummer {number}, Göttinger Straße"}
    if number % 4:
        thing["properties"] = {
            "nummer": number,
            "text": f"t{number % 5}",
            "aktiv": number % 2 == 0,
            "hoehe": number + 0.5,
            "länge": number,
            "liste": [number, number + 1, number + 2],
            "ort": {"bezirk": f"B{number % 3}", "teile": [{"n": number}, {"n": number + 1}]},
        }
    if number % 5 == 1:
        thing["properties"] = {"nummer": str(number), "aktiv": "true"}
    return thing


def _location(number: int) -> Entity:
    place: Entity = {
        "name": f"Ort {number}",
        "description": "Ort eines Mastes" if number % 2 else "Ort O'Brien",
        "properties": {"nummer": number},
        "Things": [_link("Thing", number)],
    }
    if number < len(_GEOMETRIES):
        return place | {"encodingType": "application/geo+json", "location": _GEOMETRIES[number]}
    return place | {"encodingType": "text/plain", "location": "hinter dem Rathaus"}


def _sensor(number: int) -> Entity:
    return {
        "name": f"Sensor {number}",
        "description": f"Bauart {'AB'[number % 2]}",
        "encodingType": "application/pdf",
        "metadata": f"https://example.org/{number}.pdf",
    }


def _property(number: int) -> Entity:
    return {
        "name": ["Temperatur", "Feuchte", "Wind", "Lärm"][number],
        "definition": f"http://example.org/op/{number}",
        "description": "Beobachtete Größe",
        "properties": {"nummer": number},
    }


def _feature(number: int) -> Entity:
    return {
        "name": f"Gebiet {number}",
        "description": "Gebiet",
        "encodingType": "application/geo+json",
        "feature": _GEOMETRIES[number],
    }


def _datastream(number: int) -> Entity:
    return {
        "name": f"Reihe {number}",
        "description": f"Reihe {number} an Mast {number % 7}",
        "observationType": _ANYTHING,
        "unitOfMeasurement": _UNITS[number % 3],
        "properties": {"takt": 60 * (number % 4)},
        "Thing": _link("Thing", number % 7),
        "Sensor": _link("Sensor", number % 4),
        "ObservedProperty": _link("ObservedProperty", number % 4),
    }


def _observation(number: int) -> Entity:
    """Every sixth an interval; a stream has no Observations at all, so that emptiness is compared too."""
    hour, day = number % 24, 1 + number // 24
    start = f"2026-0{1 + number % 3}-0{day}T{hour:02}:00:00Z"
    end = f"2026-0{1 + number % 3}-0{day}T{hour:02}:30:00Z"
    observation: Entity = {
        "phenomenonTime": f"{start}/{end}" if number % 6 == 5 else start,
        "result": _RESULTS[number % len(_RESULTS)],
        "parameters": {"k": number, "art": "abc"[number % 3], "wert": number / 4},
        "Datastream": _link("Datastream", number % 15),
        "FeatureOfInterest": _link("FeatureOfInterest", number % len(_GEOMETRIES)),
    }
    if number % 2:
        observation["resultTime"] = end
    if number % 4 == 1:
        observation["validTime"] = f"{start}/{end}"
    if number % 5 == 2:
        observation["resultQuality"] = ["gut", 3, {"stufe": number % 3}][number % 3]
    return observation


def _multi(number: int) -> Entity:
    parts = [0, 1, 2][: number + 1]
    return {
        "name": f"Bündel {number}",
        "description": f"Bündel von {len(parts)}",
        "observationType": _COMPLEX,
        "multiObservationDataTypes": [_MEASUREMENT] * len(parts),
        "unitOfMeasurements": [_UNITS[part] for part in parts],
        "Thing": _link("Thing", number),
        "Sensor": _link("Sensor", number),
        "ObservedProperties": [_link("ObservedProperty", part) for part in reversed(parts)],
    }


def _multi_observation(number: int) -> Entity:
    return {
        "phenomenonTime": f"2026-05-01T{number:02}:00:00Z",
        "result": [number + part for part in range(number % 3 + 1)],
        "parameters": {"k": 1000 + number},
        "MultiDatastream": _link("MultiDatastream", number % 3),
        "FeatureOfInterest": _link("FeatureOfInterest", 0),
    }
