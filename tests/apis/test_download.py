"""GET /download: a whole dataset as a file, with its licence."""

from __future__ import annotations

import io
import json

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest

from nabe.apis.download.routes import links
from nabe.stores.duckdb.instances import load


def test_every_format_has_all_rows_and_a_file_name(client):
    for extension in ("csv", "json", "ndjson", "geojson", "parquet", "xlsx", "gpkg"):
        answer = client.get(f"/download/bezirke.{extension}")
        assert answer.status_code == 200
        assert answer.headers["content-disposition"] == f'attachment; filename="bezirke.{extension}"'
        match extension:
            case "csv":
                assert answer.text.count("\r\n") == 9 and "POINT (9.9 51.5)" in answer.text
            case "json" | "geojson":
                body = json.loads(answer.content)
                assert len(body if extension == "json" else body["features"]) == 8
            case "ndjson":
                assert answer.text.count("\n") == 8
            case "parquet":
                assert pq.read_table(io.BytesIO(answer.content)).num_rows == 8
            case "xlsx":
                assert openpyxl.load_workbook(io.BytesIO(answer.content)).active.max_row == 9
            case "gpkg":
                assert answer.content.startswith(b"SQLite format 3")


def test_parquet_is_geoparquet_to_others(client, tmp_path):
    """DuckDB's spatial extension, which reads the format's own metadata, sees geometries and not bytes."""
    path = tmp_path / "bezirke.parquet"
    path.write_bytes(client.get("/download/bezirke.parquet").content)
    connection = duckdb.connect()
    load(connection, "duckdb_extension_spatial", "spatial")
    found = connection.execute(f"SELECT ST_X(geom), ST_Y(geom) FROM '{path}' ORDER BY bezirk LIMIT 1").fetchone()
    assert found == (9.9, 51.5)


def test_the_licence_and_the_description_are_linked(client):
    link = client.get("/download/strassen.csv").headers["link"]
    assert link == '</id/dataset/strassen>; rel="describedby", <https://www.govdata.de/dl-de/by-2-0>; rel="license"'


@pytest.mark.parametrize(
    "licence", ["", "x", 'https://x/">evil', "https://x/\r\nSet-Cookie: a=b", "javascript:alert(1)"]
)
def test_a_licence_that_is_no_address_is_not_linked(licence):
    assert links("d", licence) == ['</id/dataset/d>; rel="describedby"']


def test_licences_are_known_by_their_usual_names():
    assert "creativecommons.org/licenses/by/4.0" in links("d", "CC BY 4.0")[1]
    assert links("d", "https://example.org/l?a=b")[1] == '<https://example.org/l?a=b>; rel="license"'


@pytest.mark.parametrize(
    "file", ["bezirke.exe", "bezirke", ".csv", "gibtsnicht.csv", "faelle.csv", "..%2Fnabe.yaml", "a.b.csv"]
)
def test_what_is_not_there_is_not_found(client, file):
    assert client.get(f"/download/{file}").status_code == 404


def test_a_closed_dataset_is_refused_with_reasons_and_handed_out_for_its_purpose(town):
    answer = town.client("planerin").get("/download/faelle.csv")
    assert answer.status_code == 403 and answer.json()["reasons"]
    answer = town.client("planerin", "planung").get("/download/faelle.csv")
    assert answer.status_code == 200 and answer.text.startswith("bezirk,merkmal\r\n")
    assert answer.headers["cache-control"] == "private, no-store"
