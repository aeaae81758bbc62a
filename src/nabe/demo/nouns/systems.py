"""The silos as systems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nabe.model.dataset import Limits, System
from nabe.model.text import Text


@dataclass(frozen=True, slots=True)
class Silos:
    """Where the silos are that are not mere files: the connection of the social database and the neighbour's address."""

    social: Mapping[str, Any]
    neighbour: str


def systems(silos: Silos) -> tuple[System, ...]:
    """Twelve systems: one per department application, each with its owner."""
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
    )


def reachable(silos: Silos) -> tuple[System, System]:
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
        {"location": silos.neighbour},
        Text("CSV und JSON über HTTP.", "CSV and JSON over HTTP."),
        Limits(rows=100_000, timeout_s=5.0),
    )
    return social, neighbour


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
