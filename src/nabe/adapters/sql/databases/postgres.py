"""PostgreSQL and PostGIS, by psycopg 3; rows come by COPY as CSV, which Arrow reads faster than any row-wise driver."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any, ClassVar

import psycopg
import pyarrow as pa
from psycopg.conninfo import make_conninfo

from nabe.adapters.sql.databases import postgres_sql
from nabe.adapters.sql.databases.base import ROWS, STREAM_FACTOR
from nabe.adapters.sql.guard import Guard
from nabe.adapters.sql.settings import Target
from nabe.adapters.sql.translate import Kind, Native, Relation, from_csv, postgres_kind
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import BBox, Compare, In
from nabe.ports.source import Capabilities, DatabaseMount, Mount
from nabe.query.sql import quoted

#: Kinds that DuckDB reads exactly as the hub means them.
_SAME = {
    Kind.TEXT: FieldType.STRING,
    Kind.INT: FieldType.INTEGER,
    Kind.FLOAT: FieldType.NUMBER,
    Kind.BOOL: FieldType.BOOLEAN,
    Kind.DATE: FieldType.DATE,
    Kind.TIMESTAMPTZ: FieldType.DATETIME,
}

_SESSION = """
SET default_transaction_read_only = on;
SET statement_timeout = {timeout_ms};
SET lock_timeout = {lock_ms};
SET idle_in_transaction_session_timeout = {idle_ms};
SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET extra_float_digits = 1; SET bytea_output = 'hex';
SELECT set_config('search_path', current_setting('search_path') || ', ' || quote_ident(n.nspname), false)
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
 WHERE e.extname = 'postgis' AND NOT n.nspname = ANY (current_schemas(true))
"""

_TABLES = """
SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND NOT c.relispartition
  AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
  AND (%(schema)s = '' OR n.nspname = %(schema)s) ORDER BY 1, 2
"""

_COLUMNS = """
SELECT a.attname, coalesce(b.typname, t.typname), format_type(coalesce(b.oid, a.atttypid), CASE WHEN b.oid IS NULL
       THEN a.atttypmod ELSE t.typtypmod END), NOT a.attnotnull, col_description(a.attrelid, a.attnum),
       coalesce(l.collisdeterministic, true)
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_type b ON b.oid = nullif(t.typbasetype, 0)
LEFT JOIN pg_collation l ON l.oid = a.attcollation
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""

_KEYS = """
SELECT k.contype::text, a.attname, fn.nspname, fc.relname, fa.attname FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS u(col, fcol, pos)
JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.col
LEFT JOIN pg_class fc ON fc.oid = k.confrelid LEFT JOIN pg_namespace fn ON fn.oid = fc.relnamespace
LEFT JOIN pg_attribute fa ON fa.attrelid = k.confrelid AND fa.attnum = u.fcol
WHERE n.nspname = %s AND c.relname = %s AND k.contype IN ('p', 'f') ORDER BY k.conname, u.pos
"""


