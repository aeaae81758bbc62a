"""SQLite files, by the standard library; opened read-only, a statement is stopped when its time is up."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote

import pyarrow as pa

from nabe.adapters.sql.databases import sqlite_values as values
from nabe.adapters.sql.databases.base import ROWS, Unfit, around_number
from nabe.adapters.sql.settings import Target
from nabe.adapters.sql.translate import Kind, Native, Relation, from_columns, sqlite_kind
from nabe.model.dataset import Field, FieldType
from nabe.model.expr import BBox, Compare, In, Op
from nabe.ports.source import Capabilities, Mount
from nabe.query.sql import CASEFOLD, literal, quoted

#: What a statement may do. Everything else (writing, ATTACH, settings) is refused before it runs.
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE})
_FORBIDDEN = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer", "zeroblob", "randomblob"})
_DESCRIBING = frozenset({"table_info", "table_xinfo", "foreign_key_list", "index_list"})
#: An estimate that would take longer is given up for the size of the table.
_ESTIMATE_S = 1.0


class Sqlite:
    """SQLite."""

    dialect: ClassVar[str] = "sqlite"
    moves_geometry: ClassVar[bool] = True
    moves_times: ClassVar[bool] = True
    pages_by_key: ClassVar[bool] = False
    capabilities: ClassVar[Capabilities] = Capabilities(
        filter=True, bbox=True, order=True, limit=True, floor=True, sql="sqlite"
    )

    def connect(self, target: Target, timeout_s: float) -> Any:
        assert target.path is not None
        if not target.path.is_file():
            raise FileNotFoundError(target.path.name)
        connection = _Timed.open(f"file:{quote(str(target.path))}?mode=ro", timeout_s)
        connection.path, connection.identity = target.path, _identity(target.path)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("SELECT count(*) FROM sqlite_master")  # is it a database at all?
        connection.create_function(CASEFOLD, 1, values.casefold, deterministic=True)
        for name, arguments, function in values.FUNCTIONS:
            connection.create_function(name, arguments, function, deterministic=True)
        for pragma in _DESCRIBING:  # their first use declares a virtual table, which is not permitted later
            connection.execute(f"SELECT * FROM pragma_{pragma}('sqlite_master')").fetchall()
        connection.set_authorizer(_permitted)
        return connection

    def alive(self, connection: Any) -> bool:
        return bool(connection.identity == _identity(connection.path))  # a file put in its place is another database

    def watched(self, connection: Any, timeout_s: float) -> AbstractContextManager[None]:
        return contextlib.nullcontext()  # the progress handler stops it

    def tables(self, connection: Any, target: Target) -> list[str]:
        rows = connection.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite#_%' ESCAPE '#' "
            "ORDER BY 1"
        )
        return [row[0] for row in rows]

    def relation(self, connection: Any, target: Target, schema: str, table: str) -> Relation | None:
        rows = connection.execute(
            'SELECT name, type, "notnull" FROM pragma_table_xinfo(?) WHERE hidden <> 1', (table,)
        ).fetchall()
        if not rows:
            return None
        columns = {name: Native(name, sqlite_kind(kind), kind, not needed) for name, kind, needed in rows}
        sql = quoted(table, "sqlite")
        (kind,) = connection.execute("SELECT type FROM sqlite_master WHERE name = ?", (table,)).fetchone() or ("",)
        return Relation("", table, sql, columns, rows=_size(connection, sql) if kind == "table" else None)

    def keys(self, connection: Any, relation: Relation) -> tuple[tuple[str, ...], tuple[tuple[str, str, str], ...]]:
        rows = connection.execute(
            "SELECT name, pk FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", (relation.name,)
        )
        key = tuple(row[0] for row in rows)
        foreign = connection.execute(
            'SELECT "from", "table", "to" FROM pragma_foreign_key_list(?)', (relation.name,)
        ).fetchall()
        made = []
        for column, table, other in foreign:
            if other is None:  # REFERENCES other_table: its primary key is meant
                found = connection.execute("SELECT name FROM pragma_table_info(?) WHERE pk = 1", (table,)).fetchone()
                other = found[0] if found else column
            made.append((column, table, other))
        return key, tuple(made)

    def expression(self, native: Native, field: Field, zone: str, crs: str) -> str:
        name = _column(native.name)
        kind = f"CASE typeof({name})"
        # CASE also takes away a column's own collation, so that texts are told apart by their bytes.
        match field.type:
            case FieldType.STRING:
                return f"{kind} WHEN 'blob' THEN lower(hex({name})) WHEN 'null' THEN NULL ELSE CAST({name} AS TEXT) END"
            case FieldType.INTEGER:
                return f"{kind} WHEN 'integer' THEN {name} WHEN 'null' THEN NULL ELSE {values.WHOLE}({name}) END"
            case FieldType.NUMBER:
                numbers = f"WHEN 'real' THEN {name} WHEN 'integer' THEN CAST({name} AS REAL) WHEN 'null' THEN NULL"
                return f"{kind} {numbers} ELSE {values.NUMBER}({name}) END"
            case FieldType.BOOLEAN:
                return f"CASE WHEN {name} IN (0, 1) THEN {name} WHEN {name} IS NOT NULL THEN {values.TRUTH}({name}) END"
            case FieldType.DATE:
                plain = f"{name} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' AND date({name}) = {name}"
                return f"CASE WHEN {plain} THEN {name} ELSE {values.DAY}({name}, {literal(zone, 'sqlite')}) END"
            case FieldType.DATETIME:
                place = "UTC" if native.kind is Kind.TIMESTAMPTZ else zone
                return f"{values.MOMENT}({name}, {literal(place, 'sqlite')})"
            case FieldType.GEOMETRY:
                if native.kind in (Kind.INT, Kind.DECIMAL, Kind.FLOAT, Kind.BOOL, Kind.DATE):
                    raise Unfit
                return f"{values.WKB}({name}, {literal(crs, 'sqlite')})"

    def hint(self, native: Native, field: Field, part: Compare | In | BBox) -> str | None:
        if isinstance(part, BBox):
            return None
        name = _column(native.name)
        listed = part.values if isinstance(part, In) else (part.value,)
        op = Op.EQ if isinstance(part, In) else part.op
        if field.type is FieldType.STRING and native.kind is Kind.TEXT and op is Op.EQ and listed:
            return f"{name} IN ({', '.join(literal(value, 'sqlite') for value in listed)})"
        # Columns of numbers hold text only where it is no number; words come after all numbers.
        numbers = native.kind in (Kind.INT, Kind.FLOAT, Kind.DECIMAL) and isinstance(part, Compare)
        if numbers and field.type in (FieldType.INTEGER, FieldType.NUMBER) and op is not Op.NE:
            return around_number(name, op, listed[0])
        return None

    def bbox(self, native: Native, field: Field, box: BBox, crs: str) -> str:
        shape = self.expression(native, field, "UTC", crs)
        return f"{values.TOUCHES}({shape}, {box.west!r}, {box.south!r}, {box.east!r}, {box.north!r})"

    def stream(
        self, connection: Any, sql: str, schema: pa.Schema, timeout_s: float, *, steady: bool = False
    ) -> Iterator[pa.RecordBatch]:
        cursor = connection.execute(sql)
        try:
            while True:
                connection.begin(timeout_s)
                if not (rows := cursor.fetchmany(ROWS)):
                    return
                yield from_columns(list(zip(*rows, strict=True)), schema)
        finally:
            cursor.close()

    def estimate(self, connection: Any, sql: str, relation: Relation, most: int) -> int:
        whole = relation.rows
        if whole is not None and (" WHERE " not in sql or whole <= most):
            return whole  # counting may cost as much as the answer
        connection.begin(_ESTIMATE_S)
        try:
            counting = f"SELECT count(*) FROM (SELECT 1 FROM ({sql}) LIMIT {most + 1:d})"
            (rows,) = sqlite3.Connection.execute(connection, counting).fetchone()
            return int(rows)
        except sqlite3.OperationalError:  # too slow to count: no more than the table has
            return whole if whole is not None else most

    def mount(
        self, target: Target, relation: Relation, columns: dict[str, tuple[Native, Field]], timeout_s: float
    ) -> Mount | None:
        return None  # its loosely typed values would stop the engine


def _size(connection: Any, table: str) -> int | None:
    """Rows of a table by its last row number: an upper bound, found at once. None for a table without one."""
    with contextlib.suppress(sqlite3.Error):
        (last,) = connection.execute(f"SELECT max(rowid) FROM {table}").fetchone()
        if isinstance(last, int) and last >= 0:
            return last
        return 0 if last is None and not connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() else None
    return None


def _identity(path: Path) -> tuple[int, int] | None:
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None


def _permitted(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    if action in _ALLOWED:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_FUNCTION and (second or "").lower() not in _FORBIDDEN:
        return sqlite3.SQLITE_OK
    if action == sqlite3.SQLITE_PRAGMA and first in _DESCRIBING:
        return sqlite3.SQLITE_OK
    return sqlite3.SQLITE_DENY


class _Timed(sqlite3.Connection):
    """A connection whose statements are stopped after their time."""

    path = Path()
    identity: tuple[int, int] | None = None
    _until = 0.0
    _seconds = 30.0

    @classmethod
    def open(cls, address: str, seconds: float) -> _Timed:
        made = sqlite3.connect(address, uri=True, timeout=min(5.0, seconds), check_same_thread=False, factory=cls)
        made._seconds = seconds
        made.begin(seconds)
        made.set_progress_handler(lambda: int(time.monotonic() > made._until), 10_000)
        return made

    def begin(self, seconds: float) -> None:
        """What is asked from now on may take so long."""
        self._until = time.monotonic() + seconds

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        self.begin(self._seconds)
        return super().execute(sql, parameters)


def _column(name: str) -> str:
    """A column's name in backticks: what stands in double quotes and is no column (any more), SQLite takes for a text."""
    doubled = name.replace("`", "``")
    return f"`{doubled}`"
