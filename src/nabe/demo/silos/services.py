"""Silos `schulverwaltung` and `gesundheitsamt`: schools and pupils in Excel, practices in an old CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nabe.demo.silos.writing import degrees, german, table, western, workbook
from nabe.demo.town import NOTICE, Town, dice


def write_schools(town: Town, folder: Path) -> None:
    """`schulen.xlsx` with the sheets `Schulen` and `Prognose` (pupils expected in first classes)."""
    schools: list[list[Any]] = [[f"Schulverzeichnis 2026/27 – {NOTICE}"], []]
    schools.append(
        ["Schul-Nr.", "Schule", "Schulform", "Straße", "Hausnr.", "PLZ", "Stadtteil-Nr.", "Schüler", "Lon", "Lat"]
    )
    for place in town.places["schools"]:
        house = place.address
        longitude, latitude = degrees(house.east, house.north)
        schools.append(
            [
                f"0{40000 + place.id * 7}",
                place.name,
                place.notes["kind"],
                house.street.short,
                house.house,
                house.postcode,
                house.district,
                place.notes["pupils"],
                longitude,
                latitude,
            ]
        )
    rng = dice("forecast")
    forecast: list[list[Any]] = [[f"Einschulungen je Stadtteil, Prognose – {NOTICE}"], []]
    forecast.append(["Stadtteil-Nr.", "Schuljahr", "Einschulungen", "Plätze in ersten Klassen"])
    for district in town.districts:
        young = sum(person.age in (3, 4, 5) for item in town.in_district(district.key) for person in item.people) / 3
        seats = round(young / 24) * 24
        for year in range(2026, 2032):
            expected = round(young * (1 + 0.02 * (year - 2026)) * float(rng.uniform(0.92, 1.1)))
            forecast.append([district.key, f"{year}/{(year + 1) % 100:02d}", expected, seats])
    workbook(folder / "schulen.xlsx", {"Schulen": schools, "Prognose": forecast})


def write_doctors(town: Town, folder: Path) -> None:
    """`arztpraxen.csv`: Windows-1252, coordinates with a decimal comma, postcodes with leading zeros."""
    rows = []
    for place in town.places["doctors"]:
        house = place.address
        longitude, latitude = degrees(house.east, house.north)
        share = german(float(str(place.notes["share"])), 2)
        rows.append(
            (
                f"{place.id:04d}",
                western(place.name),
                place.notes["specialty"],
                share,
                house.street.name,
                house.house,
                house.postcode,
                house.district,
                german(longitude, 6),
                german(latitude, 6),
            )
        )
    header = ("BSNR", "Praxis", "Fachgebiet", "Versorgungsauftrag", "Straße", "Hausnr", "PLZ", "STT", "Länge", "Breite")
    table(folder / "arztpraxen.csv", header, rows, encoding="cp1252", delimiter=";")
