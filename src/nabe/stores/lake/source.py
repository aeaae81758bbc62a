"""Versions as a source: small ones answered from memory, large ones streamed, with what Parquet can skip skipped."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from nabe.errors import Invalid, SourceRefused, SourceUnavailable
from nabe.model.dataset import Dataset
from nabe.model.expr import AllRows
from nabe.model.lake import Version
from nabe.model.query import SealedScan
from nabe.model.schema import ARROW, arrow_schema
from nabe.ports.source import Batches, Capabilities, ParquetMount
from nabe.query.evaluate import finish
from nabe.query.memory import TABLE_LIMIT, MemoryTable, TableCache
from nabe.query.needs import needed_fields
from nabe.stores.lake.folder import Folders
from nabe.stores.lake.skipping import early

_BATCH_ROWS = 65_536
#: A version whose file is larger is certainly too large to be kept in memory: zstd rarely packs ten to one.
_SURELY_LARGE = TABLE_LIMIT


class LakeSource:
    """The newest version of each dataset, or the one that stood at `as_of`. Finishes every scan by itself."""

    capabilities = Capabilities(filter=True, bbox=True, order=True, limit=True, floor=True, instant=True)

    def __init__(self, folders: Folders, tables: TableCache, as_of: dt.datetime | None = None) -> None:
        self._folders, self._tables, self._as_of = folders, tables, as_of

    def check(self) -> None:
        """It is a folder of our own."""

    def version(self, dataset: Dataset) -> Version:
        """The version that answers for a dataset. `SourceUnavailable` if there is none, `Invalid` if all are younger."""
        found, _ = self._folders.look(dataset.id)
        chosen = next((item for item in found if self._as_of is None or item.at <= self._as_of), None)
        if chosen is not None:
            return chosen
        if found and self._as_of is not None:
            oldest = found[-1].at
            raise Invalid(
                f"There is no copy of {dataset.id!r} from {self._as_of:%Y-%m-%d %H:%M} UTC or before.",
                hint=f"The oldest is of {oldest:%Y-%m-%d %H:%M} UTC.",
                field="as_of",
                dataset=dataset.id,
            )
        raise SourceUnavailable(
            dataset.system,
            f"no copy of {dataset.id!r} has been taken yet.",
            hint=f"The server takes it by schedule; `nabe snapshot run {dataset.id}` does at once.",
        )

    def read(self, scan: SealedScan) -> Batches:
        """Rows of a sealed scan, finished."""
        version = self.version(scan.dataset)
        self._must_have(scan, version)
        table = self._table(scan.dataset, version)
        return table.answer(scan) if table is not None else self._stream(scan, version)

    def estimate(self, scan: SealedScan) -> int:
        """Rows of the version, as far as the scan's limit lets them out."""
        rows = max(self.version(scan.dataset).rows - scan.offset, 0)
        return rows if scan.limit is None else min(rows, scan.limit)

    def count(self, scan: SealedScan) -> int:
        """Exact number of rows without limit and offset."""
        version = self.version(scan.dataset)
        scan = replace(scan, limit=None, offset=0, order=())
        plain = isinstance(scan.where, AllRows) and isinstance(scan.allowed, AllRows)
        if plain and not scan.rounding and scan.floor is None:
            return version.rows
        table = self._table(scan.dataset, version)
        if table is not None:
            return table.count(scan)
        found = self._stream(replace(scan, fields=scan.fields[:1]), version)
        return sum(batch.num_rows for batch in found.batches)

    def mount(self, scan: SealedScan) -> ParquetMount | None:
        """The version's file, if it holds the fields as they are declared now."""
        version = self.version(scan.dataset)
        self._must_have(scan, version)
        path = self._path(version)
        schema = pq.read_schema(path)
        names = needed_fields(scan, Capabilities())
        if any(name not in schema.names or schema.field(name).type != _type(scan.dataset, name) for name in names):
            return None
        return ParquetMount((str(path),), {name: name for name in names})

    def close(self) -> None:
        """Nothing is held but what the cache keeps."""

    def _path(self, version: Version) -> Path:
        return self._folders.of(version.dataset).rows(version.number)

    def _must_have(self, scan: SealedScan, version: Version) -> None:
        """A field that was declared after the copy was taken: missing in the past, refused in the present."""
        if self._as_of is not None:
            return
        missing = [name for name in needed_fields(scan, Capabilities()) if name not in version.fields]
        if missing:
            raise SourceRefused(
                scan.dataset.system,
                f"the copy of {scan.dataset.id!r} was taken before its field {missing[0]!r} was declared.",
                hint=f"The next one has it; `nabe snapshot run {scan.dataset.id}` takes it at once.",
                field=missing[0],
                dataset=scan.dataset.id,
            )

    def _table(self, dataset: Dataset, version: Version) -> MemoryTable | None:
        """The version in memory; None if it is too large."""
        if version.bytes > _SURELY_LARGE:
            return None
        types = tuple((field.name, field.type) for field in dataset.fields)
        key = (version.dataset, version.number, version.digest, types)
        table = self._tables.get(key)
        if table is None:
            path = self._path(version)
            if _unpacked(path) > TABLE_LIMIT:
                return None
            rows = self._typed(dataset, pq.read_table(path))
            table = MemoryTable(rows)
            if table.nbytes > TABLE_LIMIT:
                return None
            self._tables.forget(version.dataset)
            self._tables.put(key, table)
        return table

    def _typed(self, dataset: Dataset, rows: pa.Table) -> pa.Table:
        schema = arrow_schema(dataset.fields)
        columns = [_column(dataset, rows, field) for field in schema]
        return pa.Table.from_arrays(columns, schema=schema)

    def _stream(self, scan: SealedScan, version: Version) -> Batches:
        names = needed_fields(scan, Capabilities())
        fields = [field for field in scan.dataset.fields if field.name in names]
        schema = arrow_schema(fields)
        data = ds.dataset(self._path(version), format="parquet")
        there = [name for name in schema.names if name in data.schema.names]
        rows = data.scanner(
            columns=there, filter=early(scan, data.schema), batch_size=_BATCH_ROWS, use_threads=True
        ).to_batches()

        def typed() -> Iterator[pa.RecordBatch]:
            for batch in rows:
                if batch.num_rows:
                    columns = [_column(scan.dataset, batch, field) for field in schema]
                    yield pa.RecordBatch.from_arrays(columns, schema=schema)

        return finish(Batches(schema, typed()), scan, Capabilities())


def _type(dataset: Dataset, name: str) -> pa.DataType:
    field = dataset.field(name)
    assert field is not None
    return ARROW[field.type]


def _column(dataset: Dataset, rows: Any, field: pa.Field) -> Any:
    """A column in its declared type; missing where the version is older than the field."""
    if field.name not in rows.schema.names:
        return pa.nulls(rows.num_rows, field.type)
    column = rows.column(field.name)
    if column.type == field.type:
        return column
    try:
        return pc.cast(column, field.type)
    except pa.ArrowInvalid:
        raise SourceRefused(
            dataset.system,
            f"the copy of {dataset.id!r} was taken when field {field.name!r} had another type.",
            hint=f"`nabe snapshot run {dataset.id}` takes a new one.",
            field=field.name,
            dataset=dataset.id,
        ) from None


def _unpacked(path: Path) -> int:
    meta = pq.read_metadata(path)
    return sum(meta.row_group(number).total_byte_size for number in range(meta.num_row_groups))
