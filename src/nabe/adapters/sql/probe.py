"""Looking into a database before it is declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nabe.adapters.sql.databases.base import Database
from nabe.adapters.sql.failures import failure
from nabe.adapters.sql.settings import Target
from nabe.adapters.sql.translate import Kind, Relation
from nabe.errors import SourceRefused
from nabe.model.dataset import Field
from nabe.model.schema import arrow_schema
from nabe.ports.source import Batches, Column, Table
from nabe.query.sql import quoted

_SYSTEM = "connect"


class SqlProbe:
    """One database, by its operator."""

    def __init__(self, database: Database, target: Target, timeout_s: float = 60.0) -> None:
        self._database = database
        self._target = target
        self._timeout_s = timeout_s

    def discover(self) -> list[str]:
        """Tables and views."""
        connection = self._connect()
        try:
            return self._database.tables(connection, self._target)
        finally:
            connection.close()

    def _connect(self) -> Any:
        try:
            return self._database.connect(self._target, self._timeout_s)
        except Exception as error:
            raise failure(error, _SYSTEM, self._target.place, self._timeout_s) from None

    def describe(self, table: str, progress: Callable[[float], None] = lambda _: None) -> Table:
        """Columns, types, keys and comments as the database has them."""
        relation, key, references = self._look(table)
        schema, _, name = table.rpartition(".")
        source = {"table": name} | ({"schema": schema} if schema else {})
        place = next((native for native in relation.columns.values() if native.kind is Kind.GEOMETRY), None)
        progress(1.0)
        return Table(
            table,
            tuple(
                Column(native.name, native.type, native.native, native.nullable, native.comment)
                for native in relation.columns.values()
            ),
            source,
            key,
            references,
            relation.comment,
            f"EPSG:{place.srid}" if place is not None and place.srid else "",
            relation.rows,
        )

    def _look(self, table: str) -> tuple[Relation, tuple[str, ...], tuple[tuple[str, str, str], ...]]:
        schema, _, name = table.rpartition(".")
        connection = self._connect()
        try:
            relation = self._database.relation(connection, self._target, schema, name)
            if relation is None:
                raise SourceRefused(_SYSTEM, f"there is no table {table!r}.")
            key, references = self._database.keys(connection, relation)
            return relation, key, references
        except Exception as error:
            raise failure(error, _SYSTEM, self._target.place, self._timeout_s) from None
        finally:
            connection.close()

    def sample(self, table: Table, columns: tuple[str, ...] = ()) -> Batches:
        """All rows of these columns, streamed."""
        relation, _, _ = self._look(table.name)
        wanted = [column for column in table.columns if not columns or column.name in columns]
        fields = [Field(column.name, column.type) for column in wanted]
        schema = arrow_schema(fields)
        dialect = self._database.dialect
        made = []
        for field, arrow in zip(fields, schema, strict=True):
            sql = self._database.expression(relation.columns[field.name], field, "Europe/Berlin")
            made.append(f"{self._database.output(sql, arrow.type)} AS {quoted(field.name, dialect)}")
        connection = self._connect()
        rows = self._database.stream(connection, f"SELECT {', '.join(made)} FROM {relation.sql}", schema)
        return Batches(schema, rows, connection.close)
