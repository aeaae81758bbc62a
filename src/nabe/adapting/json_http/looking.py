"""For probes of interfaces that keep to a standard: first rows to learn from, and all rows of a proposal."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from nabe.adapting.json_http.interface import Interface
from nabe.adapting.json_http.paths import Row
from nabe.adapting.json_http.reading import Reader
from nabe.adapting.json_http.recognise import Found, typed
from nabe.adapting.json_http.source import made_table, read_rows
from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.text import Text
from nabe.ports.source import Batches, Column, Table

#: Rows and pages from which types are told.
MOST_ROWS, MOST_PAGES = 10_000, 20


def dataset_of(source: Mapping[str, Any], columns: Iterable[Column] = ()) -> Dataset:
    """A dataset as it would be declared; it stands for nobody."""
    fields = tuple(Field(column.name, column.type, column=column.name) for column in columns)
    return Dataset("look", Text("look"), "", Access.INTERNAL, fields, source=dict(source))


def first_rows(
    interface: Interface, reader: Reader, fields: Sequence[Field] = (), most: int = MOST_ROWS
) -> tuple[list[Row], bool]:
    """Records of the first pages as the reader shapes them, and whether these are all."""
    rows: list[Row] = []
    asked = reader.ask(fields, None)
    for number, page in enumerate(interface.pages(reader.settings, list(asked.params))):
        rows += itertools.islice(reader.shaped(page.rows, fields), most + 1 - len(rows))
        if len(rows) > most or number + 1 >= MOST_PAGES:
            return rows[:most], False
    return rows, True


def sample(
    interface: Interface,
    reader: Callable[[str, Dataset], Reader],
    table: Table,
    columns: tuple[str, ...],
    most: int | None = None,
) -> Batches:
    """All rows of these columns of a table (none named: all), at most so many."""
    wanted = [column for column in table.columns if not columns or column.name in columns]
    dataset = dataset_of(table.source, wanted)
    read, fields = reader(interface.system, dataset), dataset.fields
    made = made_table(interface.system, [read.field(field) for field in fields], read.settings)
    params = list(read.ask(fields, None).params)
    rows = read_rows(
        interface, made, read.settings, params, most, strict=False, shaped=lambda found: read.shaped(found, fields)
    )
    return Batches(made.schema, rows, rows.close)


def typed_column(
    name: str, values: list[Any], rows: int, kind: FieldType | None = None, unit: str = ""
) -> tuple[Column, dict[str, Any]]:
    """A column by its values (those that are there, of so many rows), and settings for how it is written."""
    there = [value for value in values if value is not None]
    found, own = typed(Found(name, there, len(values)), rows)
    native = " or ".join(sorted({type(value).__name__ for value in there[:1000]}))
    if kind is not None:
        own = {key: value for key, value in own.items() if key == "optional"}
    return Column(name, kind or found, native, nullable=len(there) < rows, unit=unit), own
