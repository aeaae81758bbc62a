"""A small city that shows every kind of page: open, internal and personal data, a product, a silo that is down."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

from nabe.model.catalogue import Change, City, Code, Goal, Noun, Vocabulary, kind_of
from nabe.model.dataset import Access, Dataset, Field, FieldType, Product, Reference, Snapshots, System
from nabe.model.party import JOBS, Actor, Organisation, OrganisationKind, Role
from nabe.model.quality import Rule, RuleKind, RuleSeverity
from nabe.model.text import Text
from nabe.model.usecase import Approval, EthicsState, Grant, Member, UseCase, UseCaseState
from nabe.quality import run
from nabe.testing.sensor_city import datastream, observation, stream_dataset, thing

PASSWORD = "nur-fuer-den-test"
_AT = dt.datetime(2026, 9, 15, 8, 0, tzinfo=dt.UTC)
_NAMES = ("Altstadt", "Nordstadt", "Südstadt", "Weststadt", "Geismar", "Grone", "Weende", "Nikolausberg")
_LICENCE = "dl-de/by-2-0"

ACTORS = (
    Actor("planerin", "Petra Plan", "sozialplanung", frozenset({Role.EMPLOYEE})),
    Actor("owner", "Olaf Owner", "sozialamt", frozenset({Role.DATA_OWNER, Role.EMPLOYEE})),
)


def declare(nabe) -> None:  # type: ignore[no-untyped-def]  # nabe.app.Nabe
    """Declare the city and its accounts in an opened workspace."""
    operator = Actor("operator", "", "", frozenset({Role.IT}))
    changes = [Change(kind_of(noun), noun.id, noun) for noun in nouns()]
    nabe.hub.declare(operator, changes, expect=0, approvals_from_files=True)
    check(nabe)
    for actor in ACTORS:
        nabe.identity.put_account(actor, PASSWORD)
    nabe.hub.snapshot(JOBS, "districts")
    measure(nabe)


def measure(nabe) -> None:  # type: ignore[no-untyped-def]
    """Devices of the open network and of the closed one: one that sends every ten minutes with a gap, one fallen silent,
    one that never sent."""
    now = int(dt.datetime.now(dt.UTC).timestamp()) * 1_000_000
    minute = 60_000_000
    sending = [
        observation(10 + step % 7 / 2, now - (step * 10 + 1) * minute)
        for step in range(140)
        if step not in range(60, 80)
    ]
    devices = {
        "luft": [
            thing("Luft Nord", datastream("NO2 Nord", *sending), properties={"Höhe": "3 m"}, place=(9.93, 51.54)),
            thing("Luft Süd", datastream("NO2 Süd", observation(4.5, now - 3000 * minute)), place=(9.94, 51.52)),
            thing("Luft Neu", datastream("NO2 Neu"), place=(9.95, 51.53)),
        ],
        "strom": [thing("Zähler Rathaus", datastream("Verbrauch", observation(7, now)), place=(9.93, 51.53))],
    }  # fmt: skip
    owner = Actor("vermesser", "", "vermessung", frozenset({Role.DATA_OWNER}))
    for dataset, made in devices.items():
        for device in made:
            nabe.hub.sensing.create(owner, "open-data", device, dataset=dataset)


def check(nabe) -> None:  # type: ignore[no-untyped-def]
    """Quality checks of some days, and one of today."""
    now = dt.datetime.now(dt.UTC)
    for days in (3, 2, 1, 0):
        run(nabe.hub, now=now - dt.timedelta(days=days))


def nouns() -> list[Noun]:
    """The declarations."""
    return [*_parties(), *_datasets(), *_usecases()]


def _parties() -> list[Noun]:
    return [
        City(
            "beispielstadt",
            Text("Beispielstadt", "Example City"),
            "99000000",
            "NI",
            description=Text("Eine kleine erfundene Stadt.", "A small invented city."),
            synthetic=True,
            contact="daten@beispielstadt.example",
        ),
        Organisation("stadt", Text("Stadt Beispielstadt", "City"), OrganisationKind.MUNICIPALITY),
        Organisation("sozialamt", Text("Sozialamt", "Social Services"), parent="stadt", contact="soz@stadt.example"),
        Organisation("sozialplanung", Text("Sozialplanung", "Social Planning"), parent="stadt"),
        Organisation("vermessung", Text("Vermessungsamt", "Survey Office"), parent="stadt"),
        Goal("chancen", Text("Gleiche Chancen für alle Kinder", "Equal chances for all children")),
        Goal("klima", Text("Klimaneutrale Stadt bis 2040", "Climate-neutral city by 2040")),
        Vocabulary("stufen", Text("Stufen", "Levels"), (Code("1", Text("eins", "one")),)),
        System("geodaten", Text("Geodaten", "Geodata"), "file", "vermessung", {"location": "silos"}),
        System("soziales", Text("Sozialhilfe", "Social Assistance"), "file", "sozialamt", {"location": "silos"}),
        System("netz", Text("Sensornetz", "Sensor Network"), "sensing", "vermessung"),
        System("archiv", Text("Altes Archiv", "Old Archive"), "file", "vermessung", {"location": "silos/weg"}),
    ]


def _datasets() -> list[Noun]:
    district = Field("district_key", FieldType.STRING, Text("Stadtteilschlüssel", "District key"))
    refers = Field(
        "district_key",
        FieldType.STRING,
        Text("Stadtteilschlüssel", "District key"),
        references=Reference("districts", "district_key"),
    )
    return [
        replace(stream_dataset("luft", Access.OPEN), owner="vermessung", title=Text("Luftgüte", "Air Quality")),
        replace(stream_dataset("strom", Access.INTERNAL), owner="vermessung", title=Text("Strom", "Power")),
        Dataset(
            "districts",
            Text("Stadtteile", "Districts"),
            "vermessung",
            Access.OPEN,
            (
                district,
                Field("name", FieldType.STRING, Text("Name", "Name")),
                Field("area", FieldType.NUMBER, Text("Fläche", "Area"), unit="km2"),
                Field("residents", FieldType.INTEGER, Text("Einwohner", "Residents"), unit="{inhabitants}"),
                Field("geometry", FieldType.GEOMETRY, Text("Umriss", "Outline")),
            ),
            system="geodaten",
            source={"path": "districts.geojson"},
            description=Text(
                "Umrisse der Stadtteile mit Fläche und Einwohnerzahl.", "Outlines with area and residents."
            ),
            key=("district_key",),
            licence=_LICENCE,
            keywords=("Stadtteile", "Grenzen"),
            theme="REGI",
            update_every="P1Y",
            modified="2026-06-30",
            synthetic=True,
            snapshots=Snapshots("P1D", 5),
        ),
        Dataset(
            "kitas",
            Text("Kindertagesstätten", "Kitas"),
            "sozialamt",
            Access.OPEN,
            (
                Field("id", FieldType.INTEGER, Text("Nummer", "Number")),
                Field("name", FieldType.STRING, Text("Name", "Name")),
                Field("places", FieldType.INTEGER, Text("Plätze", "Places")),
                refers,
                Field("contact", FieldType.STRING, Text("Ansprechperson", "Contact"), personal=True),
                Field("since", FieldType.DATE, Text("Eröffnet am", "Opened on")),
                Field("geometry", FieldType.GEOMETRY, Text("Lage", "Location")),
            ),
            system="geodaten",
            source={"path": "kitas.geojson"},
            key=("id",),
            licence=_LICENCE,
            theme="EDUC",
            update_every="P1M",
            modified="2026-10-01",
            synthetic=True,
            quality=(
                Rule("nummer", RuleKind.UNIQUE, ("id",), RuleSeverity.ERROR),
                Rule("plaetze", RuleKind.RANGE, ("places",), min=1, max=60),
                Rule("stadtteil", RuleKind.REFERENCE, ("district_key",)),
                Rule("vollstaendig", RuleKind.COMPLETENESS, ("name", "places", "since")),
                Rule("anzahl", RuleKind.ROW_COUNT, change=0.2),
                Rule("stand", RuleKind.FRESHNESS),
                Rule(
                    "person",
                    RuleKind.PATTERN,
                    ("contact",),
                    title=Text("Ansprechpersonen mit Vornamen", "Contacts with first name"),
                    pattern="\\w+ \\w+ \\w+",
                ),
            ),
        ),
        Dataset(
            "households",
            Text("Haushalte im Leistungsbezug", "Households on assistance"),
            "sozialamt",
            Access.RESTRICTED,
            (
                Field("household", FieldType.STRING, Text("Haushalt", "Household"), personal=True),
                refers,
                Field("name", FieldType.STRING, Text("Name", "Name"), personal=True),
                Field("amount", FieldType.NUMBER, Text("Betrag", "Amount"), unit="EUR"),
            ),
            system="soziales",
            source={"path": "households.csv", "decimal": ","},
            key=("household",),
            subject="household",
            theme="SOCI",
            quality=(Rule("betrag", RuleKind.RANGE, ("amount",), max=380), Rule("einmal", RuleKind.UNIQUE, ("name",))),
            update_every="P1D",
            modified="2026-11-20",
        ),
        Dataset(
            "old_maps",
            Text("Historische Karten", "Historical maps"),
            "vermessung",
            Access.OPEN,
            (Field("sheet", FieldType.STRING, Text("Blatt", "Sheet")),),
            system="archiv",
            source={"path": "maps.csv"},
            quality=(Rule("blatt", RuleKind.UNIQUE, ("sheet",)),),
        ),
        Dataset(
            "assistance_by_district",
            Text("Leistungsbezug nach Stadtteil", "Assistance by district"),
            "sozialplanung",
            Access.INTERNAL,
            (
                Field("district_name", FieldType.STRING, Text("Stadtteil", "District")),
                Field("households", FieldType.INTEGER, Text("Haushalte im Bezug", "Households on assistance")),
                Field("per_1000", FieldType.NUMBER, Text("je 1.000 Einwohner", "per 1,000 residents")),
            ),
            product=Product(
                "assistance",
                "SELECT d.name AS district_name, h.households, 1000.0 * h.households / d.residents AS per_1000\n"
                "FROM districts d\nLEFT JOIN (SELECT district_key, count(*) AS households FROM households "
                "GROUP BY district_key) h ON h.district_key = d.district_key\nORDER BY d.name",
            ),
            description=Text("Haushalte im Leistungsbezug je 1.000 Einwohner.", "Households on assistance per 1,000."),
            theme="SOCI",
            update_every="P1D",
            modified="2026-11-20",
        ),
    ]


def _usecases() -> list[Noun]:
    yes = Approval("owner", _AT, "nur Anzahl je Stadtteil")
    return [
        UseCase(
            "assistance",
            Text("Sozialplanung im Stadtteil", "Social planning by district"),
            Text("Hilfen dorthin bringen, wo sie fehlen.", "Bring help to where it is missing."),
            "sozialplanung",
            "§ 67c Abs. 5 SGB X",
            state=UseCaseState.ACTIVE,
            ethics=EthicsState.CLEARED,
            goals=("chancen",),
            members=(Member(organisation="sozialplanung"),),
            grants=(
                Grant("households", ("district_key",), min_group=5, publish=True, approval=yes),
                Grant("districts", ("*",), approval=yes),
            ),
            expires=dt.date(2036, 12, 31),
        ),
        UseCase(
            "case_work",
            Text("Fallbearbeitung", "Case work"),
            Text("Leistungen bescheiden.", "Decide on assistance."),
            "sozialamt",
            "§ 67 SGB X",
            state=UseCaseState.ACTIVE,
            members=(Member(role=Role.EMPLOYEE, organisation="sozialamt"),),
            grants=(Grant("households", ("*", "household", "name"), rounding={"amount": 10.0}, approval=yes),),
        ),
        UseCase(
            "heat",
            Text("Hitzeaktionsplan", "Heat action plan"),
            Text("Ältere Menschen in heißen Stadtteilen erreichen.", "Reach older people in hot districts."),
            "sozialplanung",
            state=UseCaseState.DRAFT,
            goals=("klima",),
            members=(Member(organisation="sozialplanung"),),
            grants=(Grant("households", ("district_key", "name"), reason=Text("Wer lebt wo?", "Who lives where?")),),
        ),
    ]


def write_silos(root: Path) -> None:
    """Put the silos' files into `root`, which becomes the workspace."""
    folder = root / "silos"
    folder.mkdir(parents=True)
    (root / "nabe.yaml").write_text("kind: city\nid: beispielstadt\ntitle: {de: Beispielstadt}\n", "utf-8")
    districts, kitas = [], []
    for i, name in enumerate(_NAMES):
        x, y = 9.9 + 0.02 * (i % 4), 51.5 + 0.02 * (i // 4)
        ring = [[x, y], [x + 0.019, y], [x + 0.019, y + 0.019], [x, y + 0.019], [x, y]]
        properties = {
            "district_key": f"{i + 1:02}",
            "name": name,
            "area": 2.35 + i * 1.417,
            "residents": 4200 + i * 731,
        }
        districts.append(_feature(properties, {"type": "Polygon", "coordinates": [ring]}))
        for j in range(4):
            kita = {
                "id": 100 + i * 4 + j,
                "name": f"Kita {name} {j + 1}",
                "places": 40 + 7 * j + i,
                "district_key": f"{i + 1:02}",
                "contact": "Frau Muster",
                "since": f"20{10 + j}-08-01",
            }
            point = {"type": "Point", "coordinates": [x + 0.003 + 0.004 * j, y + 0.004 + 0.003 * j]}
            kitas.append(_feature(kita, point))
    _collection(folder / "districts.geojson", districts)
    _collection(folder / "kitas.geojson", kitas)
    rows = ["household;district_key;name;amount"]
    for i in range(400):
        # One district holds too few households to be told.
        key = "08" if i < 3 else f"{1 + i % 7:02}"
        rows.append(f"H{i:04};{key};Familie Muster {i};{300 + i % 90},50")
    (folder / "households.csv").write_text("\n".join(rows) + "\n", "utf-8")


def _feature(properties: dict[str, object], geometry: dict[str, object]) -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def _collection(path: Path, features: list[dict[str, object]]) -> None:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")
