"""MariaDB and MySQL, by PyMySQL; rows come by an unbuffered cursor as text, which Arrow casts column by column."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import pyarrow as pa
import pymysql
from pymysql.constants import FIELD_TYPE
from pymysql.cursors import SSCursor

from nabe.adapters.sql.databases import mysql_sql
from nabe.adapters.sql.databases.base import ROWS, STREAM_FACTOR
from nabe.adapters.sql.settings import Target
from nabe.adapters.sql.translate import Kind, Native, Relation, from_columns, mysql_kind
from nabe.model.dataset import Field
from nabe.model.expr import BBox, Compare, In
from nabe.ports.source import Capabilities, Mount
from nabe.query.sql import quoted

_SYSTEM = "('mysql', 'information_schema', 'performance_schema', 'sys')"


class MySql:
    """MariaDB and MySQL. (Only MariaDB is run by the tests.)"""

    dialect: ClassVar[str] = "mysql"
    moves_geometry: ClassVar[bool] = False
    moves_times: ClassVar[bool] = True
    pages_by_key: ClassVar[bool] = False
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
            read_timeout=timeout_s + 0.5,  # of each wait; the server's own time-out speaks first
            write_timeout=timeout_s + 0.5,
            autocommit=True,
            local_infile=False,
            ssl={"ca": target.options["ssl_ca"]} if "ssl_ca" in target.options else None,
        )
        try:
            with connection.cursor() as cursor:
                # An empty mode: literals are written for it, and a value that does not fit is NULL, not an error.
                cursor.execute("SET SESSION TRANSACTION READ ONLY")
                cursor.execute("SET time_zone = '+00:00', sql_mode = '', net_write_timeout = 600")
            _most(connection, timeout_s)
        except BaseException:
            connection.close()
            raise
        return connection

    def alive(self, connection: Any) -> bool:
        with contextlib.suppress(Exception):
            before, connection._read_timeout = connection._read_timeout, 2.0
            connection.ping(reconnect=False)
            connection._read_timeout = before
            return True
        return False

    def watched(self, connection: Any, timeout_s: float) -> AbstractContextManager[None]:
        return contextlib.nullcontext()  # the driver's own read time-out ends each wait

    def tables(self, connection: Any, target: Target) -> list[str]:
        schema = target.schema or target.database
        rows = _rows(
            connection,
            "SELECT table_schema, table_name FROM information_schema.tables "
            f"WHERE table_schema = %s AND table_schema NOT IN {_SYSTEM} AND table_type IN ('BASE TABLE', 'VIEW') ORDER BY 2",
            (schema,),
        )
        return [str(name) for _, name in rows]

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
            "SELECT column_name, column_type, is_nullable, column_comment, character_set_name "
            "FROM information_schema.columns WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            where,
        )
        columns = {}
        collation = _by_code_point(str(connection.get_server_info()))
        for name, native, nullable, words, charset in rows:
            columns[str(name)] = Native(
                str(name),
                mysql_kind(str(native)),
                str(native),
                nullable == "YES",
                str(words or ""),
                charset in (None, "utf8mb4"),
                collation=collation,
            )
        if any(native.kind is Kind.GEOMETRY for native in columns.values()):
            columns |= _placed(connection, where, columns)
        count, comment, form = head[0]
        view = form == "VIEW"
        sql = ".".join(quoted(part, "mysql") for part in where)
        words = "" if view else str(comment or "")
        return Relation(where[0], table, sql, columns, words, int(count) if count is not None and not view else None)

    def keys(self, connection: Any, relation: Relation) -> tuple[tuple[str, ...], tuple[tuple[str, str, str], ...]]:
        rows = _rows(
            connection,
            "SELECT constraint_name, column_name, referenced_table_name, referenced_column_name "
            "FROM information_schema.key_column_usage WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position",
            (relation.schema, relation.name),
        )
        key = tuple(str(row[1]) for row in rows if row[0] == "PRIMARY")
        return key, tuple((str(row[1]), str(row[2]), str(row[3])) for row in rows if row[2])

    def expression(self, native: Native, field: Field, zone: str, crs: str) -> str:
        return mysql_sql.expression(native, field, zone)

    def hint(self, native: Native, field: Field, part: Compare | In | BBox) -> str | None:
        return None if isinstance(part, BBox) else mysql_sql.hint(native, field, part)

    def bbox(self, native: Native, field: Field, box: BBox, crs: str) -> str:
        raise NotImplementedError  # not declared: geometry comes in the table's CRS, the hub compares in degrees

    def stream(
        self, connection: Any, sql: str, schema: pa.Schema, timeout_s: float, *, steady: bool = False
    ) -> Iterator[pa.RecordBatch]:
        cursor = connection.cursor(SSCursor)
        kept = connection.decoders
        connection.decoders = _AS_SENT
        _most(connection, timeout_s * STREAM_FACTOR)
        ended = False
        try:
            cursor.execute(sql)
            while rows := cursor.fetchmany(ROWS):
                yield from_columns(list(zip(*rows, strict=True)), schema)
            ended = True
        finally:
            connection.decoders = kept
            if ended:
                cursor.close()
                _most(connection, timeout_s)
            else:  # closing politely would read all the rest
                if connection._result is not None:
                    connection._result.unbuffered_active = False
                cursor.connection = None
                _kill(connection)
                connection._force_close()

    def estimate(self, connection: Any, sql: str, relation: Relation, most: int) -> int:
        (text,) = _rows(connection, f"EXPLAIN FORMAT=JSON {sql}")[0]
        return _planned(json.loads(text))

    def mount(
        self, target: Target, relation: Relation, columns: dict[str, tuple[Native, Field]], timeout_s: float
    ) -> Mount | None:
        return None  # the engine's reader folds case in comparisons, which the hub does not mean


class _AsSent(dict[int, Any]):
    """Decoders that leave every value as the server's text."""

    def get(self, key: int, default: Any = None) -> Any:
        return None

    def __getitem__(self, key: int) -> Any:
        return None


