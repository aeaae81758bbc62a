"""DuckDB as the engine: runs vetted SQL over mounted tables and streamed rows, locked down.

The second wall behind `query.text`: no file but the mounted ones, no ATTACH, COPY, LOAD, SET. Error texts of DuckDB repeat
values, so none of them is passed on; the kind of error is, in our words.
"""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import pyarrow as pa

from nabe.errors import Invalid, LimitExceeded, NabeError, SourceUnavailable, TimedOut
from nabe.model.schema import GEOMETRY_METADATA
from nabe.ports.engine import Budget, Input, Mounted, Streamed
from nabe.ports.source import Batches, DatabaseMount
from nabe.query.sql import quoted, select
from nabe.stores.duckdb.instances import Instance, Instances

_ROWS_A_BATCH = 20_000
#: Streamed inputs up to this size are held, so that SQL may read them twice; larger ones are read once.
_HELD = 128_000_000
_SPATIAL = re.compile(r"\bST_\w+\s*\(", re.IGNORECASE)


class DuckDbEngine:
    """An engine in this process. `cache`: a folder for spilling."""

    def __init__(self, cache: str) -> None:
        self._instances = Instances(cache)

    def run(self, sql: str, inputs: Mapping[str, Input], budget: Budget) -> Batches:
        """Rows of the SELECT whose tables are the names in `inputs`; streamed."""
        spatial = bool(_SPATIAL.search(sql))
        mounts = [item.mount for item in inputs.values() if isinstance(item, Mounted)]
        owners = {
            (item.mount.kind, item.mount.dsn): item.scan.dataset.system
            for item in inputs.values()
            if isinstance(item, Mounted) and isinstance(item.mount, DatabaseMount)
        }
        instance = self._instances.get(mounts, owners, spatial=spatial, memory=budget.memory)
        run = _Run(instance, budget, owners)
        try:
            return run.start(sql, inputs, spatial=spatial)
        except BaseException:
            run.close()
            raise

    def close(self) -> None:
        """Close all instances."""
        self._instances.close()


