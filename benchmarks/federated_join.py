"""A join across three silos (1 M-row Parquet x 100 k-row PostgreSQL x GeoJSON): the hub against bare DuckDB.

    python benchmarks/federated_join.py [--runs 7] [--rounds 3]

Both sides answer the same SQL over the same files and the same server, each in a process of its own, in turns. Bare
DuckDB reads the Parquet file, attaches PostgreSQL (postgres_scanner) and reads the GeoJSON with `ST_Read`. Targets:
time <= 1.10 x, peak memory <= 1.2 x. "first" is the first answer after each silo has been touched once, the others repeat
it. "peak" is of the whole process, so with the libraries it has loaded; "for the question" is what it needs beyond the
memory it had when the silos had been touched.
"""

from __future__ import annotations

import argparse
import atexit
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import city

SQL = """
SELECT d.name AS district, g.kind, count(*) AS readings, avg(m.value) AS mean, sum(g.area) AS area
FROM {readings} m JOIN {buildings} g ON m.building = g.id JOIN {districts} d ON g.district = d.key
WHERE m.value > 5
GROUP BY d.name, g.kind ORDER BY d.name, g.kind
"""
READINGS, BUILDINGS, DISTRICTS = 1_000_000, 100_000, 86


def make_readings(path: Path, count: int) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(7)
    table = pa.table(
        {
            "id": np.arange(count),
            "building": rng.integers(0, BUILDINGS, count),
            "value": rng.random(count) * 100,
            "note": [f"Ablesung {number % 9973}" for number in range(count)],
        }
    )
    pq.write_table(table, path)


def make_districts(path: Path) -> None:
    rng = random.Random(3)
    features = []
    for number in range(DISTRICTS):
        x, y = 6.8 + number % 10 * 0.03, 50.85 + number // 10 * 0.03
        ring = [[x + rng.random() * 1e-3, y] for _ in range(60)] + [[x + 0.03, y + 0.03], [x, y + 0.03]]
        features.append(
            {
                "type": "Feature",
                "properties": {"key": f"{number + 101:03d}", "name": f"Stadtteil {number:02d}"},
                "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
            }
        )
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), "utf-8")


def fill(server: Any) -> None:
    server.run("create table buildings (id bigint primary key, district varchar(3), kind text, area double precision)")
    server.run(
        f"insert into buildings select i, (101 + i % {DISTRICTS})::text, 'Art ' || i % 7, i % 400 "
        f"from generate_series(0, {BUILDINGS - 1}) i"
    )
    server.run("analyze buildings")


def hub(folder: Path) -> tuple[Callable[[], list[dict[str, Any]]], float]:
    """The question through the one door."""
    from nabe.app import open_workspace
    from nabe.model.party import ANONYMOUS
    from nabe.model.usecase import OPEN_DATA

    nabe = open_workspace(folder / "city")
    atexit.register(nabe.close)
    names = {"readings": "readings", "buildings": "buildings", "districts": "districts"}
    return _asker(lambda sql: nabe.hub.read(ANONYMOUS, OPEN_DATA, sql).table(), names)


def bare(folder: Path) -> tuple[Callable[[], list[dict[str, Any]]], float]:
    """The same SQL in DuckDB alone, with the settings it has by itself."""
    import duckdb

    from nabe.stores.duckdb.instances import load

    connection = duckdb.connect()
    load(connection, "duckdb_extension_postgres_scanner", "postgres_scanner")
    load(connection, "duckdb_extension_spatial", "spatial")
    connection.execute(f"ATTACH '{os.environ['BENCH_DSN']}' AS pg (TYPE postgres, READ_ONLY)")
    names = {
        "readings": f"read_parquet('{folder}/readings.parquet')",
        "buildings": "pg.public.buildings",
        "districts": f"ST_Read('{folder}/districts.geojson')",
    }
    return _asker(lambda sql: connection.execute(sql).to_arrow_table(), names)


def _asker(run: Callable[[str], Any], names: dict[str, str]) -> tuple[Callable[[], list[dict[str, Any]]], float]:
    """The question, and the memory in MB of a process in which every silo has been touched once."""
    for name in names.values():
        run(f"SELECT * FROM {name} LIMIT 1")
    return lambda: run(SQL.format(**names)).to_pylist(), city.memory("VmRSS")


def measure(side: str, folder: Path, runs: int) -> dict[str, Any]:
    """Runs in the subprocess."""
    ask, idle = {"hub": hub, "bare": bare}[side](folder)
    times = []
    rows: list[dict[str, Any]] = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        rows = ask()
        times.append(time.perf_counter() - start)
    answer = [(row["district"], row["kind"], row["readings"], round(row["mean"], 6), row["area"]) for row in rows]
    return {
        "first": times[0],
        "again": city.median(times[1:]),
        "peak": city.memory(),
        "for the question": city.memory() - idle,
        "answer": answer,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--readings", type=int, default=READINGS)
    parser.add_argument("--measure", nargs=2, default=(), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        print(json.dumps(measure(given.measure[0], Path(given.measure[1]), given.runs)))
        return
    from nabe.testing.servers import postgres

    with tempfile.TemporaryDirectory() as name, postgres() as server:
        folder = Path(name)
        make_readings(folder / "readings.parquet", given.readings)
        make_districts(folder / "districts.geojson")
        fill(server)
        os.environ |= {"BENCH_DSN": server.dsn, "BENCH_URL": server.url}
        limits = {"rows": 1_000_000_000}
        city.make(
            folder / "city",
            {
                "files": {"adapter": "file", "connection": {"location": str(folder)}, "limits": limits},
                "db": {"adapter": "sql", "connection": {"url": "${BENCH_URL}"}, "limits": limits},
            },
            {
                "readings": {
                    "system": "files",
                    "source": {"path": "readings.parquet"},
                    "fields": city.fields(id="integer", building="integer", value="number", note="string"),
                },
                "buildings": {
                    "system": "db",
                    "source": {"table": "buildings"},
                    "fields": city.fields(id="integer", district="string", kind="string", area="number"),
                },
                "districts": {
                    "system": "files",
                    "source": {"path": "districts.geojson"},
                    "fields": city.fields(key="string", name="string", geometry="geometry"),
                },
            },
        )
        found: dict[str, list[dict[str, Any]]] = {"bare": [], "hub": []}
        for _ in range(given.rounds):
            for side, runs in found.items():
                command = [sys.executable, __file__, "--runs", str(given.runs), "--measure", side, str(folder)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode:
                    sys.exit(f"{side}: {done.returncode} {done.stdout[-300:]} {done.stderr}")
                runs.append(json.loads(done.stdout))
    if found["bare"][0]["answer"] != found["hub"][0]["answer"]:
        sys.exit("the answers differ")
    print(f"{len(found['hub'][0]['answer'])} rows, the same from both\n")
    print("| | bare DuckDB | hub | ratio | target |\n|---|---|---|---|---|")
    for what, unit, target in (
        ("first", "s", "-"),
        ("again", "s", "1.10"),
        ("peak", "MB", "1.20"),
        ("for the question", "MB", "1.20"),
    ):
        one, other = (city.median([run[what] for run in found[side]]) for side in ("bare", "hub"))
        places = 0 if unit == "MB" else 3
        print(f"| {what} | {one:.{places}f} {unit} | {other:.{places}f} {unit} | {other / one:.2f} | {target} |")


if __name__ == "__main__":
    main()