_AS_SENT = _AsSent({FIELD_TYPE.VAR_STRING: None})


def _by_code_point(server: str) -> str:
    """The collation that compares by code point. `utf8mb4_bin` pads with blanks: it equals 'a' and 'a ', and puts 'a' behind
    'a' and a line break; only servers too old for another get it."""
    if "MariaDB" in server:
        return "utf8mb4_nopad_bin"
    found = re.match(r"(\d+)\.(\d+)\.(\d+)", server)
    return "utf8mb4_0900_bin" if found and tuple(map(int, found.groups())) >= (8, 0, 17) else "utf8mb4_bin"


def _most(connection: Any, seconds: float) -> None:
    """The longest that a statement may take: MariaDB in seconds, MySQL in milliseconds."""
    maria = "MariaDB" in str(connection.get_server_info())
    with connection.cursor() as cursor:
        cursor.execute(
            f"SET max_statement_time = {seconds:.3f}" if maria else f"SET max_execution_time = {int(seconds * 1000)}"
        )


def _kill(connection: Any) -> None:
    """Ask the server, by another connection, to end a statement that nobody waits for."""
    with contextlib.suppress(Exception):
        other = pymysql.connect(
            host=connection.host,
            port=connection.port,
            user=connection.user,
            password=connection.password,
            connect_timeout=2,
            read_timeout=2,
            ssl=connection.ctx,
        )
        with contextlib.closing(other), other.cursor() as cursor:
            cursor.execute(f"KILL QUERY {int(connection.thread_id())}")


def _placed(connection: Any, where: tuple[str, str], columns: dict[str, Native]) -> dict[str, Native]:
    """Geometry columns with the CRS of their first geometry (declared ones are in tables that differ by product)."""
    made = {}
    for name, native in columns.items():
        if native.kind is not Kind.GEOMETRY:
            continue
        table, column = ".".join(quoted(part, "mysql") for part in where), quoted(name, "mysql")
        srid = 0
        with contextlib.suppress(pymysql.MySQLError):
            first = _rows(connection, f"SELECT ST_SRID({column}) FROM {table} WHERE {column} IS NOT NULL LIMIT 1")
            srid = int(first[0][0]) if first else 0
        made[name] = native.placed(srid, native.native.upper())
    return made


def _planned(plan: Any) -> int:
    """The largest number of rows that any step of the plan hands on."""
    found = 0
    if isinstance(plan, dict):
        rows = plan.get("rows", plan.get("rows_examined_per_scan"))
        if isinstance(rows, (int, float)):
            found = int(rows * float(plan.get("filtered", 100)) / 100)
        plan = list(plan.values())
    if isinstance(plan, list):
        found = max([found, *(_planned(item) for item in plan)])
    return found


def _rows(connection: Any, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values or None)
        return list(cursor.fetchall())
