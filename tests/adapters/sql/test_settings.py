"""Settings: what is accepted, what is said of what is not, and that no secret is in what is said."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nabe.adapters.sql import SqlAdapter
from nabe.adapters.sql.settings import target
from nabe.errors import SourceRefused
from nabe.model.dataset import System
from nabe.model.text import Text

from .support import context, dataset


def system(connection):
    return System("db", Text("Datenbank"), "sql", "amt", connection)


def plain(text):
    return text


@given(st.text(min_size=1), st.text(min_size=1), st.text("abcä_", min_size=1))
def test_any_account_and_password_survive_a_url(user, password, database):
    url = f"postgresql://{quote(user, safe='')}:{quote(password, safe='')}@db.stadt.de:5433/{quote(database)}"
    found = target({"url": url}, plain, "/")
    assert (found.user, found.password, found.host, found.port, found.database) == (
        user,
        password,
        "db.stadt.de",
        5433,
        database,
    )


def test_a_reference_in_a_url_may_stand_for_any_password():
    url = "mariadb://leser:${PW}@[::1]/sozial"
    found = target({"url": url}, lambda text: text.replace("${PW}", "p@ss/wo:rd?#%41"), "/")
    assert (found.password, found.host, found.port, found.driver) == ("p@ss/wo:rd?#%41", "::1", 3306, "mariadb")


def test_a_whole_url_may_be_a_secret():
    found = target({"url": "${DSN}"}, lambda _: "postgres://a:b@c/d", "/")
    assert (found.driver, found.user, found.password, found.database) == ("postgresql", "a", "b", "d")


def test_parts_may_be_given_instead_of_a_url():
    connection = {
        "driver": "postgresql",
        "host": "db",
        "port": "${PORT}",
        "database": "d",
        "user": "u",
        "password": "${P}",
    }
    found = target(connection, lambda text: {"${PORT}": "6000", "${P}": "geheim"}.get(text, text), "/")
    assert (found.port, found.password, found.schema) == (6000, "geheim", "")


def test_a_relative_file_stays_inside_the_workspace_and_an_absolute_one_is_meant(tmp_path):
    assert target({"path": "silo/a.sqlite"}, plain, str(tmp_path)).path == tmp_path / "silo/a.sqlite"
    assert str(target({"path": "/srv/a.sqlite"}, plain, str(tmp_path)).path) == "/srv/a.sqlite"
    assert target({"url": "sqlite:///a.sqlite"}, plain, str(tmp_path)).path == tmp_path / "a.sqlite"
    with pytest.raises(SourceRefused, match="out of the workspace"):
        SqlAdapter().open(system({"path": "../a.sqlite"}), plain, context(tmp_path))


@pytest.mark.parametrize(
    ("connection", "said"),
    [
        ({}, "one of url, driver or path"),
        ({"hots": "x", "path": "a"}, "connection.hots is not a setting; known: url, driver, host"),
        ({"url": "db2://a/b"}, "must begin with one of postgresql://"),
        ({"driver": "db2"}, "connection.driver"),
        ({"driver": "mariadb", "host": "x"}, "needs host and database"),
        ({"driver": "sqlite"}, "needs path"),
        ({"url": "sqlite:///a", "host": "x"}, "not both"),
        ({"url": "postgresql://u:CANARY@h/d"}, "connection.url holds a password"),
        (
            {"driver": "mysql", "host": "h", "database": "d", "password": "CANARY"},
            "connection.password holds a password",
        ),
    ],
)
def test_wrong_settings_are_named_without_their_values(connection, said):
    (found,) = SqlAdapter().check_system(system(connection))
    assert said in found and "CANARY" not in found


def test_good_settings_pass():
    for connection in (
        {"path": "a.sqlite"},
        {"url": "postgresql://leser:${PW}@db/sozial?sslmode=require", "schema": "fach"},
        {"driver": "mysql", "host": "h", "database": "d", "user": "u", "password": "file:secrets/pw"},
    ):
        assert SqlAdapter().check_system(system(connection)) == []


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({}, "source.table"),
        ({"table": "a", "tabel": "b"}, "source.tabel is not a setting; known: table, schema, timezone"),
        ({"table": "a", "timezone": "Berlin"}, "'Berlin' is no time zone; right would be Europe/Berlin"),
    ],
)
def test_wrong_sources_are_named(source, said):
    (found,) = SqlAdapter().check_dataset(system({}), type("D", (), {"source": source})())
    assert said in found
    assert SqlAdapter().check_dataset(system({}), dataset("a", {}, schema="s", timezone="UTC")) == []


def test_a_wrong_url_parameter_or_port_is_refused_by_name(tmp_path):
    for url, said in (("postgresql://h/d?hostaddr=1", "hostaddr"), ("postgresql://h:x/d", "port")):
        with pytest.raises(SourceRefused, match=said):
            SqlAdapter().open(system({"url": url}), plain, context(tmp_path))


def test_sniffing_an_address_keeps_its_password_out_of_the_proposal(tmp_path):
    found = SqlAdapter().sniff("postgresql://leser:CAN@RY@db.stadt.de:5432/sozial?sslmode=require", context(tmp_path))
    assert found == {"url": "postgresql://leser:${NABE_SOZIAL_PASSWORD}@db.stadt.de:5432/sozial?sslmode=require"}
    for kept in ("mysql://leser@db/x", "mariadb://leser:${PW}@db/x", "postgres://db/x"):
        assert SqlAdapter().sniff(kept, context(tmp_path)) == {"url": kept}
    assert SqlAdapter().sniff("sqlite:///daten/a.db", context(tmp_path)) == {"path": "daten/a.db"}
    assert SqlAdapter().sniff("https://example.org/a", context(tmp_path)) is None


def test_sniffing_a_file_looks_into_it(tmp_path):
    import sqlite3

    with sqlite3.connect(tmp_path / "kita.db") as connection:
        connection.execute("create table a (b)")
    connection.close()
    (tmp_path / "kita.gpkg").write_bytes((tmp_path / "kita.db").read_bytes())
    (tmp_path / "text.db").write_text("a;b\n1;2\n")
    adapter = SqlAdapter()
    assert adapter.sniff(str(tmp_path / "kita.db"), context(tmp_path)) == {"path": "kita.db"}
    assert adapter.sniff(str(tmp_path / "kita.db"), context(tmp_path / "x")) == {"path": str(tmp_path / "kita.db")}
    assert adapter.sniff(str(tmp_path / "kita.gpkg"), context(tmp_path)) is None
    assert adapter.sniff(str(tmp_path / "text.db"), context(tmp_path)) is None
