"""Copies of datasets: whole or not at all, told apart by content, readable by anybody, and a source like any other."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import subprocess
import sys
import time

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nabe.errors import Invalid, SourceRefused, SourceUnavailable
from nabe.model.dataset import Access, Dataset, Field, FieldType, Mode, Snapshots
from nabe.model.expr import Compare, Op
from nabe.model.lake import Standing
from nabe.model.query import Scan
from nabe.model.schema import arrow_schema
from nabe.model.text import Text
from nabe.ports.source import Batches
from nabe.stores.lake import ParquetLake
from nabe.stores.lake import source as lake_source
from nabe.testing.sealing import seal
from nabe.testing.source_conformance import CONTENT, FIELDS, Silo, SourceConformance, answer

NOW = dt.datetime(2026, 11, 24, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def dataset(fields=FIELDS, keep=10, allow_empty=False):
    snapshots = Snapshots("PT1H", keep, allow_empty)
    return Dataset(
        "orte", Text("Orte"), "amt", Access.OPEN, fields, system="akte", mode=Mode.SNAPSHOT, snapshots=snapshots
    )


def batches(table, rows=1000, fail_after=None):
    def each():
        for number, batch in enumerate(table.to_batches(max_chunksize=rows)):
            if number == fail_after:
                raise SourceUnavailable("akte", "it went away.")
            yield batch

    return Batches(table.schema, each())


def numbers(*values, name="n"):
    return pa.table({name: pa.array(values, pa.int64())}, arrow_schema((Field(name, FieldType.INTEGER),)))


N = dataset((Field("n", FieldType.INTEGER),))


@pytest.fixture
def lake(tmp_path):
    return ParquetLake(tmp_path / "lake")


def read(lake, noun=N, as_of=None, **more):
    return answer(lake.source(as_of), seal(noun, Scan(noun.id, **more)))


class TestInMemory(SourceConformance):
    @pytest.fixture
    def silo(self, lake):
        lake.write(dataset(), batches(CONTENT), at=NOW)
        lost = dataset((*FIELDS, Field("lost", FieldType.STRING)))
        never = ParquetLake(lake._folders.root.parent / "other")
        return Silo(lake.source(), dataset(), lost, (never.source(), dataset()))


class TestStreamed(TestInMemory):
    """As for copies that are too large to be kept."""

    @pytest.fixture(autouse=True)
    def _nothing_is_kept(self, monkeypatch):
        monkeypatch.setattr(lake_source, "_SURELY_LARGE", 0)


def test_the_same_rows_make_no_new_version_however_they_are_delivered(lake):
    first = lake.write(dataset(), batches(CONTENT), at=NOW)
    again = lake.write(dataset(), batches(CONTENT, rows=3), at=NOW + HOUR)
    assert first.fresh and not again.fresh and again.version == first.version
    changed = lake.write(dataset(), batches(CONTENT.slice(1)), at=NOW + 2 * HOUR)
    assert changed.fresh and [version.number for version in lake.versions("orte")] == [2, 1]


def test_only_columns_whose_values_repeat_get_a_dictionary(lake, tmp_path):
    fields = (Field("n", FieldType.INTEGER), Field("art", FieldType.STRING), Field("leer", FieldType.STRING))
    rows = {"n": list(range(1000)), "art": ["Gas", "Strom"] * 500, "leer": [None] * 1000}
    written = lake.write(dataset(fields), batches(pa.table(rows, arrow_schema(fields)), 7), at=NOW)
    path = tmp_path / "lake" / "orte" / "00000001" / "rows.parquet"
    group = pq.read_metadata(path).row_group(0)
    assert [group.column(at).has_dictionary_page for at in range(3)] == [False, True, True]
    assert written.version.bytes == path.stat().st_size and path.stat().st_mode & 0o777 == 0o600
    assert written.version.digest == hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()


def test_a_question_for_a_time_is_answered_from_the_version_of_that_time(lake):
    for hour in range(3):
        lake.write(N, batches(numbers(hour)), at=NOW + hour * HOUR)
    assert read(lake)["n"].to_pylist() == [2]
    for at, value in ((NOW, 0), (NOW + HOUR - dt.timedelta(seconds=1), 0), (NOW + HOUR, 1), (NOW + 90 * HOUR, 2)):
        assert read(lake, as_of=at)["n"].to_pylist() == [value]
    with pytest.raises(Invalid, match="2026-11-24 11:59"):
        read(lake, as_of=NOW - dt.timedelta(seconds=1))


def test_a_field_declared_later_is_missing_in_the_past_and_refused_in_the_present(lake):
    lake.write(N, batches(numbers(1)), at=NOW)
    wider = dataset((*N.fields, Field("name", FieldType.STRING)))
    with pytest.raises(SourceRefused, match="'name'"):
        read(lake, wider)
    assert read(lake, wider, as_of=NOW).to_pylist() == [{"n": 1, "name": None}]
    assert read(lake, wider, fields=("n",)).to_pylist() == [{"n": 1}]


def test_a_source_that_breaks_off_leaves_the_last_version_and_no_rubbish(lake, tmp_path):
    lake.write(N, batches(numbers(1, 2)), at=NOW)
    with pytest.raises(SourceUnavailable):
        lake.write(N, batches(numbers(3, 4, 5), rows=1, fail_after=2), at=NOW + HOUR)
    assert read(lake)["n"].to_pylist() == [1, 2]
    assert sorted(os.listdir(tmp_path / "lake" / "orte")) == ["00000001"]


def test_a_silo_that_is_suddenly_empty_is_not_believed_unless_declared(lake):
    nothing = numbers()
    assert lake.write(N, batches(nothing), at=NOW).fresh, "the first may be empty"
    lake.write(N, batches(numbers(1)), at=NOW + HOUR)
    with pytest.raises(SourceRefused, match="allow_empty"):
        lake.write(N, batches(nothing), at=NOW + 2 * HOUR)
    believed = dataset(N.fields, allow_empty=True)
    assert lake.write(believed, batches(nothing), at=NOW + 2 * HOUR).version.rows == 0


def test_only_so_many_versions_are_kept_but_none_goes_that_was_the_newest_only_minutes_ago(lake):
    few = dataset(N.fields, keep=2)
    for hour in range(5):
        lake.write(few, batches(numbers(hour)), at=NOW + hour * HOUR)
    assert [version.number for version in lake.versions("orte")] == [5, 4]
    for minute in range(1, 4):
        lake.write(few, batches(numbers(100 + minute)), at=NOW + 4 * HOUR + dt.timedelta(minutes=minute))
    assert [version.number for version in lake.versions("orte")] == [8, 7, 6, 5, 4], "somebody may be reading them"
    lake.write(few, batches(numbers(9)), at=NOW + 5 * HOUR)
    assert [version.number for version in lake.versions("orte")] == [9, 8]


def test_what_is_forgotten_is_gone(lake, tmp_path):
    for hour in range(3):
        lake.write(N, batches(numbers(hour)), at=NOW + hour * HOUR)
    assert lake.forget("orte", NOW + HOUR) == 1
    assert [version.number for version in lake.versions("orte")] == [3, 2]
    assert lake.forget("orte") == 2
    assert not (tmp_path / "lake" / "orte").exists() and lake.datasets() == []


def test_other_programs_read_the_files(lake, tmp_path):
    lake.write(dataset(), batches(CONTENT), at=NOW)
    path = tmp_path / "lake" / "orte" / "00000001" / "rows.parquet"
    with duckdb.connect() as connection:
        assert connection.execute("SELECT count(*), sum(share) FROM read_parquet(?)", [str(path)]).fetchone()[0] == 12
    assert b"geo" in pq.read_schema(path).metadata, "GeoParquet"
    assert oct(path.stat().st_mode & 0o777) == "0o600", "copies may hold personal data"


def test_another_process_sees_new_versions_and_their_standing(lake, tmp_path):
    other = ParquetLake(tmp_path / "lake")
    lake.write(N, batches(numbers(1)), at=NOW)
    assert read(other)["n"].to_pylist() == [1]
    for value in range(2, 30):  # faster than file systems tell times apart
        lake.write(N, batches(numbers(value)), at=NOW + value * HOUR)
        lake.stand("orte", Standing(NOW, NOW, failures=value))
        assert read(other)["n"].to_pylist() == [value]
        assert other.standing("orte").failures == value


WRITER = """
import datetime as dt, sys
import pyarrow as pa
from pathlib import Path
from nabe.model.dataset import Access, Dataset, Field, FieldType, Snapshots
from nabe.model.schema import arrow_schema
from nabe.model.text import Text
from nabe.ports.source import Batches
from nabe.stores.lake import ParquetLake

