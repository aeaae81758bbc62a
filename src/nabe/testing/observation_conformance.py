"""What every store of observations must do. A store's tests subclass `ObservationsConformance` with a fixture `home`:

home.open()   a store on the same data, as another process would have it
home.empty()  forget everything: what is opened next is new
home.code     Python source of an expression that opens it in another process
"""

from __future__ import annotations

import datetime as dt
import itertools
import random
import subprocess
import sys
import threading
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest

from nabe.errors import Invalid
from nabe.model.observation import (
    OBSERVATION_SCHEMA,
    SEQUENCE_BITS,
    Bucket,
    ObservationScan,
    Span,
    observation_id,
    stream_of,
)
from nabe.testing.observation_oracle import (
    ALL,
    DAY,
    HOUR,
    MINUTE,
    START,
    Oracle,
    one,
    random_row,
    random_scan,
    read,
    reading,
    rows,
    same_summaries,
    table_of,
)


class ObservationsConformance:
    """The port `Observations`, and `BulkObservations`."""

    def test_what_is_appended_is_read_back_whole(self, home: Any) -> None:
        store = home.open()
        full = {
            "stream": 7,
            "time": START,
            "until": START + HOUR,
            "result_time": START + 2 * HOUR,
            "number": 1.5,
            "quality": '{"DQ_Status":"good"}',
            "valid_from": START,
            "valid_until": START + DAY,
            "parameters": '{"battery":3.1}',
            "feature": 11,
        }
        bare = {"stream": 9, "time": START + 1, "text": '"Grüße"'}
        ids = store.append(rows(full, bare)).tolist()
        assert ids == [observation_id(7, 1), observation_id(9, 1)]
        assert [stream_of(id) for id in ids] == [7, 9]
        expected = [{**full, "id": ids[0]}, {**bare, "id": ids[1]}]
        for opened in (store, home.open()):
            assert read(opened, ALL) == expected
        store.compact(whole=True)
        for opened in (store, home.open()):
            assert read(opened, ALL) == expected
            batch = next(iter(opened.read(ALL)))
            assert batch.schema.names == OBSERVATION_SCHEMA.names
            assert batch.schema.types == OBSERVATION_SCHEMA.types

    def test_columns_that_are_absent_are_missing_values(self, home: Any) -> None:
        store = home.open()
        store.append(rows(one(1, 0)).select(["time", "stream", "number"]))
        assert read(store, ALL) == [{**one(1, 0), "id": observation_id(1, 1)}]
        assert len(store.append(rows())) == 0

    @pytest.mark.parametrize(
        "wrong",
        [
            pa.table({"stream": [1]}),
            pa.table({"time": pa.array([0], pa.timestamp("us", "UTC"))}),
            pa.table({"stream": [1], "time": pa.array([None], pa.timestamp("us", "UTC"))}),
            pa.table({"stream": [0], "time": pa.array([0], pa.timestamp("us", "UTC"))}),
            pa.table({"stream": [1 << 22], "time": pa.array([0], pa.timestamp("us", "UTC"))}),
            pa.table({"stream": [1], "time": pa.array([0], pa.timestamp("us", "UTC")), "value": [1]}),
            pa.table({"stream": ["x"], "time": pa.array([0], pa.timestamp("us", "UTC"))}),
        ],
    )
    def test_what_is_no_observation_is_refused_and_nothing_kept(self, home: Any, wrong: pa.Table) -> None:
        store = home.open()
        with pytest.raises(Invalid):
            store.append(wrong)
        assert store.count(ALL) == 0

    def test_the_latest_of_a_stream(self, home: Any) -> None:
        store = home.open()
        store.append(reading(1, range(100)))
        store.append(reading(2, range(5)))
        latest = ObservationScan((1,), order="time", descending=True, limit=3)
        assert [row["number"] for row in read(store, latest)] == [99, 98, 97]
        store.compact()
        store.append(reading(1, [50, 200]))
        assert [row["number"] for row in read(store, latest)] == [200, 99, 98]
        each = ObservationScan((1, 2, 3), order="time", descending=True, per_stream=1)
        assert [row["number"] for row in read(store, each)] == [200, 4]

    def test_old_rows_that_come_late_stand_where_they_belong(self, home: Any) -> None:
        store = home.open()
        for minutes in (range(0, 100, 2), range(1, 100, 2)):
            store.append(reading(1, minutes))
            store.compact()
        by_time = ObservationScan((1,), order="time")
        assert [row["number"] for row in read(store, by_time)] == list(range(100))
        span = replace(by_time, span=Span(START + 10 * MINUTE, START + 13 * MINUTE))
        assert [row["number"] for row in read(store, span)] == [10, 11, 12]

    def test_times_of_any_century(self, home: Any) -> None:
        store = home.open()
        times = [-62_135_596_800_000_000, -1, 0, START, 253_402_300_799_999_999]
        store.append(rows(*({"stream": 1, "time": time} for time in times)))
        store.compact(whole=True)
        assert [row["time"] for row in read(store, ObservationScan((1,), order="time"))] == times
        summary = store.summaries()[1]
        assert (summary.first_time, summary.last_time) == (times[0], times[-1])

    def test_pages_by_key_give_every_row_once(self, home: Any) -> None:
        store = home.open()
        store.append(rows(*(one(1 + n % 3, n // 6, float(n % 4)) for n in range(60))))
        store.compact()
        store.append(rows(*(one(1 + n % 3, n // 6, None, result_time=START - n // 9) for n in range(60))))
        for order, down in itertools.product(("time", "id", "result_time"), (False, True)):
            whole = read(store, ObservationScan(None, order=order, descending=down))
            paged: list[dict[str, Any]] = []
            while True:
                last = paged[-1] if paged else None
                after: Any = None if last is None else (last.get(order), last["id"])
                page = read(store, ObservationScan(None, order=order, descending=down, limit=7, after=after))
                if not page:
                    break
                paged.extend(page)
            assert paged == whole

    def test_the_same_delivery_again_adds_nothing(self, home: Any) -> None:
        store = home.open()
        first = store.append(reading(1, range(3)), key="k")
        again = home.open().append(reading(1, range(3)), key="k")
        assert first.tolist() == again.tolist()
        other = store.append(reading(1, [9]), key="l")
        store.compact(whole=True)
        assert store.append(reading(1, range(3)), key="k").tolist() == first.tolist()
        assert store.append(reading(1, [9]), key="l").tolist() == other.tolist()
        assert store.count(ALL) == 4

    def test_many_threads_at_once_lose_and_double_nothing(self, home: Any) -> None:
        stores = [home.open(), home.open()]
        given: list[int] = []
        lock = threading.Lock()

        def work(number: int) -> None:
            for turn in range(20):
                key = f"{number % 4}-{turn}" if number < 8 else ""  # two threads deliver the same
                ids = stores[number % 2].append(rows(one(1, turn), one(number + 2, turn)), key=key)
                with lock:
                    given.extend(ids.tolist())

        threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        kept = [row["id"] for row in read(stores[1], ALL)]
        assert sorted(set(given)) == kept
        assert len(kept) == 20 * (4 + 4) * 2
        assert stores[0].summaries()[1].count == 20 * 8

    def test_replaced_rows(self, home: Any) -> None:
        store = home.open()
        ids = store.append(reading(1, range(5))).tolist()
        store.compact()
        ids += store.append(reading(1, range(5, 10))).tolist()
        changed = [{**one(1, 20 + n, float(-n)), "id": ids[n]} for n in (2, 4, 7)]
        unknown = {**one(1, 99), "id": observation_id(1, 99)}
        assert store.replace(table_of([*changed, unknown], OBSERVATION_SCHEMA)) == 3
        for whole in (False, True):
            found = read(store, ObservationScan((1,), order="time"))
            assert [row["number"] for row in found] == [0, 1, 3, 5, 6, 8, 9, -2, -4, -7]
            summary = store.summaries([1])[1]
            assert (summary.count, summary.last, summary.last_time) == (10, ids[7], START + 27 * MINUTE)
            store.compact(whole=whole)
        with pytest.raises(Invalid):
            store.replace(table_of([{**one(2, 0), "id": ids[0]}], OBSERVATION_SCHEMA))

    def test_removed_rows_and_what_is_then_first_and_last(self, home: Any) -> None:
        store = home.open()
        ids = store.append(rows(*(one(1, n, float(n), result_time=START - n) for n in range(10)))).tolist()
        store.compact()
        store.append(reading(2, range(10)))
        assert store.remove(ObservationScan(None, ids=(ids[0], ids[9], ids[5], 12345))) == 3
        summary = store.summaries()[1]
        assert (summary.count, summary.first_time, summary.last_time) == (7, START + MINUTE, START + 8 * MINUTE)
        assert (summary.first_result_time, summary.last_result_time, summary.last) == (START - 8, START - 1, ids[8])
        assert store.remove(ObservationScan((2,), order="time", limit=2, offset=1)) == 2
        assert [row["number"] for row in read(store, ObservationScan((2,)))] == [0, 3, 4, 5, 6, 7, 8, 9]
        assert store.remove(ObservationScan((1,))) == 7
        assert store.summaries()[1].count == 0 and store.summaries()[1].last is None
        store.compact(whole=True)
        assert store.count(ALL) == 8
        assert store.append(reading(1, [0])).tolist() == [observation_id(1, 11)]

    def test_what_is_older_is_removed_by_stream_and_time(self, home: Any) -> None:
        store = home.open()
        for stream in (1, 2, 3):
            store.append(reading(stream, range(0, 20_000, 2)))
        store.compact()
        store.append(reading(1, [1, 30_000]))
        old = ObservationScan((1, 2), span=Span(None, START + 15_000 * MINUTE))
        assert store.remove(old) == 15_001
        store.append(reading(1, [3]))
        for whole in (False, True):
            assert store.count(ALL) == 2_501 + 1 + 2_500 + 10_000
            assert store.summaries()[1].first_time == START + 3 * MINUTE
            assert store.summaries()[2].first_time == START + 15_000 * MINUTE
            assert [row["number"] for row in read(store, replace(old, order="time"))] == [3]
            store.compact(whole=whole)
        assert home.open().count(ALL) == 15_002

    def test_features_that_observations_name(self, home: Any) -> None:
        store = home.open()
        store.append(rows(one(1, 0, feature=5), one(1, 1, feature=6), one(1, 2, feature=5), one(2, 0)))
        store.compact()
        store.append(rows(one(1, 3, feature=7), one(2, 1)))
        for opened in (store, home.open()):
            found = opened.summaries()
            assert found[1].features == (5, 6, 7) and found[2].features == ()

    def test_aggregates(self, home: Any) -> None:
        store = home.open()
        store.append(reading(1, range(0, 90)))
        store.append(rows(*(one(2, n, None) for n in range(3))))
        store.compact()
        store.append(rows(one(3, 61, 4.0), one(3, 60, 8.0), one(3, 62, None), one(1, 90, 1000.0)))
        found = store.aggregate(ObservationScan((1, 2, 3)), Bucket(HOUR, START)).to_pylist()
        columns = ("stream", "time", "count", "mean", "minimum", "maximum", "first", "last")
        start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
        later = start + dt.timedelta(hours=1)
        assert [tuple(row[name] for name in columns) for row in found] == [
            (1, start, 60, 29.5, 0, 59, 0, 59),
            (1, later, 31, pytest.approx((sum(range(60, 90)) + 1000) / 31), 60, 1000, 60, 1000),
            (3, later, 2, 6, 4, 8, 8, 4),
        ]
        span = Span(START, START + 10 * MINUTE)
        assert store.aggregate(ObservationScan(None, span), Bucket(HOUR, START)).column("count").to_pylist() == [10]

    def test_loaded_rows(self, home: Any) -> None:
        store = home.open()
        store.append(reading(1, [0]))
        store.append(reading(5, [100_000]))
        told: list[int] = []
        tables = (reading(stream, range(1, 1001)) for stream in (1, 2, 5))
        assert store.load(tables, told.append) == 3000
        assert told[-1] == 3000
        other = home.open()
        assert other.count(ALL) == 3002
        assert other.summaries()[5].last_time == START + 100_000 * MINUTE
        latest = ObservationScan((1, 2, 5), order="time", descending=True, per_stream=1)
        assert [row["number"] for row in read(other, latest)] == [100_000, 1000, 1000]
        assert store.append(reading(2, [2000])).tolist()[0] > observation_id(2, 1000)
        store.compact(whole=True)
        assert len({row["id"] for row in read(store, ALL)}) == 3003

    def test_a_load_that_fails_leaves_nothing(self, home: Any) -> None:
        store = home.open()

        def tables() -> Any:
            yield reading(1, range(10))
            yield pa.table({"stream": [1]})

        with pytest.raises(Invalid):
            store.load(tables())
        assert store.count(ALL) == 0 and home.open().count(ALL) == 0

    def test_another_process_sees_and_adds(self, home: Any) -> None:
        store = home.open()
        store.append(reading(1, range(10)))
        store.compact()
        script = (
            "import sys, json, datetime as dt, pyarrow as pa\n"
            "from pathlib import Path\n"
            "from nabe.model.observation import ObservationScan\n"
            f"store = {home.code}\n"
            "for line in sys.stdin:\n"
            "    count = store.count(ObservationScan(None))\n"
            "    at = pa.array([0], pa.int64()).cast(pa.timestamp('us', 'UTC'))\n"
            "    ids = store.append(pa.table({'stream': [1], 'time': at}))\n"
            "    store.compact(whole='whole' in line)\n"
            "    print(json.dumps([count, ids.tolist()]), flush=True)\n"
        )
        process = subprocess.Popen(  # noqa: S603  # our own script
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            expected = 10
            for turn in range(4):
                assert store.count(ALL) == expected
                process.stdin.write("whole\n" if turn == 2 else "\n")
                process.stdin.flush()
                answer = process.stdout.readline()
                assert answer == f"[{expected}, [{observation_id(1, expected + 1)}]]\n"
                assert store.append(reading(1, [100 + turn])).tolist() == [observation_id(1, expected + 2)]
                assert read(store, ObservationScan((1,), order="time", limit=1))[0]["time"] == 0
                expected += 2
        finally:
            process.stdin.close()
            process.wait(timeout=20)

    @pytest.mark.parametrize("seed", range(8))
    def test_whatever_happens_it_is_as_in_a_plain_dict(self, home: Any, seed: int) -> None:
        home.empty()
        chance = random.Random(seed)  # noqa: S311  # a test's
        store, oracle = home.open(), Oracle()
        for _ in range(30):
            self._step(store, oracle, chance)
            if chance.random() < 0.15:
                store = home.open()
            for _ in range(3):
                scan = random_scan(chance, oracle)
                assert read(store, scan) == oracle.read(scan), scan
                assert store.count(scan) == len(oracle.read(replace(scan, limit=None, offset=0, after=None))), scan
            if chance.random() < 0.4:
                same_summaries(store, oracle)

    def _step(self, store: Any, oracle: Oracle, chance: random.Random) -> None:
        match chance.choice(("append", "append", "append", "load", "replace", "remove", "erase", "compact", "whole")):
            case "append":
                given = [random_row(chance) for _ in range(chance.choice((1, 3, 40)))]
                assert store.append(rows(*given)).tolist() == oracle.append(given)
            case "load":
                given = [random_row(chance) for _ in range(chance.choice((1, 30)))]
                assert store.load(iter([rows(*given)])) == len(given)
                oracle.append(given)
            case "replace" if oracle.rows:
                ids = chance.sample(sorted(oracle.rows), min(3, len(oracle.rows)))
                given = [{**random_row(chance), "stream": id >> SEQUENCE_BITS, "id": id} for id in ids]
                assert store.replace(table_of(given, OBSERVATION_SCHEMA)) == len(ids)
                oracle.rows.update({row["id"]: {k: v for k, v in row.items() if v is not None} for row in given})
            case "remove" | "erase" as kind:
                scan = random_scan(chance, oracle)
                if kind == "erase":
                    scan = ObservationScan(scan.streams, scan.span)
                gone = oracle.read(replace(scan, columns=None))
                assert store.remove(scan) == len(gone), scan
                for row in gone:
                    del oracle.rows[row["id"]]
            case "compact":
                store.compact()
            case "whole":
                store.compact(whole=True)
