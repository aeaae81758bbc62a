"""Databases that stop, hang, lock, fill up and come back: named at once, never waited for, found again."""

from __future__ import annotations

import sqlite3
import threading
import time

import pytest

from nabe.errors import SourceRefused, SourceUnavailable
from nabe.model.dataset import FieldType
from nabe.model.expr import Compare, Op
from nabe.model.query import Scan
from nabe.testing import servers
from nabe.testing.needs import need
from nabe.testing.sealing import seal

from .support import dataset, open_source, rows

DATA = dataset("zahl", {"a": FieldType.INTEGER})
BIG = dataset("viele", {"a": FieldType.INTEGER, "b": FieldType.STRING})
SLOW = dataset("langsam", {"a": FieldType.INTEGER})
TIMEOUT = 1.0


@pytest.fixture(scope="module", params=["postgres", "mariadb"])
def server(request):
    if request.param == "postgres":
        need("PostgreSQL", servers.available_postgres(), "apt-get install postgresql")
        made = servers.PostgresServer()
        made.run("create table viele as select i as a, repeat('x', 200) as b from generate_series(1, 300000) i")
        made.run("create view langsam as select 1 as a from (select pg_sleep(20)) s")
    else:
        need("MariaDB", servers.available_mariadb(), "apt-get install mariadb-server")
        made = servers.MariaDbServer()
        made.run("create table viele as select seq as a, repeat('x', 200) as b from seq_1_to_300000")
        made.run("create view langsam as select sleep(20) + 1 as a")
    made.run("create table zahl (a int); insert into zahl values (7)")
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def source(server, tmp_path):
    made = open_source(tmp_path, {"url": server.url}, TIMEOUT)
    yield made
    made.close()


def seconds(ask):
    begun = time.monotonic()
    with pytest.raises(SourceUnavailable) as error:
        ask()
    return time.monotonic() - begun, error.value


def test_a_stopped_server_is_unavailable_and_found_again_without_help(server, source):
    assert rows(source, DATA) == [(7,)]
    server.stop()
    took, error = seconds(lambda: rows(source, DATA))
    assert (
        took < 2
        and error.system == "db"
        and error.where == f"127.0.0.1:{server.port}"
        and str(server.port) not in str(error)
    )
    server.start()
    assert rows(source, DATA) == [(7,)]
    source.check()


def test_a_hanging_server_is_cut_off_whatever_is_asked(server, source):
    assert rows(source, DATA) == [(7,)]  # an idle connection now waits in the pool
    server.pause()
    try:
        for ask in (
            lambda: rows(source, DATA),
            source.check,
            lambda: source.count(seal(DATA, Scan(DATA.id))),
            lambda: source.estimate(seal(DATA, Scan(DATA.id))),
        ):
            took, _ = seconds(ask)
            assert took < TIMEOUT + 5
    finally:
        server.resume()
    assert rows(source, DATA) == [(7,)]


def test_a_server_that_hangs_in_the_middle_of_a_stream_is_cut_off(server, source):
    batches = source.read(seal(BIG, Scan(BIG.id)))
    next(batches.batches)
    server.pause()
    try:
        took, _ = seconds(lambda: list(batches.batches))
        assert took < TIMEOUT + 4
    finally:
        server.resume()
    assert rows(source, DATA) == [(7,)]


def test_a_slow_reader_is_not_a_slow_server(server, source):
    batches = source.read(seal(BIG, Scan(BIG.id)))
    read = 0
    for number, batch in enumerate(batches.batches):
        read += batch.num_rows
        if number < 2:
            time.sleep(TIMEOUT * 1.2)  # longer than any one answer may take
    assert read == 300_000


def test_a_statement_that_takes_too_long_is_ended_on_both_sides(server, source):
    took, error = seconds(lambda: rows(source, SLOW))
    assert took < TIMEOUT + 4 and "longer than 1 seconds" in str(error)
    end = time.monotonic() + 5
    while _running(server) and time.monotonic() < end:
        time.sleep(0.1)
    assert not _running(server)


def _running(server):
    if server.scheme == "postgresql":
        return server.run(
            "select 1 from pg_stat_activity where query like '%langsam%' and state = 'active' "
            "and pid <> pg_backend_pid()"
        )
    return [row for row in server.run("show processlist") if "langsam" in str(row[7])]


def test_a_reader_that_leaves_early_ends_the_statement(server, source):
    batches = source.read(seal(BIG, Scan(BIG.id)))
    next(batches.batches)
    begun = time.monotonic()
    batches.close()
    assert time.monotonic() - begun < 1
    assert rows(source, DATA) == [(7,)]


