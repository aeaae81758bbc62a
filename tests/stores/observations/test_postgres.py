"""The store of observations in PostgreSQL."""

from __future__ import annotations

import pytest

from nabe.stores.observations.postgres import PostgresObservations
from nabe.testing import servers
from nabe.testing.needs import need
from nabe.testing.observation_conformance import ObservationsConformance


class Home:
    """A database, and the stores opened on it."""

    def __init__(self, server):
        self.server = server
        self.stores = []
        self.code = (
            f"__import__('nabe.stores.observations.postgres', fromlist=['x']).PostgresObservations({server.url!r})"
        )

    def open(self):
        self.stores.append(PostgresObservations(self.server.url))
        return self.stores[-1]

    def empty(self):
        self.close()
        self.server.run("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    def close(self):
        while self.stores:
            self.stores.pop().close()


@pytest.fixture(scope="module")
def server():
    need("PostgreSQL", servers.available_postgres(), "apt install postgresql")
    with servers.postgres() as started:
        yield started


@pytest.fixture
def home(server):
    made = Home(server)
    made.empty()
    yield made
    made.close()


class TestPostgres(ObservationsConformance):
    pass


def test_other_tools_see_moments(home):
    from nabe.testing.observation_oracle import START, one, rows

    home.open().append(rows(one(1, 0), {"stream": 1, "time": -1}, {"stream": 1, "time": START + 7}))
    found = home.server.run('SELECT "time"::text FROM observations ORDER BY "time"')
    assert [row[0][:26] for row in found] == [
        "1969-12-31 23:59:59.999999",
        "2026-01-01 00:00:00+00",
        "2026-01-01 00:00:00.000007",
    ]
