"""A database as a source: sealed scans become SELECTs that it runs itself, read-only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pyarrow as pa

from nabe.adapters.sql.arrive import left_of
from nabe.adapters.sql.databases.base import Database, Unfit
from nabe.adapters.sql.failures import MISSING, failure
from nabe.adapters.sql.pool import Pool
from nabe.adapters.sql.settings import Target
from nabe.adapters.sql.statement import is_one_select
from nabe.adapters.sql.tables import Tables
from nabe.errors import SourceRefused
from nabe.model.dataset import Dataset, Limits
from nabe.model.expr import ALL_ROWS, BBox, Compare, In, conjuncts, fields_of
from nabe.model.query import SealedScan
from nabe.ports.source import Batches, Mount
from nabe.query.evaluate import finish, scan_schema
from nabe.query.needs import has_bbox, left_over, needed_fields
from nabe.query.sql import quoted, select


class SqlSource:
    """One database."""

    def __init__(self, system: str, database: Database, target: Target, timeout_s: float) -> None:
        self.capabilities = database.capabilities
        self._system = system
        self._database = database
        self._target = target
        self._timeout_s = timeout_s
        self._pool = Pool(lambda: database.connect(target, timeout_s), database.alive)
        self._tables = Tables(system, self._asked, database, target)

    def check(self) -> None:
        """Can it be reached and read?"""
        self._asked(lambda connection: self._database.tables(connection, self._target))

    def read(self, scan: SealedScan) -> Batches:
        """Rows of a sealed scan, finished as far as the capabilities say."""
        if scan.floor is not None and has_bbox(scan.where) and self.capabilities.bbox:
            return self._partly(scan)
        own = self._own(scan)
        schema = scan_schema(own)
        paged = own.limit is not None or own.offset > 0
        found = self._stream(self._sent(scan, own), schema, scan.dataset, steady=paged and not own.order)
        columns = [self._tables.column(scan.dataset, name) for name in own.fields]
        zone = self._tables.settings(scan.dataset).timezone
        left = left_of(self._database, columns, zone, scan.dataset.crs)
        if left.systems or left.zones:
            found.batches = left.done(found.batches)
        return found

    def explain(self, scan: SealedScan) -> str:
        """The SELECT that `read` sends."""
        return self._sent(scan, self._own(scan))

    def estimate(self, scan: SealedScan) -> int:
        """About how many rows it would deliver."""
        most = (scan.dataset.limits or Limits()).rows
        own = self._own(scan)
        sql, relation = self._select(own, self._hints(scan)), self._tables.relation(scan.dataset)
        rows = self._asked(lambda connection: self._database.estimate(connection, sql, relation, most), scan.dataset)
        return int(rows if own.limit is None else min(rows, own.limit))

    def count(self, scan: SealedScan) -> int:
        """Exact number of rows without limit and offset."""
        scan = replace(scan, order=(), limit=None, offset=0)
        if left_over(scan, self.capabilities) or (scan.floor is not None and has_bbox(scan.where)):
            whole = finish(self.read(scan), scan, self.capabilities)
            return sum(batch.num_rows for batch in whole.batches)
        fields = scan.fields[:1] or (scan.dataset.fields[0].name,)
        counting = f"SELECT count(*) AS n FROM ({self._select(replace(scan, fields=fields))}) c"
        found = self._stream(counting, pa.schema([("n", pa.int64())]), scan.dataset)
        return int(pa.Table.from_batches(list(found.batches), found.schema).column(0)[0].as_py())

    def mount(self, scan: SealedScan) -> Mount | None:
        """The table itself, for the engine, where its types are the hub's."""
        relation = self._tables.relation(scan.dataset)
        looked_at = _looked_at(scan)
        names = [field.name for field in scan.dataset.fields if field.name in looked_at]
        columns = {name: self._tables.column(scan.dataset, name) for name in names}
        return self._database.mount(self._target, relation, columns, self._timeout_s)

    def run_sql(self, sql: str, schema: pa.Schema) -> Batches:
        """A vetted SELECT in the database's dialect; anything else is refused."""
        if not is_one_select(sql, self._database.dialect):
            raise SourceRefused(self._system, "it runs single SELECTs only.", hint="Nabe never writes into a silo.")
        return self._stream(sql, schema, None)

    def relation(self, scan: SealedScan) -> str:
        """The scan's rows and fields as a sub-select. Its filter stays in the question; here it only helps indexes."""
        bare = replace(scan, where=ALL_ROWS, order=(), limit=None, offset=0)
        return f"({self._select(bare, self._hints(scan))})"

    def close(self) -> None:
        """Close idle connections."""
        self._pool.close()

    # --- SQL --------------------------------------------------------------------------------------------------------

    def _own(self, scan: SealedScan) -> SealedScan:
        """What the database does of a scan: without the steps that it leaves to the hub, with the fields they need."""
        left = left_over(scan, self.capabilities)
        if not left:
            return scan
        scan = replace(
            scan, fields=needed_fields(scan, self.capabilities), where=ALL_ROWS, order=(), limit=None, offset=0
        )
        if "rounding" in left:
            scan = replace(scan, rounding=(), floor=None)
        return replace(scan, allowed=ALL_ROWS) if "allowed" in left else scan

    def _sent(self, scan: SealedScan, own: SealedScan) -> str:
        """What is sent for a scan. Its conditions narrow the rows even where the hub is the one who filters."""
        sql = self._select(own, self._hints(scan))
        key = self._tables.relation(scan.dataset).key
        if not self._database.pages_by_key or not key or (scan.limit is None and not scan.offset):
            return sql
        names = [f"h.{quoted(name, self._database.dialect)}" for name in key]
        sql += f" ORDER BY {', '.join(names)}"
        if left_over(scan, self.capabilities) == ("order",) and not scan.order and scan.limit is not None:
            sql += f" OFFSET 0 ROWS FETCH NEXT {scan.offset + scan.limit:d} ROWS ONLY"
        return sql

    def _partly(self, scan: SealedScan) -> Batches:
        """A box over cells is left to the hub: geometry behind a floor is no geometry of the table any more."""
        done = replace(self.capabilities, bbox=False)
        inner = replace(scan, where=ALL_ROWS, order=(), limit=None, offset=0, fields=needed_fields(scan, done))
        return finish(self.read(inner), scan, done)

    def _select(self, scan: SealedScan, hints: Sequence[str] | None = None) -> str:
        dataset, database, tables = scan.dataset, self._database, self._tables
        zone = tables.settings(dataset).timezone
        relation = tables.relation(dataset).sql

        def expression(name: str) -> str:
            native, field = tables.column(dataset, name)
            try:
                return database.expression(native, field, zone, dataset.crs)
            except Unfit:
                raise tables.unfit(dataset, native, field) from None

        def bbox(box: BBox) -> str:
            return database.bbox(*tables.column(dataset, box.field), box, dataset.crs)

        if hints is None:
            hints = self._hints(scan)
        if hints:
            relation = f"(SELECT * FROM {relation} WHERE {' AND '.join(hints)}) h"
        elif database.pages_by_key:
            relation = f"{relation} h"
        return select(scan, relation, _Columns(expression), database.dialect, bbox=bbox)

    def _hints(self, scan: SealedScan) -> list[str]:
        """Conditions on bare columns, so that the database finds its indexes behind our casts and collations."""
        parts = list(conjuncts(scan.allowed))
        if scan.floor is None:  # else the asker's filter comes after the groups were made
            rounded = {name for name, _ in scan.rounding}
            parts += [part for part in conjuncts(scan.where) if not rounded & set(fields_of(part))]
        found = []
        for part in parts:
            if isinstance(part, (Compare, In, BBox)):
                found.append(self._database.hint(*self._tables.column(scan.dataset, part.field), part))
        return [hint for hint in dict.fromkeys(found) if hint]

    # --- asking -----------------------------------------------------------------------------------------------------

    def _asked(self, ask: Callable[[Any], Any], dataset: Dataset | None = None) -> Any:
        try:
            with self._pool.lend() as connection, self._database.watched(connection, self._timeout_s):
                return ask(connection)
        except Exception as error:
            raise self._failed(error, dataset) from None

    def _failed(self, error: BaseException, dataset: Dataset | None) -> BaseException:
        made = failure(error, self._system, self._target.place, self._timeout_s)
        if getattr(made, "code", "") != MISSING:
            return made
        # The table changed under us: forget what we knew and say what is there now.
        self._tables.forget()
        if dataset is not None:
            try:
                for field in dataset.fields:
                    self._tables.column(dataset, field.name)
            except SourceRefused as better:
                return better
        made.code = type(made).code
        return made

    def _stream(self, sql: str, schema: pa.Schema, dataset: Dataset | None, *, steady: bool = False) -> Batches:
        def rows() -> Iterator[pa.RecordBatch]:
            try:
                with self._pool.lend() as connection:
                    yield from self._database.stream(connection, sql, schema, self._timeout_s, steady=steady)
            except Exception as error:
                raise self._failed(error, dataset) from None

        made: Any = rows()

        def close() -> None:
            with contextlib.suppress(ValueError):  # another thread is reading: its end closes it
                made.close()

        return Batches(schema, made, close)


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
    names = {*scan.fields, *fields_of(scan.allowed), *fields_of(scan.where), *(order.field for order in scan.order)}
    if scan.floor is not None:
        names |= {*scan.floor.cells, *scan.floor.measures, scan.floor.subject}
    return names
