"""What a silo can compute itself: the hub against the silo's own driver, same SQL, same server.

    python benchmarks/pushdown.py [--rows 2000000] [--runs 9]

PostgreSQL, MariaDB and SQLite each hold the same table of buildings. Target: the hub takes <= 1.2 x the silo's own time.
For questions of a few milliseconds ("one row by its key") the difference is told in milliseconds: there the ratio says
how fast the silo is, not how slow the hub.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import city

QUESTIONS = {
    "aggregate": "SELECT district, count(*) AS n, avg(area) AS mean FROM {table} GROUP BY district",
    "filtered aggregate": "SELECT kind, sum(area) AS area FROM {table} WHERE year >= 1990 GROUP BY kind",
    "filter": "SELECT id, area FROM {table} WHERE district = 142 AND kind = 3",
    "one row by its key": "SELECT id, district, area FROM {table} WHERE id = 77777",
}
COLUMNS = "id bigint primary key, district integer, kind integer, year integer, area double precision"
DOCUMENT = city.fields(id="integer", district="integer", kind="integer", year="integer", area="number")


def rows(count: int) -> Any:
    """(id, district, kind, year, area)."""
    return ((i, 101 + i * 7919 % 86, i % 7, 1900 + i * 31 % 125, i % 400 + 0.5) for i in range(count))


def fill_sqlite(path: Path, count: int) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute(f"create table buildings ({COLUMNS})")
        connection.executemany("insert into buildings values (?, ?, ?, ?, ?)", rows(count))
    connection.close()


def fill_postgres(server: Any, count: int) -> None:
    with server.connect() as connection:
        connection.execute(f"create table buildings ({COLUMNS})")
        with connection.cursor() as cursor, cursor.copy("copy buildings from stdin") as copy:
            for row in rows(count):
                copy.write_row(row)
        connection.execute("analyze buildings")


def fill_mariadb(server: Any, path: Path, count: int) -> None:
    with path.open("w") as file:
        file.writelines("\t".join(map(str, row)) + "\n" for row in rows(count))
    path.chmod(0o644)  # the server itself reads it
    server.run(f"create table buildings ({COLUMNS})")
    connection = server.connect()
    connection._read_timeout = 600  # loading takes longer than a test may
    with connection.cursor() as cursor:
        cursor.execute(f"load data infile '{path}' into table buildings")
        cursor.execute("analyze table buildings")


def best(ask: Callable[[], Any], runs: int) -> tuple[float, Any]:
    """Median seconds, and the answer."""
    answer = ask()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        answer = ask()
        times.append(time.perf_counter() - start)
    return city.median(times), answer


def asked(connection: Any, sql: str) -> Callable[[], Any]:
    def ask() -> Any:
        cursor = connection.cursor()
        cursor.execute(sql)
        found = cursor.fetchall()
        cursor.close()
        return found

    return ask


def same(one: Any, other: Any) -> bool:
    """Do both hold the same rows, whatever their order?"""

    def plain(found: Any) -> list[tuple[float, ...]]:
        return sorted(tuple(round(float(value), 6) for value in row) for row in found)

    return plain(one) == plain(other)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--runs", type=int, default=9)
    given = parser.parse_args()
    from nabe.app import open_workspace
    from nabe.model.party import ANONYMOUS
    from nabe.model.usecase import OPEN_DATA
    from nabe.testing.servers import mariadb, postgres

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        pg, maria = stack.enter_context(postgres()), stack.enter_context(mariadb())
        fill_sqlite(folder / "buildings.sqlite", given.rows)
        fill_postgres(pg, given.rows)
        fill_mariadb(maria, folder / "buildings.tsv", given.rows)
        os.environ |= {"BENCH_PG": pg.url, "BENCH_MARIA": maria.url}
        urls = {"pg": "${BENCH_PG}", "maria": "${BENCH_MARIA}", "lite": f"sqlite:///{folder}/buildings.sqlite"}
        limits = {"rows": 1_000_000_000}
        city.make(
            folder / "city",
            {id: {"adapter": "sql", "connection": {"url": url}, "limits": limits} for id, url in urls.items()},
            {f"b_{id}": {"system": id, "source": {"table": "buildings"}, "fields": DOCUMENT} for id in urls},
        )
        own = {"pg": pg.connect(), "maria": maria.connect(), "lite": sqlite3.connect(folder / "buildings.sqlite")}
        nabe = stack.enter_context(open_workspace(folder / "city"))
        print("| silo | question | silo alone | hub | ratio | difference |\n|---|---|---|---|---|---|")
        for id, connection in own.items():
            for label, question in QUESTIONS.items():
                alone, answer = best(asked(connection, question.format(table="buildings")), given.runs)
                sql = question.format(table=f"b_{id}")

                def ours(sql: str = sql) -> Any:
                    return [
                        tuple(row.values())
                        for row in nabe.hub.read(ANONYMOUS, OPEN_DATA, sql, interface="bench").table().to_pylist()
                    ]

                hub, found = best(ours, given.runs)
                assert same(answer, found), (id, label)
                more = (hub - alone) * 1000
                print(
                    f"| {id} | {label} | {alone * 1000:.1f} ms | {hub * 1000:.1f} ms "
                    f"| {hub / alone:.2f} | {more:+.1f} ms |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
