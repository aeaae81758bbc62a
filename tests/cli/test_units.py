"""Units converted on reading, seen from outside: files, a database that could compute itself, grants and products."""

from __future__ import annotations

import json
import sqlite3

import pytest

READINGS = [("a", 1500.0, 293.15), ("a", 499.0, 273.15), ("b", 2500.0, 300.0), ("c", None, 280.0)]
FIELDS = """\
fields:
  - {name: ort, type: string}
  - {name: verbrauch, type: number, unit: kW.h, source_unit: W.h}
  - {name: temp, type: number, unit: Cel, source_unit: K}
"""


@pytest.fixture
def city(dorf, nabe):
    """The same readings in a CSV file and in SQLite, both with converted fields, and a product over them."""
    lines = [";".join("" if value is None else str(value) for value in row) for row in READINGS]
    (dorf / "data/zaehler.csv").write_text("ort;verbrauch;temp\n" + "\n".join(lines) + "\n")
    with sqlite3.connect(dorf / "data/werke.sqlite") as connection:
        connection.execute("CREATE TABLE zaehler (ort TEXT, verbrauch REAL, temp REAL)")
        connection.executemany("INSERT INTO zaehler VALUES (?, ?, ?)", READINGS)
    connection.close()
    nabe("connect", "data/zaehler.csv", "--as", "datei", code=0)
    nabe("connect", "sqlite:///data/werke.sqlite", "--as", "werk", code=0)
    for name in ("datei", "werk"):
        path = dorf / f"datasets/{name}.yaml"
        text = path.read_text().replace("access: internal", "access: open")
        start, end = text.index("fields:"), text.index("system:")
        path.write_text(text[:start] + FIELDS + text[end:])
    nabe("apply", "-y", code=0)
    return dorf


@pytest.mark.parametrize("dataset", ["datei", "werk"])
@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select ort, verbrauch, temp from {} order by verbrauch nulls last",
         [["a", 0.499, 0.0], ["a", 1.5, 20.0], ["b", 2.5, 26.85], ["c", None, 6.85]]),
        ("select count(*) as n from {} where verbrauch > 1", [[2]]),
        ("select count(*) as n from {} where verbrauch > 1000", [[0]]),
        ("select sum(verbrauch) as s, max(temp) as t from {}", [[4.499, 26.85]]),
        ("select ort from {} where temp between 19 and 21", [["a"]]),
        ("select x.ort from {} x join {} y on x.verbrauch = y.verbrauch and y.ort = 'b'", [["b"]]),
    ],
)  # fmt: skip
def test_questions_are_answered_in_the_declared_unit(city, nabe, dataset, sql, expected):
    rows = nabe("query", sql.format(dataset, dataset), "-f", "json", code=0).json
    found = [[round(v, 9) if isinstance(v, float) else v for v in row.values()] for row in rows]
    assert found == expected


def test_files_and_database_agree_in_one_question(city, nabe):
    sql = "select count(*) as n from datei d join werk w on d.verbrauch = w.verbrauch and d.temp = w.temp"
    assert nabe("query", sql, "-f", "json", code=0).json == [{"n": 3}]


def test_the_plan_says_that_values_are_converted_and_the_silo_does_not_compute_with_them(city, nabe):
    told = json.dumps(nabe("explain", "select sum(verbrauch) as s from werk", "--json", code=0).json)
    assert "verbrauch from W.h to kW.h" in told and "computes the whole answer" not in told


def test_the_document_comes_back_as_it_was(city, nabe, tmp_path):
    nabe("export", tmp_path / "out", code=0)
    assert "source_unit: W.h" in (tmp_path / "out/datasets/datei.yaml").read_text()
    path = city / "datasets/datei.yaml"
    path.write_text(path.read_text().replace("source_unit: K", "source_unit: m"))
    refused = nabe("check", code=2)
    assert "measures something else" in refused.err + refused.out
