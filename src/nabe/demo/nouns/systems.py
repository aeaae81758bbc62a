"""The silos as systems."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nabe.model.dataset import Limits, System
from nabe.model.text import Text


@dataclass(frozen=True, slots=True)
class Silos:
    """Where the silos are that are not mere files: the connection of the social database, and addresses of services."""

    social: Mapping[str, Any]
    services: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Service:
    """A silo that is a process over HTTP: what it speaks (`nabe.demo.services`), and its port unless that is taken."""

    kind: str
    port: int


SERVICES: Mapping[str, Service] = {
    "nachbarstadt": Service("documents", 8095),
    "geoportal": Service("features", 8096),
    "sensordienst": Service("things", 8097),
    "roller_anbieter": Service("rides", 8098),
    "baustellen_datex": Service("documents", 8099),
    "ratsinformation": Service("council", 8100),
    "parkleitsystem": Service("parking", 8101),
}
#: Where the token lies with which the city asks the provider of scooters.
TOKEN = Path("silos") / "roller_anbieter" / "zugang"


def systems(silos: Silos) -> tuple[System, ...]:
    """One per department application, each with its owner, and four ways in which devices send."""
    return (
        _files("geodaten", "Geodateninfrastruktur", "Spatial data infrastructure", "vermessungsamt"),
        _files(
            "einwohnerwesen",
            "Einwohnerwesen und Statistik (CSV-Abzüge)",
            "Residents and statistics (CSV)",
            "buergeramt",
        ),
        _files("finanzen", "Finanzverfahren (Excel-Export)", "Finance application (Excel export)", "stadtkaemmerei"),
        _files("schulverwaltung", "Schulverwaltung (Excel)", "School administration (Excel)", "schulamt"),
        _files("gesundheit", "Arztregister (CSV)", "Register of practices (CSV)", "gesundheitsamt"),
        _files("umwelt", "Sensorarchiv (Parquet, NDJSON)", "Sensor archive (Parquet, NDJSON)", "umweltamt"),
        _files("tiefbau", "Baustellenverwaltung", "Road-works application", "tiefbauamt"),
        _files("stadtwerke", "Stadtwerke (Exporte)", "Utilities (exports)", "stadtwerke"),
        _files("ordnungsamt", "Veranstaltungskalender", "Events register", "ordnungsamt"),
        _KITA,
        *reachable(silos),
        *_SENDING,
    )


def reachable(silos: Silos) -> tuple[System, ...]:
    """Those that run as processes, whose address may change."""
    social = System(
        "sozialhilfe",
        Text("Sozialhilfe-Fachverfahren", "Social-assistance application"),
        "sql",
        "sozialamt",
        silos.social,
        Text(
            "Datenbank des Fachverfahrens mit Personen, Haushalten, Fällen und Zahlungen; nur lesend angebunden.",
            "Database of the application with persons, households, cases and payments; connected read-only.",
        ),
        Limits(rows=1_000_000, timeout_s=20.0),
    )
    neighbour = System(
        "nachbarstadt",
        Text("Datendienst der Nachbarstadt Auental", "Data service of the neighbour town Auental"),
        "file",
        "auental",
        {"location": silos.services["nachbarstadt"], "refresh_s": 0},
        Text("CSV und JSON über HTTP.", "CSV and JSON over HTTP."),
        _SHORT,
        "PT1M",
    )
    return social, neighbour, *_standards(silos.services)


def _standards(at: Mapping[str, str]) -> Iterator[System]:
    """Services that speak a standard."""
    scooters = at["roller_anbieter"]
    token = {"type": "bearer", "token": f"file:{TOKEN.as_posix()}"}
    for id, title, adapter, owner, connection, about in (
        (
            "geoportal",
            Text("Geoportal", "Geoportal"),
            "ogc_features",
            "vermessungsamt",
            {"url": at["geoportal"], "type": "ogcapi", "page_size": 500},
            Text("OGC API Features; im Haus in EPSG:25832.", "OGC API Features; EPSG:25832 inside."),
        ),
        (
            "sensordienst",
            Text("Sensordienst", "Sensor service"),
            "sensorthings",
            "umweltamt",
            {"url": f"{at['sensordienst']}/v1.1"},
            Text("Luft und Wasser nach OGC SensorThings.", "Air and water by OGC SensorThings."),
        ),
        (
            "roller_anbieter",
            Text("Leihroller Flitz (offen)", "Flitz scooters (open)"),
            "mobility",
            "flitz",
            {"kind": "gbfs", "url": f"{scooters}/gbfs/gbfs.json", "stale_s": 0},
            Text("Fahrzeuge und Zonen nach GBFS 3.", "Vehicles and zones by GBFS 3."),
        ),
        (
            "roller_meldung",
            Text("Leihroller Flitz (Meldungen an die Stadt)", "Flitz scooters (reports to the city)"),
            "mobility",
            "flitz",
            {"kind": "mds", "url": f"{scooters}/mds", "auth": token},
            Text("Zustand und Fahrten nach MDS 2, mit Schlüssel.", "States and trips by MDS 2, with a token."),
        ),
        (
            "baustellen_datex",
            Text("Baustellen der Landesstraßenbehörde", "Road works of the state"),
            "datex2",
            "landesstrassen",
            {"url": at["baustellen_datex"]},
            Text("DATEX II über HTTP.", "DATEX II over HTTP."),
        ),
        (
            "ratsinformation",
            Text("Ratsinformationssystem", "Council information system"),
            "oparl",
            "datenkoordination",
            {"url": f"{at['ratsinformation']}/oparl/system"},
            Text("Vorlagen, Sitzungen und Gremien nach OParl 1.1.", "Papers, meetings and bodies by OParl 1.1."),
        ),
        (
            "parkleitsystem",
            Text("Parkleitsystem", "Car-park guidance system"),
            "http_json",
            "stadtwerke",
            {"url": at["parkleitsystem"]},
            Text("Freie Plätze als JSON, seitenweise.", "Free bays as JSON, in pages."),
        ),
    ):
        yield System(id, title, adapter, owner, connection, about, _SHORT, "PT1M")


#: Neighbours and providers answer soon, or are taken for down.
_SHORT = Limits(rows=100_000, timeout_s=5.0)


_KITA = System(
    "kita_verwaltung",
    Text("Kita-Verwaltung", "Kita administration"),
    "sql",
    "kita_eigenbetrieb",
    {"path": "silos/kita_verwaltung/kita.sqlite"},
    Text("SQLite-Datei der Kita-Software.", "SQLite file of the Kita software."),
)


def _files(id: str, de: str, en: str, owner: str) -> System:
    return System(id, Text(de, en), "file", owner, {"location": f"silos/{id}"})


#: What devices send comes in by these; nothing of theirs has an address that could be asked.
_SENDING = (
    System(
        "lorawan",
        Text("LoRaWAN-Netz der Stadtwerke", "LoRaWAN network of the utilities"),
        "lorawan",
        "stadtwerke",
        {"server": "chirpstack"},
        Text("Netzserver ChirpStack, über MQTT.", "Network server ChirpStack, over MQTT."),
    ),
    System(
        "things_stack",
        Text("LoRaWAN der Bürgerinitiative", "LoRaWAN of the citizens' initiative"),
        "lorawan",
        "umweltamt",
        {"server": "things_stack"},
        Text("The Things Stack, ruft über HTTP an (Webhook).", "The Things Stack, calls by HTTP (webhook)."),
    ),
    System(
        "gebaeudetechnik",
        Text("Gebäudetechnik", "Building services"),
        "mqtt_json",
        "stadtwerke",
        {
            "topics": ["tele/+/SENSOR"],
            "message": {"device_level": 1, "time": "Time", "timezone": "Europe/Berlin", "fields": "ENERGY"},
        },
        Text("Zähler, die JSON eigener Form über MQTT senden.", "Meters that send JSON of their own over MQTT."),
    ),
    System(
        "sensornetz",
        Text("Sensornetz der Stadt", "Sensor network of the city"),
        "sensing",
        "umweltamt",
        {},
        Text("Geräte, die OGC SensorThings über MQTT sprechen.", "Devices that speak OGC SensorThings over MQTT."),
    ),
)
