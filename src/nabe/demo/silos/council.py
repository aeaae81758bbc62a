"""Silo `ratsinformation`: committees, meetings and papers of the council, as OParl 1.1 has them."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from nabe.demo import words
from nabe.demo.services.council import HERE
from nabe.demo.town import NOTICE, Town, dice

PAPERS, MEETINGS = 180, 72
_SCHEMA = "https://schema.oparl.org/1.1"
_ZONE = ZoneInfo("Europe/Berlin")
_COMMITTEES = (
    ("Rat der Stadt Musterstadt", "Rat"),
    ("Verwaltungsausschuss", "VA"),
    ("Jugendhilfeausschuss", "JHA"),
    ("Ausschuss für Schule und Bildung", "ASB"),
    ("Ausschuss für Soziales und Gesundheit", "ASG"),
    ("Ausschuss für Stadtentwicklung und Bauen", "ASBau"),
    ("Ausschuss für Mobilität und Verkehr", "AMV"),
    ("Ausschuss für Umwelt und Klima", "AUK"),
    ("Finanzausschuss", "FA"),
)
_TOPICS = (
    ("Neubau einer Kindertageseinrichtung in {district}", 3),
    ("Erneuerung der Fahrbahn {street}", 7),
    ("Spielplatzkonzept für den Stadtteil {district}", 3),
    ("Abstellflächen für Leihroller in {district}", 7),
    ("Baumfällungen in der Straße {street}", 8),
    ("Erweiterung der Grundschule {district}", 4),
    ("Bebauungsplan „{street}“, Aufstellungsbeschluss", 6),
    ("Haushaltssatzung, Nachtrag für {district}", 9),
    ("Hitzeaktionsplan, Maßnahmen in {district}", 5),
)


def write(town: Town, folder: Path) -> None:
    """`rat.json`; the service puts its own address in the place of the ids' beginning."""
    body = f"{HERE}/oparl/body/1"
    document = {
        "system": {
            "id": f"{HERE}/oparl/system",
            "type": f"{_SCHEMA}/System",
            "oparlVersion": f"{_SCHEMA}/",
            "name": "Ratsinformation Musterstadt",
            "otherOparlVersions": [],
            "body": f"{HERE}/oparl/bodies",
            "hinweis": NOTICE,
        },
        "body": {
            "id": body,
            "type": f"{_SCHEMA}/Body",
            "system": f"{HERE}/oparl/system",
            "name": "Stadt Musterstadt (synthetisch)",
            "shortName": "Musterstadt",
            **{name: f"{body}/{name}" for name in ("organization", "person", "meeting", "paper")},
            "legislativeTerm": [],
            **_times(dt.datetime(2021, 11, 1, 8)),
        },
        "organization": [_committee(number, name, short, body) for number, (name, short) in enumerate(_COMMITTEES, 1)],
        "person": [],
        "meeting": _meetings(body),
        "paper": _papers(town, body),
    }
    (folder / "rat.json").write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")), "utf-8")


def _at(moment: dt.datetime) -> str:
    return moment.replace(tzinfo=_ZONE).isoformat()


def _times(created: dt.datetime) -> dict[str, str]:
    return {"created": _at(created), "modified": _at(created + dt.timedelta(days=2, hours=3))}


def _committee(number: int, name: str, short: str, body: str) -> dict[str, Any]:
    kind = "Rat" if number == 1 else "Ausschuss"
    return {
        "id": f"{HERE}/oparl/organization/{number}",
        "type": f"{_SCHEMA}/Organization",
        "body": body,
        "name": name,
        "shortName": short,
        "organizationType": "Hauptorgan" if number == 1 else "Gremium",
        "classification": kind,
        "startDate": "2021-11-01",
        **_times(dt.datetime(2021, 11, 1, 8)),
    }


def _meetings(body: str) -> list[dict[str, Any]]:
    found = []
    for number in range(1, MEETINGS + 1):
        committee = (number - 1) % len(_COMMITTEES) + 1
        begin = dt.datetime(2026, 1, 13, 17) + dt.timedelta(days=5 * (number - 1))
        found.append(
            {
                "id": f"{HERE}/oparl/meeting/{number}",
                "type": f"{_SCHEMA}/Meeting",
                "body": body,
                "name": f"{(number - 1) // len(_COMMITTEES) + 1}. Sitzung: {_COMMITTEES[committee - 1][0]}",
                "start": _at(begin),
                "end": _at(begin + dt.timedelta(hours=2 + number % 3)),
                "organization": [f"{HERE}/oparl/organization/{committee}"],
                "cancelled": number % 29 == 0,
                **_times(begin - dt.timedelta(days=21)),
            }
        )
    return found


def _papers(town: Town, body: str) -> list[dict[str, Any]]:
    rng = dice("papers")
    kinds = ("Beschlussvorlage", "Mitteilungsvorlage", "Antrag", "Anfrage")
    found = []
    for number in range(1, PAPERS + 1):
        topic, committee = _TOPICS[int(rng.integers(len(_TOPICS)))]
        street = town.streets[int(rng.integers(len(town.streets)))]
        district = next(item.name for item in town.districts if item.key == street.district)
        day = dt.datetime(2026, 1, 5, 9) + dt.timedelta(days=int(number * 1.7))
        found.append(
            {
                "id": f"{HERE}/oparl/paper/{number}",
                "type": f"{_SCHEMA}/Paper",
                "body": body,
                "name": topic.format(district=district, street=street.name),
                "reference": f"{number:04d}/2026",
                "date": day.date().isoformat(),
                "paperType": str(rng.choice(kinds, p=[0.5, 0.2, 0.2, 0.1])),
                "underDirectionOf": [f"{HERE}/oparl/organization/{committee}"],
                "keyword": [district, words.OFFICES[number % len(words.OFFICES)]],
                **_times(day),
            }
        )
    return found
