"""The store of entities on SQLite and on PostgreSQL (with PostGIS where it is installed)."""

from __future__ import annotations

import pytest

from nabe.stores.relational import RelationalStore
from nabe.testing import servers
from nabe.testing.entities_conformance import EntitiesConformance
from nabe.testing.needs import need


class Opened:
    """A store that can be opened once more, as another process would."""

    def __init__(self, url):
        self.url = url
        self.stores = [RelationalStore(url)]
        self.entities = self.stores[0].entities

    def again(self):
        self.stores.append(RelationalStore(self.url))
        return self.stores[-1]

    def close(self):
        for store in self.stores:
            store.close()


@pytest.fixture(scope="module")
def server():
    need("PostgreSQL", servers.available_postgres(), "apt-get install postgresql postgresql-15-postgis-3")
    with servers.postgres() as running:
        yield running


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return f"sqlite:///{tmp_path_factory.mktemp('entities') / 'nabe.sqlite'}"


class TestOnSqlite(EntitiesConformance):
    @pytest.fixture
    def store(self, file):
        opened = Opened(file)
        yield opened
        opened.close()


class TestOnPostgres(EntitiesConformance):
    @pytest.fixture
    def store(self, server):
        opened = Opened(server.url)
        yield opened
        opened.close()
