"""Microsoft SQL Server and Azure SQL, by pymssql (extra `mssql`). Written by the documentation, not run against a server.

Therefore nothing is promised (`capabilities`): SQL Server narrows what it sends by bounds that are certain, the hub does
the rest. Pages are cut by the primary key, where there is one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import pyarrow as pa

from nabe.adapters.sql.databases import mssql_sql
from nabe.adapters.sql.databases.base import ROWS, DriverMissing, bounded_count, only_select
from nabe.adapters.sql.settings import Target
from nabe.adapters.sql.translate import Kind, Native, Relation, from_columns, mssql_kind
from nabe.model.dataset import Field
from nabe.model.expr import BBox, Compare, In
from nabe.ports.source import Capabilities, Mount
from nabe.query.sql import quoted

#: Connections of this process; the driver's own limit is 25 for all databases together.
_CONNECTIONS = 400

TABLES = """
SELECT s.name, o.name FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id
WHERE o.type IN ('U', 'V') AND o.is_ms_shipped = 0 AND (%s = '' OR s.name = %s) ORDER BY 1, 2
"""

HEAD = """
SELECT o.object_id, s.name, o.name, o.type, CAST(e.value AS nvarchar(4000)),
       (SELECT SUM(p.rows) FROM sys.partitions AS p WHERE p.object_id = o.object_id AND p.index_id IN (0, 1))
FROM sys.objects AS o JOIN sys.schemas AS s ON s.schema_id = o.schema_id
LEFT JOIN sys.extended_properties AS e
  ON e.class = 1 AND e.major_id = o.object_id AND e.minor_id = 0 AND e.name = 'MS_Description'
WHERE o.type IN ('U', 'V') AND s.name = %s AND o.name = %s
"""

COLUMNS = """
SELECT c.name, CASE WHEN c.system_type_id = 240 THEN TYPE_NAME(c.user_type_id) ELSE TYPE_NAME(c.system_type_id) END,
       c.max_length, c.precision, c.scale, c.is_nullable, CAST(e.value AS nvarchar(4000))
FROM sys.columns AS c LEFT JOIN sys.extended_properties AS e
  ON e.class = 1 AND e.major_id = c.object_id AND e.minor_id = c.column_id AND e.name = 'MS_Description'
WHERE c.object_id = %d ORDER BY c.column_id
"""

KEY = """
SELECT c.name FROM sys.indexes AS i
JOIN sys.index_columns AS x ON x.object_id = i.object_id AND x.index_id = i.index_id
JOIN sys.columns AS c ON c.object_id = x.object_id AND c.column_id = x.column_id
WHERE i.is_primary_key = 1 AND i.object_id = %d AND x.key_ordinal > 0 ORDER BY x.key_ordinal
"""

REFERENCES = """
SELECT a.name, s.name, o.name, b.name FROM sys.foreign_key_columns AS f
JOIN sys.columns AS a ON a.object_id = f.parent_object_id AND a.column_id = f.parent_column_id
JOIN sys.objects AS o ON o.object_id = f.referenced_object_id JOIN sys.schemas AS s ON s.schema_id = o.schema_id
JOIN sys.columns AS b ON b.object_id = f.referenced_object_id AND b.column_id = f.referenced_column_id
WHERE f.parent_object_id = (SELECT t.object_id FROM sys.objects AS t JOIN sys.schemas AS u ON u.schema_id = t.schema_id
                            WHERE u.name = %s AND t.name = %s)
