"""`nabe connect --set`, `--table`, `--all`, `--adapter`: what the operator says goes before what is found out."""

from __future__ import annotations

import json
import sqlite3

import pytest
import yaml

from nabe.testing.silo import serving


def source_of(root, id):
    return yaml.safe_load((root / f"datasets/{id}.yaml").read_text())


def opened_up(root, nabe, id):
    path = root / f"datasets/{id}.yaml"
    path.write_text(
        path.read_text().replace("access: internal", "access: open").replace("access: restricted", "access: open")
    )
    nabe("apply", "-y", code=0)


def test_rows_and_columns_out_of_paths_are_set_when_connecting(dorf, nabe):
    for station, values in (("nord", [1, 2]), ("sued", [3])):
        (dorf / f"data/luft_{station}.json").write_text(
            json.dumps({"meta": [{"x": 1}, {"x": 2}], "data": {"items": [{"no2": value} for value in values]}})
        )
    given = ("--set", "rows_path=data.items", "--set", "name_pattern=luft_{station}.json")
    nabe("connect", "data/luft_*.json", "--as", "luft", *given, code=0)
    document = source_of(dorf, "luft")
    assert document["source"]["rows_path"] == "data.items"
    assert [field["name"] for field in document["fields"]] == ["no2", "station"]
    opened_up(dorf, nabe, "luft")
    rows = nabe("query", "select station, sum(no2) s from luft group by 1 order by 1", "-f", "json", code=0).json
    assert rows == [{"station": "nord", "s": 3}, {"station": "sued", "s": 3}]


def test_values_are_written_in_their_type(dorf, nabe):
    (dorf / "data/liste.csv").write_text("Amt;2026\nStand;heute\nNr;Wert;X;Y\n1;-;7.1;51.2\n2;3,5;7.2;51.3\n")
    given = ("header_row=3", "nulls=[-, k. A.]", "x=X", "y=Y", "columns.Wert.decimal=,")
    nabe("connect", "data/liste.csv", "--as", "liste", *(part for item in given for part in ("--set", item)), code=0)
    source = source_of(dorf, "liste")["source"]
    assert source["header_row"] == 3 and source["nulls"] == ["-", "k. A."]
    assert source["columns"]["Wert"]["decimal"] == ","
    opened_up(dorf, nabe, "liste")
    (row,) = nabe("query", "select wert, ST_X(geometry) x from liste where nr = 2", "-f", "json", code=0).json
    assert row == {"wert": 3.5, "x": 7.2}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("rows_pth=a", "'rows_pth' is no setting of this adapter. Did you mean 'rows_path'?"),
        ("header_row=drei", "--set header_row: Input should be a valid integer"),
        ("header_row", "is no setting. NAME=VALUE"),
        ("timezone=Mars/Nord", "--set timezone: not a time zone; for example Europe/Berlin"),
        ("columns.Nr.decmal=,", "Did you mean 'decimal'?"),
        ("nulls=[a", "is no list or object"),
        ("x=Nr", "x and y belong together"),
        ("data_row=7", "data_row needs header_row"),
    ],
)
def test_a_setting_that_does_not_fit_is_refused_by_name_and_nothing_is_written(dorf, nabe, given, said):
    refused = nabe("connect", "data/kitas.csv", "--as", "neu", "--set", given, code=2)
    assert said in " ".join(refused.err.split()).replace(" → ", " "), refused.err
    assert not (dorf / "datasets/neu.yaml").exists()


def test_several_tables_are_a_choice(dorf, nabe):
    with sqlite3.connect(dorf / "data/amt.sqlite") as connection:
        connection.execute('CREATE TABLE "Fälle 2026" (nr TEXT)')
        connection.execute('CREATE TABLE "faelle-2026" (nr TEXT)')
    connection.close()
    listed = nabe("connect", "sqlite:///data/amt.sqlite", "--as", "amt", code=2)
    assert "Fälle 2026" in listed.out and "--table NAME" in listed.err and "--all" in listed.err
    assert nabe("connect", "sqlite:///data/amt.sqlite", "--as", "amt", "--json", code=2).json == {
        "tables": ["Fälle 2026", "faelle", "faelle-2026"]
    }
    assert not list((dorf / "datasets").glob("amt*"))
    wrong = nabe("connect", "sqlite:///data/amt.sqlite", "--as", "amt", "--table", "falle", code=2)
    assert "Did you mean 'faelle'?" in wrong.err
    told = nabe("connect", "sqlite:///data/amt.sqlite", "--as", "amt", "--all", "--json", code=0).json
    ids = [item["id"] for item in told["datasets"]]
    assert len(set(ids)) == 3 and set(ids) == {path.stem for path in (dorf / "datasets").glob("amt*")}
    assert {yaml.safe_load((dorf / f"datasets/{id}.yaml").read_text())["source"]["table"] for id in ids} == {
        "Fälle 2026", "faelle", "faelle-2026",
    }  # fmt: skip


def test_a_time_zone_given_to_a_database_is_the_one_it_is_read_in(dorf, nabe):
    with sqlite3.connect(dorf / "data/amt.sqlite") as connection:
        connection.execute("CREATE TABLE zeiten (nr TEXT, wann TIMESTAMP)")
        connection.execute("INSERT INTO zeiten VALUES ('1', '2026-07-01 12:00:00')")
    connection.close()
    nabe("connect", "data/amt.sqlite", "--as", "zeiten", "-t", "zeiten", "--set", "timezone=UTC", code=0)
    assert source_of(dorf, "zeiten")["source"] == {"table": "zeiten", "timezone": "UTC"}
    opened_up(dorf, nabe, "zeiten")
    assert "2026-07-01T12:00:00" in nabe("query", "select wann from zeiten", "-f", "csv", code=0).out


@pytest.fixture
def web(dorf):
    path = dorf / "nabe.yaml"
    path.write_text(path.read_text().replace("# allow_hosts: [intern.example]", "allow_hosts: [127.0.0.1]"))
    yield from serving({"a": [{"n": 1}, {"n": 2}], "b": {"liste": [{"m": 3}]}})


def test_rows_of_an_interface_are_set_when_connecting(dorf, nabe, web):
    nabe("connect", web.url, "--as", "dienst", "--set", "rows=b.liste", code=0)
    document = source_of(dorf, "dienst")
    assert document["source"]["rows"] == "b.liste" and [field["name"] for field in document["fields"]] == ["m"]


def test_an_adapter_may_be_named(dorf, nabe, web):
    nabe("connect", web.url + "/x.json", "--as", "datei", "--adapter", "file", "--set", "rows_path=a", code=0)
    assert yaml.safe_load((dorf / "systems/datei.yaml").read_text())["adapter"] == "file"
    assert "does not read this source" in nabe("connect", web.url, "--as", "x", "--adapter", "sql", code=2).err
    assert "Installed: " in nabe("connect", web.url, "--as", "x", "--adapter", "sqll", code=2).err
