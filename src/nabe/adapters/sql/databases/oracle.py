"""Oracle Database, by oracledb in thin mode (extra `oracle`). Written by the documentation, not run against a server.

Therefore nothing is promised (`capabilities`): Oracle narrows what it sends by bounds that are certain, the hub does the
rest. Pages are cut by the primary key, where there is one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import pyarrow as pa

from nabe.adapters.sql.databases import oracle_sql
from nabe.adapters.sql.databases.base import ROWS, DriverMissing, bounded_count, only_select
from nabe.adapters.sql.guard import in_time
from nabe.adapters.sql.settings import Target
from nabe.adapters.sql.translate import Kind, Native, Relation, from_columns, oracle_kind
from nabe.model.dataset import Field
from nabe.model.expr import BBox, Compare, In
from nabe.ports.source import Capabilities, Mount
from nabe.query.sql import quoted

#: Numbers of Oracle's own for systems that EPSG has, too.
_OWN_SRIDS = {8307: 4326}

TABLES = """
SELECT t.owner, t.table_name FROM all_tables t JOIN all_users u ON u.username = t.owner
WHERE u.oracle_maintained = 'N' AND t.nested = 'NO' AND t.secondary = 'N' AND t.table_name NOT LIKE 'BIN$%'
  AND (:1 IS NULL OR t.owner = :1)
UNION ALL
SELECT v.owner, v.view_name FROM all_views v JOIN all_users u ON u.username = v.owner
WHERE u.oracle_maintained = 'N' AND (:1 IS NULL OR v.owner = :1)
ORDER BY 1, 2
"""

HEAD = """
SELECT o.owner, o.object_name, o.object_type, t.num_rows, c.comments
FROM all_objects o LEFT JOIN all_tables t ON t.owner = o.owner AND t.table_name = o.object_name
LEFT JOIN all_tab_comments c ON c.owner = o.owner AND c.table_name = o.object_name
WHERE o.object_type IN ('TABLE', 'VIEW', 'MATERIALIZED VIEW') AND o.owner = :1 AND o.object_name IN (:2, UPPER(:2))
ORDER BY CASE WHEN o.object_name = :2 THEN 0 ELSE 1 END, CASE WHEN o.object_type = 'TABLE' THEN 0 ELSE 1 END
"""

COLUMNS = """
SELECT c.column_name, c.data_type, c.data_type_owner, c.data_length, c.char_length, c.data_precision, c.data_scale,
       c.nullable, m.comments
