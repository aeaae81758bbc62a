"""The store of entities on SQLite and on PostgreSQL (with PostGIS where it is installed)."""

from __future__ import annotations

import pytest

from nabe.errors import Invalid, SourceUnavailable
from nabe.ports.entities import EntityScan
from nabe.stores.relational import RelationalStore
from nabe.testing import servers
from nabe.testing.entities_conformance import EntitiesConformance
from nabe.testing.entities_made import T, ask, new, p, wkt
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


def test_without_postgis_only_places_cannot_be_compared_and_outages_pass(server):
    server.run("CREATE DATABASE bare")
    opened = Opened(server.url.rsplit("/", 1)[0] + "/bare")
    opened.entities.create(new(T.LOCATION), "d")

    def find(where):
        return opened.entities.find(EntityScan(T.LOCATION, frozenset({"d"}), where=where))

    within = ask("st_within", p("location"), wkt("POINT (1 1)"))
    with pytest.raises(Invalid, match="PostGIS"):
        find(within)
    kind = ask("eq", p("location", "type"), "Point")
    assert len(find(kind)) == 1
    server.stop()
    with pytest.raises(SourceUnavailable, match="nabe-storage"):
        find(kind)
    server.start()
    assert len(find(kind)) == 1
    opened.close()
