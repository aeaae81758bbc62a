"""Silos `tiefbau`, `stadtwerke` and `ordnungsamt`: who digs, who lays pipes, who closes streets for a feast."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from nabe.demo.silos.writing import degrees, geojson, in_degrees, table, western
from nabe.demo.town import NOTICE, Street, Town, dice

_PIPES = ("Fernwärme", "Strom", "Gas", "Wasser", "Glasfaser")
_FEASTS = ("Straßenfest", "Wochenmarkt", "Laternenumzug", "Schützenfest", "Flohmarkt", "Stadtlauf", "Weihnachtsmarkt")


def write_road_works(town: Town, folder: Path) -> None:
    """`baustellen.geojson`: 140 sites of the civil-engineering office."""
    rng = dice("road works")
    features = []
    for number in range(1, 141):
        street = _street(town, rng)
        begin = dt.date(2026, 8, 1) + dt.timedelta(days=int(rng.integers(0, 240)))
        end = begin + dt.timedelta(days=int(rng.gamma(2, 16)) + 2)
        properties = {
            "baustelle": f"T-2026-{number:03d}",
            "strassenschluessel": street.key,
            "strasse": street.name,
            "art": str(rng.choice(["Fahrbahndecke", "Kanal", "Gehweg", "Brücke", "Radweg"])),
            "beginn": begin.isoformat(),
            "ende": end.isoformat(),
            "sperrung": str(rng.choice(["voll", "halbseitig", "keine"], p=[0.25, 0.5, 0.25])),
        }
        features.append((in_degrees(street.line), properties))
    geojson(folder / "baustellen.geojson", "baustellen", features)


def write_utility(town: Town, folder: Path) -> None:
    """`leitungsbau.csv` (Latin-1, streets abbreviated, two-digit years) and the energy of municipal buildings."""
    rng = dice("pipes")
    rows = []
    for number in range(1, 171):
        street = _street(town, rng)
        begin = dt.date(2026, 8, 15) + dt.timedelta(days=int(rng.integers(0, 240)))
        end = begin + dt.timedelta(days=int(rng.gamma(2, 12)) + 3)
        cost = f"{float(rng.lognormal(10.6, 0.7)):.2f}".replace(".", ",")
        kind = _PIPES[int(rng.integers(len(_PIPES)))]
        dates = (begin.strftime("%d.%m.%Y"), end.strftime("%d.%m.%Y"))
        rows.append((f"SW{number:05d}", street.key, western(street.short), western(kind), *dates, cost))
    header = ("Auftrag", "Str.-Schlüssel", "Straße", "Sparte", "Beginn", "Ende", "Kosten [EUR]")
    table(folder / "leitungsbau.csv", header, rows, encoding="latin-1", delimiter=";")
    _energy(town, folder / "energie_liegenschaften.parquet")


def _energy(town: Town, path: Path) -> None:
    rng = dice("energy")
    columns: dict[str, list[object]] = {
        name: [] for name in ("objekt", "name", "nutzung", "strassenschluessel", "hausnummer")
    }
    columns |= {name: [] for name in ("flaeche_m2", "monat", "waerme_kwh", "strom_kwh", "wasser_m3")}
    for building in town.places["buildings"]:
        area = int(str(building.notes["area"]))
        poor = float(rng.lognormal(0, 0.28))
        for month in range(1, 13):
            cold = max(0.05, (1 + 0.95 * math.cos((month - 1) / 6 * math.pi)) / 2)
            heat = round(area * 105 / 5.6 * cold * poor * float(rng.uniform(0.92, 1.08)))
            row = (f"L{building.id:03d}", building.name, building.notes["use"], building.address.street.key)
            rest = (area, dt.date(2025, month, 1), heat, round(area * 1.6 * float(rng.uniform(0.8, 1.2))))
            water = round(area * 0.012 * float(rng.uniform(0.7, 1.3)), 1)
            for name, value in zip(columns, (*row, building.address.house, *rest, water), strict=True):
                columns[name].append(value)
    pq.write_table(pa.table(columns).replace_schema_metadata({"hinweis": NOTICE}), path, compression="zstd")


def write_events(town: Town, folder: Path) -> None:
    """`veranstaltungen.csv`: UTF-8, comma, ISO dates with time; the applicant is personal."""
    rng = dice("events")
    rows = []
    people = town.people
    for number in range(1, 121):
        street = _street(town, rng)
        start = dt.datetime(2026, 8, 20, 8) + dt.timedelta(hours=int(rng.integers(0, 24 * 120)))
        end = start + dt.timedelta(hours=int(rng.integers(3, 60)))
        applicant = people[int(rng.integers(len(people)))]
        guests = int(rng.integers(2, 90)) * 25
        longitude, latitude = degrees(*street.line.interpolate(0.5, normalized=True).coords[0])
        name = f"{_FEASTS[int(rng.integers(len(_FEASTS)))]} {street.name}"
        rows.append(
            (
                number,
                name,
                street.key,
                start.isoformat(),
                end.isoformat(),
                guests,
                f"{applicant.given_name} {applicant.family_name}",
                longitude,
                latitude,
            )
        )
    header = (
        "nr",
        "veranstaltung",
        "strassenschluessel",
        "beginn",
        "ende",
        "erwartete_gaeste",
        "antragsteller",
        "lon",
        "lat",
    )
    table(folder / "veranstaltungen.csv", header, rows, encoding="utf-8", delimiter=",", newline="\n")


def _street(town: Town, rng: object) -> Street:
    """Works cluster: every second one is in a few streets, so that conflicts are there to be found."""
    import numpy as np

    assert isinstance(rng, np.random.Generator)
    if rng.random() < 0.45:
        return town.streets[int(rng.integers(0, 40)) * 19]
    return town.streets[int(rng.integers(len(town.streets)))]
