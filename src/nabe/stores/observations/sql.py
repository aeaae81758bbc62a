"""DuckDB for what a reader asks: filters over batches, and orders of more rows than memory should hold.

It gets rows as Arrow from us and nothing else: no file but its own spill, no setting. What it says of errors may hold
values, so none of it is passed on.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
import pyarrow as pa

from nabe.errors import Invalid
from nabe.model.observation import ObservationScan
from nabe.model.term import Term
from nabe.query import observed
from nabe.query.terms import DUCKDB

_BATCH = 32_768


class Sql:
    """One locked-down DuckDB; a cursor per question."""

    def __init__(self, spill: Path) -> None:
        self._spill = spill
        self._made: Any = None
        self._lock = Lock()

    def close(self) -> None:
        """Close it."""
        if self._made is not None:
            self._made.close()
            self._made = None

    def _connection(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = _connect(self._spill)
            return self._made

    def filtered(self, rows: pa.RecordBatch, where: Term | None) -> pa.RecordBatch:
        """The rows for which the filter is true, in the same order."""
        if where is None or not rows.num_rows:
            return rows
        with self._cursor() as cursor, _reporting():
            cursor.register("observations", pa.Table.from_batches([rows]))
            found = cursor.execute(f"SELECT * FROM observations WHERE {observed.where(where, DUCKDB)}").to_arrow_table()
        made = found.cast(rows.schema).combine_chunks()
        return made.to_batches()[0] if made.num_rows else rows.slice(0, 0)

    def ordered(
        self, schema: pa.Schema, chunks: Iterator[pa.RecordBatch], scan: ObservationScan, columns: tuple[str, ...]
    ) -> Iterator[pa.RecordBatch]:
        """All that the scan says but streams, span and ids."""
        with self._cursor() as cursor, _reporting():
            cursor.register("observations", pa.RecordBatchReader.from_batches(schema, chunks))
            reader = cursor.execute(_select(scan, columns)).to_arrow_reader(_BATCH)
            wanted = pa.schema([schema.field(name) for name in columns])
            for batch in reader:
                if batch.num_rows:
                    yield pa.Table.from_batches([batch]).cast(wanted).to_batches()[0]

    @contextlib.contextmanager
    def _cursor(self) -> Iterator[Any]:
        cursor = self._connection().cursor()
        try:
            yield cursor
        finally:
            cursor.close()


def _connect(spill: Path) -> Any:
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": str(max(2, os.cpu_count() or 2)),
            "memory_limit": "1GB",
            "temp_directory": str(spill),
            "max_temp_directory_size": "20GB",
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        },
    )
    connection.execute("SET GLOBAL TimeZone = 'UTC'")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
    return connection


def _select(scan: ObservationScan, columns: tuple[str, ...]) -> str:
    key, down = f'"{scan.order}"', scan.descending
    order = f'{key} DESC NULLS FIRST, "id" DESC' if down else f'{key} ASC NULLS LAST, "id" ASC'
    where = "" if scan.where is None else f" WHERE {observed.where(scan.where, DUCKDB)}"
    inner = f"SELECT * FROM observations{where}"
    if scan.per_stream is not None:
        inner += f' QUALIFY row_number() OVER (PARTITION BY "stream" ORDER BY {order}) <= {int(scan.per_stream)}'
    names = ", ".join(f'"{name}"' for name in columns)
    after = "" if scan.after is None else f" WHERE {_after(scan)}"
    limit = "" if scan.limit is None else f" LIMIT {int(scan.limit)}"
    return f"SELECT {names} FROM ({inner}) AS found{after} ORDER BY {order}{limit} OFFSET {int(scan.offset)}"


def _after(scan: ObservationScan) -> str:
    assert scan.after is not None
    sign = "<" if scan.descending else ">"
    at, id = scan.after
    beyond = f'"id" {sign} {int(id)}'
    if scan.order == "id":
        return beyond
    key = f'"{scan.order}"'
    if at is None:
        return f"({key} IS NULL AND {beyond})" + (f" OR {key} IS NOT NULL" if scan.descending else "")
    value = repr(float(at)) if scan.order == "number" else f"make_timestamptz({int(at)})"
    found = f"{key} {sign} {value} OR ({key} = {value} AND {beyond})"
    return found if scan.descending else f"{found} OR {key} IS NULL"


@contextlib.contextmanager
def _reporting() -> Iterator[None]:
    try:
        yield
    except duckdb.Error:
        raise Invalid("The filter cannot be computed.", hint="Simplify it.", code="computation-failed") from None
