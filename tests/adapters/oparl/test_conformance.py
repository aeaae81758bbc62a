"""The oparl adapter keeps to what every source must do: lists with pages, several bodies, objects embedded in others.

What OParl has no member for stands in members of a vendor (`amt:…`), as the standard allows.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import shapely

from nabe.model.dataset import Field, FieldType
from nabe.testing.source_conformance import FIELDS, ROWS, Silo, SourceConformance

from .support import Council, Server, dataset, opened, serving, thing

LOST = Field("lost", FieldType.STRING, column="amt:verloren")
VENDOR = ("quarter", "household", "note", "count", "share", "open", "opened")


def geojson(row: dict[str, Any], *, turned: bool = False) -> Any:
    if row["place"] is None:
        return None
    found = json.loads(shapely.to_geojson(shapely.from_wkb(row["place"])))
    if turned:
        found["coordinates"].reverse()
    return {"type": "Feature", "geometry": found, "properties": {}}


def members(row: dict[str, Any]) -> dict[str, Any]:
    said = {f"amt:{name}": row[name] for name in VENDOR}
    said["amt:opened"] = row["opened"].isoformat() if row["opened"] else None
    seen = row["seen"].isoformat() if row["seen"] else None
    return {"amt:key": row["key"], "name": row["name"], "modified": seen, **said}


def fields(place: str) -> tuple[Field, ...]:
    columns = {"key": "amt:key", "seen": "modified", "place": place, **{name: f"amt:{name}" for name in VENDOR}}
    return tuple(replace(field, column=columns.get(field.name, field.name)) for field in FIELDS)


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


def silo(root: Path, council: Council, place: str, source: dict[str, Any]) -> Silo:
    made = Server()
    made.close()
    of = fields(place)
    whole = dataset(source, of)
    away = opened(root, f"{made.url}/system", retries=0)
    return Silo(opened(root, council.url), whole, dataset(source, (*of, LOST), "verlust"), (away, whole))


class TestLocations(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server) -> Silo:
        things = [
            thing("Location", f"https://x/{n}", geojson=geojson(row), **members(row)) for n, row in enumerate(ROWS)
        ]
        council = Council(server, {"1": {"locationList": things}})
        return silo(tmp_path, council, "geojson", {"list": "location"})


class TestPapersOfTwoBodies(SourceConformance):
    """With embedded locations, latitude first, and deleted objects among them."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server) -> Silo:
        papers: list[Any] = []
        for number, row in enumerate(ROWS):
            where = thing("Location", f"https://x/l/{number}", geojson=geojson(row, turned=True))
            papers.append(thing("Paper", f"https://x/{number}", location=[where], **members(row)))
            gone = {"created": "2020-01-01T00:00:00Z", "modified": "2099-01-01T00:00:00Z", "deleted": True}
            papers.append(thing("Paper", f"https://x/gone/{number}", **gone))
        council = Council(server, {"1": {"paper": papers[:9]}, "2": {"paper": []}, "3": {"paper": papers[9:]}}, page=4)
        return silo(tmp_path, council, "embedded.location[0].geojson", {"list": "paper", "axes": "yx"})


class TestAgendaItemsInMeetings(SourceConformance):
    """OParl 1.0 has no list of them; an item stands in each meeting it belongs to, and is told once."""

    @pytest.fixture
    def silo(self, tmp_path: Path, server: Server) -> Silo:
        items = [
            thing("AgendaItem", f"https://x/{n}", **{"amt:place": geojson(row)}, **members(row))
            for n, row in enumerate(ROWS)
        ]
        meetings = [
            thing("Meeting", f"https://x/m/{n}", agendaItem=items[max(n * 2 - 1, 0) : n * 2 + 2]) for n in range(6)
        ]
        council = Council(server, {"1": {"meeting": meetings}})
        return silo(tmp_path, council, "amt:place", {"list": "agendaItem"})
