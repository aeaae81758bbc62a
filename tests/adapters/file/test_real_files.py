"""Real files of real cities, with their quirks: what the probe finds out, and that all rows can then be read."""

from __future__ import annotations

import datetime as dt
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import shapely

from nabe.adapters.file import FileAdapter
from nabe.ports.source import Table
from nabe.testing.needs import need

from .support import DATA, context, no_secrets, open_source, probe

GERMANY = shapely.box(5.5, 47.0, 15.6, 55.5)


@pytest.fixture(autouse=True)
def _data():
    need("the folder of real city data", DATA.is_dir(), "set NABE_TEST_DATA to a copy of it")


def look(root: Path, file: str, table: str = "") -> tuple[Table, pa.Table]:
    path = DATA / file
    if not any(path.parent.glob(path.name)):
        pytest.skip(f"{file} is not in this copy of the data")
    looking = probe(root, str(path))
    names = looking.discover()
    described = looking.describe(table or names[0])
    batches = looking.sample(described)
    return described, pa.Table.from_batches(list(batches.batches), batches.schema)


def types(table: Table) -> dict[str, str]:
    return {column.name: column.type.value for column in table.columns}


def test_air_quality_has_dates_quoted_twice_hour_24_and_dashes(tmp_path):
    table, rows = look(tmp_path, "muenster/luftqualitaet_2022_2024_DENW095.csv")
    kinds = types(table)
    assert kinds["Date"] == "datetime" and table.source["nulls"] == ["-"]
    assert [kind for name, kind in kinds.items() if "µg/m³" in name].count("string") == 0
    assert rows["Date"][0].as_py() == dt.datetime(2022, 1, 1, 0, tzinfo=dt.UTC)
    assert rows["Date"].null_count <= 1
    assert rows.num_rows == table.rows == 17521 and table.source["until"]  # one line of remarks below


def test_playgrounds_have_their_coordinates_swapped(tmp_path):
    table, rows = look(tmp_path, "muenster/spielplaetze.csv")
    assert table.source["encoding"] == "cp1252" and table.source["delimiter"] == ";"
    assert (table.source["x"], table.source["y"]) == ("Latitude", "Longitude")
    assert any("swapped" in note for note in table.notes)
    places = [item for item in rows["geometry"].to_pylist() if item]
    assert len(places) == 291 and all(GERMANY.contains(shapely.from_wkb(places)))


def test_thirty_daily_files_are_one_table(tmp_path):
    table, rows = look(tmp_path, "muenster/parkhaus_2019-09-*.csv")
    assert rows.num_rows == table.rows > 7000 and rows["Datum und Uhrzeit"].null_count == 0


def test_income_has_a_decimal_comma(tmp_path):
    table, _rows = look(tmp_path, "muenster/verfuegbares_einkommen.csv")
    assert table.source["decimal"] == "," and "string" not in types(table).values()


def test_districts_lie_in_koeln_though_their_utm_has_a_false_easting_of_its_own(tmp_path):
    table, rows = look(tmp_path, "koeln/Stadtteil.shp")
    assert table.crs and rows.num_rows == 86
    assert any("ü" in name for name in rows["STT_NAME"].to_pylist())
    assert all(shapely.box(6.7, 50.8, 7.2, 51.1).contains(shapely.from_wkb(rows["geometry"].to_pylist())))


def test_schools_in_metres_reach_the_hub_in_degrees(tmp_path):
    table, rows = look(tmp_path, "berlin/schulen_2023-10_epsg25833.geojson")
    assert table.crs == "EPSG:25833"
    berlin = shapely.box(13.0, 52.3, 13.8, 52.7)
    assert all(berlin.contains(shapely.from_wkb(rows["geometry"].to_pylist())))


def test_traffic_load_is_unpacked_and_its_times_are_utc_as_the_header_says(tmp_path):
    table, rows = look(tmp_path, "koeln/verkehrsauslastung_2013-02.csv.gz")
    assert table.source["timezone"] == "UTC"
    assert rows["datetime_utc"].null_count == 0 and rows.num_rows == table.rows == 672339


def test_day_care_keys_keep_their_leading_zeros(tmp_path):
    table, rows = look(tmp_path, "berlin/kitas_2025-11.csv")
    kinds = types(table)
    assert kinds["id"] == "string" and kinds["places"] == "integer" and kinds["geometry"] == "geometry"
    assert all(len(key) == len(rows["id"][0].as_py()) for key in rows["id"].to_pylist())


def test_polling_places_are_in_web_mercator_without_saying_so(tmp_path):
    table, rows = look(tmp_path, "koeln/wahllokale_2014.csv")
    assert table.source["crs"] == "EPSG:3857"
    koeln = shapely.box(6.7, 50.8, 7.2, 51.1)
    assert all(koeln.contains(shapely.from_wkb([item for item in rows["geometry"].to_pylist() if item])))


def test_bathing_places_mix_points_and_commas(tmp_path):
    table, _rows = look(tmp_path, "berlin/badestellen_2019.csv")
    assert table.source["columns"]["temp_txt"]["decimal"] == ","
    assert (table.source["x"], table.source["y"]) == ("lat", "lng")


def test_esri_json_counts_milliseconds_in_utc(tmp_path):
    table, rows = look(tmp_path, "koeln/verkehrskalender_baustellen_2014.arcgis.json")
    assert types(table)["DATUM_VON"] == "datetime" and rows.num_rows == 889
    first = min(value for value in rows["DATUM_VON"].to_pylist() if value)
    assert first.year == 2004


