"""Databases as sources: what every source must do, on real servers."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

import psycopg
import pytest

from nabe.adapters.sql import SqlAdapter
from nabe.model.dataset import Access, Dataset, Field, FieldType, Limits, System
from nabe.model.text import Text
from nabe.ports.source import AdapterContext
from nabe.testing import servers
from nabe.testing.needs import need
from nabe.testing.source_conformance import CONTENT, FIELDS, Silo, SourceConformance

COLUMNS = "key, name, quarter, household, note, count, share, open, opened, seen, place"


def opened(root, connection, table="inhalt"):
    system = System("db", Text("Datenbank"), "sql", "amt", connection, limits=Limits(timeout_s=20))
    source = SqlAdapter().open(system, lambda text: text, AdapterContext(str(root), str(root)))
    fields = (*FIELDS, Field("gone", FieldType.STRING))
    made = [
        Dataset(
            "inhalt",
            Text("Inhalt"),
            "amt",
            Access.OPEN,
            which,
            system="db",
            source={"table": table},
            limits=Limits(timeout_s=20),
        )
        for which in (FIELDS, fields)
    ]
    return source, made[0], made[1]


@pytest.fixture(scope="module")
def postgres():
    need("PostgreSQL", servers.available_postgres(), "apt-get install postgresql postgresql-15-postgis-3")
    with servers.postgres() as server:
        need("PostGIS", server.postgis, "apt-get install postgresql-15-postgis-3")
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS postgis")
            connection.execute(
                "CREATE TABLE inhalt (key text PRIMARY KEY, name text, quarter text, household text, note text, count bigint, "
                "share double precision, open boolean, opened date, seen timestamptz, place geometry(Point, 4326))"
            )
            for row in CONTENT.to_pylist():
                values = [row[name] for name in COLUMNS.split(", ")]
                marks = ", ".join(["%s"] * 10 + ["ST_GeomFromWKB(%s, 4326)"])
                connection.execute(f"INSERT INTO inhalt VALUES ({marks})", values)
        yield server


class TestPostgres(SourceConformance):
    @pytest.fixture
    def silo(self, postgres, tmp_path):
        source, dataset, missing = opened(tmp_path, {"url": postgres.url})
        gone, _, _ = opened(tmp_path, {"url": "postgresql://x:y@127.0.0.1:1/z"})
        yield Silo(source, dataset, missing, (gone, dataset))
        source.close()


class TestSqlite(SourceConformance):
    @pytest.fixture
    def silo(self, tmp_path):
        with sqlite3.connect(tmp_path / "inhalt.sqlite") as connection:
            connection.execute(
                "CREATE TABLE inhalt (key TEXT, name TEXT, quarter TEXT, household TEXT, note TEXT, count INTEGER, "
                "share REAL, open BOOLEAN, opened DATE, seen TIMESTAMP WITH TIME ZONE, place BLOB)"
            )
            rows = [
                [value.isoformat() if hasattr(value, "isoformat") else value for value in row.values()]
                for row in CONTENT.select(COLUMNS.split(", ")).to_pylist()
            ]
            connection.executemany(f"INSERT INTO inhalt VALUES ({', '.join('?' * 11)})", rows)
        connection.close()
        source, dataset, missing = opened(tmp_path, {"path": "inhalt.sqlite"})
        gone, _, _ = opened(tmp_path, {"path": "weg.sqlite"})
        yield Silo(source, dataset, missing, (gone, dataset))
        source.close()


@pytest.fixture(scope="module")
def mariadb():
    need("MariaDB", servers.available_mariadb(), "apt-get install mariadb-server")
    with servers.mariadb() as server:
        connection = server.connect()
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TABLE inhalt (`key` VARCHAR(20), name VARCHAR(100), quarter VARCHAR(100), household VARCHAR(20), "
                "note VARCHAR(200), `count` BIGINT, share DOUBLE, `open` BOOLEAN, opened DATE, seen DATETIME(6), place POINT) "
                "CHARACTER SET utf8mb4"
            )
            for row in CONTENT.to_pylist():
                values = [row[name] for name in COLUMNS.split(", ")]
                values[9] = values[9].replace(tzinfo=None) if values[9] else None
                cursor.execute(f"INSERT INTO inhalt VALUES ({', '.join(['%s'] * 10)}, ST_GeomFromWKB(%s))", values)
        connection.commit()
        yield server


class TestMariaDb(SourceConformance):
    @pytest.fixture
    def silo(self, mariadb, tmp_path):
        source, dataset, missing = opened(tmp_path, {"url": mariadb.url})
        utc = [replace(item, source=dict(item.source) | {"timezone": "UTC"}) for item in (dataset, missing)]
        gone, _, _ = opened(tmp_path, {"url": "mariadb://x:y@127.0.0.1:1/z"})
        yield Silo(source, utc[0], utc[1], (gone, utc[0]))
        source.close()
