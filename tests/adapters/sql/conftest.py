"""One PostgreSQL and one MariaDB for all tests of the adapter that do not hurt them."""

from __future__ import annotations

import pytest

from nabe.testing import servers
from nabe.testing.needs import need


@pytest.fixture(scope="session")
def postgres():
    need("PostgreSQL", servers.available_postgres(), "apt-get install postgresql postgresql-15-postgis-3")
    with servers.postgres() as server:
        need("PostGIS", server.postgis, "apt-get install postgresql-15-postgis-3")
        yield server


@pytest.fixture(scope="session")
def mariadb():
    need("MariaDB", servers.available_mariadb(), "apt-get install mariadb-server")
    with servers.mariadb() as server:
        yield server
