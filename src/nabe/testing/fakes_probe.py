"""A probe over Arrow tables in memory: what `nabe connect` sees of a silo, without the silo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from nabe.errors import Unknown
from nabe.model.dataset import Field
from nabe.model.schema import arrow_schema, field_type
from nabe.ports.source import Batches, Column, Table


class ArrowProbe:
    """`tables`: name -> Arrow table. `about`: name -> further fields of `Table` (key, crs, comment, notes, ...)."""

    def __init__(
        self,
        tables: Mapping[str, pa.Table],
        about: Mapping[str, Mapping[str, object]] | None = None,
        *,
        batch: int = 65_536,
    ) -> None:
        self._tables = tables
        self._about = about or {}
        self._batch = batch

    def discover(self) -> list[str]:
        return list(self._tables)

    def describe(self, table: str, progress: Callable[[float], None] = lambda _: None) -> Table:
        if table not in self._tables:
            raise Unknown(f"No table {table!r} here.", table=table)
        data = self._tables[table]
        columns = tuple(Column(item.name, field_type(item), str(item.type)) for item in data.schema)
        progress(1.0)
        extra: dict[str, Any] = {"source": {"table": table}, "rows": data.num_rows, **self._about.get(table, {})}
        return Table(table, columns, **extra)

    def sample(self, table: Table, columns: tuple[str, ...] = ()) -> Batches:
        wanted = [column for column in table.columns if not columns or column.name in columns]
        schema = arrow_schema(Field(column.name, column.type) for column in wanted)
        data = self._tables[table.name].select([column.name for column in wanted]).cast(schema)
        return Batches(schema, iter(data.to_batches(self._batch)))