class Postgres:
    """PostgreSQL."""

    dialect: ClassVar[str] = "postgres"
    moves_geometry: ClassVar[bool] = True
    moves_times: ClassVar[bool] = True
    pages_by_key: ClassVar[bool] = False
    capabilities: ClassVar[Capabilities] = Capabilities(
        filter=True, bbox=True, order=True, limit=True, floor=True, sql="postgres"
    )

    def connect(self, target: Target, timeout_s: float) -> Any:
        connection = psycopg.connect(_conninfo(target, timeout_s), autocommit=True, prepare_threshold=None)
        milliseconds = int(timeout_s * 1000)
        session = _SESSION.format(
            timeout_ms=milliseconds,
            lock_ms=min(5000, milliseconds),
            idle_ms=milliseconds * STREAM_FACTOR,
        )
        try:
            with self.watched(connection, timeout_s):
                connection.execute(session)
                with contextlib.suppress(psycopg.Error):  # from version 14 on: ends what nobody waits for any more
                    connection.execute("SET client_connection_check_interval = 2000")
        except BaseException:
            connection.close()
            raise
        return connection

    def alive(self, connection: Any) -> bool:
        with contextlib.suppress(Exception), self.watched(connection, 2.0):
            connection.execute("SELECT 1")
            return True
        return False

    def watched(self, connection: Any, timeout_s: float) -> AbstractContextManager[None]:
        return Guard(connection.fileno(), timeout_s + 0.5).waiting()  # the server's own time-out speaks first

    def tables(self, connection: Any, target: Target) -> list[str]:
        rows = connection.execute(_TABLES, {"schema": target.schema}).fetchall()
        return [name if schema in ("public", target.schema) else f"{schema}.{name}" for schema, name in rows]

    def relation(self, connection: Any, target: Target, schema: str, table: str) -> Relation | None:
        schema = schema or target.schema or "public"
        found = connection.execute(
            "SELECT c.oid, c.reltuples, obj_description(c.oid, 'pg_class'), c.relkind::text "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'v', 'm', 'p', 'f')",
            (schema, table),
        ).fetchone()
        if found is None:
            return None
        oid, tuples, comment, kind = found
        columns = {}
        sql = f"{quoted(schema, 'postgres')}.{quoted(table, 'postgres')}"
        for name, base, native, nullable, words, exact in connection.execute(_COLUMNS, (oid,)).fetchall():
            columns[name] = Native(name, postgres_kind(base), native, nullable, words or "", exact)
        if any(native.kind is Kind.GEOMETRY for native in columns.values()):
            columns = self._placed(connection, schema, table, sql, columns)
        rows = int(tuples) if tuples > 0 or (tuples == 0 and kind == "r") else None
        return Relation(schema, table, sql, columns, comment or "", rows)

    @staticmethod
    def _placed(connection: Any, schema: str, table: str, sql: str, columns: dict[str, Native]) -> dict[str, Native]:
        """With SRID and shape; where the column does not declare its SRID, that of its first geometry."""
        rows = connection.execute(
            "SELECT f_geometry_column, srid, type FROM geometry_columns WHERE f_table_schema = %s AND f_table_name = %s "
            "UNION ALL SELECT f_geography_column, srid, type FROM geography_columns "
            "WHERE f_table_schema = %s AND f_table_name = %s",
            (schema, table) * 2,
        ).fetchall()
        declared = {name: (srid, shape) for name, srid, shape in rows}
        made = dict(columns)
        for name, native in columns.items():
            if native.kind is not Kind.GEOMETRY:
                continue
            srid, shape = declared.get(name, (0, ""))
            if not srid:
                column = quoted(name, "postgres")
                with contextlib.suppress(psycopg.errors.InsufficientPrivilege, psycopg.errors.QueryCanceled):
                    first = connection.execute(
                        f"SELECT ST_SRID({column}::geometry) FROM {sql} WHERE {column} IS NOT NULL LIMIT 1"
                    ).fetchone()
                    srid = first[0] if first else 0
            made[name] = native.placed(srid, shape.upper())
        return made

    def keys(self, connection: Any, relation: Relation) -> tuple[tuple[str, ...], tuple[tuple[str, str, str], ...]]:
        rows = connection.execute(_KEYS, (relation.schema, relation.name)).fetchall()
        key = tuple(column for kind, column, _, _, _ in rows if kind == "p")
        references = tuple(
            (column, other if schema in ("public", relation.schema) else f"{schema}.{other}", there)
            for kind, column, schema, other, there in rows
            if kind == "f"
        )
        return key, references

    def expression(self, native: Native, field: Field, zone: str, crs: str) -> str:
        return postgres_sql.expression(native, field, zone, crs)

    def hint(self, native: Native, field: Field, part: Compare | In | BBox) -> str | None:
        if isinstance(part, BBox):
            return postgres_sql.near(native, part)
        return postgres_sql.hint(native, field, part)

    def bbox(self, native: Native, field: Field, box: BBox, crs: str) -> str:
        return postgres_sql.bbox(native, box, crs)

    def stream(
        self, connection: Any, sql: str, schema: pa.Schema, timeout_s: float, *, steady: bool = False
    ) -> Iterator[pa.RecordBatch]:
        guard = Guard(connection.fileno(), timeout_s)
        begin = f"BEGIN READ ONLY; SET LOCAL statement_timeout = {int(timeout_s * 1000) * STREAM_FACTOR}"
        if steady:  # workers deliver in any order, and scans may begin anywhere in the table
            begin += "; SET LOCAL max_parallel_workers_per_gather = 0; SET LOCAL synchronize_seqscans = off"
        with guard.waiting():
            connection.execute(begin)
        with connection.cursor() as cursor:
            with guard.waiting():
                copying = cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv, FORCE_QUOTE *)")
                copy = copying.__enter__()
            try:
                more = True
                while more:
                    held: list[bytes] = []
                    with guard.waiting():
                        while len(held) < ROWS and (row := copy.read()):
                            held.append(bytes(row))
                    more = len(held) == ROWS
                    if held:
                        yield from_csv(b"".join(held), schema)
            except BaseException as error:
                if not isinstance(error, (TimeoutError, psycopg.Error)):
                    # Nobody reads on: the rest is not worth waiting for, nor is a polite end of the COPY.
                    with contextlib.suppress(Exception):
                        connection.cancel_safe(timeout=2.0)
                raise
            with guard.waiting():
                copying.__exit__(None, None, None)
        with guard.waiting():
            connection.execute("COMMIT")

    def estimate(self, connection: Any, sql: str, relation: Relation, most: int) -> int:
        (plan,) = connection.execute(f"EXPLAIN (FORMAT JSON) {sql}").fetchone()
        plan = json.loads(plan) if isinstance(plan, str) else plan
        return int(plan[0]["Plan"]["Plan Rows"])

    def mount(
        self, target: Target, relation: Relation, columns: dict[str, tuple[Native, Field]], timeout_s: float
    ) -> Mount | None:
        if any(_SAME.get(native.kind) is not field.type for native, field in columns.values()):
            return None
        names = {field.name: native.name for native, field in columns.values()}
        conninfo = make_conninfo(
            _conninfo(target, timeout_s),
            options=f"-c default_transaction_read_only=on -c statement_timeout={int(timeout_s * 1000)}",
        )
        return DatabaseMount("postgres", conninfo, relation.schema, relation.name, names, timeout_s)


def _conninfo(target: Target, timeout_s: float) -> str:
    return make_conninfo(
        host=target.host,
        port=target.port,
        dbname=target.database,
        user=target.user or None,
        password=target.password or None,
        connect_timeout=max(2, min(10, int(timeout_s))),
        application_name="nabe",
        **dict(target.options),
    )