ORDER BY f.constraint_object_id, f.constraint_column_id
"""


class SqlServer:
    """Microsoft SQL Server."""

    dialect: ClassVar[str] = "tsql"
    moves_geometry: ClassVar[bool] = False
    moves_times: ClassVar[bool] = False
    pages_by_key: ClassVar[bool] = True
    capabilities: ClassVar[Capabilities] = Capabilities()

    def connect(self, target: Target, timeout_s: float) -> Any:
        try:
            import pymssql
        except ImportError:
            raise DriverMissing("SQL Server", "mssql") from None
        pymssql.set_max_connections(_CONNECTIONS)
        return pymssql.connect(
            server=target.host,
            port=str(target.port),
            user=target.user or None,
            password=target.password,
            database=target.database,
            timeout=max(1, round(timeout_s)),  # of each wait for the server
            login_timeout=max(2, min(10, int(timeout_s))),
            charset="UTF-8",
            appname="nabe",
            autocommit=True,  # SQL Server has no session that only reads: what is sent is checked to be one SELECT
            read_only=True,  # a replica for reading is taken, if there is one
            encryption=target.options.get("encrypt"),
            arraysize=ROWS,
        )

    def alive(self, connection: Any) -> bool:
        with contextlib.suppress(Exception):
            return bool(_rows(connection, "SELECT 1"))
        return False

    def watched(self, connection: Any, timeout_s: float) -> AbstractContextManager[None]:
        return contextlib.nullcontext()  # the driver's own time-out ends each wait

    def tables(self, connection: Any, target: Target) -> list[str]:
        usual = ("dbo", target.schema)
        rows = _rows(connection, TABLES, (target.schema, target.schema))
        return [str(name) if schema in usual else f"{schema}.{name}" for schema, name in rows]

    def relation(self, connection: Any, target: Target, schema: str, table: str) -> Relation | None:
        head = _rows(connection, HEAD, (schema or target.schema or "dbo", table))
        if not head:
            return None
        id, schema, table, kind, comment, count = head[0]
        columns = {}
        for name, base, length, precision, scale, nullable, words in _rows(connection, COLUMNS, (int(id),)):
            native = native_name(str(base), int(length), int(precision), int(scale))
            columns[str(name)] = Native(str(name), mssql_kind(str(base)), native, bool(nullable), str(words or ""))
        sql = f"{quoted(schema, 'tsql')}.{quoted(table, 'tsql')}"
        for name, column in columns.items():
            if column.kind is Kind.GEOMETRY:
                columns[name] = column.placed(_srid(connection, sql, name), "GEOMETRY")
        key = tuple(str(name) for (name,) in _rows(connection, KEY, (int(id),)))
        rows = int(count) if count is not None and str(kind).strip() == "U" else None
        return Relation(schema, table, sql, columns, str(comment or ""), rows, key)

    def keys(self, connection: Any, relation: Relation) -> tuple[tuple[str, ...], tuple[tuple[str, str, str], ...]]:
        rows = _rows(connection, REFERENCES, (relation.schema, relation.name))
        made = [(a, table if schema == relation.schema else f"{schema}.{table}", b) for a, schema, table, b in rows]
        return relation.key, tuple(made)

    def expression(self, native: Native, field: Field, zone: str, crs: str) -> str:
        return mssql_sql.expression(native, field)

    def hint(self, native: Native, field: Field, part: Compare | In | BBox) -> str | None:
        return mssql_sql.bound(native, field, part)

    def bbox(self, native: Native, field: Field, box: BBox, crs: str) -> str:
        raise NotImplementedError  # not declared

    def stream(
        self, connection: Any, sql: str, schema: pa.Schema, timeout_s: float, *, steady: bool = False
    ) -> Iterator[pa.RecordBatch]:
        cursor = connection.cursor()
        cursor.execute(only_select(sql, self.dialect))
        while rows := cursor.fetchmany(ROWS):
            yield from_columns(list(zip(*rows, strict=True)), schema)
        cursor.close()

    def estimate(self, connection: Any, sql: str, relation: Relation, most: int) -> int:
        counting = f"SELECT COUNT_BIG(*) FROM (SELECT TOP ({most + 1:d}) 1 AS n FROM ({sql}) AS q) AS c"
        return bounded_count(sql, relation, most, lambda: _rows(connection, only_select(counting, self.dialect))[0][0])

    def mount(
        self, target: Target, relation: Relation, columns: dict[str, tuple[Native, Field]], timeout_s: float
    ) -> Mount | None:
        return None


def native_name(base: str, length: int, precision: int, scale: int) -> str:
    """A type as it is written in a table: `decimal(10,2)`, `nvarchar(40)`, `varchar(max)`. `length` is in bytes."""
    if base in ("decimal", "numeric"):
        return f"{base}({precision},{scale})"
    if base in ("char", "varchar", "binary", "varbinary"):
        return f"{base}({'max' if length < 0 else length})"
    if base in ("nchar", "nvarchar"):
        return f"{base}({'max' if length < 0 else length // 2})"
    return base


def _srid(connection: Any, table: str, column: str) -> int:
    """The reference system of the first geometry: SQL Server declares none for a column."""
    name = quoted(column, "tsql")
    rows = _rows(connection, f"SELECT TOP (1) {name}.STSrid FROM {table} WHERE {name} IS NOT NULL")
    return int(rows[0][0]) if rows and rows[0][0] else 0


def _rows(connection: Any, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    cursor = connection.cursor()
    try:
        cursor.execute(sql, values or None)
        return list(cursor.fetchall())
    finally:
        cursor.close()