class _Run:
    """One question on one cursor."""

    def __init__(self, instance: Instance, budget: Budget, owners: Mapping[tuple[str, str], str]) -> None:
        self._instance = instance
        self._cursor = instance.cursor()
        self._left = budget.seconds
        self._budget = budget
        self._owners = owners
        self._streams: list[Batches] = []
        self._closed = False

    def start(self, sql: str, inputs: Mapping[str, Input], *, spatial: bool) -> Batches:
        parts, geometry = [], False
        for alias, item in inputs.items():
            body, has_geometry = self._relation(alias, item, spatial=spatial)
            geometry = geometry or has_geometry
            parts.append(f"{quoted(alias, 'duckdb')} AS ({body})")
        text = _with(parts, sql)
        described = self._timed(lambda: self._cursor.execute(f"DESCRIBE {text}").fetchall())
        columns = [(str(row[0]), str(row[1])) for row in described]
        final = _typed(text, columns)
        reader = self._timed(lambda: self._cursor.execute(final).to_arrow_reader(_ROWS_A_BATCH))
        schema = pa.schema(
            [_arrow(field, kind, geometry) for field, (_, kind) in zip(reader.schema, columns, strict=True)]
        )
        return Batches(schema, self._rows(reader, schema), self.close)

    def _relation(self, alias: str, item: Input, *, spatial: bool) -> tuple[str, bool]:
        if isinstance(item, Mounted):
            columns = {field: quoted(column, "duckdb") for field, column in item.mount.columns.items()}
            return select(item.scan, self._instance.relation(item.mount), columns, "duckdb"), False
        name = f"{alias}_rows"
        self._cursor.register(name, self._held(item))
        if spatial and item.geometry:
            made = ", ".join(f'ST_GeomFromWKB("{field}") AS "{field}"' for field in item.geometry)
            return f'SELECT * REPLACE ({made}) FROM "{name}"', True
        return f'SELECT * FROM "{name}"', bool(item.geometry)

    def _held(self, item: Streamed) -> Any:
        """The rows as a table if they are few, else as a reader that can be walked once."""
        stream = item.open()
        self._streams.append(stream)
        # Without the extension's metadata DuckDB takes WKB for what it is: bytes.
        schema = pa.schema([field.remove_metadata() for field in stream.schema])
        rows = (pa.RecordBatch.from_arrays(batch.columns, schema=schema) for batch in stream.batches)
        held, size = [], 0
        for batch in rows:
            held.append(batch)
            size += batch.nbytes
            if size > min(_HELD, self._budget.memory // 4):
                return pa.RecordBatchReader.from_batches(schema, _chain(held, rows))
        return pa.Table.from_batches(held, schema)

    def _rows(self, reader: Any, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        try:
            while True:
                try:
                    batch = self._timed(reader.read_next_batch)
                except StopIteration:
                    return
                if batch.num_rows:
                    yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)
        finally:
            self.close()

    def _timed(self, work: Any) -> Any:
        """Run a piece of work on the engine's time; interrupted when that is used up."""
        if self._left <= 0:
            raise self._too_long()
        timer = threading.Timer(self._left, self._interrupt)
        timer.daemon = True
        start = time.monotonic()
        timer.start()
        try:
            return work()
        except StopIteration:
            raise
        except NabeError:
            raise
        except Exception as error:
            raise self._in_our_words(error) from None
        finally:
            timer.cancel()
            self._left -= time.monotonic() - start

    def _interrupt(self) -> None:
        with contextlib.suppress(Exception):
            self._cursor.interrupt()

    def _too_long(self) -> TimedOut:
        return TimedOut(
            f"The question took longer than {self._budget.seconds:g} seconds.",
            hint="Filter more, or ask for fewer columns.",
            seconds=self._budget.seconds,
        )

    def _in_our_words(self, error: Exception) -> NabeError:
        text = str(error)
        if isinstance(error, duckdb.InterruptException) or "INTERRUPT" in text[:60].upper():
            return self._too_long()
        if isinstance(error, (duckdb.OutOfMemoryException, MemoryError)):
            return LimitExceeded(
                f"The question needs more memory than the {self._budget.memory // 1_000_000} MB allowed.",
                hint="Filter or aggregate more; avoid joins without a condition.",
                code="out-of-memory",
            )
        if isinstance(error, (duckdb.IOException, duckdb.ConnectionException, duckdb.HTTPException)) or _of_silo(text):
            self._instance.spoil()
            systems = " and ".join(dict.fromkeys(self._owners.values())) or "engine"
            return SourceUnavailable(
                systems, "its connection failed.", hint="It is tried again with the next question."
            )
        return _plain(error)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._interrupt()
        for stream in self._streams:
            stream.close()
        self._instance.give_back(self._cursor)


def _of_silo(text: str) -> bool:
    words = ("postgres", "mysql", "server closed", "could not connect", "unable to connect", "sqlite")
    return any(word in text.lower() for word in words)


#: Kinds of errors in our words. DuckDB's own may hold values of rows, so nothing of them is used but names of columns.
_SENTENCES: tuple[tuple[type[Exception], str, str], ...] = (
    (duckdb.ConversionException, "A value does not convert to the type wanted.", "TRY_CAST gives NULL instead."),
    (
        duckdb.OutOfRangeException,
        "A number is out of range.",
        "Check for overflow, or roots and logarithms of numbers below zero.",
    ),
    (duckdb.InvalidInputException, "A function got an argument it cannot use.", "Check formats and units."),
    (duckdb.CatalogException, "A function or type is not known.", "The guide lists the functions that are."),
    (duckdb.NotImplementedException, "This is not possible with these types.", ""),
    (duckdb.TypeMismatchException, "The types do not fit together.", "CAST one of the sides."),
)


def _plain(error: Exception) -> NabeError:
    if isinstance(error, (duckdb.BinderException, duckdb.ParserException, duckdb.SyntaxException)):
        # Raised while the question is read, before any row is: its words concern the question only.
        first = str(error).split("\n", 1)[0].removeprefix("Binder Error: ").removeprefix("Parser Error: ")
        return Invalid(f"{re.sub(r'nabe_[0-9]+[.]?', '', first)[:300]}", code="not-possible")
    for kind, sentence, hint in _SENTENCES:
        if isinstance(error, kind):
            return Invalid(sentence, hint=hint, code="computation-failed")
    return Invalid("The question cannot be computed.", hint="Simplify it.", code="computation-failed")


def _chain(held: list[pa.RecordBatch], rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield from held
    yield from rest


def _with(parts: list[str], sql: str) -> str:
    """The SELECT with its inputs as CTEs in front; sqlglot wrote it, so it begins with WITH or it does not."""
    if not parts:
        return sql
    front = "WITH " + ", ".join(parts)
    return f"{front}, {sql[5:]}" if sql[:5].upper() == "WITH " else f"{front} {sql}"


_WIDE = {"UBIGINT", "HUGEINT", "UHUGEINT"}
_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER"} | _WIDE
_AS_IS = {"BIGINT", "DOUBLE", "VARCHAR", "BOOLEAN", "DATE", "TIMESTAMP WITH TIME ZONE", "BLOB"}


def _typed(text: str, columns: list[tuple[str, str]]) -> str:
    """The SELECT with its columns cast to the hub's types, where they are others."""
    if all(kind in _AS_IS for _, kind in columns):
        return text
    casts = ", ".join(f"{_cast(quoted(name, 'duckdb'), kind)} AS {quoted(name, 'duckdb')}" for name, kind in columns)
    return f"SELECT {casts} FROM ({text}) AS nabe_answer"


def _cast(column: str, kind: str) -> str:
    if kind in _AS_IS:
        return column
    if kind in _WHOLE:
        return f"CAST({column} AS BIGINT)"
    if kind == "FLOAT" or kind.startswith("DECIMAL"):
        return f"CAST({column} AS DOUBLE)"
    if kind.startswith("TIMESTAMP"):
        return f"CAST({column} AS TIMESTAMPTZ)"
    if kind.startswith("GEOMETRY"):
        return f"CAST(ST_AsWKB({column}) AS BLOB)"
    if kind.endswith("]") or kind.startswith(("STRUCT", "MAP", "UNION", "JSON")):
        return f"CAST(to_json({column}) AS VARCHAR)"
    return f"CAST({column} AS VARCHAR)"


def _arrow(field: pa.Field, kind: str, geometry: bool) -> pa.Field:
    """The hub's Arrow field. Bytes are geometry: the hub has no other bytes."""
    if kind.startswith("GEOMETRY") or (kind == "BLOB" and geometry):
        return pa.field(field.name, field.type, True, GEOMETRY_METADATA)
    return pa.field(field.name, field.type, True)
