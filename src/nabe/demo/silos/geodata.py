"""Silo `geodaten`: the survey office's GeoPackage, GeoJSON files and a zipped Shapefile, mostly in EPSG:25832."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from nabe.demo import words
from nabe.demo.silos.writing import archive, degrees, geojson
from nabe.demo.town import NOTICE, Place, Town, dice

_CRS = "EPSG:25832"
TREES = 6_000


def write(town: Town, folder: Path) -> None:
    """`stadtgrundkarte.gpkg` (districts, streets, addresses), playgrounds, stops, sports grounds, trees."""
    import pyogrio  # GDAL takes 30 MB, which a demo that was built before need not carry

    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": "2026-10-01T06:00:00Z", "DBF_DATE_LAST_UPDATE": "2026-10-01"})
    try:
        _base_map(town, folder / "stadtgrundkarte.gpkg")
        _trees(town, folder / "baumkataster.shp.zip")
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None, "DBF_DATE_LAST_UPDATE": None})
    _playgrounds(town.places["playgrounds"], folder / "spielplaetze.geojson")
    _stops(town.places["bus_stops"], folder / "haltestellen.geojson")
    _sports(town.places["sports"], folder / "sportstaetten.geojson")


def _base_map(town: Town, path: Path) -> None:
    path.unlink(missing_ok=True)
    quarters: dict[str, Sequence[Any]] = {
        "stt_nr": [district.key for district in town.districts],
        "name": [district.name for district in town.districts],
        "flaeche_ha": [round(district.shape.area / 1e4, 2) for district in town.districts],
        "einwohner": [district.plan.people for district in town.districts],
    }
    _layer(path, "stadtteile", [district.shape for district in town.districts], "Polygon", quarters)
    register: dict[str, Sequence[Any]] = {
        "schluessel": [street.key for street in town.streets],
        "name": [street.name for street in town.streets],
        "kurzname": [street.short for street in town.streets],
        "stt_nr": [street.district for street in town.streets],
        "laenge_m": [round(street.line.length, 1) for street in town.streets],
    }
    _layer(path, "strassen", [street.line for street in town.streets], "LineString", register)
    houses: dict[str, Sequence[Any]] = {
        "adress_id": [house.id for house in town.addresses],
        "schluessel": [house.street.key for house in town.addresses],
        "strasse": [house.street.name for house in town.addresses],
        "hausnr": [house.number for house in town.addresses],
        "zusatz": [house.suffix or None for house in town.addresses],
        "plz": [house.postcode for house in town.addresses],
        "stt_nr": [house.district for house in town.addresses],
    }
    _layer(path, "adressen", [Point(house.east, house.north) for house in town.addresses], "Point", houses)


def _layer(
    path: Path, layer: str, shapes: Sequence[BaseGeometry], kind: str, columns: Mapping[str, Sequence[Any]]
) -> None:
    import pyogrio

    data = [_array(values) for values in columns.values()]
    options: dict[str, Any] = {}
    if path.suffix == ".gpkg":
        options = {"layer_metadata": {"DESCRIPTION": NOTICE}, "append": path.exists(), "DESCRIPTION": NOTICE}
    elif path.suffix == ".shp":
        options = {"encoding": "cp1252"}
    pyogrio.raw.write(
        path,
        shapely.to_wkb(np.array(shapes, dtype=object)),
        data,
        list(columns),
        layer=layer,
        geometry_type=kind,
        crs=_CRS,
        **options,
    )


def _array(values: Sequence[Any]) -> np.ndarray:
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int}:
        return np.array(values, dtype=np.int64)
    if kinds <= {int, float}:
        return np.array(values, dtype=np.float64)
    return np.array(values, dtype=object)


def _trees(town: Town, path: Path) -> None:
    """6,000 street trees; the Shapefile's column names have ten letters and its text is Windows-1252."""
    rng = dice("trees")
    lengths = np.array([street.line.length for street in town.streets])
    chosen = rng.choice(len(town.streets), TREES, p=lengths / lengths.sum())
    shapes: list[BaseGeometry] = []
    columns: dict[str, list[Any]] = {
        name: [] for name in ("BAUM_NR", "ART_DEUTSC", "ART_BOT", "PFLANZJAHR", "STAMMUMF", "KRONE_M")
    }
    columns |= {"STRSCHL": [], "STT_NR": []}
    for number, index in enumerate(sorted(chosen.tolist()), 1):
        street = town.streets[index]
        at = float(rng.uniform(0, street.line.length - 1))
        here, ahead = street.line.interpolate(at), street.line.interpolate(at + 1)
        along, aside = math.atan2(ahead.y - here.y, ahead.x - here.x), float(rng.choice([-6.5, 6.5]))
        shapes.append(Point(round(here.x - aside * math.sin(along), 2), round(here.y + aside * math.cos(along), 2)))
        german, botanical = words.TREES[int(rng.integers(len(words.TREES)))]
        planted = int(2025 - min(140, rng.gamma(2.2, 17)))
        girth = int((2025 - planted) * float(rng.uniform(1.4, 2.4)) + 14)
        crown = round(2 + girth / 28 + float(rng.uniform(-0.8, 0.8)), 1)
        row = (f"B{number:05d}", german, botanical, planted, girth, crown, street.key, street.district)
        for name, value in zip(columns, row, strict=True):
            columns[name].append(value)
    with tempfile.TemporaryDirectory() as scratch:
        _layer(Path(scratch) / "baumkataster.shp", "baumkataster", shapes, "Point", columns)
        archive(path, Path(scratch).iterdir())


def _playgrounds(places: list[Place], path: Path) -> None:
    features = [
        (
            Point(degrees(place.address.east, place.address.north)),
            {
                "id": place.id,
                "name": place.name,
                "stadtteil_nr": place.address.district,
                "flaeche_m2": place.notes["area"],
                "altersgruppe": place.notes["ages"],
                "baujahr": place.notes["built"],
                "schatten": place.notes["shade"],
            },
        )
        for place in places
    ]
    geojson(path, "spielplaetze", features)


def _stops(places: list[Place], path: Path) -> None:
    features = [
        (
            Point(degrees(place.address.east, place.address.north)),
            {
                "haltestelle": f"MUS:{place.id:04d}",
                "name": place.name,
                "linien": place.notes["lines"],
                "barrierefrei": place.notes["step_free"],
                "wetterschutz": place.notes["shelter"],
                "stadtteil_nr": place.address.district,
            },
        )
        for place in places
    ]
    geojson(path, "haltestellen", features)


def _sports(places: list[Place], path: Path) -> None:
    """In metres, with the old `crs` member: a reader that assumes degrees puts them off the map."""
    features = [
        (
            Point(place.address.east, place.address.north),
            {
                "objekt_nr": f"S-{place.id:03d}",
                "bezeichnung": place.name,
                "art": place.notes["kind"],
                "nutzflaeche_m2": place.notes["area"],
                "stadtteil": place.address.district,
            },
        )
        for place in places
    ]
    geojson(path, "sportstaetten", features, crs=_CRS)
