"""The file adapter's source: sealed scans answered from memory for small tables, streamed by DuckDB for large ones."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nabe.adapters.file.desk import BATCH_ROWS
from nabe.adapters.file.geometry import to_wkb
from nabe.adapters.file.memory import TABLE_LIMIT, MemoryTable, TableCache
from nabe.adapters.file.part import Part
from nabe.adapters.file.plan import Plan, column_of, make_plan
from nabe.adapters.file.settings import TableSettings
from nabe.adapters.file.silo import Files, Silo, table_settings
from nabe.adapters.file.translate import name
from nabe.errors import SourceRefused
from nabe.model.dataset import Dataset, Field, FieldType
from nabe.model.expr import And, Compare, Expr, In, Not, Op, Or, conjuncts, fields_of
from nabe.model.query import SealedScan
from nabe.model.schema import arrow_schema
from nabe.ports.source import Batches, Capabilities, ParquetMount
from nabe.query.evaluate import finish, scan_schema
from nabe.query.needs import needed_fields
from nabe.query.sql import condition, select

#: Tells each opening of a table from the ones before.
_NUMBERS = itertools.count()

#: Columns read at once: each takes up to 3 MB of DuckDB's memory for the steps from text to value, however few its rows.
_WIDE = 24

ALL = Capabilities(filter=True, bbox=True, order=True, limit=True, floor=True)


@dataclass(slots=True)
class Opened:
    """A dataset's files, opened: `large` when they are streamed rather than kept."""

    dataset: Dataset
    settings: TableSettings
    version: tuple[Any, ...]
    plan: Plan
    large: bool
    key: tuple[Any, ...]


