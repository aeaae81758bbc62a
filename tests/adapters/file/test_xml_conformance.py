"""The file adapter keeps to what every source must do in XML: GML places and codes; repeated elements as rows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import pytest
import shapely

from nabe.adapters.file import source as source_module
from nabe.model.dataset import Field, FieldType
from nabe.testing.source_conformance import FIELDS, ROWS, Silo, SourceConformance

from .support import dataset, open_source

LOST = Field("lost", FieldType.STRING, column="Hausnummer")
CODES = {"1": "Nord", "2": "Süd", "3": "Ost", "4": "West"}
CODE = {meaning: code for code, meaning in CODES.items()}


def tag(name: str, value: Any) -> str:
    text = (
        value.isoformat() if hasattr(value, "isoformat") else str(value).lower() if isinstance(value, bool) else value
    )
    return f"<{name}/>" if value is None else f"<{name}>{escape(str(text))}</{name}>"


def inner(row: dict[str, Any]) -> str:
    plain = ("name", "household", "note", "count", "share", "open", "opened", "seen")
    place = shapely.from_wkb(row["place"]) if row["place"] else None
    point = (
        f'<g:Point srsName="urn:ogc:def:crs:EPSG::4326"><g:pos>{place.y} {place.x}</g:pos></g:Point>' if place else ""
    )
    coded = f"<wo><quarter>{CODE.get(row['quarter'], '')}</quarter>{point}</wo>"
    return f"<key>{row['key']}</key>{coded}{''.join(tag(name, row[name]) for name in plain)}"


def write(root: Path, text: str) -> None:
    (root / "silo").mkdir()
    (root / "silo" / "a.xml").write_text(f'<a xmlns:g="http://www.opengis.net/gml/3.2">{text}</a>', "utf-8")


def silo(root: Path, before: str, **source: Any) -> Silo:
    quarter = f"{before}wo_quarter"
    columns = {"quarter": quarter, **({name.name: f"{before}{name.name}" for name in FIELDS if name.name != "quarter"})}
    fields = tuple(
        field if field.type is FieldType.GEOMETRY else replace(field, column=columns[field.name]) for field in FIELDS
    )
    source = {"path": "a.xml", "columns": {quarter: {"codes": CODES}}, **source}
    whole = dataset(source, fields)
    away = dataset({**source, "path": "weg.xml"}, fields, "weg")
    opened = open_source(root, "silo")
    return Silo(opened, whole, dataset(source, (*fields, LOST), "verlust"), (opened, away))


class TestGmlWithCodes(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path) -> Silo:
        write(tmp_path, "".join(f"<ort>{inner(row)}</ort>" for row in ROWS))
        return silo(tmp_path, "", rows_path="ort")


class TestExplodedAndStreamed(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Silo:
        monkeypatch.setattr(source_module, "TABLE_LIMIT", 0)
        groups = (ROWS[:1], ROWS[1:7], ROWS[7:])
        write(tmp_path, "".join(f"<g>{''.join(f'<ort>{inner(row)}</ort>' for row in group)}</g>" for group in groups))
        return silo(tmp_path, "ort_", rows_path="a/g", explode="ort")
