"""The store of observations against the bare engines below it, in one run.

    python benchmarks/observations.py --rows 10_000_000 [--folder DIR] [--postgres] [--keep]

10,000 streams report every five minutes in turn (a random walk to one decimal; resultTime some milliseconds later; each names its
FeatureOfInterest; one in twenty has parameters): loaded, then read, then added to in batches and one by one. Bare baselines:
Parquet written as the rows come, SQLite's `executemany` and (`--postgres`) COPY of the same rows from Python.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nabe.model.observation import INCOMING_SCHEMA, Bucket, ObservationScan, Span
from nabe.stores.observations import ObservationStore
from nabe.stores.observations.postgres import PostgresObservations
from nabe.testing import servers

STREAMS = 10_000
START, STEP = 1_735_689_600_000_000, 300_000_000
HOUR, DAY = 3_600_000_000, 86_400_000_000
ALL = ObservationScan(None)


class Feed:
    """Rows as they come; remembers how long making them took."""

    def __init__(self, seed: int = 1) -> None:
        self.chance = np.random.default_rng(seed)
        self.value = self.chance.normal(15, 8, STREAMS)
        self.step, self.seconds, self.cpu = 0, 0.0, 0.0
        self.streams = np.arange(1, STREAMS + 1)

    def table(self, steps: int) -> pa.Table:
        start, cpu = time.perf_counter(), time.thread_time()
        count = steps * STREAMS
        order = np.concatenate([self.chance.permutation(STREAMS) for _ in range(steps)])
        moves = np.cumsum(self.chance.normal(0, 0.2, (steps, STREAMS)), axis=0) + self.value
        self.value = moves[-1]
        at = np.repeat(START + (self.step + np.arange(steps)) * STEP, STREAMS)
        when = at + (order * 30_000) // 1_000_000 * 1_000_000
        later = when + self.chance.integers(20, 900, count) * 1000
        numbers = np.round(moves[np.repeat(np.arange(steps), STREAMS), order], 1)
        some = self.chance.random(count) < 0.05
        words = pa.array(['{"battery":3.6,"rssi":-97}'] * count, pa.string())
        stamp = pa.timestamp("us", "UTC")
        columns = {
            "stream": pa.array(self.streams[order]),
            "time": pa.array(when).cast(stamp),
            "result_time": pa.array(later).cast(stamp),
            "number": pa.array(numbers),
            "parameters": pa.compute.if_else(pa.array(some), words, None),
            "feature": pa.array(self.streams[order] + 50_000),
        }
        arrays = [columns.get(f.name, pa.nulls(count, f.type)) for f in INCOMING_SCHEMA]
        self.step += steps
        made = pa.Table.from_arrays(arrays, schema=INCOMING_SCHEMA)
        self.seconds += time.perf_counter() - start
        self.cpu += time.thread_time() - cpu
        return made

    def tables(self, rows: int) -> Iterator[pa.Table]:
        for done in range(0, rows, 1_000_000):
            yield self.table(min(1_000_000, rows - done) // STREAMS)


def report(what: str, value: str, note: str = "") -> None:
    print(f"{what:44} {value:>22}  {note}", flush=True)


def times(what: str, call: Callable[[], Any], number: int, target: float) -> None:
    """Median and 95th percentile in ms; the target is for the latter."""
    found = []
    for _ in range(number):
        start = time.perf_counter()
        call()
        found.append((time.perf_counter() - start) * 1e3)
    found.sort()
    p95 = found[min(int(len(found) * 0.95), len(found) - 1)]
    report(what, f"{statistics.median(found):.1f} / {p95:.1f} ms", f"median / p95, target {target:g} ms")


def loading(store: Any, rows: int, scratch: Path) -> None:
    feed, sample = Feed(), min(rows, 10_000_000)
    start, cpu = time.perf_counter(), time.process_time()
    with pq.ParquetWriter(scratch / "bare.parquet", INCOMING_SCHEMA, compression="zstd") as writer:
        for table in feed.tables(sample):
            writer.write_table(table)
    bare = sample / (time.perf_counter() - start - feed.seconds)
    spent = (time.process_time() - cpu - feed.cpu) / sample * 1e6
    size = (scratch / "bare.parquet").stat().st_size / sample
    report("bare Parquet, rows/s", f"{bare:,.0f}", f"{size:.1f} bytes/row, {spent:.2f} s of CPU a million")
    (scratch / "bare.parquet").unlink()
    feed = Feed()
    start, cpu = time.perf_counter(), time.process_time()
    store.load(feed.tables(rows))
    ours = rows / (time.perf_counter() - start - feed.seconds)
    own = (time.process_time() - cpu - feed.cpu) / rows * 1e6
    note = f"{ours / bare:.2f} x bare Parquet, target 0.7 x and 1,000,000/s; {own:.2f} s of CPU a million"
    report("load, rows/s", f"{ours:,.0f}", note)
    start = time.perf_counter()
    store.compact(whole=rows <= 20_000_000)
    report("compact after it", f"{time.perf_counter() - start:.1f} s")


def reading(store: Any, rows: int) -> None:
    chance = random.Random(3)
    last = START + rows // STREAMS * STEP

    def stream() -> tuple[int, ...]:
        return (chance.randint(1, STREAMS),)

    def some(number: int) -> tuple[int, ...]:
        return tuple(chance.sample(range(1, STREAMS + 1), number))

    def read(scan: ObservationScan) -> int:
        return sum(batch.num_rows for batch in store.read(scan))

    def day() -> Span:
        start = START + chance.randrange(max(1, (last - START) // DAY - 1)) * DAY
        return Span(start, start + DAY)

    def month() -> Span:
        start = START + chance.randrange(max(1, (last - START) // (30 * DAY))) * 30 * DAY
        return Span(start, start + 30 * DAY)

    def latest(streams: tuple[int, ...], limit: int) -> ObservationScan:
        return ObservationScan(streams, order="time", descending=True, limit=limit)

    each = ObservationScan(some(1000), order="time", descending=True, per_stream=1)
    assert read(latest((5,), 100)) == 100
    times("last 100 of a stream", lambda: read(latest(stream(), 100)), 300, 10)
    times("latest of a stream", lambda: read(latest(stream(), 1)), 300, 10)
    times("one day of one stream", lambda: read(ObservationScan(stream(), day(), order="time")), 300, 30)
    times(
        "hourly means of a month, 50 streams",
        lambda: store.aggregate(ObservationScan(some(50), month()), Bucket(HOUR)),
        20,
        500,
    )
    times("count of all", lambda: store.count(ALL), 50, 50)
    times("latest of 1,000 streams", lambda: read(each), 30, 100)
    times("first 100 of a stream by id", lambda: read(ObservationScan(stream(), limit=100)), 100, 10)
    times("page of 1,000 of all by id", lambda: read(ObservationScan(None, limit=1000)), 30, 50)
    times("latest 100 of all", lambda: read(ObservationScan(None, order="time", descending=True, limit=100)), 5, 1000)
    times("summaries of 100 streams", lambda: store.summaries(some(100)), 50, 10)


def writing(store: Any, scratch: Path, postgres: Any) -> None:
    feed = Feed(7)
    feed.step = 1_000_000
    tables = [feed.table(1) for _ in range(60)]
    found = []
    start = time.perf_counter()
    for table in tables:
        begin = time.perf_counter()
        store.append(table)
        found.append((time.perf_counter() - begin) * 1e3)
    ours = len(tables) * STREAMS / (time.perf_counter() - start)
    report(
        "batches of 10,000 over 10,000 streams",
        f"{ours:,.0f} rows/s",
        f"{statistics.median(found):.1f} ms each, worst {max(found):.0f}",
    )
    bare = _sqlite(scratch, tables[:20])
    report("SQLite executemany of the same", f"{bare:,.0f} rows/s", f"ours is {ours / bare:.1f} x, target 0.5 x")
    if postgres:
        copied = _copy(postgres, tables[:20])
        report("PostgreSQL COPY of the same", f"{copied:,.0f} rows/s", f"ours is {ours / copied:.1f} x, target 0.5 x")
    ones = [table.slice(at, 1) for table in tables[:4] for at in range(2_000)]
    done, waits, end = [0] * 32, [], time.perf_counter() + 6

    def work(number: int) -> None:
        while time.perf_counter() < end:
            begin = time.perf_counter()
            store.append(ones[(number * 211 + done[number]) % len(ones)])
            waits.append(time.perf_counter() - begin)
            done[number] += 1

    threads = [threading.Thread(target=work, args=(number,)) for number in range(32)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    single = sum(done) / (time.perf_counter() - start)
    waits.sort()
    report(
        "one by one, 32 threads",
        f"{single:,.0f} rows/s",
        f"p99 {waits[int(len(waits) * 0.99)] * 1e3:.1f} ms, target 5,000/s, 50 ms",
    )
    start, number = time.perf_counter(), 0
    connection = _table(scratch / "single.sqlite")
    while time.perf_counter() - start < 2:
        connection.execute("INSERT INTO o VALUES (1, ?, ?, ?, 1.5, NULL, 7)", (number, number, number))
        connection.commit()
        number += 1
    report("SQLite one by one, one thread", f"{number / (time.perf_counter() - start):,.0f} rows/s")
    connection.close()


def _table(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    for pragma in ("journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(
        "CREATE TABLE o (stream INT, id INT, time INT, result_time INT, number REAL, parameters TEXT, feature INT)"
    )
    connection.execute("CREATE INDEX o_time ON o (stream, time)")
    return connection


def _plain(table: pa.Table) -> list[tuple[Any, ...]]:
    names = ("stream", "time", "result_time", "number", "parameters", "feature")
    columns = [table.column(n).cast(pa.int64()) if "time" in n else table.column(n) for n in names]
    return [(row[0], at, *row[1:]) for at, row in enumerate(zip(*(c.to_pylist() for c in columns), strict=True))]


def _sqlite(scratch: Path, tables: list[pa.Table]) -> float:
    given = [_plain(table) for table in tables]
    connection = _table(scratch / "bare.sqlite")
    start = time.perf_counter()
    for rows in given:
        connection.executemany("INSERT INTO o VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        connection.commit()
    spent = time.perf_counter() - start
    connection.close()
    return len(tables) * STREAMS / spent


def _copy(server: Any, tables: list[pa.Table]) -> float:
    given = [_plain(table) for table in tables]
    with server.connect() as connection:
        connection.execute(
            "CREATE TABLE o (stream bigint, id bigint, time bigint, result_time bigint, number float8, parameters text, feature bigint)"
        )
        connection.execute("CREATE INDEX ON o (stream, time DESC)")
        connection.execute("SET synchronous_commit = on")
        start = time.perf_counter()
        for rows in given:
            with connection.cursor().copy("COPY o FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        return len(tables) * STREAMS / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=lambda text: int(text.replace("_", "")), default=10_000_000)
    parser.add_argument("--folder", type=Path, help="where the store lies (default: a temporary folder)")
    parser.add_argument("--keep", action="store_true", help="leave it there; one that is there is not loaded again")
    parser.add_argument(
        "--postgres", action="store_true", help="also COPY, and the store in PostgreSQL (1,000,000 rows)"
    )
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="nabe-bench-"))
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="nabe-bench-", dir=folder.parent))
    there = (folder / "observations.sqlite").exists()
    try:
        store = ObservationStore(folder)
        if not there:
            loading(store, given.rows, scratch)
        report(
            "bytes per observation",
            f"{store.state()['bytes'] / given.rows:.2f}",
            f"{store.state()['files']} files, target 12",
        )
        reading(store, given.rows)
        store.close()
        start = time.perf_counter()
        store = ObservationStore(folder)
        count = store.count(ALL)
        report("opening again, first count", f"{time.perf_counter() - start:.2f} s", f"{count:,} rows")
        report("first last-100 after that", f"{_once(store):.1f} ms")
        server = servers.PostgresServer() if given.postgres else None
        writing(store, scratch, server)
        reading(store, given.rows)
        store.close()
        if server is not None:
            print("-- the store in PostgreSQL")
            in_postgres = PostgresObservations(server.url)
            loading(in_postgres, 1_000_000, scratch)
            reading(in_postgres, 1_000_000)
            server.close()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        if not given.keep:
            shutil.rmtree(folder, ignore_errors=True)


def _once(store: Any) -> float:
    start = time.perf_counter()
    list(store.read(ObservationScan((77,), order="time", descending=True, limit=100)))
    return (time.perf_counter() - start) * 1e3


if __name__ == "__main__":
    main()