class FileSource:
    """Files of one system. Finishes every scan by itself."""

    def __init__(self, silo: Silo, tables: TableCache) -> None:
        self._silo, self._tables = silo, tables
        self._owner = object()
        # A folder cannot hang as a server can; the web is reached in a thread that can be given up.
        self.capabilities = replace(ALL, instant=silo.folder is not None and bool(silo.settings.location))
        self._opened: dict[str, Opened] = {}
        self._settings: dict[str, tuple[Dataset, TableSettings]] = {}
        self._loading: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def check(self) -> None:
        """Is the folder there, or does the server answer?"""
        self._silo.check()

    def read(self, scan: SealedScan) -> Batches:
        """Rows of a sealed scan, finished."""
        opened, files = self._open(scan.dataset)
        opened.plan.check(self._silo.system, _asked(scan))
        table = self._table(opened)
        found = table.answer(scan) if table is not None else self._stream(opened.plan, scan)
        found.stale_since = files.stale_since
        return found

    def estimate(self, scan: SealedScan) -> int:
        """About how many rows: exact from memory, else the file's rows times a guess for each condition."""
        opened, _ = self._open(scan.dataset)
        table = None if opened.large else self._tables.get(opened.key)
        if table is not None and not scan.rounding and scan.floor is None:
            rows = float(table.count(scan))
        else:
            rows = float(sum(_rows(part) for part in opened.plan.parts))
            for part in (*conjuncts(scan.allowed), *conjuncts(scan.where)):
                rows *= _share(part)
        rows = max(rows - scan.offset, 0)
        return int(rows if scan.limit is None else min(rows, scan.limit))

    def count(self, scan: SealedScan) -> int:
        """Exact number of rows without limit and offset."""
        opened, _ = self._open(scan.dataset)
        opened.plan.check(self._silo.system, _asked(scan))
        scan = replace(scan, limit=None, offset=0, order=())
        table = self._table(opened)
        if table is not None:
            return table.count(scan)
        if not (scan.rounding or scan.floor or conjuncts(scan.allowed) or conjuncts(scan.where)):
            known = [part.rows for part in opened.plan.parts]
            if all(rows is not None for rows in known):
                return sum(rows or 0 for rows in known)
        found = self._stream(opened.plan, replace(scan, fields=scan.fields[:1]))
        return sum(batch.num_rows for batch in found.batches)

    def mount(self, scan: SealedScan) -> ParquetMount | None:
        """Parquet files whose columns are already what the hub means."""
        opened, _ = self._open(scan.dataset)
        parts = opened.plan.parts
        if not all(part.paths for part in parts):
            return None
        columns: dict[str, str] = {}
        for item in needed_fields(scan, Capabilities()):
            field = scan.dataset.field(item)
            column = _plain_column(field, parts) if field is not None and not opened.settings.nulls else None
            if column is None:
                return None
            columns[item] = column
        return ParquetMount(tuple(path for part in parts for path in part.paths), columns)

    def close(self) -> None:
        """Free connections and kept tables; the source can be used again."""
        self._silo.close()
        with self._lock:
            self._opened.clear()
        self._tables.forget(self._owner)

    def _open(self, dataset: Dataset) -> tuple[Opened, Files]:
        settings = self._settings_of(dataset)
        files = self._silo.files(settings.path, settings.pick)
        opened = self._opened.get(dataset.id)
        if opened is not None and opened.version == files.version and opened.dataset == dataset:
            return opened, files
        with self._lock:
            loading = self._loading.setdefault(dataset.id, threading.Lock())
        with loading:
            opened = self._opened.get(dataset.id)
            if opened is None or opened.version != files.version or opened.dataset != dataset:
                parts = self._silo.open_all(files, settings)
                plan = make_plan(self._silo.system, dataset, settings, parts)
                large = sum(part.size for part in parts) > TABLE_LIMIT
                if opened is not None:
                    self._tables.drop(opened.key)
                opened = Opened(dataset, settings, files.version, plan, large, (self._owner, next(_NUMBERS)))
                self._opened[dataset.id] = opened
        return opened, files

    def _settings_of(self, dataset: Dataset) -> TableSettings:
        known = self._settings.get(dataset.id)
        if known is None or (known[0] is not dataset and known[0] != dataset):
            known = (dataset, table_settings(self._silo, dataset.source))
            self._settings[dataset.id] = known
        return known[1]

    def _table(self, opened: Opened) -> MemoryTable | None:
        """The dataset's rows in memory, loaded now if they are not; None if they are too many."""
        if opened.large:
            return None
        key = opened.key
        table = self._tables.get(key)
        if table is None:
            with self._loading[opened.dataset.id]:
                table = self._tables.get(key)
                if table is None:
                    table = MemoryTable(load(self._silo, opened.plan))
                    if table.nbytes > TABLE_LIMIT:
                        opened.large = True
                    else:
                        self._tables.put(key, table)
        return table

    def _stream(self, plan: Plan, scan: SealedScan) -> Batches:
        """DuckDB computes the scan over the files; where geometry decides, rows are filtered as they come."""
        judged = {*fields_of(scan.allowed), *fields_of(scan.where), *(item.field for item in scan.order)}
        if scan.floor is not None:
            judged |= {*scan.floor.cells}
        pushed = not judged & set(plan.geometry) and all(part.rescan for part in plan.parts)
        if pushed:
            schema = scan_schema(scan)
            fields = tuple(dict.fromkeys((*needed_fields(scan, Capabilities()), *scan.fields)))
            return _streamed(
                self._silo, plan, schema, lambda cursor: select(scan, *plan.relation(cursor, fields), "duckdb")
            )
        fields = needed_fields(scan, Capabilities()) or (next(iter(plan.sources[0]), ""),)
        schema = arrow_schema(field for field in scan.dataset.fields if field.name in fields)
        early = _early(scan, plan)

        def sql(cursor: Any) -> str:
            used = tuple(dict.fromkeys((*schema.names, *(item for part in early for item in fields_of(part)))))
            relation, columns = plan.relation(cursor, used)
            where = " AND ".join(condition(part, columns.__getitem__, "duckdb") for part in early)
            shown = ", ".join(f"{columns[item]} AS {name(item)}" for item in schema.names)
            return f"SELECT {shown} FROM {relation}" + (f" WHERE {where}" if where else "")

        return finish(_streamed(self._silo, plan, schema, sql), scan, Capabilities())


def stream_all(silo: Silo, plan: Plan) -> Batches:
    """All rows of a plan's dataset, streamed, without the fields whose column is gone."""
    there = [field for field in plan.dataset.fields if all(field.name in found for found in plan.sources)]
    if len(there) <= _WIDE or sum(part.size for part in plan.parts) > TABLE_LIMIT:
        return _stream_fields(silo, plan, there)
    groups = (_stream_fields(silo, plan, there[at : at + _WIDE]) for at in range(0, len(there), _WIDE))
    tables = (pa.Table.from_batches(list(group.batches), group.schema) for group in groups)
    columns = [column for table in tables for column in table.columns]
    whole = pa.Table.from_arrays(columns, schema=arrow_schema(there))
    return Batches(whole.schema, iter(whole.to_batches(max_chunksize=BATCH_ROWS)))


def _stream_fields(silo: Silo, plan: Plan, fields: list[Field]) -> Batches:
    schema = arrow_schema(fields)

    def sql(cursor: Any) -> str:
        relation, columns = plan.relation(cursor, schema.names)
        shown = ", ".join(f"{columns[item]} AS {name(item)}" for item in schema.names) or "1 AS nabe_one"
        return f"SELECT {shown} FROM {relation}"

    return _streamed(silo, plan, schema, sql)


