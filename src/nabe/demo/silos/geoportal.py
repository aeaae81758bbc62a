"""Silo `geoportal`: what the survey office serves by OGC API Features, in EPSG:25832 and in degrees."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import Point

from nabe.demo import words
from nabe.demo.silos.writing import degrees
from nabe.demo.town import NOTICE, Town, dice

TREES = 1_200
_WATERS = ("Mühlteich", "Löwensee", "Kiesgrube Öderloh", "Grünthaler Weiher", "Badestelle Weißenbrück")


def write(town: Town, folder: Path) -> None:
    """`sammlungen.json` and the features of each collection."""
    collections = (
        ("baumkontrollen", "Baumkontrollen", "Letzte Kontrolle von Straßenbäumen", _trees(town)),
        ("spielplatzkontrollen", "Spielplatzkontrollen", "Letzte Kontrolle der Spielplätze", _playgrounds(town)),
        ("badegewaesser", "Badegewässer", "Badestellen mit ihrer Einstufung", _waters(town)),
    )
    about = [{"id": id, "title": title, "description": f"{text}. {NOTICE}"} for id, title, text, _ in collections]
    _save(folder / "sammlungen.json", about)
    for id, _, _, features in collections:
        _save(folder / f"{id}.json", features)


def _save(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), "utf-8")


def _feature(id: str, east: float, north: float, properties: dict[str, Any]) -> dict[str, Any]:
    place = {"utm": [round(east, 2), round(north, 2)], "lonlat": list(degrees(east, north))}
    return {"id": id, **place, "properties": properties}


def _trees(town: Town) -> list[dict[str, Any]]:
    rng = dice("tree checks")
    features = []
    for number in range(1, TREES + 1):
        street = town.streets[int(rng.integers(len(town.streets)))]
        at = street.line.interpolate(float(rng.uniform(0, street.line.length)))
        german, botanical = words.TREES[int(rng.integers(len(words.TREES)))]
        properties = {
            "baumnummer": f"K{number:05d}",
            "art": german,
            "art_botanisch": botanical,
            "vitalitaet": int(rng.choice(5, p=[0.35, 0.33, 0.2, 0.09, 0.03])),
            "kontrolle": f"2026-{int(rng.integers(1, 11)):02d}-{int(rng.integers(1, 29)):02d}",
            "massnahme": str(rng.choice(["keine", "Totholz entnehmen", "Krone pflegen", "Fällung"], p=[0.6, 0.2, 0.17, 0.03])),
            "strassenschluessel": street.key,
            "stadtteil": street.district,
        }  # fmt: skip
        features.append(_feature(f"baum.{number}", at.x, at.y, properties))
    return features


def _playgrounds(town: Town) -> list[dict[str, Any]]:
    rng = dice("playground checks")
    features = []
    for place in town.places["playgrounds"]:
        properties = {
            "name": place.name,
            "stadtteil": place.address.district,
            "kontrolle": f"2026-{int(rng.integers(6, 11)):02d}-{int(rng.integers(1, 29)):02d}",
            "maengel": int(rng.poisson(0.8)),
            "gesperrt": bool(rng.random() < 0.04),
        }
        features.append(_feature(f"spielplatz.{place.id}", place.address.east, place.address.north, properties))
    return features


def _waters(town: Town) -> list[dict[str, Any]]:
    rng = dice("bathing waters")
    features = []
    for number, name in enumerate(_WATERS, 1):
        district = town.districts[(number * 3) % len(town.districts)]
        at: Point = shapely.point_on_surface(district.shape)
        properties = {
            "name": name,
            "stadtteil": district.key,
            "einstufung": ("ausgezeichnet", "gut", "ausgezeichnet", "ausreichend", "gut")[number - 1],
            "probe": f"2026-09-{int(rng.integers(1, 29)):02d}",
            "wassertemperatur": round(float(rng.uniform(17, 22)), 1),
            "baden_erlaubt": number != 4,
        }
        features.append(_feature(f"see.{number}", at.x, at.y, properties))
    return features
