"""What is left of the embedded store after a kill, a full disk, an erasure; and who else can read its files."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from nabe.errors import Invalid, SourceUnavailable
from nabe.model.observation import ObservationScan
from nabe.stores.observations import ObservationStore
from nabe.testing.observation_oracle import ALL, MINUTE, START, one, read, reading, rows

_WORK = """
import json, random, sys, threading
from pathlib import Path
import numpy as np
import pyarrow as pa
from nabe.model.observation import ObservationScan
from nabe.stores.observations import ObservationStore
store = ObservationStore(Path(sys.argv[1]), due=3_000)
chance = random.Random(int(sys.argv[2]))
lock = threading.Lock()
def say(*what):
    with lock:
        print(json.dumps(what), flush=True)
def add(number):
    while True:
        count = chance.choice((1, 1, 10, 1000))
        times = pa.array([chance.randrange(10**13) * 100 for _ in range(count)]).cast(pa.timestamp("us", "UTC"))
        table = pa.table({"stream": [number * 10 + 1 + n % 7 for n in range(count)], "time": times,
                          "number": [float(number)] * count})
        say("added", store.append(table).tolist())
def rub():
    while True:
        ids = [row for batch in store.read(ObservationScan((1, 12), columns=("id",), limit=200))
               for row in batch.column("id").to_pylist()]
        if ids:
            some = tuple(chance.sample(ids, min(5, len(ids))))
            say("removing", some)
            store.remove(ObservationScan(None, ids=some))
            say("removed", some)
threads = [threading.Thread(target=add, args=(n,), daemon=True) for n in range(3)] + [threading.Thread(target=rub, daemon=True)]
say("ready")
for thread in threads:
    thread.start()
while True:
    store.compact(whole=chance.random() < 0.3)
