"""Looking into databases as they are found: odd names, thousands of tables, geometry, keys over several columns."""

from __future__ import annotations

import time

import pytest
import shapely

from nabe.adapters.sql import SqlAdapter
from nabe.model.dataset import FieldType

from .support import context

ODD = [
    "Straße & Hausnr.",
    'mit "Zeichen"',
    "a.b",
    "SELECT",
    "leer zeichen ",
    "x'y; --",
    "Ä" * 20,
    "100%",
    "back`tick",
    "k{0}%s",
]


def probe(tmp_path, server):
    return SqlAdapter().probe({"url": server.url}, lambda text: text, context(tmp_path))


def quoted(server, name):
    return f'"{name.replace(chr(34), chr(34) * 2)}"' if "postgres" in server.url else f"`{name.replace('`', '``')}`"


@pytest.fixture(params=["postgres", "mariadb"])
def server(request):
    return request.getfixturevalue(request.param)


def run(server, sql):
    connection = server.connect()
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
        connection.commit()
    finally:
        connection.close()


def sampled(probe, table):
    batches = probe.sample(table)
    return [row for batch in batches.batches for row in batch.to_pylist()]


def test_odd_names_of_tables_and_columns_are_found_described_and_read(server, tmp_path):
    names = [name for name in ODD if "postgres" in server.url or not name.endswith(" ")]  # MariaDB knows no such names
    for name in names:
        table, column = quoted(server, f"t {name}x"), quoted(server, name)
        run(server, f"DROP TABLE IF EXISTS {table}")
        run(server, f"CREATE TABLE {table} ({column} varchar(20) PRIMARY KEY, wert int)")
        run(server, f"INSERT INTO {table} VALUES ('q', 1)")
    look = probe(tmp_path, server)
    there = look.discover()
    for name in names:
        assert f"t {name}x" in there
        table = look.describe(f"t {name}x")
        assert [column.name for column in table.columns] == [name, "wert"] and table.key == (name,)
        assert table.source == {"table": f"t {name}x"}
        assert sampled(look, table) == [{name: "q", "wert": 1}]
        run(server, f"DROP TABLE {quoted(server, f't {name}x')}")


def test_thousands_of_tables_are_listed_in_a_moment(postgres, tmp_path):
    names = [f"masse.viele_{number:04}" for number in range(2_000)]
    steps = [names[at : at + 50] for at in range(0, len(names), 50)]  # a transaction holds a lock for each table
    run(postgres, "CREATE SCHEMA masse")
    try:
        for step in steps:
            run(postgres, "; ".join(f"CREATE TABLE {name} (a int)" for name in step))
        look = probe(tmp_path, postgres)
        look.given({"schema": "masse"})
        begun = time.monotonic()
        found = look.discover()
        assert time.monotonic() - begun < 10
        assert len(found) == len(names) and found == sorted(found)
        table = look.describe(found[-1])
        assert table.source["schema"] == "masse" and [column.name for column in table.columns] == ["a"]
    finally:
        for step in steps:
            run(postgres, f"DROP TABLE IF EXISTS {', '.join(step)}")
        run(postgres, "DROP SCHEMA masse")


def test_a_key_over_several_columns_and_references_keep_their_order(server, tmp_path):
    for sql in (
        "DROP TABLE IF EXISTS kind",
        "DROP TABLE IF EXISTS eltern",
        "CREATE TABLE eltern (b int NOT NULL, a int NOT NULL, PRIMARY KEY (a, b))",
        "CREATE TABLE kind (x int, y int, nr int PRIMARY KEY, FOREIGN KEY (y, x) REFERENCES eltern (a, b))",
    ):
        run(server, sql)
    look = probe(tmp_path, server)
    assert look.describe("eltern").key == ("a", "b")
    table = look.describe("kind")
    assert table.key == ("nr",) and set(table.references) == {("y", "eltern", "a"), ("x", "eltern", "b")}
    run(server, "DROP TABLE kind")
    run(server, "DROP TABLE eltern")


def test_views_and_empty_tables_and_tables_of_many_columns_are_looked_into(server, tmp_path):
    columns = ", ".join(f"c{number} int" for number in range(300))
    for sql in ("DROP VIEW IF EXISTS sicht", "DROP TABLE IF EXISTS breit", f"CREATE TABLE breit ({columns})",
                "CREATE VIEW sicht AS SELECT c1 AS eins FROM breit"):  # fmt: skip
        run(server, sql)
    look = probe(tmp_path, server)
    table = look.describe("breit")
    assert len(table.columns) == 300 and sampled(look, table) == []
    assert [column.name for column in look.describe("sicht").columns] == ["eins"]
    run(server, "DROP VIEW sicht")
    run(server, "DROP TABLE breit")


def test_geometry_of_mariadb_is_told_with_its_crs_and_moved_to_degrees(mariadb, tmp_path):
    for sql in (
        "DROP TABLE IF EXISTS orte",
        "CREATE TABLE orte (nr int PRIMARY KEY, lage POINT NULL, flaeche POLYGON NULL, leer GEOMETRY NULL)",
        "INSERT INTO orte VALUES (1, NULL, NULL, NULL)",
        "INSERT INTO orte VALUES (2, ST_GeomFromText('POINT(357000 5645000)', 25832), "
        "ST_GeomFromText('POLYGON((357000 5645000, 357100 5645000, 357100 5645100, 357000 5645000))', 25832), NULL)",
    ):
        run(mariadb, sql)
    look = probe(tmp_path, mariadb)
    table = look.describe("orte")
    kinds = {column.name: (column.type, column.native) for column in table.columns}
    assert kinds["lage"] == (FieldType.GEOMETRY, "point") and kinds["flaeche"][0] is FieldType.GEOMETRY
    assert table.crs == "EPSG:25832"
    assert any("leer" in note for note in table.notes), "what has no CRS is said to be taken for degrees"
    first, second = sampled(look, table)
    assert first["lage"] is None and second["leer"] is None
    point = shapely.from_wkb(second["lage"])
    assert 6.95 < point.x < 6.97 and 50.93 < point.y < 50.95
    assert shapely.from_wkb(second["flaeche"]).geom_type == "Polygon"
    run(mariadb, "DROP TABLE orte")


def test_geometry_of_postgis_is_told_whether_its_crs_is_declared_or_not(postgres, tmp_path):
    for sql in (
        "CREATE EXTENSION IF NOT EXISTS postgis",
        "DROP TABLE IF EXISTS orte",
        "CREATE TABLE orte (nr int, a geometry(PointZ, 25832), b geometry, c geography(Point))",
        "INSERT INTO orte VALUES (1, ST_GeomFromText('POINT Z (357000 5645000 60)', 25832), "
        "ST_GeomFromText('POINT(357000 5645000)', 25832), 'POINT(6.9 50.9)')",
    ):
        run(postgres, sql)
    look = probe(tmp_path, postgres)
    table = look.describe("orte")
    assert table.crs == "EPSG:25832" and [column.type for column in table.columns][1:] == [FieldType.GEOMETRY] * 3
    (row,) = sampled(look, table)
    assert all(6.8 < shapely.from_wkb(row[name]).x < 7.0 for name in "abc")
    run(postgres, "DROP TABLE orte")
