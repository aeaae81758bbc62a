"""Silo `einwohnerwesen`: exports of the residents' register as CSV files of several decades."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from nabe.demo.silos.writing import german, table, western
from nabe.demo.town import AS_OF, NOTICE, Town, dice

#: Age groups of the city's statistics: code, first and last year of age.
AGE_GROUPS = (
    ("00-02", 0, 2),
    ("03-05", 3, 5),
    ("06-09", 6, 9),
    ("10-14", 10, 14),
    ("15-17", 15, 17),
    ("18-24", 18, 24),
    ("25-29", 25, 29),
    ("30-44", 30, 44),
    ("45-59", 45, 59),
    ("60-64", 60, 64),
    ("65-74", 65, 74),
    ("75-84", 75, 84),
    ("85+", 85, 130),
)
_DAY = AS_OF.strftime("%d.%m.%Y")


def write(town: Town, folder: Path) -> None:
    """Population by age, households, movements over time and an extract of the register."""
    _by_age(town, folder / "einwohner_alter_2025.csv")
    _households(town, folder / "haushalte_2025.csv")
    _movements(town, folder / "bewegungen.tsv")
    _register(town, folder / "melderegister_auszug.csv")


def _by_age(town: Town, path: Path) -> None:
    """Windows-1252, semicolon, decimal comma, German dates, `-` for none or too few; two lines before the header."""
    counts: Counter[tuple[str, str, str]] = Counter()
    groups = [code for code, first, last in AGE_GROUPS for _ in range(first, last + 1)]
    for household in town.households:
        for person in household.people:
            counts[household.district, groups[person.age], person.sex] += 1
    rows = []
    for district in town.districts:
        for code, _, _ in AGE_GROUPS:
            for sex in ("m", "w"):
                count = counts[district.key, code, sex]
                share = german(100 * count / district.plan.people, 2) if count > 4 else "-"
                rows.append((_DAY, district.key, district.name, code, sex, count if count > 4 else "-", share))
    header = ("Stichtag", "STT", "Stadtteil", "Altersgruppe", "Geschlecht", "Einwohner", "Anteil in %")
    title = ("Einwohner nach Stadtteil, Altersgruppe und Geschlecht", NOTICE)
    table(path, header, rows, encoding="cp1252", delimiter=";", above=title)


def _households(town: Town, path: Path) -> None:
    """UTF-8 with BOM, semicolon, thousands with a point."""
    rows = []
    for district in town.districts:
        local = town.in_district(district.key)
        families = sum(any(person.age < 18 for person in item.people) for item in local)
        alone = sum(item.kind == "single_parent" for item in local)
        people, count = district.plan.people, len(local)
        area = district.shape.area / 1e6
        rows.append(
            (
                _DAY,
                district.key,
                district.name,
                german(count, 0, thousands=True),
                german(families, 0, thousands=True),
                german(alone, 0),
                german(people / count, 2),
                german(people / area, 1, thousands=True),
            )
        )
    header = (
        "Stichtag;STT;Stadtteil;Haushalte;davon mit Kindern unter 18;Alleinerziehende;Ø Haushaltsgröße;Einwohner je km²"
    )
    table(path, header.split(";"), rows, encoding="utf-8-sig", delimiter=";", newline="\n")


def _movements(town: Town, path: Path) -> None:
    """Latin-1, tab, years as numbers, `-` where a year was not counted."""
    rng = dice("movements")
    rows = []
    for district in town.districts:
        people = district.plan.people
        for year in range(2012, 2026):
            births, deaths = int(rng.poisson(people * 0.0094)), int(rng.poisson(people * 0.0112))
            moved_in, moved_out = int(rng.poisson(people * 0.071)), int(rng.poisson(people * 0.067))
            gone = year < 2014 and district.key == "14"
            row = (births, deaths, moved_in, moved_out)
            rows.append((district.key, district.name, year, *(("-",) * 4 if gone else row)))
    header = ("STT", "Stadtteil", "Jahr", "Geburten", "Sterbefälle", "Zuzüge", "Fortzüge")
    table(path, header, rows, encoding="latin-1", delimiter="\t")


def _register(town: Town, path: Path) -> None:
    """Windows-1252, semicolon, names in upper case as the register's mainframe wrote them."""
    rows = []
    for household in town.households:
        house = household.address
        where = (house.street.key, house.house, house.postcode, house.district)
        for person in household.people:
            name = western(person.family_name).replace("ß", "ẞ").upper().replace("ẞ", "ß")
            born = person.born.strftime("%d.%m.%Y")
            rows.append(
                (
                    f"{person.id:07d}",
                    name,
                    western(person.given_name),
                    person.sex,
                    born,
                    person.born.year,
                    household.id,
                    *where,
                )
            )
    header = ("PID", "NAME", "VORNAME", "GESCHL", "GEBDAT", "JAHRGANG", "HAUSHALT", "STRSCHL", "HAUSNR", "PLZ", "STT")
    table(path, header, rows, encoding="cp1252", delimiter=";")
