"""The file adapter's source: sealed scans answered from memory for small tables, streamed by DuckDB for large ones."""

from __future__ import annotations

import hashlib
import itertools
import threading
from dataclasses import dataclass, replace
from typing import Any, BinaryIO

from nabe.adapters.file.direct import read_directly
from nabe.adapters.file.loading import load, streamed
from nabe.adapters.file.part import Part
from nabe.adapters.file.plan import Plan, column_of, make_plan
from nabe.adapters.file.receiving import Receiver
from nabe.adapters.file.settings import TableSettings
from nabe.adapters.file.silo import Files, Silo, table_settings
from nabe.adapters.file.translate import name
from nabe.errors import SourceUnavailable
from nabe.model.dataset import Dataset, Field, FieldType
from nabe.model.delivery import Delivery
from nabe.model.expr import And, Compare, Expr, In, Not, Op, Or, conjuncts, fields_of
from nabe.model.query import SealedScan
from nabe.model.schema import arrow_schema
from nabe.ports.source import Batches, Capabilities, ParquetMount
from nabe.query.evaluate import finish, scan_schema
from nabe.query.memory import TABLE_LIMIT, MemoryTable, TableCache
from nabe.query.needs import needed_fields
from nabe.query.sql import condition, select

#: Tells each opening of a table from the ones before.
_NUMBERS = itertools.count()

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
        self._receiver = Receiver(silo, silo.context.kept or f"{silo.context.cache}/kept")
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

    def mark(self, dataset: Dataset) -> str:
        """Names, times and sizes of the files; of a file on the web what its server says of it."""
        files = self._silo.files(self._settings_of(dataset))
        if files.stale_since is not None:
            raise SourceUnavailable(self._silo.system, "the server with its files does not answer.")
        return hashlib.blake2b(repr(files.version).encode(), digest_size=16).hexdigest()

    def columns(self, dataset: Dataset) -> tuple[str, ...]:
        """The columns of the files, declared or not."""
        opened, _ = self._open(dataset)
        return tuple(dict.fromkeys(column.name for part in opened.plan.parts for column in part.columns))

    def receives(self, dataset: Dataset) -> str:
        """Why it takes no file for this dataset; empty if it does."""
        return self._receiver.receives(dataset)

    def hold(self, dataset: Dataset, name: str, content: BinaryIO, by: str) -> Delivery:
        """Keep a delivered file aside and say what is in it."""
        return self._receiver.hold(dataset, name, content, by)

    def held(self, dataset: Dataset, id: str) -> Delivery:
        """A delivered file that waits."""
        return self._receiver.held(dataset, id)

    def take(self, dataset: Dataset, id: str) -> Delivery:
        """Put it in the old one's place."""
        return self._receiver.take(dataset, id)

    def drop(self, dataset: Dataset, id: str) -> None:
        """Forget it."""
        self._receiver.drop(dataset, id)

    def close(self) -> None:
        """Free connections and kept tables; the source can be used again."""
        self._silo.close()
        with self._lock:
            self._opened.clear()
        self._tables.forget(self._owner)

    def _open(self, dataset: Dataset) -> tuple[Opened, Files]:
        settings = self._settings_of(dataset)
        files = self._silo.files(settings)
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
        if _bare(scan):
            found = read_directly(self._silo, plan, [field for field in map(scan.dataset.field, scan.fields) if field])
            if found is not None:
                return found
        judged = {*fields_of(scan.allowed), *fields_of(scan.where), *(item.field for item in scan.order)}
        if scan.floor is not None:
            judged |= {*scan.floor.cells}
        pushed = not judged & set(plan.geometry) and all(part.rescan for part in plan.parts)
        if pushed:
            schema = scan_schema(scan)
            fields = tuple(dict.fromkeys((*needed_fields(scan, Capabilities()), *scan.fields)))
            return streamed(
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

        return finish(streamed(self._silo, plan, schema, sql), scan, Capabilities())


def _asked(scan: SealedScan) -> set[str]:
    return set(needed_fields(scan, Capabilities()))


def _bare(scan: SealedScan) -> bool:
    """Are all rows asked for, as they stand?"""
    narrowed = [*conjuncts(scan.allowed), *conjuncts(scan.where), *scan.order, *scan.rounding]
    return not narrowed and scan.floor is None and scan.limit is None and not scan.offset


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
