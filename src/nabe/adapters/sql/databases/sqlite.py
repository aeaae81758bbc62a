"""SQLite files, by the standard library; opened read-only, a statement is stopped when its time is up."""

from __future__ import annotations

import contextlib
import datetime as dt
import sqlite3
import time
from collections.abc import Iterator
from typing import Any, ClassVar
from urllib.parse import quote

import pyarrow as pa

from nabe.adapters.sql.databases.base import ROWS
from nabe.adapters.sql.settings import Target
from nabe.adapters.sql.translate import Kind, Native, Relation, from_columns, sqlite_kind
from nabe.adapters.sql.zones import to_utc
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import BBox
from nabe.ports.source import Capabilities, Mount
from nabe.query.sql import CASEFOLD, quoted

_UTC = "nabe_utc"


class Sqlite:
    """SQLite."""

    dialect: ClassVar[str] = "sqlite"
    capabilities: ClassVar[Capabilities] = Capabilities(filter=True, order=True, limit=True, floor=True, sql="sqlite")

    def connect(self, target: Target, timeout_s: float) -> Any:
        assert target.path is not None
        if not target.path.is_file():
            raise FileNotFoundError(target.path.name)
        address = f"file:{quote(str(target.path))}?mode=ro"
        connection = _Timed.open(address, timeout_s)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.create_function(CASEFOLD, 1, _casefold, deterministic=True)
        connection.create_function(_UTC, 2, _as_utc, deterministic=True)
        return connection

    def alive(self, connection: Any) -> bool:
        return True

    def tables(self, connection: Any, target: Target) -> list[str]:
        rows = connection.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' ORDER BY 1"
        )
        return [row[0] for row in rows]

    def relation(self, connection: Any, target: Target, schema: str, table: str) -> Relation | None:
        rows = connection.execute('SELECT name, type, "notnull" FROM pragma_table_info(?)', (table,)).fetchall()
        if not rows:
            return None
        columns = {name: Native(name, sqlite_kind(kind), kind, not needed) for name, kind, needed in rows}
        return Relation("", table, quoted(table, "sqlite"), columns)

    def keys(self, connection: Any, relation: Relation) -> tuple[tuple[str, ...], tuple[tuple[str, str, str], ...]]:
        rows = connection.execute(
            "SELECT name, pk FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (relation.name,)
        )
        key = tuple(row[0] for row in rows)
        foreign = connection.execute(
            'SELECT "from", "table", "to" FROM pragma_foreign_key_list(?)', (relation.name,)
        ).fetchall()
        return key, tuple((column, table, other or column) for column, table, other in foreign)

    def expression(self, native: Native, field: Field, zone: str) -> str:
        name = quoted(native.name, "sqlite")
        number = f"typeof({name}) IN ('integer', 'real')"
        match field.type:
            case FieldType.STRING:
                return f"CASE WHEN typeof({name}) = 'blob' THEN lower(hex({name})) ELSE CAST({name} AS TEXT) END"
            case FieldType.INTEGER:
                return name if native.kind is Kind.INT else f"CASE WHEN {number} THEN CAST({name} AS INTEGER) END"
            case FieldType.NUMBER:
                return f"CASE WHEN {number} THEN CAST({name} AS REAL) END"
            case FieldType.BOOLEAN:
                words = f"lower({name}) IN ('t', 'true', '1', 'ja')"
                return f"CASE WHEN {number} THEN {name} <> 0 WHEN {name} IS NOT NULL THEN {words} END"
            case FieldType.DATE:
                return f"date({name})"
            case FieldType.DATETIME:
                place = "UTC" if native.kind is Kind.TIMESTAMPTZ else zone
                return f"{_UTC}({name}, '{place}')"
            case _:
                return name

    def output(self, name: str, kind: pa.DataType) -> str:
        return f"CAST({name} AS REAL)" if pa.types.is_floating(kind) else name

    def bbox(self, native: Native, box: BBox) -> str:
        raise NotImplementedError

    def stream(self, connection: Any, sql: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        cursor = connection.execute(sql)
        try:
            while rows := cursor.fetchmany(ROWS):
                yield from_columns(list(zip(*rows, strict=True)), schema)
        finally:
            cursor.close()

    def estimate(self, connection: Any, sql: str, most: int) -> int:
        (rows,) = connection.execute(f"SELECT count(*) FROM (SELECT 1 FROM ({sql}) LIMIT {most + 1:d})").fetchone()
        return int(rows)

    def mount(
        self, target: Target, relation: Relation, columns: dict[str, tuple[Native, Field]], timeout_s: float
    ) -> Mount | None:
        return None  # its loosely typed values would stop the engine


class _Timed(sqlite3.Connection):
    """A connection whose statements are stopped after their time."""

    _until = 0.0
    _seconds = 30.0

    @classmethod
    def open(cls, address: str, seconds: float) -> _Timed:
        made = sqlite3.connect(address, uri=True, timeout=min(5.0, seconds), check_same_thread=False, factory=cls)
        made._seconds = seconds
        made.set_progress_handler(lambda: int(time.monotonic() > made._until), 10_000)
        made._until = time.monotonic() + seconds
        return made

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        self._until = time.monotonic() + self._seconds
        return super().execute(sql, parameters)


def _casefold(text: Any) -> Any:
    return text.casefold() if isinstance(text, str) else text


def _as_utc(value: Any, zone: str) -> str | None:
    """A moment as UTC text that sorts; seconds since 1970 are taken as such."""
    with contextlib.suppress(ValueError, OverflowError, OSError, TypeError):
        if isinstance(value, (int, float)):
            moment = dt.datetime.fromtimestamp(value, dt.UTC)
        else:
            moment = dt.datetime.fromisoformat(str(value).strip())
            moment = to_utc(moment, zone) if moment.tzinfo is None else moment.astimezone(dt.UTC)
        return moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    return None
