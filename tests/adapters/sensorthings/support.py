"""Services, systems and datasets of tests of the SensorThings adapter."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nabe.adapters.sensorthings import SensorThingsAdapter
from nabe.model.dataset import Access, Dataset, Field, FieldType, Limits, System
from nabe.model.text import Text
from nabe.ports.source import Source
from nabe.testing.silo import context, no_secrets

DATA = Path(os.environ.get("NABE_TEST_DATA") or Path(__file__).parents[4] / "shared" / "data")


def system(url: str, timeout_s: float = 10.0, **connection: Any) -> System:
    limits = Limits(timeout_s=timeout_s)
    return System("sensoren", Text("Sensoren"), "sensorthings", "amt", {"url": url, **connection}, limits=limits)


def dataset(source: dict[str, Any], fields: tuple[Field, ...], id: str = "inhalt") -> Dataset:
    return Dataset(id, Text("Inhalt"), "amt", Access.OPEN, fields, system="sensoren", source=source)


def opened(
    root: Path, url: str, *, secrets: Callable[[str], str] = no_secrets, timeout_s: float = 10.0, **connection: Any
) -> Source:
    return SensorThingsAdapter().open(system(url, timeout_s, **connection), secrets, context(root))


def fields(**ways: tuple[FieldType, str]) -> tuple[Field, ...]:
    return tuple(Field(name, kind, column=column) for name, (kind, column) in ways.items())


def air(hours: int = 30) -> dict[str, list[dict[str, Any]]]:
    """Two stations with temperature and nitrogen dioxide, as FROST gives them."""
    things = [
        {"@iot.id": n, "name": name, "description": "", "properties": {"kind": kind}, "Locations": [n], "Datastreams": [n, n + 10]}
        for n, name, kind in ((1, "Clevischer Ring", "traffic"), (2, "Turiner Straße", "background"))
    ]  # fmt: skip
    places = ((1, [6.99, 50.96]), (2, [6.96, 50.95]))
    locations = [
        {"@iot.id": n, "name": f"Ort {n}", "description": "", "encodingType": "application/geo+json",
         "location": {"type": "Feature", "geometry": {"type": "Point", "coordinates": at}}, "Things": [n]}
        for n, at in places
    ]  # fmt: skip
    units = {1: ("Grad Celsius", "°C"), 2: ("Mikrogramm", "µg/m³")}
    streams, observations = [], []
    for station in (1, 2):
        for kind, first in ((1, 0), (2, 10)):
            id = station + first
            ids = [id * 1000 + hour for hour in range(hours)]
            streams.append(
                {"@iot.id": id, "name": f"Strom {id}", "description": "x", "observationType": "…/OM_Measurement",
                 "unitOfMeasurement": {"name": units[kind][0], "symbol": units[kind][1], "definition": "ucum:x"},
                 "Thing": station, "ObservedProperty": kind, "Observations": ids}
            )  # fmt: skip
            for hour, number in enumerate(ids):
                begin = f"2026-11-{1 + hour // 24:02d}T{hour % 24:02d}:00:00.000Z"
                end = f"2026-11-{1 + hour // 24:02d}T{hour % 24:02d}:59:59.000Z"
                observations.append(
                    {"@iot.id": number, "phenomenonTime": f"{begin}/{end}" if kind == 2 else begin, "resultTime": None,
                     "result": hour + id / 10, "Datastream": id}
                )  # fmt: skip
    return {
        "Things": things,
        "Locations": locations,
        "Datastreams": streams,
        "Observations": observations,
        "ObservedProperties": [{"@iot.id": 1, "name": "Lufttemperatur"}, {"@iot.id": 2, "name": "NO2"}],
        "Sensors": [],
        "FeaturesOfInterest": [],
        "HistoricalLocations": [],
    }