lake = ParquetLake(Path(sys.argv[1]))
fields = (Field("n", FieldType.INTEGER),)
orte = Dataset("orte", Text("Orte"), "amt", Access.OPEN, fields, system="akte", snapshots=Snapshots("PT1H", 10))
print("ready", flush=True)
for hour in range(1, 1_000_000):
    table = pa.table({"n": pa.array(range(hour, hour + 200_000), pa.int64())}, arrow_schema(fields))
    at = dt.datetime(2026, 11, 24, tzinfo=dt.UTC) + dt.timedelta(hours=hour)
    lake.write(orte, Batches(table.schema, iter(table.to_batches())), at=at)
"""


def test_a_process_that_is_killed_leaves_whole_versions_only(lake, tmp_path):
    made = 0
    for round in range(6):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "lake")], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.05 + 0.03 * round)
        process.kill()
        process.wait()
        process.stdout.close()
        for version in lake.versions("orte"):
            table = pq.read_table(tmp_path / "lake" / "orte" / f"{version.number:08d}" / "rows.parquet")
            assert table.num_rows == version.rows == 200_000
            made = max(made, version.number)
    assert made, "some were finished before the process was killed"
    lake.write(N, batches(numbers(7)), at=NOW + 9_999_999 * dt.timedelta(minutes=1))
    assert read(lake)["n"].to_pylist() == [7]
    left = [name for name in os.listdir(tmp_path / "lake" / "orte") if name.startswith("part-")]
    assert not left, "the next writer removes what was left"


def test_two_writers_at_once_make_whole_versions(lake, tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    def write(value):
        try:
            return lake.write(N, batches(numbers(*range(value, value + 50_000))), at=NOW + value * HOUR).fresh
        except SourceUnavailable:
            return None

    with ThreadPoolExecutor(4) as pool:
        assert any(pool.map(write, range(12)))
    for version in lake.versions("orte"):
        assert pq.read_metadata(lake._folders.of("orte").rows(version.number)).num_rows == 50_000


def test_parquet_skips_what_the_filter_does_not_want(lake, monkeypatch):
    monkeypatch.setattr(lake_source, "_SURELY_LARGE", 0)
    lake.write(N, batches(numbers(*range(300_000))), at=NOW)
    assert read(lake, where=Compare("n", Op.GE, 299_999))["n"].to_pylist() == [299_999]
    assert lake.source().count(seal(N, Scan("orte", where=Compare("n", Op.LT, 10)))) == 10
