"""The file adapter keeps to what every source must do, in every format, small and large."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely

from nabe.adapters.file import source as source_module
from nabe.model.dataset import Field, FieldType
from nabe.testing.source_conformance import CONTENT, FIELDS, ROWS, Silo, SourceConformance

from .servers import WebDavServer
from .support import dataset, open_source

BERLIN = ZoneInfo("Europe/Berlin")


def german(row: dict[str, Any]) -> list[str]:
    """A row as a German office exports it."""
    cells = []
    for field in FIELDS:
        value = row[field.name]
        match field.type:
            case FieldType.GEOMETRY:
                point = shapely.from_wkb(value) if value else None
                cells += [str(point.x).replace(".", ","), str(point.y).replace(".", ",")] if point else ["", ""]
            case _ if value is None:
                cells.append("")
            case FieldType.BOOLEAN:
                cells.append("ja" if value else "nein")
            case FieldType.DATE:
                cells.append(value.strftime("%d.%m.%Y"))
            case FieldType.DATETIME:
                cells.append(value.astimezone(BERLIN).isoformat())
            case FieldType.INTEGER:
                cells.append(f"{value:,}".replace(",", "."))
            case FieldType.NUMBER:
                cells.append(f"{value:,.10f}".replace(",", "_").replace(".", ",").replace("_", "."))
            case _:
                cells.append(value)
    return cells


HEADER = ["Schlüssel", "Name", "Quartier", "Haushalt", "Bemerkung", "Anzahl", "Anteil (%)", "offen", "eröffnet", "gesehen", "Länge", "Breite"]  # fmt: skip
GERMAN_FIELDS = tuple(
    replace(field, column="" if field.type is FieldType.GEOMETRY else column)
    for field, column in zip(FIELDS, HEADER, strict=False)
)
GERMAN = {"decimal": ",", "thousands": ".", "x": "Länge", "y": "Breite"}
LOST = Field("lost", FieldType.STRING, column="Hausnummer")


def write_csv(path: Path, encoding: str = "utf-8", delimiter: str = ";") -> None:
    with path.open("w", encoding=encoding, newline="", errors="strict") as file:
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(HEADER)
        writer.writerows(german(row) for row in ROWS)


def silo(root: Path, fields: tuple[Field, ...], source: dict[str, Any]) -> Silo:
    opened = open_source(root, "silo")
    whole = dataset(source, fields)
    lost = dataset(source, (*fields, LOST), "verlust")
    away = dataset({**source, "path": "weg.csv", "format": "csv"}, fields, "weg")
    return Silo(opened, whole, lost, (opened, away))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "silo").mkdir()
    return tmp_path / "silo"


class TestGermanCsv(SourceConformance):
    @pytest.fixture
    def silo(self, folder: Path) -> Silo:
        write_csv(folder / "inhalt.csv", "cp1252")
        return silo(folder.parent, GERMAN_FIELDS, {"path": "inhalt.csv", **GERMAN})


class TestStreamedCsv(SourceConformance):
    @pytest.fixture
    def silo(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Silo:
        monkeypatch.setattr(source_module, "TABLE_LIMIT", 0)
        write_csv(folder / "inhalt.csv")
        return silo(folder.parent, GERMAN_FIELDS, {"path": "inhalt.csv", **GERMAN})


class TestSeveralStreamedFiles(SourceConformance):
    @pytest.fixture
    def silo(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Silo:
        monkeypatch.setattr(source_module, "TABLE_LIMIT", 0)
        for number in range(3):
            with (folder / f"teil_{number}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, delimiter="\t")
                writer.writerow(HEADER)
                writer.writerows(german(row) for row in ROWS[number * 4 : number * 4 + 4])
        return silo(folder.parent, GERMAN_FIELDS, {"path": "teil_*.csv", **GERMAN})


class TestSeriesOverWebDav(SourceConformance):
    @pytest.fixture
    def silo(self, folder: Path) -> Iterator[Silo]:
        for number in range(3):
            with (folder / f"teil_{number}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, delimiter=";")
                writer.writerow(HEADER)
                writer.writerows(german(row) for row in ROWS[number * 4 : number * 4 + 4])
        server, gone = WebDavServer(folder), WebDavServer(folder)
        gone.stop()
        opened, away = (
            open_source(folder.parent, made.url, allow=("127.0.0.1",), user="amt", password="geheim")
            for made in (server, gone)
        )
        source = {"path": "teil_*.csv", **GERMAN}
        whole, lost = dataset(source, GERMAN_FIELDS), dataset(source, (*GERMAN_FIELDS, LOST), "verlust")
        yield Silo(opened, whole, lost, (away, whole))
        server.stop()


class TestMailbox(SourceConformance):
    @pytest.fixture
    def silo(self, folder: Path) -> Silo:
        write_csv(folder / "inhalt.csv")
        for part in ("cur", "new", "tmp"):
            (folder / "post" / part).mkdir(parents=True)
        mail = EmailMessage()
        mail["From"] = "amt@stadt.example"
        mail.add_attachment((folder / "inhalt.csv").read_bytes(), maintype="text", subtype="csv", filename="inhalt.csv")
        (folder / "post" / "new" / "1").write_bytes(mail.as_bytes())
        opened, away = (
            open_source(folder.parent, f"maildir:silo/{name}", senders="stadt.example") for name in ("post", "weg")
        )
        source = {"path": "inh*.csv", **GERMAN}
        whole, lost = dataset(source, GERMAN_FIELDS), dataset(source, (*GERMAN_FIELDS, LOST), "verlust")
        return Silo(opened, whole, lost, (away, whole))


class TestParquet(SourceConformance):
    @pytest.fixture
    def silo(self, folder: Path) -> Silo:
        pq.write_table(CONTENT, folder / "inhalt.parquet")
        return silo(folder.parent, FIELDS, {"path": "inhalt.parquet"})


class TestStreamedGeoParquet(SourceConformance):
    @pytest.fixture
    def silo(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Silo:
        monkeypatch.setattr(source_module, "TABLE_LIMIT", 0)
        geo = {
            "version": "1.0.0",
            "primary_column": "place",
            "columns": {"place": {"encoding": "WKB", "geometry_types": []}},
        }
        pq.write_table(CONTENT.replace_schema_metadata({"geo": json.dumps(geo)}), folder / "inhalt.parquet")
        return silo(folder.parent, FIELDS, {"path": "inhalt.parquet"})


class TestWorkbook(SourceConformance):
    @pytest.fixture
    def silo(self, folder: Path) -> Silo:
        book = openpyxl.Workbook()
        book.create_sheet("Daten")
        sheet = book["Daten"]
        sheet.append(["Inhalt der Stadt"])
        sheet.append([])
        sheet.append(HEADER)
        for row in ROWS:
            place = shapely.from_wkb(row["place"]) if row["place"] else None
            plain = [row[field.name] for field in FIELDS[:-1]]
            plain[9] = plain[9].isoformat() if plain[9] else None
            sheet.append([*plain, *((place.x, place.y) if place else (None, None))])
        book.save(folder / "inhalt.xlsx")
        source = {"path": "inhalt.xlsx", "sheet": "Daten", "x": "Länge", "y": "Breite"}
        return silo(folder.parent, GERMAN_FIELDS, source)


def records() -> list[dict[str, Any]]:
    return [
        {
            **{key: value for key, value in row.items() if key not in ("opened", "seen", "place", "quarter")},
            "opened": row["opened"].isoformat() if row["opened"] else None,
            "seen": row["seen"].isoformat() if row["seen"] else None,
            "wo": {"quarter": row["quarter"], "place": json.loads(shapely.to_geojson(shapely.from_wkb(row["place"]))) if row["place"] else None},
        }
        for row in ROWS
    ]  # fmt: skip


NESTED = tuple(
    replace(field, column=f"wo_{field.name}") if field.name in ("quarter", "place") else field for field in FIELDS
)


class TestJson(SourceConformance):
    @pytest.fixture
    def silo(self, folder: Path) -> Silo:
        (folder / "inhalt.json").write_text(json.dumps({"antwort": {"daten": records()}}), "utf-8")
        return silo(folder.parent, NESTED, {"path": "inhalt.json", "rows_path": "antwort.daten"})


class TestStreamedNdjson(SourceConformance):
    @pytest.fixture
    def silo(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Silo:
        monkeypatch.setattr(source_module, "TABLE_LIMIT", 0)
        lines = (json.dumps(record, ensure_ascii=False) for record in records())
        (folder / "inhalt.ndjson").write_text("\n".join(lines), "utf-8")
        return silo(folder.parent, NESTED, {"path": "inhalt.ndjson"})


def write_vector(path: Path, driver: str) -> None:
    attributes = CONTENT.drop_columns(["place", "seen", "open"])
    seen = pa.array([row["seen"].isoformat() if row["seen"] else None for row in ROWS])
    open_ = pa.array([None if row["open"] is None else str(row["open"]).lower() for row in ROWS])
    table = attributes.append_column("seen", seen).append_column("open", open_).append_column("place", CONTENT["place"])
    pyogrio.write_arrow(table, path, driver=driver, geometry_name="place", geometry_type="Point", crs="EPSG:4326")


class TestGeoPackage(SourceConformance):
    @pytest.fixture
    def silo(self, folder: Path) -> Silo:
        write_vector(folder / "inhalt.gpkg", "GPKG")
        return silo(folder.parent, FIELDS, {"path": "inhalt.gpkg"})


class TestStreamedGeoJson(SourceConformance):
    @pytest.fixture
    def silo(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Silo:
        monkeypatch.setattr(source_module, "TABLE_LIMIT", 0)
        write_vector(folder / "inhalt.geojson", "GeoJSON")
        return silo(folder.parent, FIELDS, {"path": "inhalt.geojson"})
