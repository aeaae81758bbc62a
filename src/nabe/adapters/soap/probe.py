"""Looking into a service before it is declared: its operations, what they take, and what they answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nabe.adapters.soap.service import Service
from nabe.adapters.soap.settings import TableSettings
from nabe.adapters.soap.shapes import Shape
from nabe.adapting.json_http.source import made_table, read_rows
from nabe.adapting.settings import parsed
from nabe.errors import Unknown
from nabe.model.dataset import Field, FieldType
from nabe.ports.source import AdapterContext, Batches, Column, Table

#: Operations whose name says that they only read; others are not called to look at their answer.
_READS = re.compile(
    r"^(get|list|find|search|query|read|fetch|load|retrieve|select|count|lookup|show|hole|lese|lies|liefere|suche|liste|"
    r"ermittle|gib|zeige|abfrage)",
    re.IGNORECASE,
)


def sniffed(source: str, context: AdapterContext) -> dict[str, Any] | None:
    """The connection for what calls itself a WSDL: `…?wsdl`, `….wsdl`; nothing is asked."""
    parts = urlsplit(source)
    if parts.scheme in ("http", "https"):
        named = parts.query.lower() in ("wsdl", "singlewsdl") or parts.path.lower().endswith(".wsdl")
        return {"wsdl": source} if parts.hostname and named and not (parts.username or parts.password) else None
    if "://" in source or not source.lower().endswith(".wsdl"):
        return None
    path, root = Path(source).expanduser(), Path(context.root).resolve()
    full = path if path.is_absolute() else Path.cwd() / path
    full = full if full.is_file() else root / path
    if not full.is_file() or not full.resolve().is_relative_to(root):
        return None
    return {"wsdl": full.resolve().relative_to(root).as_posix()}


class SoapProbe:
    """A look into the service of a connection."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def discover(self) -> list[str]:
        """The operations; those that by their name only read come first."""
        return sorted(self._service.operations(), key=lambda name: not _READS.match(name))

    def describe(self, table: str, progress: Callable[[float], None] = lambda _: None) -> Table:
        """What the WSDL says of the answer of an operation. Nothing is called."""
        if table not in self._service.operations():
            raise Unknown(
                f"There is no operation {table!r}.", hint=f"Operations: {', '.join(self.discover()[:40])}.", table=table
            )
        known = self._service.shape(table)
        progress(1.0)
        source: dict[str, Any] = {"operation": table}
        notes = [f"It takes: {known.told()}." if known.parameters else "It takes no parameters."]
        columns: list[Column] = []
        if known.rows:
            rows = known.rows[0]
            if rows.path:
                source["rows_path"] = rows.path.partition("/")[2] or rows.path
            if len(known.rows) > 1:
                notes.append(f"Other elements repeat: {', '.join(item.path for item in known.rows[1:6])}: rows_path.")
            columns = [Column(item.name, item.type or FieldType.STRING, item.native) for item in rows.columns]
            # A schema says what may be there; a column that an answer lacks is no fault of it.
            source["columns"] = {column.name: {"optional": True} for column in columns}
        if reason := _not_called(known):
            notes.append(f"It was not called to look at its answer: {reason}.")
        return Table(table, tuple(columns), source, notes=tuple(notes))

    def sample(self, table: Table, columns: tuple[str, ...] = ()) -> Batches:
        """All rows of these columns, streamed; none of an operation that is not called unasked."""
        wanted = [column for column in table.columns if not columns or column.name in columns]
        settings = parsed(TableSettings, table.source, self._service.system, "source")
        fields = [Field(column.name, column.type, column=column.name) for column in wanted]
        made = made_table(self._service.system, fields, settings)
        if _not_called(self._service.shape(settings.operation), settings.parameters):
            return Batches(made.schema, iter(()))
        rows = read_rows(self._service, made, settings, [], strict=False)
        return Batches(made.schema, rows, rows.close)


def _not_called(known: Shape, given: Any = ()) -> str:
    """Why an operation is not called to look at it; empty if it may be."""
    needed = [item.name for item in known.parameters if item.needed and item.name not in given]
    if needed:
        return f"it needs {', '.join(needed)}; set source.parameters"
    return "" if _READS.match(known.name) else "its name does not say that it only reads"
