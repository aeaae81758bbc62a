"""The store's database: who may open it, what it looks like, and what is left after a power cut or an outage."""

from __future__ import annotations

import datetime as dt
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

import nabe.stores.relational as here
from nabe.errors import Invalid, NabeError, SourceUnavailable
from nabe.model.catalogue import Change, City
from nabe.model.text import Text
from nabe.stores.relational import RelationalStore
from nabe.stores.relational.database import HEAD, connect
from nabe.stores.relational.tables import METADATA
from nabe.testing import servers
from nabe.testing.needs import need
from nabe.testing.store_conformance import EVA, NOW, entry


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path / 'nabe.sqlite'}"


def put(catalogue, title, expect):
    return catalogue.commit([Change("city", "a", City("a", Text(title)))], author="x", at=NOW, expect=expect)


def test_migrations_make_exactly_the_tables_that_the_code_uses(url):
    engine = connect(url)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), METADATA)
    engine.dispose()
    assert [item for item in differences if "alembic_version" not in str(item)] == []


def test_the_newest_migration_is_the_one_that_the_code_expects():
    config = Config()
    config.set_main_option("script_location", os.path.join(os.path.dirname(here.__file__), "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_a_store_of_a_newer_version_is_not_touched(url, tmp_path):
    RelationalStore(url).close()
    with sqlite3.connect(tmp_path / "nabe.sqlite") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(Invalid, match="newer Nabe"):
        RelationalStore(url)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("mysql://u:hunter2@h/x", "mysql"),
        ("sqlite://", "expected"),
        ("nonsense", "nonsense"),
        ("sqlite:////no/such/folder/nabe.sqlite", "folder"),
        ("postgresql://u:hunter2@127.0.0.1:1/x", "does not answer: Connection refused"),
        ("postgresql://u:hunter2@h:port/x", "read"),
    ],
)
def test_a_wrong_url_is_explained_without_repeating_its_password(wrong, words):
    with pytest.raises((Invalid, SourceUnavailable)) as error:
        RelationalStore(wrong)
    assert words in str(error.value)
    assert "hunter2" not in str(error.value) + repr(error.value.params)


def test_a_file_that_is_no_database_is_left_alone(tmp_path):
    (tmp_path / "nabe.sqlite").write_text("Liebes Tagebuch, " * 500)
    with pytest.raises(Invalid, match="not a database"):
        RelationalStore(f"sqlite:///{tmp_path / 'nabe.sqlite'}")
    assert (tmp_path / "nabe.sqlite").read_text().startswith("Liebes Tagebuch")


