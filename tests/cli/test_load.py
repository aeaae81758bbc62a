"""`nabe load` and `nabe compact`: old observations from files, and the files they lie in."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nabe.app import open_workspace
from nabe.cli.common import operator
from nabe.model.observation import ObservationScan
from nabe.testing.sensor_city import datastream, thing

_SYSTEM = "id: netz\ntitle: {de: Netz, en: Network}\nadapter: sensing\nowner: dorf\n"
_DATASET = "id: luft\ntitle: {de: Luft, en: Air}\nowner: dorf\nsystem: netz\naccess: open\nmode: stream\nstream: {}\n"


@pytest.fixture
def netz(dorf, nabe):
    """A workspace with two streams; their ids."""
    root = Path(dorf)
    (root / "systems" / "netz.yaml").write_text(_SYSTEM, "utf-8")
    (root / "datasets" / "luft.yaml").write_text(_DATASET, "utf-8")
    nabe("apply", "--yes", code=0)
    with open_workspace(root) as opened:
        actor = operator(opened.catalogue.snapshot())
        sensing = opened.hub.sensing
        ids = [
            sensing.create(actor, "open-data", datastream(name, Thing=thing(name)), dataset="luft")
            for name in ("Markt PM10", "Brücke NO₂")
        ]
    return root, ids


def stored(root):
    with open_workspace(root) as opened:
        batches = list(opened.observations.read(ObservationScan(None)))
        return [row for batch in batches for row in batch.to_pylist()]


def test_csv_by_names_with_german_numbers_and_local_times(netz, nabe, tmp_path):
    root, (markt, bruecke) = netz
    file = tmp_path / "luft.csv"
    file.write_text(
        "Station;Zeit;Wert\nMarkt PM10;2025-01-01 00:00:00;12,5\nBrücke NO₂;2025-07-01 12:00:00;40\n"
        "Markt PM10;2025-01-01 01:00:00;\n",
        "utf-8-sig",
    )
    columns = ("-c", "stream=Station", "-c", "time=Zeit", "-c", "result=Wert")
    missing = nabe("load", file, "--dataset", "luft", *columns, "--decimal", ",", code=2)
    assert "luft.csv, from row 2 on: A time names no zone." in missing.err and "--zone" in missing.err
    assert stored(root) == []
    done = nabe(
        "load", file, "--dataset", "luft", *columns, "--decimal", ",", "--zone", "Europe/Berlin", "--json", code=0
    )
    assert done.json["rows"] == 3
    found = {(row["stream"], row["time"]): row["number"] for row in stored(root)}
    assert found == {
        (markt, dt.datetime(2024, 12, 31, 23, tzinfo=dt.UTC)): 12.5,
        (markt, dt.datetime(2025, 1, 1, 0, tzinfo=dt.UTC)): None,
        (bruecke, dt.datetime(2025, 7, 1, 10, tzinfo=dt.UTC)): 40.0,
    }
    with open_workspace(root) as opened:
        lines = [item.entry for item in opened.ledger.entries()]
    assert any(line.action == "observed" and line.rows == 3 and line.dataset == "luft" for line in lines)


def test_parquet_of_one_stream_and_results_that_are_no_numbers(netz, nabe, tmp_path):
    root, (markt, _) = netz
    table = pa.table(
        {
            "timestamp": pa.array([dt.datetime(2025, 1, 1, 0, n, tzinfo=dt.UTC) for n in range(3)]),
            "value": [1.5, float("nan"), 2.0],
            "parameters": ['{"a":1}', None, None],
        }
    )
    pq.write_table(table, tmp_path / "a.parquet")
    nabe("load", tmp_path / "a.parquet", "--dataset", "luft", "--stream", "Markt PM10", code=0)
    nabe("load", tmp_path / "a.parquet", "--dataset", "luft", "--stream", markt, code=0)
    rows = stored(root)
    assert [row["number"] for row in rows] == [1.5, None, 2.0] * 2
    assert rows[0]["parameters"] == '{"a":1}'
    assert len({row["id"] for row in rows}) == 6


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("a;b\n1;2\n", "No column holds the time"),
        ("stream,time,result\nMarkt PM1,2025-01-01T00:00:00Z,1\n", "Did you mean 'Markt PM10'?"),
        ("stream,time,result\nMarkt PM10,gestern,1\n", "A time cannot be read"),
        ("stream,time,result\nMarkt PM10,2025-01-01T00:00:00Z,1,2\n", "cannot be read"),
        ("stream,time,result\nMarkt PM10,2025-01-01T00:00:00Z,1\n,2025-01-01T00:00:00Z,1\n", "names no stream"),
        ("stream,time,result\n999999,2025-01-01T00:00:00Z,1\n", "There is no stream '999999'"),
        ("stream,time,result\nMarkt PM10,2025-01-01T00:00:00Z,hoch\n", "number"),
    ],
)
def test_a_file_that_does_not_fit_is_explained_and_nothing_of_it_kept(netz, nabe, tmp_path, text, words):
    root, _ = netz
    good = tmp_path / "gut.csv"
    good.write_text("stream,time,result\nMarkt PM10,2025-01-01T00:00:00Z,1\n", "utf-8")
    (tmp_path / "x.csv").write_text(text, "utf-8")
    ran = nabe("load", good, tmp_path / "x.csv", "--dataset", "luft", code=2)
    assert words in ran.err
    assert stored(root) == []


def test_who_may_not_write_may_not_load(netz, nabe, tmp_path):
    root, _ = netz
    (tmp_path / "x.csv").write_text("stream,time,result\nMarkt PM10,2025-01-01T00:00:00Z,1\n", "utf-8")
    nabe("load", tmp_path / "x.csv", "--dataset", "luft", "--as", "anonymous", code=2)
    nabe("load", tmp_path / "x.csv", "--dataset", "gibtsnicht", code=2)
    nabe("load", tmp_path / "weg.csv", "--dataset", "luft", code=2)
    assert stored(root) == []


def test_compact_says_what_there_is(netz, nabe, tmp_path):
    rows = "".join(f"Markt PM10,2025-01-01T00:{n:02}:00Z,{n}\n" for n in range(60))
    (tmp_path / "x.csv").write_text(f"stream,time,result\n{rows}", "utf-8")
    for _ in range(3):
        nabe("load", tmp_path / "x.csv", "--dataset", "luft", code=0)
    done = nabe("compact", "--whole", "--json", code=0).json
    assert done["before"]["files"] == 3 and done["after"]["files"] == 1 and done["after"]["rows"] == 180
    assert "180 observations in 1 files" in nabe("compact", code=0).out
    (line,) = (row for row in nabe("doctor", "--json").json if row["check"] == "observations")
    assert line["ok"] and line["detail"].startswith("180 rows, 0 of them fresh, 1 files")
