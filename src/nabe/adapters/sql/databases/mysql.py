"""MariaDB and MySQL, by PyMySQL; rows come by an unbuffered cursor."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar

import pyarrow as pa
import pymysql
from pymysql.cursors import SSCursor

from nabe.adapters.sql.databases.base import ROWS
from nabe.adapters.sql.settings import Target
from nabe.adapters.sql.translate import Kind, Native, Relation, from_columns, mysql_kind
from nabe.adapters.sql.zones import mysql_utc
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import BBox
from nabe.ports.source import Capabilities, Mount
from nabe.query.sql import quoted

_NUMERIC = "'^[[:space:]]*[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?[[:space:]]*$'"


class MySql:
    """MariaDB and MySQL."""

    dialect: ClassVar[str] = "mysql"
    capabilities: ClassVar[Capabilities] = Capabilities(filter=True, order=True, limit=True, floor=True, sql="mysql")

    def connect(self, target: Target, timeout_s: float) -> Any:
        connection = pymysql.connect(
            host=target.host,
            port=target.port,
            user=target.user,
            password=target.password,
            database=target.database,
            charset="utf8mb4",
            connect_timeout=max(2, min(10, int(timeout_s))),
            read_timeout=int(timeout_s) + 2,
            autocommit=True,
            ssl={"ca": target.options["ssl_ca"]} if "ssl_ca" in target.options else None,
        )
        with connection.cursor() as cursor:
            cursor.execute("SET SESSION TRANSACTION READ ONLY")
            cursor.execute("SET time_zone = '+00:00', sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'")
            with contextlib.suppress(pymysql.MySQLError):
                cursor.execute(f"SET max_statement_time = {timeout_s:g}")  # MariaDB
            with contextlib.suppress(pymysql.MySQLError):
                cursor.execute(f"SET max_execution_time = {int(timeout_s * 1000)}")  # MySQL
            cursor.execute("SET sql_mode = ''")
        return connection

    def alive(self, connection: Any) -> bool:
        with contextlib.suppress(Exception):
            connection.ping(reconnect=False)
            return True
        return False

    def tables(self, connection: Any, target: Target) -> list[str]:
        rows = _rows(
            connection, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() ORDER BY 1"
        )
        return [str(row[0]) for row in rows]

    def relation(self, connection: Any, target: Target, schema: str, table: str) -> Relation | None:
        where = (schema or target.schema or target.database, table)
        head = _rows(
            connection,
            "SELECT table_rows, table_comment, table_type FROM information_schema.tables "
            "WHERE table_schema = %s AND table_name = %s",
            where,
        )
        if not head:
            return None
        rows = _rows(
            connection,
            "SELECT column_name, column_type, is_nullable, column_comment FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            where,
        )
        columns = {
            str(name): Native(str(name), mysql_kind(str(kind)), str(kind), nullable == "YES", str(words or ""))
            for name, kind, nullable, words in rows
        }
        count, comment, _ = head[0]
        sql = ".".join(quoted(part, "mysql") for part in where)
        comment = "" if comment == "VIEW" else str(comment or "")
        return Relation(where[0], table, sql, columns, comment, int(count) if count is not None else None)

    def keys(self, connection: Any, relation: Relation) -> tuple[tuple[str, ...], tuple[tuple[str, str, str], ...]]:
        rows = _rows(
            connection,
            "SELECT constraint_name, column_name, referenced_table_name, referenced_column_name "
            "FROM information_schema.key_column_usage WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            (relation.schema, relation.name),
        )
        key = tuple(str(row[1]) for row in rows if row[0] == "PRIMARY")
        return key, tuple((str(row[1]), str(row[2]), str(row[3])) for row in rows if row[2])

    def expression(self, native: Native, field: Field, zone: str) -> str:
        name, kind = quoted(native.name, "mysql"), native.kind
        text = kind in (Kind.TEXT, Kind.CASTABLE)
        match field.type:
            case FieldType.STRING:
                if kind is Kind.TEXT:
                    return name
                return f"LOWER(HEX({name}))" if kind is Kind.BINARY else f"CONVERT({name} USING utf8mb4)"
            case FieldType.INTEGER:
                return (
                    f"IF({name} REGEXP {_NUMERIC}, CAST({name} AS SIGNED), NULL)" if text else f"CAST({name} AS SIGNED)"
                )
            case FieldType.NUMBER:
                return (
                    f"IF({name} REGEXP {_NUMERIC}, CAST({name} AS DOUBLE), NULL)" if text else f"CAST({name} AS DOUBLE)"
                )
            case FieldType.BOOLEAN:
                return (
                    f"({name} <> 0)"
                    if kind in (Kind.BOOL, Kind.INT, Kind.DECIMAL)
                    else f"({name} IN ('t', 'true', '1'))"
                )
            case FieldType.DATE:
                return f"CAST({name} AS DATE)"
            case FieldType.DATETIME:
                return name if kind is Kind.TIMESTAMPTZ else mysql_utc(f"CAST({name} AS DATETIME(6))", zone)
            case _:
                return f"ST_AsBinary({name})"

    def output(self, name: str, kind: pa.DataType) -> str:
        return name  # a SELECT around the ordered one would lose its order here

    def bbox(self, native: Native, box: BBox) -> str:
        raise NotImplementedError

    def stream(self, connection: Any, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        cursor = connection.cursor(SSCursor)
        try:
            cursor.execute(sql)
            while rows := cursor.fetchmany(ROWS):
                yield from_columns(list(zip(*rows, strict=True)), schema)
        finally:
            cursor.close()

    def estimate(self, connection: Any, sql: str, most: int) -> int:
        rows = _rows(connection, f"EXPLAIN {sql}")
        guesses = [int(row[8 if len(row) <= 10 else 9] or 0) for row in rows if len(row) > 8]
        return max(guesses, default=0)

    def mount(
        self, target: Target, relation: Relation, columns: dict[str, tuple[Native, Field]], timeout_s: float
    ) -> Mount | None:
        return None  # the engine's reader folds case in comparisons, which the hub does not mean


def _rows(connection: Any, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        return list(cursor.fetchall())