def test_many_threads_survive_a_restart(server, source):
    stop, wrong, answers = threading.Event(), [], []

    def ask():
        while not stop.is_set():
            try:
                answers.append(rows(source, DATA))
            except SourceUnavailable:
                time.sleep(0.05)
            except Exception as error:  # anything else is a fault
                wrong.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    server.stop()
    server.start()
    time.sleep(0.3)
    before = len(answers)
    time.sleep(0.7)
    stop.set()
    for thread in threads:
        thread.join(10)
    assert not wrong and len(answers) > before and answers[-1] == [(7,)]


def test_a_server_without_free_connections_is_unavailable(tmp_path):
    need("PostgreSQL", servers.available_postgres(), "apt-get install postgresql")
    with servers.postgres() as server:
        server.run(
            "create role leser login password 'geheim' connection limit 1; grant select on all tables in schema public to leser"
        )
        url = server.url.replace(f"nabe:{server.password}", "leser:geheim")
        import psycopg

        with psycopg.connect(url):
            _, error = seconds(open_source(tmp_path, {"url": url}, TIMEOUT).check)
            assert "too many connections" in str(error)
        open_source(tmp_path, {"url": url}, TIMEOUT).check()


def test_a_sqlite_file_that_is_gone_or_locked_is_unavailable_and_found_again(tmp_path):
    path = tmp_path / "a.sqlite"
    source = open_source(tmp_path, {"path": "a.sqlite"}, TIMEOUT)
    _, error = seconds(lambda: rows(source, DATA))
    assert error.where == "a.sqlite" and str(tmp_path) not in str(error)
    with sqlite3.connect(path) as writer:
        writer.execute("create table zahl (a int)")
        writer.execute("insert into zahl values (7)")
    assert rows(source, DATA) == [(7,)]
    writer.execute("begin exclusive")
    took, error = seconds(lambda: rows(source, DATA))
    assert took < 3 and "locked" in str(error)
    writer.execute("rollback")
    assert rows(source, DATA) == [(7,)]
    writer.close()


def test_a_replaced_sqlite_file_is_read_anew(tmp_path):
    def write(name, value):
        with sqlite3.connect(tmp_path / name) as connection:
            connection.execute("create table zahl (a int)")
            connection.execute("insert into zahl values (?)", (value,))
        connection.close()

    write("a.sqlite", 1)
    source = open_source(tmp_path, {"path": "a.sqlite"}, TIMEOUT)
    assert rows(source, DATA) == [(1,)]
    write("b.sqlite", 2)
    (tmp_path / "b.sqlite").replace(tmp_path / "a.sqlite")
    assert rows(source, DATA) == [(2,)]


def test_an_endless_sqlite_statement_is_ended(tmp_path):
    with sqlite3.connect(tmp_path / "a.sqlite") as connection:
        connection.execute(
            "create view langsam as with recursive n(a) as (select 1 union all select a + 1 from n) select a from n where a < 0"
        )
    connection.close()
    source = open_source(tmp_path, {"path": "a.sqlite"}, TIMEOUT)
    took, error = seconds(lambda: rows(source, SLOW))
    assert took < TIMEOUT + 1 and "longer than" in str(error)
    estimate = source.estimate(seal(SLOW, Scan(SLOW.id, where=Compare("a", Op.GT, 0))))
    assert estimate > 1_000_000  # nobody knows, so it counts as much


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / "a.sqlite").write_text("a;b\n1;2\n" * 1000)
    with pytest.raises(SourceRefused, match="not an SQLite database"):
        rows(open_source(tmp_path, {"path": "a.sqlite"}), DATA)


def test_a_renamed_sqlite_column_is_missed_not_read_as_its_own_name(tmp_path):
    """SQLite takes a name in double quotes that is no column for a text: rows would say `name` where a name should be."""
    table = dataset("amt", {"name": FieldType.STRING, "nr": FieldType.INTEGER})
    with sqlite3.connect(tmp_path / "a.sqlite") as connection:
        connection.execute("create table amt (name text, nr integer)")
        connection.execute("insert into amt values ('Tiefbauamt', 7)")
    source = open_source(tmp_path, {"path": "a.sqlite"}, TIMEOUT)
    assert rows(source, table) == [("Tiefbauamt", 7)]
    with sqlite3.connect(tmp_path / "a.sqlite") as connection:
        connection.execute("alter table amt rename column name to bezeichnung")
    for question in (seal(table), seal(table, Scan(table.id, where=Compare("name", Op.EQ, "name")))):
        with pytest.raises(SourceRefused, match="name"):
            rows(source, question)
    with sqlite3.connect(tmp_path / "a.sqlite") as connection:
        connection.execute("alter table amt rename column bezeichnung to name")
    assert rows(source, table) == [("Tiefbauamt", 7)]