"""


def test_killed_twenty_times_it_has_what_it_acknowledged_and_nothing_else(tmp_path):
    folder = tmp_path / "observations"
    added, removing, removed = set(), set(), set()
    for turn in range(20):
        process = subprocess.Popen(
            [sys.executable, "-c", _WORK, str(folder), str(turn)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        lines = [process.stdout.readline()]
        assert lines[0] == '["ready"]\n', process.stderr.read()[-800:]
        time.sleep(random.Random(turn).uniform(0.02, 0.4))
        process.send_signal(signal.SIGKILL)
        out, err = process.communicate(timeout=20)
        for line in out.splitlines():
            if line.endswith("]"):  # the last one may be cut
                kind, ids = json.loads(line)
                {"added": added, "removing": removing, "removed": removed}[kind].update(ids)
        assert "Traceback" not in err, err[-2000:]
    start = time.perf_counter()
    store = ObservationStore(folder)
    found = {row["id"]: row for row in read(store, ALL)}
    assert time.perf_counter() - start < 5
    assert len(added) > 1_000 and len(removed) > 10
    assert added - removing <= found.keys(), "acknowledged, and lost"
    assert not removed & found.keys(), "removed, and back"
    held = store.summaries()
    counts = {stream: summary.count for stream, summary in held.items() if summary.count}
    real: dict[int, int] = {}
    last: dict[int, int] = {}
    for row in found.values():
        real[row["stream"]] = real.get(row["stream"], 0) + 1
        last[row["stream"]] = max(last.get(row["stream"], row["time"]), row["time"])
    assert counts == real
    assert {stream: held[stream].last_time for stream in last} == last
    store.compact(whole=True)
    assert {row["id"] for row in read(store, ALL)} == found.keys()
    named = {path.name for path in (folder / "history").iterdir()}
    with sqlite3.connect(folder / "observations.sqlite") as connection:
        assert named == {name for (name,) in connection.execute("SELECT name FROM segment")}
    store.close()


@pytest.fixture
def store(tmp_path):
    made = ObservationStore(tmp_path / "observations")
    yield made
    made.close()


def files(tmp_path):
    return [path for path in (tmp_path / "observations").rglob("*") if path.is_file()]


def test_what_is_erased_is_in_no_file_any_more(store, tmp_path):
    secret = "Kennzeichen-" + "X" * 3
    given = [one(1, n, None, text=f'"{secret}{n:05}"') for n in range(300)]
    store.append(rows(*given[:100]))
    store.compact()
    ids = store.append(rows(*given[100:]), key="a").tolist()
    store.append(rows(one(1, 999, None, text='"bleibt"')))

    def anywhere():
        found = 0
        for path in files(tmp_path):
            if path.suffix == ".parquet":
                texts = ds.dataset(path).to_table(columns=["text"]).column("text")
                found += pc.sum(pc.match_substring(texts, secret)).as_py() or 0
            else:
                found += path.read_bytes().count(secret.encode())
        return found

    store.compact()
    assert anywhere()
    store.remove(ObservationScan(None, ids=tuple(ids[:10])))
    store.remove(ObservationScan((1,), order="time", limit=290))
    store.compact(whole=True)
    assert anywhere() == 0
    assert [row["text"] for row in read(store, ALL)] == ['"bleibt"']


def test_other_engines_read_history(store, tmp_path):
    store.append(reading(1, range(1000)))
    store.append(rows(one(2, 5, None, text='{"a":1}', feature=3)))
    store.compact()
    history = tmp_path / "observations" / "history"
    table = ds.dataset(history, format="parquet").to_table(filter=pc.field("stream") == 1)
    assert table.num_rows == 1000
    assert table.schema.field("time").type == pa.timestamp("us", "UTC")
    assert pc.max(table.column("number")).as_py() == 999
    sql = f"SELECT count(*), max(time)::VARCHAR, max(text) FROM read_parquet('{history}/*.parquet')"
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    assert connection.execute(sql).fetchone() == (1001, "2026-01-01 16:39:00+00", '{"a":1}')


def test_files_that_others_may_read_stay_a_while(store, tmp_path):
    other = ObservationStore(tmp_path / "observations")
    for turn in range(6):
        store.append(reading(1, range(turn * 100, turn * 100 + 100)))
        if turn == 2:
            reader = other.read(ObservationScan((1,), order="time"))
            before = next(reader).num_rows
        store.compact()
    assert before == 300
    assert len(list((tmp_path / "observations" / "history").iterdir())) > len(store._memory.view.segments)
    store.compact(whole=True)
    assert len(list((tmp_path / "observations" / "history").iterdir())) == 1
    assert other.count(ALL) == 600 and len(read(other, ALL)) == 600
    other.close()


def test_a_long_log_is_read_quickly(tmp_path):
    store = ObservationStore(tmp_path / "observations", background=False)
    for turn in range(150):
        store.append(
            pa.table(
                {
                    "stream": range(1, 10_001),
                    "time": pa.array([START + turn * MINUTE] * 10_000).cast(pa.timestamp("us", "UTC")),
                }
            )
        )
    store.close()
    again = ObservationStore(tmp_path / "observations", background=False)
    start = time.process_time()
    assert again.count(ALL) == 1_500_000
    assert time.process_time() - start < 2
    again.close()


def test_history_is_made_by_itself(tmp_path):
    store = ObservationStore(tmp_path / "observations", due=500)
    for turn in range(30):
        store.append(reading(1, range(turn * 100, turn * 100 + 100)))
    store.close()
    assert list((tmp_path / "observations" / "history").glob("*.parquet"))
    again = ObservationStore(tmp_path / "observations")
    assert again.count(ALL) == 3000 and len(read(again, ALL)) == 3000
    again.close()


_FULL = """
import resource, sys
from pathlib import Path
from nabe.errors import SourceUnavailable
from nabe.stores.observations import ObservationStore
from nabe.testing.observation_oracle import ALL, reading
store = ObservationStore(Path(sys.argv[1]), background=False)
store.append(reading(1, range(100)))
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
done = 100
try:
    for turn in range(10_000):
        store.append(reading(1, range(turn * 100, turn * 100 + 100)))
        done += 100
except SourceUnavailable as error:
    print("full", done, store.count(ALL))
try:
    store.compact()
except SourceUnavailable:
    print("still full")
"""


def test_a_full_disk_is_said_and_nothing_is_half_there(tmp_path):
    folder = tmp_path / "observations"
    script = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + _FULL
    done = subprocess.run([sys.executable, "-c", script, str(folder)], capture_output=True, text=True, timeout=120)
    word, acknowledged, counted = done.stdout.splitlines()[0].split()
    assert (word, acknowledged) == ("full", counted), done.stderr[-500:]
    store = ObservationStore(folder)
    assert store.count(ALL) == int(acknowledged)
    store.append(reading(2, range(5)))
    store.compact(whole=True)
    assert store.count(ALL) == int(acknowledged) + 5
    store.close()


def test_only_its_owner_may_look_inside(store, tmp_path):
    store.append(reading(1, range(3)))
    store.compact()
    for path in files(tmp_path):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_store_of_a_newer_version_is_not_touched(tmp_path):
    folder = tmp_path / "observations"
    first = ObservationStore(folder)
    first.append(reading(1, range(3)))
    first.close()
    with sqlite3.connect(folder / "observations.sqlite") as connection:
        connection.execute("UPDATE meta SET version = 99")
    with pytest.raises(Invalid, match="newer Nabe"):
        ObservationStore(folder).count(ALL)
    (folder / "observations.sqlite").write_text("Liebes Tagebuch, " * 500)
    os.remove(folder / "observations.sqlite-wal") if (folder / "observations.sqlite-wal").exists() else None
    with pytest.raises((Invalid, SourceUnavailable)):
        ObservationStore(folder).count(ALL)