def load(silo: Silo, plan: Plan) -> pa.Table:
    """All rows of a plan's dataset; fields whose column is gone are empty (asking for them is refused)."""
    batches = stream_all(silo, plan)
    schema = batches.schema
    table = pa.Table.from_batches(list(batches.batches), schema)
    _refuse_unfit(silo, plan, table)
    whole = arrow_schema(plan.dataset.fields)
    columns = [table[item.name] if item.name in schema.names else pa.nulls(table.num_rows, item.type) for item in whole]
    return pa.Table.from_arrays(columns, schema=whole)


def _refuse_unfit(silo: Silo, plan: Plan, table: pa.Table) -> None:
    """A column of which no value fits its declared type was declared wrongly: say so instead of showing nothing."""
    for field in plan.dataset.fields:
        if (
            field.type in (FieldType.STRING, FieldType.GEOMETRY)
            or field.name not in table.schema.names
            or not table.num_rows
        ):
            continue
        if table[field.name].null_count < table.num_rows:
            continue
        as_text = replace(plan.dataset, fields=(Field(field.name, FieldType.STRING, column=field.column),))
        settings = table_settings(silo, plan.dataset.source)
        texts = make_plan(silo.system, as_text, settings, plan.parts)
        if not all(part.rescan for part in plan.parts) or not all(texts.sources):
            continue

        def sql(cursor: Any, texts: Plan = texts, item: str = field.name) -> str:
            relation, columns = texts.relation(cursor, (item,))
            return f"SELECT {columns[item]} AS {name(item)} FROM {relation} WHERE {columns[item]} IS NOT NULL LIMIT 1"

        schema = arrow_schema(as_text.fields)
        if any(batch.num_rows for batch in _streamed(silo, texts, schema, sql).batches):
            raise SourceRefused(
                silo.system,
                f"{plan.parts[0].shown!r}: no value of column {field.source_column!r} is of type {field.type.value} "
                f"(field {field.name!r} of dataset {plan.dataset.id!r}).",
                hint="Correct the field's type, or source.decimal, thousands, date_format or nulls.",
                field=field.name,
                dataset=plan.dataset.id,
            )


def _streamed(silo: Silo, plan: Plan, schema: pa.Schema, sql: Any) -> Batches:
    """Batches of an SQL over the plan's relation, with geometry made and types exact."""
    _, raw, close = silo.desk.stream(sql, plan.parts[0].shown)

    def exact() -> Iterator[pa.RecordBatch]:
        for batch in raw:
            columns = []
            for field in schema:
                column = batch.column(field.name)
                if field.name in plan.geometry:
                    column = to_wkb(column, *plan.geometry[field.name])
                columns.append(column if column.type == field.type else pc.cast(column, field.type))
            if columns:
                yield pa.RecordBatch.from_arrays(columns, schema=schema)
            else:
                yield pa.RecordBatch.from_struct_array(pa.array([{}] * batch.num_rows, pa.struct([])))

    return Batches(schema, exact(), close)


def _asked(scan: SealedScan) -> set[str]:
    return set(needed_fields(scan, Capabilities()))


def _early(scan: SealedScan, plan: Plan) -> list[Expr]:
    """Conditions that may be applied before anything else, without geometry."""
    parts = list(conjuncts(scan.allowed))
    if not scan.rounding and scan.floor is None:
        parts += conjuncts(scan.where)
    return [part for part in parts if not set(fields_of(part)) & set(plan.geometry)]


def _rows(part: Part) -> int:
    return part.rows if part.rows is not None else max(part.size // 100, 1)


def _share(part: Expr) -> float:
    """The usual guess of planners for the share of rows that a condition leaves."""
    match part:
        case Compare(op=Op.EQ):
            return 0.05
        case In(values=values):
            return min(0.05 * len(values), 1.0)
        case Or(parts):
            return min(sum(_share(item) for item in parts), 1.0)
        case And(parts):
            result = 1.0
            for item in parts:
                result *= _share(item)
            return result
        case Not(inner):
            return 1.0 - 0.5 * _share(inner)
    return 0.3


_SAME = {
    FieldType.STRING: "TEXT",
    FieldType.INTEGER: "BIGINT",
    FieldType.NUMBER: "DOUBLE",
    FieldType.BOOLEAN: "BOOLEAN",
    FieldType.DATE: "DATE",
    FieldType.DATETIME: "TIMESTAMP WITH TIME ZONE",
}


def _plain_column(field: Field, parts: tuple[Part, ...]) -> str | None:
    """The name of the field's column in all these files, if nothing has to be done to it."""
    columns = [column_of(field, part) for part in parts]
    names = {item.name for item in columns if item is not None and item.native == _SAME.get(field.type)}
    return names.pop() if len(names) == 1 and all(item is not None for item in columns) else None