def test_only_its_owner_may_read_the_file(url, tmp_path):
    store = RelationalStore(url)
    store.identity.put_account(EVA, None)
    for path in tmp_path.glob("nabe.sqlite*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name
    store.close()


_OPEN = """
import sys
from nabe.stores.relational import RelationalStore
store = RelationalStore(sys.argv[1])
print(store.catalogue.snapshot().version)
store.close()
"""


def test_many_processes_may_open_a_new_store_at_once(url):
    opening = [
        subprocess.Popen([sys.executable, "-c", _OPEN, url], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(5)
    ]
    for process in opening:
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out.strip()) == (0, b"0"), err.decode()[-500:]


_WRITE = """
import datetime as dt, sys
from nabe.model.catalogue import Change, City
from nabe.model.party import Organisation
from nabe.model.text import Text
from nabe.stores.relational import RelationalStore
store = RelationalStore(sys.argv[1])
version = store.catalogue.snapshot().version
print("ready", flush=True)
while True:
    name = Text(str(version + 1))
    nouns = [City("a", name), *(Organisation(f"o{n}", name) for n in range(300))]
    kinds = ["city"] + ["organisation"] * 300
    changes = [Change(kind, noun.id, noun) for kind, noun in zip(kinds, nouns)]
    version = store.catalogue.commit(changes, author="x", at=dt.datetime.now(dt.UTC), expect=version)
"""


def test_a_writer_killed_in_the_middle_leaves_one_whole_version(url):
    RelationalStore(url).close()
    for delay in (0.01, 0.023, 0.037, 0.05):
        process = subprocess.Popen([sys.executable, "-c", _WRITE, url], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"ready\n"
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
        store = RelationalStore(url)
        snapshot = store.catalogue.snapshot()
        store.close()
        if snapshot.version:
            titles = {noun.title.de for noun in snapshot.nouns()}
            assert titles == {str(snapshot.version)} and len(snapshot.organisations) == 300


_CHAIN = """
import sys
from nabe.stores.relational import RelationalStore
from nabe.testing.store_conformance import entry
store = RelationalStore(sys.argv[1])
number = 0
while True:
    store.ledger.append([entry(number)])
    print(number, flush=True)
    number += 1
"""


def test_what_the_ledger_has_acknowledged_survives_a_kill(url):
    process = subprocess.Popen([sys.executable, "-c", _CHAIN, url], stdout=subprocess.PIPE)
    last = b""
    for _ in range(20):
        last = process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    rest = process.communicate(timeout=10)[0].split()
    acknowledged = int(rest[-1] if rest else last)
    store = RelationalStore(url)
    check = store.ledger.verify()
    assert check.broken_at is None and check.entries >= acknowledged + 1
    store.close()


def test_an_outage_refuses_who_waits_and_keeps_what_nobody_waits_for(url, tmp_path, monkeypatch):
    store = RelationalStore(url)
    with store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout = 50")
    blocker = sqlite3.connect(tmp_path / "nabe.sqlite", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    sa.event.listen(store._engine, "checkout", lambda raw, *_: raw.execute("PRAGMA busy_timeout = 50"))
    store.ledger.append([entry(1)], durable=False)
    with pytest.raises(NabeError, match="nothing is handed out"):
        store.ledger.append([entry(2)])
    with pytest.raises(SourceUnavailable, match="locked"):
        put(store.catalogue, "A", 0)
    assert store.catalogue.snapshot().version == 0, "readers do not wait for writers"
    blocker.execute("ROLLBACK")
    store.ledger.append([entry(3)])
    assert [item.entry.rows for item in store.ledger.entries()] == [1, 3]
    store.close()


def test_one_entry_that_cannot_be_written_does_not_take_others_with_it(url):
    store = RelationalStore(url)
    broken = entry(1)
    object.__setattr__(broken, "rows", 2**70)
    store.ledger.append([entry(0)], durable=False)
    store.ledger.append([broken], durable=False)
    store.ledger.append([entry(2)])
    assert [item.entry.rows for item in store.ledger.entries()] == [0, 2]
    store.close()


def test_a_token_revoked_by_another_process_ends_within_seconds(url, monkeypatch):
    store, other = RelationalStore(url), RelationalStore(url)
    store.identity.put_account(EVA, None)
    token, secret = store.identity.create_token("eva", "x", at=NOW, expires=None)
    assert store.identity.by_token(secret, at=NOW) == EVA
    other.identity.revoke(token.id)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 6)
    with pytest.raises(NabeError):
        store.identity.by_token(secret, at=NOW)
    monkeypatch.undo()
    store.close()
    other.close()


def test_a_removed_account_takes_its_tokens_with_it(url):
    store = RelationalStore(url)
    store.identity.put_account(EVA, "richtig lang")
    _, secret = store.identity.create_token("eva", "x", at=NOW, expires=None)
    store.identity.remove_account("eva")
    store.identity.put_account(EVA, None)
    with pytest.raises(NabeError):
        store.identity.by_token(secret, at=NOW)
    with pytest.raises(NabeError):
        store.identity.by_password("eva", "richtig lang", client="c", at=NOW + dt.timedelta(days=1))
    store.close()


def test_a_store_in_postgresql_survives_a_restart_of_the_server():
    need("PostgreSQL", servers.available_postgres(), "apt-get install postgresql")
    with servers.postgres() as server:
        store = RelationalStore(server.url)
        put(store.catalogue, "A", 0)
        assert store.catalogue.snapshot().city.title.de == "A"
        server.stop()
        with pytest.raises(SourceUnavailable) as error:
            store.catalogue.snapshot()
        assert "password" not in str(error.value)
        with pytest.raises(NabeError):
            store.ledger.append([entry(1)])
        server.start()
        assert store.catalogue.snapshot().city.title.de == "A"
        put(store.catalogue, "B", 1)
        assert store.catalogue.snapshot().city.title.de == "B"
        store.ledger.append([entry(2)])
        assert store.ledger.verify().entries == 1
        store.close()
