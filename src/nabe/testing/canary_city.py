"""The canary city: every closed value is a canary word, so that one word in any output tells which wall leaked.

A canary reads `KANARIE.<dataset>.<field>.<class>`; the class says which rows it stands in: `alle` (rows every reader of
the grant sees), `gefiltert` (rows that a grant's row filter hides), `klein` (rows of cells below the minimum group).
Titles of datasets whose existence is closed hold `KANARIE.<dataset>.titel.meta`. Numbers of closed rows are unusual
(`COUNTS`), so that a count in a body or header tells, too. `allowed` is the oracle: written down by hand from the
declarations below, not computed by the code under test.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path

from nabe.model.catalogue import Change, City, Noun, kind_of
from nabe.model.dataset import Access, Dataset, Field, FieldType, Product, Snapshots, System
from nabe.model.party import Actor, Organisation, OrganisationKind, Role
from nabe.model.quality import Rule, RuleKind, Target
from nabe.model.text import Text
from nabe.model.usecase import Approval, Grant, Member, UseCase, UseCaseState

#: Values may stand side by side in a binary format, so the classes are spelled out.
CANARY = re.compile(rb"KANARIE\.(\w+)\.(\w+)\.(alle|gefiltert|klein|versteckt|meta)")

#: Rows of closed datasets: numbers that occur nowhere else by chance.
COUNTS: Mapping[str, int] = {"faelle": 4243, "gehaelter": 6007}

NOW = dt.datetime(2026, 11, 1, tzinfo=dt.UTC)
PASSWORD = "KANARIE.passwort.geheim.alle"  # noqa: S105  a canary itself: it must not show up anywhere either

ACTORS: Mapping[str, Actor] = {
    "buergerin": Actor("buergerin", "Bürgerin", "", frozenset({Role.CITIZEN})),
    "planerin": Actor("planerin", "Planerin", "planung", frozenset({Role.EMPLOYEE})),
    "sachbearbeiter": Actor("sachbearbeiter", "Sachbearbeiter", "soziales", frozenset({Role.EMPLOYEE})),
    "owner": Actor("owner", "Daten-Owner", "soziales", frozenset({Role.DATA_OWNER})),
    "it": Actor("it", "IT", "stadt", frozenset({Role.IT})),
    "datenschutz": Actor("datenschutz", "Datenschutz", "stadt", frozenset({Role.DATA_PROTECTION_OFFICER})),
    "nachbarin": Actor("nachbarin", "Nachbarin", "nachbar", frozenset({Role.IT, Role.DATA_OWNER})),
}

#: Purposes that requests name. `alt` has expired, `antrag` is not approved, `gibtsnicht` is not declared.
PURPOSES = ("open-data", "planung", "fall", "alt", "antrag", "gibtsnicht")


def allowed(actor: str, purpose: str) -> set[tuple[str, str, str]]:
    """Which canaries (dataset, field, class) may reach this actor for this purpose. By hand."""
    seen: set[tuple[str, str, str]] = set()
    if actor in {"planerin", "sachbearbeiter", "owner", "it", "datenschutz"}:
        seen.add(("faelle", "titel", "meta"))
    if actor in {"it", "datenschutz"}:
        seen.add(("gehaelter", "titel", "meta"))
    if actor == "planerin" and purpose == "planung":
        seen |= {("faelle", "merkmal", "alle"), ("auswertung", "merkmal", "alle")}
    if actor == "sachbearbeiter" and purpose == "fall":
        seen |= {("faelle", "merkmal", "alle"), ("faelle", "merkmal", "klein"), ("faelle", "name", "alle")}
    if actor in {"sachbearbeiter", "owner", "it"}:
        seen.add(("faelle", "regel", "meta"))  # their own office's quality rule; the IT keeps the documents
    return seen


def allowed_counts(actor: str, path: str) -> set[str]:
    """Datasets whose number of rows this actor may see: as result of a quality check those of their own office, in the
    history of copies data owners those of theirs and IT all."""
    seen = {"faelle"} if actor in {"sachbearbeiter", "owner"} else set()
    history = any(part in path for part in ("/copies", "/runs", "/systems"))
    return seen | (set(COUNTS) if actor == "it" and history else set())


def nouns() -> list[Noun]:
    """The declarations."""
    owner = Approval("owner", NOW)
    return [
        City("kanarienstadt", Text("Kanarienstadt", "Canary City"), "99000000", "NW", synthetic=True),
        Organisation("stadt", Text("Stadt"), OrganisationKind.MUNICIPALITY),
        Organisation("soziales", Text("Sozialamt"), OrganisationKind.DEPARTMENT, "stadt"),
        Organisation("planung", Text("Planungsamt"), OrganisationKind.DEPARTMENT, "stadt"),
        Organisation("nachbar", Text("Nachbarstadt"), OrganisationKind.OTHER_MUNICIPALITY),
        System("dateien", Text("Dateien"), "file", "planung", {"location": "daten"}),
        System("fachverfahren", Text("Fachverfahren"), "sql", "soziales", {"path": "daten/fachverfahren.sqlite"}),
        Dataset(
            "bezirke",
            Text("Bezirke", "Districts"),
            "planung",
            Access.OPEN,
            (_field("bezirk"), _field("name"), Field("geom", FieldType.GEOMETRY)),
            system="dateien",
            source={"path": "bezirke.geojson"},
            key=("bezirk",),
        ),
        Dataset(
            "kitas",
            Text("Kitas"),
            "soziales",
            Access.OPEN,
            (_field("id"), _field("bezirk"), _field("leitung", personal=True)),
            system="dateien",
            source={"path": "kitas.csv"},
            key=("id",),
            quality=(
                Rule("nummer", RuleKind.UNIQUE, ("id",)),
                Rule("bezirk", RuleKind.REFERENCE, ("bezirk",), references=Target("bezirke", "bezirk")),
                Rule("leitung", RuleKind.PATTERN, ("leitung",), pattern="[0-9]+"),
                Rule("personen", RuleKind.REFERENCE, ("leitung",), references=Target("gehaelter", "person")),
            ),
        ),
        Dataset(
            "faelle",
            Text("KANARIE.faelle.titel.meta"),
            "soziales",
            Access.RESTRICTED,
            (
                _field("fall"),
                _field("haushalt", personal=True),
                _field("bezirk"),
                _field("merkmal"),
                _field("name", personal=True),
                Field("betrag", FieldType.NUMBER),
            ),
            system="fachverfahren",
            source={"table": "faelle"},
            key=("fall",),
            subject="haushalt",
            snapshots=Snapshots("P1D"),
            quality=(
                Rule("fall", RuleKind.UNIQUE, ("fall",)),
                Rule("name", RuleKind.PATTERN, ("name",), pattern="[0-9]+"),
                Rule("merkmal", RuleKind.UNIQUE, ("merkmal",)),
                Rule("regel", RuleKind.SQL, sql="merkmal <> 'KANARIE.faelle.regel.meta'"),
            ),
        ),
        Dataset(
            "gehaelter",
            Text("KANARIE.gehaelter.titel.meta"),
            "stadt",
            Access.RESTRICTED,
            (_field("person", personal=True), _field("stufe"), Field("geom", FieldType.GEOMETRY)),
            system="dateien",
            source={"path": "gehaelter.geojson"},
            key=("person",),
        ),
        Dataset(
            "auswertung",
            Text("Auswertung", "Evaluation"),
            "planung",
            Access.INTERNAL,
            (_field("bezirk"), _field("merkmal"), Field("anzahl", FieldType.INTEGER)),
            product=Product(
                "planung",
                "SELECT bezirk, replace(merkmal, 'faelle', 'auswertung') AS merkmal, count(*) AS anzahl "
                "FROM faelle GROUP BY ALL",
            ),
            key=("bezirk", "merkmal"),
        ),
        UseCase(
            "planung",
            Text("Sozialplanung"),
            Text("Planen"),
            "planung",
            "§ 80 SGB VIII",
            state=UseCaseState.ACTIVE,
            members=(Member(person="planerin"),),
            grants=(Grant("faelle", ("bezirk", "merkmal"), min_group=5, approval=owner),),
        ),
        UseCase(
            "fall",
            Text("Fallbearbeitung"),
            Text("Bearbeiten"),
            "soziales",
            "§ 67 SGB X",
            state=UseCaseState.ACTIVE,
            members=(Member(role=Role.EMPLOYEE, organisation="soziales"),),
            grants=(
                Grant(
                    "faelle",
                    ("fall", "bezirk", "merkmal", "name"),
                    where="bezirk IN ('01', '02', '03')",
                    approval=owner,
                ),
            ),
        ),
        UseCase(
            "alt",
            Text("Altes Vorhaben"),
            Text("War einmal"),
            "planung",
            "§ 1",
            state=UseCaseState.ACTIVE,
            members=(Member(person="planerin"), Member(person="sachbearbeiter")),
            grants=(Grant("faelle", ("*", "name"), expires=dt.date(2026, 10, 1), approval=owner),),
        ),
        UseCase(
            "antrag",
            Text("Beantragt"),
            Text("Noch nicht"),
            "planung",
            "§ 1",
            state=UseCaseState.ACTIVE,
            members=(Member(person="planerin"), Member(person="sachbearbeiter")),
            grants=(Grant("faelle", ("*", "name")),),
        ),
    ]


def changes() -> list[Change]:
    """The declarations as one change set."""
    return [Change(kind_of(noun), noun.id, noun) for noun in nouns()]


def write_silos(root: Path) -> None:
    """Put the silos' files into `root`, which becomes the workspace."""
    folder = root / "daten"
    folder.mkdir(parents=True)
    (root / "nabe.yaml").write_text("kind: city\nid: kanarienstadt\ntitle: {de: Kanarienstadt}\n", "utf-8")
    districts = [f"{number:02}" for number in range(1, 9)]
    _geojson(
        folder / "bezirke.geojson",
        [({"bezirk": key, "name": f"Bezirk {key}"}, (9.9 + i / 100, 51.5)) for i, key in enumerate(districts)],
    )
    lines = ["id;bezirk;leitung", *(f"{i};{districts[i % 8]};KANARIE.kitas.leitung.alle" for i in range(30))]
    (folder / "kitas.csv").write_text("\n".join(lines) + "\n", "utf-8")
    people = [
        (
            {"person": f"KANARIE.gehaelter.person.alle {i}", "stufe": "KANARIE.gehaelter.stufe.alle"},
            (9.9 + (i % 97) / 1000, 51.5),
        )
        for i in range(COUNTS["gehaelter"])
    ]
    _geojson(folder / "gehaelter.geojson", people)
    _cases(folder / "fachverfahren.sqlite", districts)


