"""Databases for tests: real servers, and a source over a table of theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from nabe.adapters.sql import SqlAdapter
from nabe.adapters.sql.source import SqlSource
from nabe.model.dataset import Access, Dataset, Field, FieldType, Limits, System
from nabe.model.query import Scan, SealedScan
from nabe.model.text import Text
from nabe.ports.source import AdapterContext
from nabe.query.evaluate import finish
from nabe.testing.sealing import seal


def context(root: Path) -> AdapterContext:
    return AdapterContext(str(root), str(root))


def open_source(root: Path, connection: dict[str, Any], timeout_s: float = 20) -> SqlSource:
    system = System("db", Text("Datenbank"), "sql", "amt", connection, limits=Limits(timeout_s=timeout_s))
    source = SqlAdapter().open(system, lambda text: text, context(root))
    assert isinstance(source, SqlSource)
    return source


def dataset(table: str, fields: dict[str, FieldType] | tuple[Field, ...], *, crs: str = "", **source: str) -> Dataset:
    made = tuple(Field(name, kind) for name, kind in fields.items()) if isinstance(fields, dict) else fields
    title = Text("Daten")
    return Dataset("daten", title, "amt", Access.OPEN, made, "db", {"table": table, **source}, crs=crs)


def table(source: SqlSource, scan: SealedScan | Dataset) -> pa.Table:
    sealed = seal(scan, Scan(scan.id)) if isinstance(scan, Dataset) else scan
    batches = finish(source.read(sealed), sealed, source.capabilities)
    try:
        return pa.Table.from_batches(list(batches.batches), batches.schema)
    finally:
        batches.close()


def rows(source: SqlSource, scan: SealedScan | Dataset) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in table(source, scan).to_pylist()]
