"""A database as a source: sealed scans become SELECTs that it runs itself, read-only."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from nabe.adapters.sql.databases.base import Database
from nabe.adapters.sql.failures import MISSING, failure
from nabe.adapters.sql.pool import Pool
from nabe.adapters.sql.settings import TableSettings, Target
from nabe.adapters.sql.translate import Native, Relation
from nabe.errors import SourceRefused
from nabe.model.dataset import Dataset, Field
from nabe.model.expr import ALL_ROWS, BBox
from nabe.model.query import SealedScan
from nabe.ports.source import Batches, Mount
from nabe.query.evaluate import finish, scan_schema
from nabe.query.needs import has_bbox, left_over, needed_fields
from nabe.query.sql import quoted, select

#: Seconds for which a table's description is trusted.
_TRUST_S = 60.0


class SqlSource:
    """One database."""

    def __init__(self, system: str, database: Database, target: Target, timeout_s: float) -> None:
        self.capabilities = database.capabilities
        self._system = system
        self._database = database
        self._target = target
        self._timeout_s = timeout_s
        self._pool = Pool(lambda: database.connect(target, timeout_s), database.alive)
        self._known: dict[tuple[str, str], tuple[float, Relation]] = {}

    def check(self) -> None:
        """Can it be reached and read?"""
        self._asked(lambda connection: self._database.tables(connection, self._target))

    def read(self, scan: SealedScan) -> Batches:
        """Rows of a sealed scan, finished."""
        if scan.floor is not None and has_bbox(scan.where) and self.capabilities.bbox:
            return self._partly(scan)
        scan = self._own(scan)
        schema = scan_schema(scan)
        return self._stream(self._outer(self._select(scan), schema), schema, scan.dataset)

    def _own(self, scan: SealedScan) -> SealedScan:
        """What the database does of a scan: without the steps that it leaves to the hub, with the fields they need."""
        left = left_over(scan, self.capabilities)
        if not left:
            return scan
        scan = replace(
            scan, fields=needed_fields(scan, self.capabilities), where=ALL_ROWS, order=(), limit=None, offset=0
        )
        return replace(scan, allowed=ALL_ROWS, rounding=(), floor=None) if "allowed" in left else scan

    def _partly(self, scan: SealedScan) -> Batches:
        """A box over cells is left to the hub: geometry behind a floor is no geometry of the table any more."""
        done = replace(self.capabilities, bbox=False)
        inner = replace(scan, where=ALL_ROWS, order=(), limit=None, offset=0, fields=needed_fields(scan, done))
        return finish(self.read(inner), scan, done)

    def explain(self, scan: SealedScan) -> str:
        """The SELECT that `read` sends."""
        return self._select(self._own(scan))

    def estimate(self, scan: SealedScan) -> int:
        """About how many rows it would deliver."""
        limits = scan.dataset.limits
        most = limits.rows if limits else 5_000_000
        sql = self._select(self._own(scan))
        return int(self._asked(lambda connection: self._database.estimate(connection, sql, most), scan.dataset))

    def count(self, scan: SealedScan) -> int:
        """Exact number of rows without limit and offset."""
        if left_over(scan, self.capabilities) or (scan.floor is not None and has_bbox(scan.where)):
            everything = replace(scan, order=(), limit=None, offset=0)
            whole = finish(self.read(everything), everything, self.capabilities)
            return sum(batch.num_rows for batch in whole.batches)
        fields = scan.fields[:1] or (scan.dataset.fields[0].name,)
        inner = self._select(replace(scan, order=(), limit=None, offset=0, fields=fields))
        batches = self._stream(
            f"SELECT count(*) AS n FROM ({inner}) AS c", pa.schema([("n", pa.int64())]), scan.dataset
        )
        return int(pa.Table.from_batches(list(batches.batches), batches.schema).column(0)[0].as_py())

    def mount(self, scan: SealedScan) -> Mount | None:
        """The table itself, for the engine, where its types are the hub's."""
        relation, settings = self._relation(scan.dataset)
        del settings
        names = dict.fromkeys(
            [*scan.fields, *(field.name for field in scan.dataset.fields if field.name in _looked_at(scan))]
        )
        columns = {name: self._column(scan.dataset, relation, name) for name in names}
        return self._database.mount(self._target, relation, columns, self._timeout_s)

    def run_sql(self, sql: str, schema: pa.Schema) -> Batches:
        """A vetted SELECT in the database's dialect."""
        return self._stream(self._outer(sql, schema), schema, None)

    def relation(self, scan: SealedScan) -> str:
        """The scan's rows and fields as a sub-select."""
        return f"({self._select(replace(scan, where=ALL_ROWS, order=(), limit=None, offset=0))})"

    def close(self) -> None:
        """Close idle connections."""
        self._pool.close()

    # --- SQL --------------------------------------------------------------------------------------------------------

    def _select(self, scan: SealedScan) -> str:
        relation, settings = self._relation(scan.dataset)
        columns = _Columns(lambda name: self._expression(scan.dataset, relation, settings, name))

        def bbox(box: BBox) -> str:
            return self._database.bbox(self._column(scan.dataset, relation, box.field)[0], box)

        return select(scan, relation.sql, columns, self._database.dialect, bbox=bbox)

    def _outer(self, sql: str, schema: pa.Schema) -> str:
        """The SELECT with its columns in the form that the stream reads."""
        name = [quoted(field.name, self._database.dialect) for field in schema]
        made = [self._database.output(f"t.{column}", field.type) for column, field in zip(name, schema, strict=True)]
        if all(item == f"t.{column}" for item, column in zip(made, name, strict=True)):
            return sql
        return f"SELECT {', '.join(f'{item} AS {column}' for item, column in zip(made, name, strict=True))} FROM ({sql}) AS t"

    def _expression(self, dataset: Dataset, relation: Relation, settings: TableSettings, name: str) -> str:
        native, field = self._column(dataset, relation, name)
        return self._database.expression(native, field, settings.timezone)

    def _column(self, dataset: Dataset, relation: Relation, name: str) -> tuple[Native, Field]:
        field = dataset.field(name)
        assert field is not None
        native = relation.columns.get(field.source_column)
        if native is None:
            raise SourceRefused(
                self._system,
                f"the table {relation.name!r} has no column {field.source_column!r} (any more).",
                hint=f"It has: {', '.join(relation.columns)}.",
                dataset=dataset.id,
                column=field.source_column,
            )
        return native, field

    def _relation(self, dataset: Dataset) -> tuple[Relation, TableSettings]:
        settings = TableSettings.model_validate(dict(dataset.source))
        key = (settings.schema_, settings.table)
        known = self._known.get(key)
        if known is not None and time.monotonic() < known[0]:
            return known[1], settings
        found = self._asked(
            lambda connection: self._database.relation(connection, self._target, settings.schema_, settings.table)
        )
        if found is None:
            names = self._asked(lambda connection: self._database.tables(connection, self._target))
            raise SourceRefused(
                self._system,
                f"there is no table {settings.table!r} (any more).",
                hint=f"There are: {', '.join(names[:40])}.",
                dataset=dataset.id,
            )
        self._known[key] = (time.monotonic() + _TRUST_S, found)
        return found, settings

    # --- asking -----------------------------------------------------------------------------------------------------

    def _asked(self, ask: Callable[[Any], Any], dataset: Dataset | None = None) -> Any:
        try:
            with self._pool.lend() as connection:
                return ask(connection)
        except Exception as error:
            raise self._failed(error, dataset) from None

    def _failed(self, error: BaseException, dataset: Dataset | None) -> BaseException:
        made = failure(error, self._system, self._target.place, self._timeout_s)
        if getattr(made, "code", "") != MISSING:
            return made
        # The table changed under us: forget what we knew and say what is there now.
        self._known.clear()
        if dataset is not None:
            try:
                relation, _ = self._relation(dataset)
                for field in dataset.fields:
                    self._column(dataset, relation, field.name)
            except SourceRefused as better:
                return better
        made.code = type(made).code
        return made

    def _stream(self, sql: str, schema: pa.Schema, dataset: Dataset | None) -> Batches:
        def rows() -> Iterator[pa.RecordBatch]:
            try:
                with self._pool.lend() as connection:
                    yield from self._database.stream(connection, sql, schema)
            except GeneratorExit:
                raise
            except Exception as error:
                raise self._failed(error, dataset) from None

        made: Any = rows()
        return Batches(schema, made, made.close)


class _Columns(Mapping[str, str]):
    """Hub field -> SQL, made when asked for (a floor's subject need not be a field that is shown)."""

    def __init__(self, make: Callable[[str], str]) -> None:
        self._make = make

    def __getitem__(self, name: str) -> str:
        return self._make(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def _looked_at(scan: SealedScan) -> set[str]:
    from nabe.model.expr import fields_of

    names = {*fields_of(scan.allowed), *fields_of(scan.where), *(order.field for order in scan.order)}
    if scan.floor is not None:
        names |= {*scan.floor.cells, *scan.floor.measures, scan.floor.subject}
    return names
