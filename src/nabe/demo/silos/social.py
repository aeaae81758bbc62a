"""Silo `sozialhilfe`: the social-assistance application, a relational database (PostgreSQL, else SQLite)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from nabe.demo.town import AS_OF, NOTICE, Household, Town, dice

_BENEFITS = ("Hilfe zum Lebensunterhalt", "Grundsicherung im Alter", "Bürgergeld", "Wohngeld")
_OFFICERS = tuple(f"SB{number:02d}" for number in range(1, 24))


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str  # the same word in both dialects, except timestamps
    comment: str
    references: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    comment: str
    columns: tuple[Column, ...]


TABLES: tuple[Table, ...] = (
    Table(
        "haushalt",
        "Haushalte mit laufenden oder abgeschlossenen Fällen",
        (
            Column("haushalt_id", "integer primary key", "Nummer des Haushalts"),
            Column("stadtteil_nr", "varchar(2) not null", "Stadtteilnummer mit führender Null"),
            Column("strassenschluessel", "varchar(5) not null", "Straßenschlüssel, fünfstellig"),
            Column("hausnummer", "varchar(6) not null", "Hausnummer mit Zusatz"),
            Column("personen", "integer not null", "Personen im Haushalt"),
            Column("kinder_u6", "integer not null", "davon Kinder unter 6 Jahren"),
        ),
    ),
    Table(
        "person",
        "Personen der Haushalte",
        (
            Column("person_id", "integer primary key", "Nummer der Person"),
            Column("haushalt_id", "integer not null", "Haushalt", "haushalt(haushalt_id)"),
            Column("nachname", "varchar(80) not null", "Familienname"),
            Column("vorname", "varchar(80) not null", "Vorname"),
            Column("geburtsdatum", "date not null", "Geburtsdatum"),
            Column("geschlecht", "char(1) not null", "m oder w"),
        ),
    ),
    Table(
        "fall",
        "Leistungsfälle",
        (
            Column("fall_id", "integer primary key", "Nummer des Falls"),
            Column("haushalt_id", "integer not null", "Haushalt", "haushalt(haushalt_id)"),
            Column("aktenzeichen", "varchar(20) not null", "Aktenzeichen"),
            Column("leistung", "varchar(40) not null", "Leistungsart"),
            Column("beginn", "date not null", "erster Tag der Leistung"),
            Column("ende", "date", "letzter Tag, leer solange laufend"),
            Column("sachbearbeitung", "varchar(8)", "Kürzel der Sachbearbeitung"),
        ),
    ),
    Table(
        "zahlung",
        "Zahlungen je Fall und Monat",
        (
            Column("zahlung_id", "integer primary key", "Nummer der Zahlung"),
            Column("fall_id", "integer not null", "Fall", "fall(fall_id)"),
            Column("monat", "date not null", "erster Tag des Monats"),
            Column("betrag_eur", "numeric(10,2) not null", "Betrag in EUR"),
        ),
    ),
)

VIEW = """create view haushalte_im_bezug as
select h.haushalt_id, h.stadtteil_nr, h.personen, h.kinder_u6, f.leistung, f.beginn
from haushalt h join fall f on f.haushalt_id = h.haushalt_id
where f.ende is null"""
VIEW_COMMENT = "Haushalte mit laufender Leistung (je Haushalt eine Zeile)"


def ddl(postgres: bool) -> list[str]:
    """Statements that create the tables; PostgreSQL also keeps the comments."""
    made: list[str] = []
    for table in TABLES:
        columns = [
            f"{column.name} {column.type}" + (f" references {column.references}" if column.references else "")
            for column in table.columns
        ]
        made.append(f"create table {table.name} ({', '.join(columns)})")
        if postgres:
            made.append(f"comment on table {table.name} is '{table.comment}. {NOTICE}'")
            made += [f"comment on column {table.name}.{c.name} is '{c.comment}'" for c in table.columns]
    made.append(VIEW)
    made += ["create index fall_haushalt on fall (haushalt_id)", "create index zahlung_fall on zahlung (fall_id)"]
    made += ["create index person_haushalt on person (haushalt_id)"]
    if postgres:
        made.append(f"comment on view haushalte_im_bezug is '{VIEW_COMMENT}. {NOTICE}'")
    return made


def rows(town: Town) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    """Table by table, in an order that keeps the foreign keys."""
    numbers, ended = _numbers(town), _ended(town)
    served = [*town.assisted, *ended]
    yield "haushalt", [_household(numbers[item.id], item) for item in served]
    yield (
        "person",
        [
            (100_000 + index, numbers[household.id], p.family_name, p.given_name, p.born.isoformat(), p.sex)
            for index, (household, p) in enumerate((h, p) for h in served for p in h.people)
        ],
    )
    rng = dice("cases")
    cases = [
        _case(number, numbers[household.id], household, number > len(town.assisted), rng)
        for number, household in enumerate(served, 1)
    ]
    yield "fall", cases
    yield "zahlung", list(_payments(cases, served, rng))


def _numbers(town: Town) -> dict[int, int]:
    """The application's own household numbers, which tell nothing about the register's."""
    order = dice("household numbers").permutation(len(town.households) + 1)
    return {household.id: 400_000 + int(order[household.id]) for household in town.households}


def _ended(town: Town) -> list[Household]:
    """800 households whose assistance has ended."""
    taken = {household.id for household in town.assisted}
    free = [household for household in town.households if household.id not in taken and household.district != "14"]
    return [free[index] for index in sorted(dice("ended").choice(len(free), 800, replace=False).tolist())]


def _household(number: int, item: Household) -> tuple[object, ...]:
    young = sum(person.age < 6 for person in item.people)
    street = item.address.street.key
    return number, item.district, street, item.address.house, len(item.people), young


def _case(number: int, household: int, item: Household, ended: bool, rng: np.random.Generator) -> tuple[object, ...]:
    old = item.kind in {"single_old", "couple_old"}
    benefit = _BENEFITS[1] if old else str(rng.choice(_BENEFITS, p=[0.14, 0.0, 0.68, 0.18]))
    begin = AS_OF - dt.timedelta(days=int(rng.integers(40, 2_600)))
    end = (begin + dt.timedelta(days=int(rng.integers(30, 900)))) if ended else None
    if end is not None and end > AS_OF:
        end = AS_OF
    file = f"50.{int(rng.integers(1, 5))}-{begin.year}-{number:05d}"
    officer = _OFFICERS[int(rng.integers(len(_OFFICERS)))]
    return number, household, file, benefit, begin.isoformat(), end.isoformat() if end else None, officer


def _payments(
    cases: list[tuple[object, ...]], served: list[Household], rng: np.random.Generator
) -> Iterator[tuple[object, ...]]:
    number = 0
    for case, household in zip(cases, served, strict=True):
        if case[5] is not None:
            continue
        need = 563 + 404 * (len(household.people) - 1) * 0.7 + float(rng.gamma(4, 45))
        begin = str(case[4])
        for month in _months():
            if month >= begin[:8] + "01":
                number += 1
                yield number, case[0], month, round(need * float(rng.uniform(0.55, 1.0)), 2)


@cache
def _months() -> tuple[str, ...]:
    return tuple(f"{AS_OF.year}-{month:02d}-01" for month in range(1, 13))