FROM all_tab_columns c
LEFT JOIN all_col_comments m ON m.owner = c.owner AND m.table_name = c.table_name AND m.column_name = c.column_name
WHERE c.owner = :1 AND c.table_name = :2 ORDER BY c.column_id
"""

KEY = """
SELECT x.column_name FROM all_constraints k
JOIN all_cons_columns x ON x.owner = k.owner AND x.constraint_name = k.constraint_name
WHERE k.constraint_type = 'P' AND k.owner = :1 AND k.table_name = :2 ORDER BY x.position
"""

REFERENCES = """
SELECT x.column_name, r.owner, r.table_name, y.column_name FROM all_constraints k
JOIN all_cons_columns x ON x.owner = k.owner AND x.constraint_name = k.constraint_name
JOIN all_constraints r ON r.owner = k.r_owner AND r.constraint_name = k.r_constraint_name
JOIN all_cons_columns y ON y.owner = r.owner AND y.constraint_name = r.constraint_name AND y.position = x.position
WHERE k.constraint_type = 'R' AND k.owner = :1 AND k.table_name = :2 ORDER BY k.constraint_name, x.position
"""

PLACED = "SELECT m.srid FROM all_sdo_geom_metadata m WHERE m.owner = :1 AND m.table_name = :2 AND m.column_name = :3"


class Oracle:
    """Oracle Database."""

    dialect: ClassVar[str] = "oracle"
    moves_geometry: ClassVar[bool] = False
    moves_times: ClassVar[bool] = False
    pages_by_key: ClassVar[bool] = True
    capabilities: ClassVar[Capabilities] = Capabilities()

    def connect(self, target: Target, timeout_s: float) -> Any:
        try:
            import oracledb
        except ImportError:
            raise DriverMissing("Oracle", "oracle") from None
        wait = max(2.0, min(10.0, timeout_s))

        def connected() -> Any:
            return oracledb.connect(
                user=target.user,
                password=target.password,
                host=target.host,
                port=target.port,
                service_name=target.database,
                protocol=target.options.get("protocol", "tcp"),
                tcp_connect_timeout=wait,
                program="nabe",
            )

        connection = in_time(connected, wait)
        try:
            connection.call_timeout = int(timeout_s * 1000)  # of each round trip
            connection.outputtypehandler = _as_values
            with connection.cursor() as cursor:
                cursor.execute("ALTER SESSION SET TIME_ZONE = '+00:00'")
        except BaseException:
            connection.close()
            raise
        return connection

    def alive(self, connection: Any) -> bool:
        with contextlib.suppress(Exception):
            before, connection.call_timeout = connection.call_timeout, 2_000
            connection.ping()
            connection.call_timeout = before
            return True
        return False

    def watched(self, connection: Any, timeout_s: float) -> AbstractContextManager[None]:
        return contextlib.nullcontext()  # the driver's own time-out ends each round trip

    def tables(self, connection: Any, target: Target) -> list[str]:
        own = _schema(connection, target)
        rows = _rows(connection, TABLES, (target.schema or None,))
        return [str(name) if schema in (own, target.schema) else f"{schema}.{name}" for schema, name in rows]

    def relation(self, connection: Any, target: Target, schema: str, table: str) -> Relation | None:
        head = _rows(connection, HEAD, (schema or _schema(connection, target), table))
        if not head:
            return None
        schema, table, _, count, comment = head[0]
        columns = {}
        for name, base, owner, length, chars, precision, scale, nullable, words in _rows(
            connection, COLUMNS, (schema, table)
        ):
            kind = oracle_kind(str(base), str(owner or ""))
            if kind is None:
                continue  # objects, collections and files outside the database cannot be read as a value
            native = native_name(str(base), length, chars, precision, scale)
            columns[str(name)] = Native(str(name), kind, native, nullable == "Y", str(words or ""))
        for name, column in columns.items():
            if column.kind is Kind.GEOMETRY:
                placed = _rows(connection, PLACED, (schema, table, name))
                srid = int(placed[0][0]) if placed and placed[0][0] else 0
                columns[name] = column.placed(_OWN_SRIDS.get(srid, srid), "SDO_GEOMETRY")
        sql = f"{quoted(schema, 'oracle')}.{quoted(table, 'oracle')}"
        key = tuple(str(name) for (name,) in _rows(connection, KEY, (schema, table)))
        return Relation(schema, table, sql, columns, str(comment or ""), int(count) if count is not None else None, key)

    def keys(self, connection: Any, relation: Relation) -> tuple[tuple[str, ...], tuple[tuple[str, str, str], ...]]:
        rows = _rows(connection, REFERENCES, (relation.schema, relation.name))
        made = [(a, table if schema == relation.schema else f"{schema}.{table}", b) for a, schema, table, b in rows]
        return relation.key, tuple(made)

    def expression(self, native: Native, field: Field, zone: str, crs: str) -> str:
        return oracle_sql.expression(native, field)

    def hint(self, native: Native, field: Field, part: Compare | In | BBox) -> str | None:
        return oracle_sql.bound(native, field, part)

    def bbox(self, native: Native, field: Field, box: BBox, crs: str) -> str:
        raise NotImplementedError  # not declared

    def stream(
        self, connection: Any, sql: str, schema: pa.Schema, timeout_s: float, *, steady: bool = False
    ) -> Iterator[pa.RecordBatch]:
        texts = [position for position, item in enumerate(schema) if pa.types.is_string(item.type)]
        with connection.cursor() as cursor:
            _only_reading(connection)
            cursor.arraysize = cursor.prefetchrows = ROWS // 10
            cursor.execute(only_select(sql, self.dialect))
            while rows := cursor.fetchmany(ROWS):
                columns: list[Any] = list(zip(*rows, strict=True))
                for position in texts:
                    columns[position] = [hexed(value) for value in columns[position]]
                yield from_columns(columns, schema)
        connection.rollback()

    def estimate(self, connection: Any, sql: str, relation: Relation, most: int) -> int:
        counting = f"SELECT COUNT(*) FROM (SELECT 1 AS n FROM ({sql}) q FETCH FIRST {most + 1:d} ROWS ONLY) c"
        return bounded_count(sql, relation, most, lambda: _rows(connection, only_select(counting, self.dialect))[0][0])

    def mount(
        self, target: Target, relation: Relation, columns: dict[str, tuple[Native, Field]], timeout_s: float
    ) -> Mount | None:
        return None


def native_name(base: str, length: Any, chars: Any, precision: Any, scale: Any) -> str:
    """A type as it is written in a table: `NUMBER(10,2)`, `VARCHAR2(40)`. NUMBER without digits may have places."""
    if base == "NUMBER":
        if precision is None:
            return "NUMBER(38,0)" if scale == 0 else "NUMBER"
        return f"NUMBER({precision},{scale or 0})"
    if base in ("CHAR", "VARCHAR2", "NCHAR", "NVARCHAR2"):
        return f"{base}({chars or length})"
    return f"RAW({length})" if base == "RAW" else base


def hexed(value: Any) -> Any:
    """Bytes where a text is wanted, as hexadecimal digits; anything else as it is."""
    return value.hex() if isinstance(value, bytes) else value


def _as_values(cursor: Any, metadata: Any) -> Any:
    """Large objects come as text and bytes with their row, not as handles that cost a round trip each."""
    import oracledb

    plain = {
        oracledb.DB_TYPE_CLOB: oracledb.DB_TYPE_LONG,
        oracledb.DB_TYPE_NCLOB: oracledb.DB_TYPE_LONG_NVARCHAR,
        oracledb.DB_TYPE_BLOB: oracledb.DB_TYPE_LONG_RAW,
    }.get(metadata.type_code)
    return cursor.var(plain, arraysize=cursor.arraysize) if plain is not None else None


def _only_reading(connection: Any) -> None:
    """A transaction that cannot write, and sees the data as of now."""
    connection.rollback()
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")


def _schema(connection: Any, target: Target) -> str:
    if target.schema:
        return target.schema
    return str(_rows(connection, "SELECT SYS_CONTEXT('USERENV', 'CURRENT_SCHEMA') FROM dual")[0][0])


def _rows(connection: Any, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """All rows. A value may stand several times in the statement, so it is bound by its number as a name."""
    with connection.cursor() as cursor:
        given = {f"v{number}": value for number, value in enumerate(values, 1)}
        cursor.execute(named(sql) if given else sql, given or None)
        return list(cursor.fetchall())


def named(sql: str) -> str:
    """`:1` as `:v1`: by position each occurrence would want a value of its own."""
    for number in range(1, 4):
        sql = sql.replace(f":{number}", f":v{number}")
    return sql
