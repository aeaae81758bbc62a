"""PostgreSQL and PostGIS, by psycopg 3; rows come by COPY."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any, ClassVar

import psycopg
import pyarrow as pa
from psycopg.conninfo import make_conninfo

from nabe.adapters.sql.databases.base import ROWS
from nabe.adapters.sql.settings import Target
from nabe.adapters.sql.translate import Kind, Native, Relation, from_csv, postgres_kind
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import BBox
from nabe.ports.source import Capabilities, DatabaseMount, Mount
from nabe.query.sql import quoted

_NUMERIC = r"'^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$'"
#: Kinds that DuckDB reads exactly as the hub means them.
_SAME = {
    Kind.TEXT: FieldType.STRING,
    Kind.INT: FieldType.INTEGER,
    Kind.FLOAT: FieldType.NUMBER,
    Kind.BOOL: FieldType.BOOLEAN,
    Kind.DATE: FieldType.DATE,
    Kind.TIMESTAMPTZ: FieldType.DATETIME,
}


class Postgres:
    """PostgreSQL."""

    dialect: ClassVar[str] = "postgres"
    capabilities: ClassVar[Capabilities] = Capabilities(
        filter=True, bbox=True, order=True, limit=True, floor=True, sql="postgres"
    )

    def connect(self, target: Target, timeout_s: float) -> Any:
        connection = psycopg.connect(_conninfo(target, timeout_s), autocommit=True)
        connection.execute(
            "SET TimeZone = 'UTC'; SET extra_float_digits = 1; SET DateStyle = ISO; SET lock_timeout = 5000"
        )
        return connection

    def alive(self, connection: Any) -> bool:
        with contextlib.suppress(psycopg.Error):
            connection.execute("SELECT 1")
            return True
        return False

    def tables(self, connection: Any, target: Target) -> list[str]:
        rows = connection.execute(
            "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' "
            "AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') "
            "AND (%(s)s = '' OR n.nspname = %(s)s) ORDER BY 1, 2",
            {"s": target.schema},
        ).fetchall()
        return [name if schema in ("public", target.schema) else f"{schema}.{name}" for schema, name in rows]

    def relation(self, connection: Any, target: Target, schema: str, table: str) -> Relation | None:
        schema = schema or target.schema or "public"
        found = connection.execute(
            "SELECT c.oid, c.reltuples, obj_description(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'v', 'm', 'p', 'f')",
            (schema, table),
        ).fetchone()
        if found is None:
            return None
        oid, tuples, comment = found
        rows = connection.execute(
            "SELECT a.attname, coalesce(b.typname, t.typname), format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, "
            "col_description(a.attrelid, a.attnum), t.typtype, a.atttypmod "
            "FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
            "LEFT JOIN pg_type b ON b.oid = t.typbasetype WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped "
            "ORDER BY a.attnum",
            (oid,),
        ).fetchall()
        srids = self._srids(connection, schema, table)
        columns = {}
        for name, base, native, nullable, words, _, _ in rows:
            srid, shape = srids.get(name, (0, ""))
            kind = postgres_kind(base)
            columns[name] = Native(name, kind, native, nullable, words or "", kind is not Kind.DECIMAL, srid, shape)
        sql = f"{quoted(schema, 'postgres')}.{quoted(table, 'postgres')}"
        return Relation(schema, table, sql, columns, comment or "", int(tuples) if tuples >= 0 else None)

    @staticmethod
    def _srids(connection: Any, schema: str, table: str) -> dict[str, tuple[int, str]]:
        try:
            rows = connection.execute(
                "SELECT f_geometry_column, srid, type FROM geometry_columns WHERE f_table_schema = %s AND f_table_name = %s",
                (schema, table),
            ).fetchall()
        except psycopg.errors.UndefinedTable:
            return {}
        return {name: (srid, shape) for name, srid, shape in rows}

    def keys(self, connection: Any, relation: Relation) -> tuple[tuple[str, ...], tuple[tuple[str, str, str], ...]]:
        rows = connection.execute(
            "SELECT k.contype, a.attname, fc.relname, fa.attname FROM pg_constraint k "
            "JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
            "CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY AS u(col, fcol, pos) "
            "JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.col "
            "LEFT JOIN pg_class fc ON fc.oid = k.confrelid "
            "LEFT JOIN pg_attribute fa ON fa.attrelid = k.confrelid AND fa.attnum = u.fcol "
            "WHERE n.nspname = %s AND c.relname = %s AND k.contype IN ('p', 'f') ORDER BY k.conname, u.pos",
            (relation.schema, relation.name),
        ).fetchall()
        key = tuple(row[1] for row in rows if row[0] in ("p", b"p"))
        return key, tuple((row[1], row[2], row[3]) for row in rows if row[0] in ("f", b"f"))

    def expression(self, native: Native, field: Field, zone: str) -> str:
        name, kind = quoted(native.name, "postgres"), native.kind
        text = kind in (Kind.TEXT, Kind.CASTABLE)
        match field.type:
            case FieldType.STRING:
                return (
                    name
                    if kind is Kind.TEXT
                    else (f"encode({name}, 'hex')" if kind is Kind.BINARY else f"{name}::text")
                )
            case FieldType.INTEGER:
                guarded = f"CASE WHEN {name}::text ~ {_NUMERIC} THEN {name}::text::numeric::bigint END"
                return name if kind is Kind.INT else (guarded if text else f"{name}::bigint")
            case FieldType.NUMBER:
                guarded = f"CASE WHEN {name}::text ~ {_NUMERIC} THEN {name}::text::float8 END"
                return guarded if text else f"{name}::float8"
            case FieldType.BOOLEAN:
                return name if kind is Kind.BOOL else f"({name}::text IN ('t', 'true', '1'))"
            case FieldType.DATE:
                return name if kind is Kind.DATE else f"{name}::date"
            case FieldType.DATETIME:
                if kind is Kind.TIMESTAMPTZ:
                    return name
                return f"({name}::timestamp AT TIME ZONE '{zone}')"
            case _:
                return f"ST_AsBinary(ST_Transform({_placed(name, native)}, 4326))"

    def output(self, name: str, kind: pa.DataType) -> str:
        if pa.types.is_timestamp(kind):
            return f"to_char({name} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"
        if pa.types.is_floating(kind):
            return f"{name}::float8"
        if pa.types.is_integer(kind):
            return f"{name}::bigint"
        return f"{name}::text" if pa.types.is_string(kind) else name

    def bbox(self, native: Native, box: BBox) -> str:
        name = _placed(quoted(native.name, "postgres"), native)
        parts = [(box.west, box.east)] if box.west <= box.east else [(box.west, 180.0), (-180.0, box.east)]
        made = []
        for west, east in parts:
            envelope = f"ST_MakeEnvelope({west!r}, {box.south!r}, {east!r}, {box.north!r}, 4326)"
            exact = f"ST_Transform({name}, 4326) && {envelope}"
            if native.srid and native.srid != 4326:
                # The first condition uses the table's index; a little wider, since a box is no box in another projection.
                around = f"ST_Expand(ST_Transform({envelope}, {native.srid}), 500)"
                exact = f"{name} && {around} AND {exact}" if abs(east - west) < 30 else exact
            made.append(f"({exact})")
        return f"({' OR '.join(made)})"

    def stream(self, connection: Any, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        with connection.cursor() as cursor, cursor.copy(f"COPY ({sql}) TO STDOUT (FORMAT csv, FORCE_QUOTE *)") as copy:
            held: list[bytes] = []
            for row in copy:
                held.append(bytes(row))
                if len(held) >= ROWS:
                    yield from_csv(b"".join(held), schema)
                    held = []
            if held:
                yield from_csv(b"".join(held), schema)

    def estimate(self, connection: Any, sql: str, most: int) -> int:
        (plan,) = connection.execute(f"EXPLAIN (FORMAT JSON) {sql}").fetchone()
        plan = json.loads(plan) if isinstance(plan, str) else plan
        return int(plan[0]["Plan"]["Plan Rows"])

    def mount(
        self, target: Target, relation: Relation, columns: dict[str, tuple[Native, Field]], timeout_s: float
    ) -> Mount | None:
        if any(_SAME.get(native.kind) is not field.type for native, field in columns.values()):
            return None
        names = {field.name: native.name for native, field in columns.values()}
        return DatabaseMount("postgres", _conninfo(target, timeout_s), relation.schema, relation.name, names, timeout_s)


def _placed(name: str, native: Native) -> str:
    """Geometry without a CRS is taken for CRS84."""
    return f"{name}::geometry" if native.srid else f"ST_SetSRID({name}::geometry, 4326)"


def _conninfo(target: Target, timeout_s: float) -> str:
    return make_conninfo(
        host=target.host,
        port=target.port,
        dbname=target.database,
        user=target.user,
        password=target.password,
        connect_timeout=max(2, min(10, int(timeout_s))),
        application_name="nabe",
        options=f"-c default_transaction_read_only=on -c statement_timeout={int(timeout_s * 1000)}",
        **dict(target.options),
    )