@pytest.mark.parametrize("day", ["2020-04-24", "2020-04-26", "2020-04-28", "2020-04-29", "2020-04-30", "2020-12-03"])
def test_registry_files_with_any_line_end_are_tables(tmp_path, day):
    table, rows = look(tmp_path, f"leipzig/divi_taegliche_rohdateien/{day}.csv")
    assert rows.num_rows == table.rows > 380
    key = "kreis" if day == "2020-04-24" else "gemeindeschluessel"
    assert types(table)[key] == "string" and all(len(value) == 5 for value in rows[key].to_pylist())


def test_a_profile_with_groups_names_and_explanations_above_its_numbers(tmp_path):
    table, rows = look(tmp_path, "hamburg/stadtteilprofile_2014.xlsx")
    assert (table.source["header_row"], table.source["header_rows"], table.source["data_row"]) == (2, 2, 5)
    assert types(table)["Stadtgebiet"] == "string" and rows["Stadtgebiet"][0].as_py() == "Hamburg-Altstadt"
    assert types(table)["Bevölkerung und Haushalte 31.12.2013 | Bevölkerung"] == "integer"
    assert [name for name, kind in types(table).items() if kind == "string" and not name.endswith("(mark)")] == [
        "Stadtgebiet"
    ]
    assert all("\n" not in column.name for column in table.columns)


def test_numbers_as_text_in_json_are_numbers(tmp_path):
    table, rows = look(tmp_path, "leipzig/einwohner_2000-2024.json")
    assert table.source["rows_path"] == "daten" and types(table)["wert"] == "integer" and rows.num_rows == 9250


def test_a_whole_folder_is_listed_and_one_bad_file_hides_none(tmp_path):
    adapter = FileAdapter()
    for folder in ("muenster", "parken"):
        connection = adapter.sniff(str(DATA / folder), context(tmp_path))
        names = adapter.probe(connection, no_secrets, context(tmp_path)).discover()
        assert len(names) > 5
    assert any(name.startswith("ellwangen.xlsx#") for name in names)


def test_a_large_csv_is_described_within_memory(tmp_path):
    """A hundred thousand rows in bounded time; the figure for 100 MB is a benchmark's business."""
    lines = ["id;name;datum;wert;x;y"]
    lines += [f"{i:07};Straße {i};24.11.{2000 + i % 26};1.{i % 1000:03},5;7,{i:06};51,{i:06}" for i in range(100_000)]
    (tmp_path / "gross.csv").write_text("\n".join(lines), "utf-8")
    seen: list[float] = []
    started = time.process_time()
    table = probe(tmp_path, str(tmp_path / "gross.csv")).describe("gross.csv", seen.append)
    assert time.process_time() - started < 15
    assert types(table) == {"id": "string", "name": "string", "datum": "date", "wert": "number", "x": "number", "y": "number", "geometry": "geometry"}  # fmt: skip
    assert seen == sorted(seen) and seen[-1] == 1.0


def test_settings_that_are_wrong_are_named(tmp_path):
    from nabe.model.dataset import Access, Dataset, Field, FieldType, System
    from nabe.model.text import Text

    adapter = FileAdapter()

    def said(**source: Any) -> str:
        fields = (Field("a", FieldType.STRING),)
        dataset = Dataset("d", Text("D"), "amt", Access.OPEN, fields, system="s", source=source)
        return " ".join(adapter.check_dataset(System("s", Text("S"), "file", "amt", {"location": "daten"}), dataset))

    assert said(path="x.csv") == ""
    assert "path" in said() and "leaves" in said(path="../x.csv") and "format" in said(path="x.dat")
    assert "is not a setting; known: " in said(path="x.csv", delimeter=";")
    assert "decimal" in said(path="x.csv", decimal=";") and "x and y" in said(path="x.csv", x="lon")
    assert "EPSG:25832" in said(path="x.csv", crs="EPSG:1") and "Europe/Berlin" in said(path="x.csv", timezone="MEZZ")
    assert "no field of type geometry" in said(path="x.csv", wkt="wkt")
    wrong = adapter.check_system(System("s", Text("S"), "file", "amt", {"location": "ftp://x", "pfad": 1}))
    assert any("location" in item for item in wrong) and any("pfad" in item for item in wrong)


def test_a_source_is_recognised_by_what_it_is(tmp_path):
    adapter = FileAdapter()
    (tmp_path / "daten").mkdir()
    (tmp_path / "daten" / "x.csv").write_text("a\n1\n", "utf-8")
    inside = context(tmp_path)
    assert adapter.sniff(str(tmp_path / "daten" / "x.csv"), inside) == {"location": "daten", "path": "x.csv"}
    assert adapter.sniff("daten/x.csv", inside) == {"location": "daten", "path": "x.csv"}
    assert adapter.sniff("daten/*.csv", inside) == {"location": "daten", "path": "*.csv"}
    assert adapter.sniff(str(tmp_path / "daten"), inside) == {"location": "daten"}
    assert adapter.sniff("https://example.org/x.csv", inside) == {"path": "https://example.org/x.csv"}
    assert adapter.sniff("postgresql://x/y", inside) is None and adapter.sniff("weg.csv", inside) is None


def test_small_parquet_can_be_mounted_and_other_files_cannot(tmp_path):
    import pyarrow.parquet as pq

    from nabe.model.dataset import Field, FieldType
    from nabe.testing.sealing import seal

    from .support import dataset

    pq.write_table(pa.table({"a": ["x"], "n": pa.array([1], pa.int32())}), tmp_path / "x.parquet")
    source = open_source(tmp_path)
    mount = source.mount(seal(dataset({"path": "x.parquet"}, (Field("b", FieldType.STRING, column="a"),))))
    assert mount.columns == {"b": "a"} and mount.paths == (str(tmp_path / "x.parquet"),)
    assert source.mount(seal(dataset({"path": "x.parquet"}, (Field("n", FieldType.INTEGER),)))) is None
