"""Looking into a database before it is declared."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from nabe.adapters.sql.arrive import Left, left_of
from nabe.adapters.sql.databases.base import Database
from nabe.adapters.sql.failures import failure
from nabe.adapters.sql.settings import Target
from nabe.adapters.sql.translate import Kind, Relation
from nabe.errors import SourceRefused
from nabe.model.dataset import Field
from nabe.model.schema import arrow_schema
from nabe.ports.source import Batches, Column, Table
from nabe.query.sql import quoted

#: What errors call a system that has no id yet.
_SYSTEM = "database"
_ZONE = "Europe/Berlin"


class SqlProbe:
    """One database, by its operator. `notes` are added to every description."""

    def __init__(
        self, database: Database, target: Target, timeout_s: float = 60.0, notes: tuple[str, ...] = ()
    ) -> None:
        self._database = database
        self._target = target
        self._timeout_s = timeout_s
        self._notes = notes
        self._given: dict[str, Any] = {}

    def given(self, settings: Mapping[str, Any]) -> None:
        """Settings that go before what is found: `schema`, `timezone`."""
        self._given = dict(settings)
        if "schema" in settings:
            self._target = replace(self._target, schema=str(settings["schema"]))

    def discover(self) -> list[str]:
        """Tables and views that are not the database's own."""
        with self._asking() as connection:
            return self._database.tables(connection, self._target)

    def describe(self, table: str, progress: Callable[[float], None] = lambda _: None) -> Table:
        """Columns, types, keys and comments as the database has them."""
        with self._asking() as connection:
            relation = self._look(connection, table)
            key, references = self._database.keys(connection, relation)
        progress(1.0)
        columns = relation.columns.values()
        place = next((native for native in columns if native.kind is Kind.GEOMETRY), None)
        named = {"schema": relation.schema} if relation.name != table else {}  # `schema.table`, as `discover` calls it
        source = {"table": relation.name, **named, **self._given}
        return Table(
            table,
            tuple(Column(item.name, item.type, item.native, item.nullable, item.comment) for item in columns),
            source,
            key,
            references,
            relation.comment,
            f"EPSG:{place.srid}" if place is not None and place.srid else "",
            relation.rows,
            (*self._notes, *_notes(relation, str(self._given.get("timezone", "")))),
        )

    def sample(self, table: Table, columns: tuple[str, ...] = ()) -> Batches:
        """All rows of these columns, streamed."""
        with self._asking() as connection:
            relation = self._look(connection, table.name)
        wanted = [column for column in table.columns if not columns or column.name in columns]
        fields = [Field(column.name, column.type) for column in wanted]
        schema = arrow_schema(fields)
        zone = str(table.source.get("timezone", _ZONE))
        made = [
            f"{self._database.expression(relation.columns[field.name], field, zone, table.crs)} AS "
            f"{quoted(field.name, self._database.dialect)}"
            for field in fields
        ]
        sql = f"SELECT {', '.join(made)} FROM {relation.sql}"  # names that the database itself gave
        left = left_of(self._database, [(relation.columns[item.name], item) for item in fields], zone, table.crs)
        rows = self._rows(sql, schema, left)
        return Batches(schema, rows, rows.close)  # type: ignore[attr-defined]

    def _rows(self, sql: str, schema: pa.Schema, left: Left) -> Iterator[pa.RecordBatch]:
        connection = None
        try:
            connection = self._database.connect(self._target, self._timeout_s)
            yield from left.done(self._database.stream(connection, sql, schema, self._timeout_s))
        except Exception as error:
            raise failure(error, _SYSTEM, self._target.place, self._timeout_s) from None
        finally:
            if connection is not None:
                with contextlib.suppress(Exception):
                    connection.close()

    def _look(self, connection: Any, table: str) -> Relation:
        """The table of that name; a dot may part its schema from it, or belong to it."""
        schema, _, name = table.partition(".")
        relation = self._database.relation(connection, self._target, "", table)
        if relation is None and name:
            relation = self._database.relation(connection, self._target, schema, name)
        if relation is None:
            raise SourceRefused(_SYSTEM, f"there is no table {table!r}.")
        return relation

    @contextlib.contextmanager
    def _asking(self) -> Iterator[Any]:
        connection = None
        try:
            connection = self._database.connect(self._target, self._timeout_s)
            with self._database.watched(connection, self._timeout_s):
                yield connection
        except Exception as error:
            raise failure(error, _SYSTEM, self._target.place, self._timeout_s) from None
        finally:
            if connection is not None:
                with contextlib.suppress(Exception):
                    connection.close()


def _notes(relation: Relation, zone: str) -> tuple[str, ...]:
    columns = relation.columns.values()
    local = [native.name for native in columns if native.kind is Kind.TIMESTAMP]
    loose = [native.name for native in columns if native.kind is Kind.LOOSE]
    unplaced = [native.name for native in columns if native.kind is Kind.GEOMETRY and not native.srid]
    notes = []
    if local and not zone:
        notes.append(f"Times without a zone are read as {_ZONE}: {', '.join(local)} (source.timezone changes it).")
    if loose:
        notes.append(f"Columns without a type are read as text: {', '.join(loose)}.")
    if unplaced:
        notes.append(f"Geometry without a CRS is taken for longitude and latitude: {', '.join(unplaced)}.")
    return tuple(notes)
