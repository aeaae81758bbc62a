"""Silo `kita_verwaltung`: the Kita application, a SQLite file of its vendor."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nabe.demo import words
from nabe.demo.silos import databases
from nabe.demo.silos.writing import degrees
from nabe.demo.town import AS_OF, Person, Town, dice

_DDL = (
    "create table traeger (traeger_id integer primary key, name text not null, art text not null)",
    """create table einrichtung (einrichtung_id integer primary key, name text not null,
    traeger_id integer not null references traeger(traeger_id), strassenschluessel text not null, strasse text not null,
    hausnummer text not null, plz text not null, stadtteil text not null, laenge real, breite real, leitung text,
    telefon text, oeffnet text, schliesst text, plaetze integer not null)""",
    """create table gruppe (gruppe_id integer primary key,
    einrichtung_id integer not null references einrichtung(einrichtung_id), bezeichnung text not null,
    altersgruppe text not null check (altersgruppe in ('U3', 'Ü3')), plaetze integer not null, belegt integer not null)""",
    """create table kind (kind_id integer primary key, nachname text not null, vorname text not null,
    geburtsdatum text not null, stadtteil text not null, gruppe_id integer references gruppe(gruppe_id),
    einrichtung_wunsch integer references einrichtung(einrichtung_id), status text not null, angemeldet_am text not null)""",
    """create view plaetze_je_einrichtung as
    select e.einrichtung_id || '-' || g.altersgruppe as platz_id, e.einrichtung_id, e.stadtteil, g.altersgruppe,
    sum(g.plaetze) as plaetze, sum(g.belegt) as belegt
    from einrichtung e join gruppe g using (einrichtung_id) group by e.einrichtung_id, e.stadtteil, g.altersgruppe""",
    "create view warteliste as select * from kind where status = 'Warteliste'",
)


@dataclass(slots=True)
class _Group:
    id: int
    kita: int
    district: str
    ages: str
    places: int
    taken: int = 0


def write(town: Town, folder: Path) -> None:
    """`kita.sqlite`."""
    databases.sqlite(folder / "kita.sqlite", _DDL, _rows(town))


def _rows(town: Town) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    yield "traeger", [(number, name, kind) for number, (name, kind, _) in enumerate(words.KITA_OPERATORS, 1)]
    facilities: list[tuple[object, ...]] = []
    for kita in town.kitas:
        house = kita.address
        longitude, latitude = degrees(house.east, house.north)
        hours = ("07:00", "17:00") if kita.id % 3 else ("06:30", "16:30")
        facilities.append(
            (
                kita.id,
                kita.name,
                kita.operator + 1,
                house.street.key,
                house.street.short,
                house.house,
                house.postcode,
                house.district,
                longitude,
                latitude,
                kita.head,
                kita.phone,
                *hours,
                kita.places,
            )
        )
    yield "einrichtung", facilities
    groups: list[_Group] = []
    for kita in town.kitas:
        for ages, places in kita.groups:
            groups.append(_Group(len(groups) + 1, kita.id, kita.address.district, ages, places))
    children = _children(town, groups)
    yield "gruppe", [(g.id, g.kita, f"Gruppe {g.id % 9 + 1}", g.ages, g.places, g.taken) for g in groups]
    yield "kind", children


def _children(town: Town, groups: list[_Group]) -> list[tuple[object, ...]]:
    """Children in groups as long as there are places nearby, the others of those who asked on the waiting list."""
    rng = dice("kita children")
    nearby: dict[str, list[_Group]] = {}
    for group in groups:
        nearby.setdefault(group.district, []).append(group)
    young = [(person, household) for household in town.households for person in household.people if person.age < 6]
    found: list[tuple[object, ...]] = []
    for index in rng.permutation(len(young)).tolist():
        person, household = young[index]
        wants = 0.4 if person.age < 1 else 0.7 if person.age < 3 else 0.98
        if rng.random() > wants:
            continue
        ages = "U3" if person.age < 3 else "Ü3"
        local = nearby[household.district]
        place = next((group for group in local if group.ages == ages and group.taken < group.places), None)
        asked = min(person.born + dt.timedelta(days=int(rng.integers(20, 500))), AS_OF)
        wish = None
        if place is not None:
            place.taken += 1
        else:
            wish = local[int(rng.integers(len(local)))].kita
        found.append(_child(len(found) + 1, person, household.district, place, wish, asked))
    return found


def _child(
    number: int, person: Person, district: str, place: _Group | None, wish: int | None, asked: dt.date
) -> tuple[object, ...]:
    state, group = ("betreut", place.id) if place is not None else ("Warteliste", None)
    born, when = person.born.isoformat(), asked.isoformat()
    return number, person.family_name, person.given_name, born, district, group, wish, state, when
