"""For adapters whose silos deliver records: dicts into Arrow batches of the hub's types, and columns told from dicts.

An adapter brings the records of its format (`translate.py`); what German numbers, dates, gaps, coordinates and missing
columns mean is the same for all and stands here. A field's `column` is a record's key, or the way to a value inside it:
`address.city`, `tags[0]`, `['odd.name']`.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

import pyarrow as pa
from pydantic import Field as Setting
from pydantic import model_validator

from nabe.adapting.json_http.paths import Row
from nabe.adapting.json_http.recognise import members, typed
from nabe.adapting.json_http.settings import ColumnSettings, Dialect, TableSettings
from nabe.adapting.json_http.source import made_table
from nabe.adapting.json_http.translate import BATCH
from nabe.adapting.json_http.translate import Table as Columns
from nabe.adapting.settings import ReferenceSystem, TimeZone
from nabe.errors import SourceRefused
from nabe.model.dataset import Field, FieldType
from nabe.ports.source import Batches, Column, Table

#: Records from which columns and types are told.
_LOOKED_AT = 20_000
#: Bytes of a line; a silo that sends longer ones sends something else.
LONGEST_LINE = 1_000_000


class Unreadable(ValueError):
    """What came is not in the adapter's format. Its words say where and why, without the data."""


class RecordSettings(Dialect):
    """What may be said of any silo of records, under `source`. An adapter's own settings inherit from it."""

    columns: dict[str, ColumnSettings] = Setting(
        default_factory=dict, description="Columns that are written differently"
    )
    timezone: TimeZone = Setting(default="Europe/Berlin", description="Zone of times without one")
    crs: ReferenceSystem = Setting(
        default="", description="Reference system of coordinates, if not longitude and latitude: EPSG:25832"
    )
    x: str = Setting(default="", description="Way to the easting or longitude")
    y: str = Setting(default="", description="Way to the northing or latitude")
    axes: Literal["xy", "yx"] = Setting(default="xy", description="yx: geometries have latitude first")

    @model_validator(mode="after")
    def _both_coordinates(self) -> RecordSettings:
        if bool(self.x) != bool(self.y):
            raise ValueError("x and y belong together")
        return self


def delivered(
    system: str,
    records: Iterator[Mapping[str, Any]],
    fields: Sequence[Field],
    settings: RecordSettings,
    dataset: str = "",
) -> Batches:
    """The records as batches of these fields, as they come.

    `SourceRefused` if a field's column is in none of the first records and not said to be `optional`. A value that does
    not fit its type is missing.
    """
    columns = made_table(system, fields, _shared(settings))
    rows = _batches(system, records, columns, dataset)

    def close() -> None:
        with contextlib.suppress(ValueError):  # another thread is reading: its end closes it
            rows.close()

    return Batches(columns.schema, rows, close)


def described(name: str, records: Iterable[Mapping[str, Any]], source: Mapping[str, Any]) -> Table:
    """A table as its first records show it. `source` goes into the dataset, with what its columns need said."""
    first = list(itertools.islice(records, _LOOKED_AT + 1))
    looked_at, whole = first[:_LOOKED_AT], len(first) <= _LOOKED_AT
    ways, count = members(looked_at)
    columns, own = [], dict(source.get("columns", {}))
    for way, member in ways.items():
        kind, settings = typed(member, count)
        columns.append(Column(way, kind, nullable=len(member.values) < count))
        if settings:
            own[way] = {**settings, **own.get(way, {})}
    placed = any(column.type is FieldType.GEOMETRY for column in columns)
    crs = str(source.get("crs", "")) or ("OGC:CRS84" if placed else "")
    notes = () if whole else (f"Types are told from the first {count:,} records.",)
    shown = {**source, "columns": own} if own else dict(source)
    return Table(name, tuple(columns), shown, crs=crs, rows=count if whole else None, notes=notes)


def lines(chunks: Iterable[bytes], encoding: str = "utf-8") -> Iterator[str]:
    """Lines of a stream of bytes, without their ends. `Unreadable` for one that is too long or not in the encoding."""
    rest = b""
    number = 0
    for chunk in itertools.chain(chunks, [None]):
        *whole, rest = (rest + chunk).split(b"\n") if chunk is not None else ([rest, b""] if rest else [b""])
        if len(rest) > LONGEST_LINE:
            raise Unreadable(f"line {number + len(whole) + 1} is longer than {LONGEST_LINE // 1_000_000} MB")
        for line in whole:
            number += 1
            if len(line) > LONGEST_LINE:
                raise Unreadable(f"line {number} is longer than {LONGEST_LINE // 1_000_000} MB")
            try:
                text = line.decode(encoding)
            except UnicodeDecodeError:
                raise Unreadable(f"line {number} is not {encoding}") from None
            yield (text.removeprefix("\ufeff") if number == 1 else text).removesuffix("\r")


def _shared(settings: RecordSettings) -> TableSettings:
    names = RecordSettings.model_fields.keys() & TableSettings.model_fields.keys()
    return TableSettings.model_construct(**{name: getattr(settings, name) for name in names})


def _batches(
    system: str, records: Iterator[Mapping[str, Any]], columns: Columns, dataset: str
) -> Generator[pa.RecordBatch, None, None]:
    for number, batch in enumerate(columns.batches((Row(record) for record in records), BATCH)):
        if number == 0:
            for tally in columns.tallies:
                if not tally.present and not tally.optional:
                    raise SourceRefused(
                        system,
                        f"no record has {tally.column!r} (field {tally.field.name!r} of dataset {dataset!r}).",
                        hint="Correct the field's column, or set optional for it in source.columns.",
                        field=tally.field.name,
                        dataset=dataset,
                    )
        yield batch
