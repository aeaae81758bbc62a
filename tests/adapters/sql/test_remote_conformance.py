"""SQL Server and Oracle on a server of yours: `NABE_TEST_MSSQL_DSN`, `NABE_TEST_ORACLE_DSN` (user:password@host:port/db).

The account must be able to make and drop a table. Without the variable they are skipped, in CI too: images of these
products cannot be had everywhere, and nothing is promised of what was not run.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace

import pytest
import shapely

from nabe.adapters.sql.settings import target
from nabe.model.dataset import Field
from nabe.testing.source_conformance import CONTENT, FIELDS, Silo, SourceConformance

from .support import dataset, open_source

TABLE = "nabe_inhalt"


def dsn(scheme: str) -> str:
    found = os.environ.get(f"NABE_TEST_{scheme.upper()}_DSN", "")
    if not found:
        pytest.skip(f"needs a server of yours: NABE_TEST_{scheme.upper()}_DSN=user:password@host:port/database")
    return f"{scheme}://{found.partition('://')[2] or found}"


def silo(tmp_path, url: str, names: dict[str, str]) -> Silo:
    fields = tuple(replace(field, column=names.get(field.name, field.name)) for field in FIELDS)
    lost = (*fields, Field("gone", fields[0].type, column="GONE"))
    table = names.get("table", TABLE)
    made = [dataset(table, which, timezone="UTC") for which in (fields, lost)]
    away = url[: url.index("://")] + "://a:b@127.0.0.1:1/x"
    return Silo(
        open_source(tmp_path, {"url": url}), made[0], made[1], (open_source(tmp_path, {"url": away}, 3), made[0])
    )


def place(value: bytes | None) -> str | None:
    return None if value is None else shapely.to_wkt(shapely.from_wkb(value), rounding_precision=15)


@pytest.fixture(scope="module")
def sql_server():
    import pymssql

    url = dsn("mssql")
    to = target({"url": url}, str, ".")
    connection = pymssql.connect(to.host, to.user, to.password, to.database, port=str(to.port), autocommit=True)
    cursor = connection.cursor()
    cursor.execute(f"DROP TABLE IF EXISTS {TABLE}")
    cursor.execute(
        f"CREATE TABLE {TABLE} ([key] nvarchar(20) COLLATE Latin1_General_CI_AI PRIMARY KEY, name nvarchar(100), "
        "quarter varchar(40), household char(8), note nvarchar(200), [count] bigint, share float, [open] bit, "
        "opened date, seen datetime2(6), place geometry)"
    )
    for row in CONTENT.to_pylist():
        values = [row[name] for name in ("key", "name", "quarter", "household", "note", "count", "share", "open")]
        seen = row["seen"].replace(tzinfo=None).isoformat() if row["seen"] else None
        opened = row["opened"].isoformat() if row["opened"] else None
        marks = ", ".join(["%s"] * 10 + ["geometry::STGeomFromText(%s, 4326)"])
        cursor.execute(f"INSERT INTO {TABLE} VALUES ({marks})", (*values, opened, seen, place(row["place"])))
    yield url
    cursor.execute(f"DROP TABLE {TABLE}")
    connection.close()


class TestSqlServer(SourceConformance):
    @pytest.fixture
    def silo(self, sql_server, tmp_path):
        made = silo(tmp_path, sql_server, {})
        yield made
        made.source.close()


@pytest.fixture(scope="module")
def oracle_server():
    import oracledb

    url = dsn("oracle")
    to = target({"url": url}, str, ".")
    connection = oracledb.connect(
        user=to.user, password=to.password, host=to.host, port=to.port, service_name=to.database
    )
    cursor = connection.cursor()
    with contextlib.suppress(oracledb.DatabaseError):
        cursor.execute(f"DROP TABLE {TABLE}")
    cursor.execute(
        f"CREATE TABLE {TABLE} (KEY VARCHAR2(20) PRIMARY KEY, NAME NVARCHAR2(100), QUARTER VARCHAR2(40), HOUSEHOLD CHAR(8), "
        "NOTE NVARCHAR2(200), COUNT_ NUMBER(18), SHARE_ BINARY_DOUBLE, OPEN_ NUMBER(1), OPENED DATE, "
        "SEEN TIMESTAMP(6), PLACE SDO_GEOMETRY)"
    )
    for row in CONTENT.to_pylist():
        values = [row[name] for name in ("key", "name", "quarter", "household", "note", "count", "share")]
        seen = row["seen"].replace(tzinfo=None) if row["seen"] else None
        flag = None if row["open"] is None else int(row["open"])
        point = shapely.from_wkb(row["place"]) if row["place"] else None
        shape = "NULL" if point is None else f"SDO_GEOMETRY({point.wkt!r}, 4326)"
        marks = ", ".join(f":{number}" for number in range(1, 11))
        cursor.execute(f"INSERT INTO {TABLE} VALUES ({marks}, {shape})", [*values, flag, row["opened"], seen])
    connection.commit()
    yield url
    cursor.execute(f"DROP TABLE {TABLE}")
    connection.close()


class TestOracle(SourceConformance):
    @pytest.fixture
    def silo(self, oracle_server, tmp_path):
        names = {field.name: field.name.upper() for field in FIELDS}
        names |= {"count": "COUNT_", "share": "SHARE_", "open": "OPEN_", "table": TABLE.upper()}
        made = silo(tmp_path, oracle_server, names)
        yield made
        made.source.close()