def _cases(path: Path, districts: list[str]) -> None:
    """Districts 01-06 hold large cells; one cell of four households in 02, one in 08; the filter lets 01-03 through."""
    rows = []
    for i in range(COUNTS["faelle"]):
        district, kind = districts[i % 6], "alle"
        if i < 4:
            district, kind = "02", "klein"
        elif i < 8:
            district, kind = "08", "klein"
        # Seen with the floor (large cells of all districts) and with the row filter (districts 01-03, small cells too).
        shown = kind if district in {"01", "02", "03"} or kind == "alle" else "versteckt"
        name = "alle" if district in {"01", "02", "03"} else "gefiltert"
        rows.append(
            (
                f"F{i}",
                f"KANARIE.faelle.haushalt.alle {i}",
                district,
                f"KANARIE.faelle.merkmal.{shown}",
                f"KANARIE.faelle.name.{name} {i}",
                float(i),
            )
        )
    with sqlite3.connect(path) as db:
        db.execute(
            "CREATE TABLE faelle (fall TEXT PRIMARY KEY, haushalt TEXT, bezirk TEXT, merkmal TEXT, name TEXT, betrag REAL)"
        )
        db.executemany("INSERT INTO faelle VALUES (?, ?, ?, ?, ?, ?)", rows)
    db.close()


def _field(name: str, *, personal: bool = False) -> Field:
    return Field(name, FieldType.STRING, personal=personal)


def _geojson(path: Path, features: list[tuple[dict[str, str], tuple[float, float]]]) -> None:
    body = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": properties, "geometry": {"type": "Point", "coordinates": list(point)}}
            for properties, point in features
        ],
    }
    path.write_text(json.dumps(body), "utf-8")
