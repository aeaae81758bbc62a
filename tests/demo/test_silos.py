"""The silos hold what departments hold, in the shapes they hold it, and say that it is invented."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pyarrow.parquet as pq
import pyogrio
import pytest
from python_calamine import CalamineWorkbook

from nabe.demo import building
from nabe.demo.silos import databases
from nabe.demo.town import NOTICE


@pytest.fixture(scope="module")
def silos(town, tmp_path_factory) -> Path:
    return _written(town, tmp_path_factory.mktemp("city"))


def _written(town, root: Path) -> Path:
    building._write_files(town, root, lambda step, share: None)
    databases.social_sqlite(town, root / "silos" / "sozialhilfe" / "sozialhilfe.sqlite")
    return root / "silos"


def test_writing_twice_gives_the_same_bytes(town, silos, tmp_path):
    def digests(folder: Path) -> dict[str, str]:
        files = [path for path in folder.rglob("*") if path.is_file()]
        return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}

    assert digests(_written(town, tmp_path)) == digests(silos)


def test_every_silo_carries_the_notice_that_it_is_synthetic(silos):
    for folder in silos.iterdir():
        if folder.name != "sozialhilfe":
            assert NOTICE in (folder / "LIESMICH.txt").read_text("utf-8")
    assert NOTICE.encode("cp1252") in (silos / "einwohnerwesen" / "einwohner_alter_2025.csv").read_bytes()
    assert NOTICE in (silos / "geodaten" / "spielplaetze.geojson").read_text("utf-8")
    assert (
        NOTICE.encode() in pq.read_schema(silos / "umwelt" / "luft" / "station_1_2026-09.parquet").metadata[b"hinweis"]
    )
    book = CalamineWorkbook.from_path(str(silos / "finanzen" / "haushaltsplan.xlsx"))
    assert book.get_sheet_by_name("Plan").to_python()[1][0] == NOTICE
    for path in (silos / "kita_verwaltung" / "kita.sqlite", silos / "sozialhilfe" / "sozialhilfe.sqlite"):
        assert _rows(path, "select hinweis from _hinweis") == [(NOTICE,)]
    layers = _rows(silos / "geodaten" / "stadtgrundkarte.gpkg", "select distinct description from gpkg_contents")
    assert layers == [(NOTICE,)]


def test_text_exports_have_the_quirks_of_four_decades(silos):
    folder = silos / "einwohnerwesen"
    old = (folder / "einwohner_alter_2025.csv").read_bytes()
    with pytest.raises(UnicodeDecodeError):
        old.decode("utf-8")
    lines = old.decode("cp1252").split("\r\n")
    assert lines[2].startswith("Stichtag;STT;Stadtteil")
    assert lines[3].startswith("31.12.2025;01;Innenstadt;00-02;m;")
    assert any(line.endswith(";-;-") for line in lines)
    newer = (folder / "haushalte_2025.csv").read_bytes()
    assert newer.startswith(b"\xef\xbb\xbf")
    assert "Ø Haushaltsgröße;Einwohner je km²" in newer.decode("utf-8-sig")
    assert ";8." in newer.decode("utf-8-sig")  # thousands with a point
    assert "Sterbefälle\tZuzüge" in (folder / "bewegungen.tsv").read_bytes().decode("latin-1")


def test_the_register_has_a_line_for_everyone(silos):
    lines = (silos / "einwohnerwesen" / "melderegister_auszug.csv").read_bytes().decode("cp1252").splitlines()
    assert len(lines) == 120_001
    assert all(line.count(";") == 10 for line in lines[::500])


def test_geodata_are_in_utm_and_the_layers_are_complete(silos):
    path = silos / "geodaten" / "stadtgrundkarte.gpkg"
    found = {layer: pyogrio.read_info(path, layer=layer) for layer, _ in pyogrio.list_layers(path)}
    assert {layer: info["features"] for layer, info in found.items()} == {
        "stadtteile": 14,
        "strassen": 800,
        "adressen": 22_000,
    }
    assert {info["crs"] for info in found.values()} == {"EPSG:25832"}
    trees = pyogrio.read_info(f"/vsizip/{silos / 'geodaten' / 'baumkataster.shp.zip'}/baumkataster.shp")
    assert trees["features"] == 6_000


def test_the_social_database_keeps_its_foreign_keys(silos):
    path = silos / "sozialhilfe" / "sozialhilfe.sqlite"
    assert _rows(path, "pragma foreign_key_check") == []
    assert _rows(path, "select count(*) from haushalte_im_bezug") == [(4_800,)]
    assert _rows(path, "select count(*) from haushalte_im_bezug where stadtteil_nr = '14'") == [(3,)]
    assert _rows(path, "select count(*) from zahlung")[0][0] > 40_000
    assert _rows(path, "select count(*) from (select haushalt_id from fall group by 1 having count(*) > 1)") == [(0,)]


def test_the_kita_application_fills_its_groups_but_not_beyond(silos):
    path = silos / "kita_verwaltung" / "kita.sqlite"
    assert _rows(path, "pragma foreign_key_check") == []
    assert _rows(path, "select count(*) from gruppe where belegt > plaetze") == [(0,)]
    different = """select count(*) from gruppe g where belegt <>
        (select count(*) from kind k where k.gruppe_id = g.gruppe_id)"""
    assert _rows(path, different) == [(0,)]
    assert _rows(path, "select count(*) from warteliste")[0][0] > 300
    assert _rows(path, "select sum(plaetze) from einrichtung") == _rows(path, "select sum(plaetze) from gruppe")


def _rows(path: Path, sql: str) -> list[tuple]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
