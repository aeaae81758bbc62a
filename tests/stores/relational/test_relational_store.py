"""The relational store on SQLite and on PostgreSQL."""

from __future__ import annotations

import sqlite3
import uuid

import pytest

from nabe.stores.relational import RelationalStore
from nabe.testing import servers
from nabe.testing.devices_conformance import DevicesConformance
from nabe.testing.needs import need
from nabe.testing.quality_conformance import QualityConformance
from nabe.testing.runs_conformance import RunsConformance
from nabe.testing.store_conformance import CatalogueConformance, IdentityConformance, LedgerConformance


class Opened:
    """A store that can be opened once more, as another process would."""

    def __init__(self, url):
        self.url = url
        self.stores = [RelationalStore(url)]
        self.catalogue = self.stores[0].catalogue
        self.ledger = self.stores[0].ledger
        self.identity = self.stores[0].identity
        self.runs = self.stores[0].runs
        self.quality = self.stores[0].quality
        self.devices = self.stores[0].devices

    def again(self):
        self.stores.append(RelationalStore(self.url))
        return self.stores[-1]

    def close(self):
        for store in self.stores:
            store.close()


class OnSqlite:
    @pytest.fixture
    def store(self, tmp_path):
        opened = Opened(f"sqlite:///{tmp_path / 'nabe.sqlite'}")
        yield opened
        opened.close()

    @pytest.fixture
    def damage(self, tmp_path):
        def change(sql):
            with sqlite3.connect(tmp_path / "nabe.sqlite") as connection:
                connection.execute(sql)
            connection.close()

        return change


@pytest.fixture(scope="module")
def server():
    need("PostgreSQL", servers.available_postgres(), "apt-get install postgresql")
    with servers.postgres() as running:
        yield running


class OnPostgres:
    @pytest.fixture
    def store(self, server):
        name = f"nabe_{uuid.uuid4().hex[:8]}"
        server.run(f"CREATE DATABASE {name}")
        self.database = server.url.rsplit("/", 1)[0] + "/" + name
        opened = Opened(self.database)
        yield opened
        opened.close()

    @pytest.fixture
    def damage(self, store):
        import psycopg

        def change(sql):
            with psycopg.connect(store.url) as connection:
                connection.execute(sql)

        return change


class TestCatalogueOnSqlite(OnSqlite, CatalogueConformance):
    pass


class TestLedgerOnSqlite(OnSqlite, LedgerConformance):
    pass


class TestIdentityOnSqlite(OnSqlite, IdentityConformance):
    pass


class TestCatalogueOnPostgres(OnPostgres, CatalogueConformance):
    pass


class TestLedgerOnPostgres(OnPostgres, LedgerConformance):
    pass


class TestIdentityOnPostgres(OnPostgres, IdentityConformance):
    pass


class TestRunsOnSqlite(OnSqlite, RunsConformance):
    pass


class TestRunsOnPostgres(OnPostgres, RunsConformance):
    pass


class TestQualityOnSqlite(OnSqlite, QualityConformance):
    pass


class TestQualityOnPostgres(OnPostgres, QualityConformance):
    pass


class TestDevicesOnSqlite(OnSqlite, DevicesConformance):
    pass


class TestDevicesOnPostgres(OnPostgres, DevicesConformance):
    pass
