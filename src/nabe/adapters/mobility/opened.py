"""An answer on its way: what its rows become, in parts as they arrive; and the words for what is wrong with a document."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from nabe.adapters.mobility.settings import TableSettings
from nabe.adapters.mobility.spec import SpecTable
from nabe.adapting.json_http.paths import Row, parse
from nabe.adapting.json_http.settings import ColumnSettings
from nabe.adapting.json_http.settings import TableSettings as JsonTable
from nabe.adapting.json_http.stream import Broken, Cut, Envelope, TooLarge, records
from nabe.adapting.json_http.translate import BATCH, Table, Tally
from nabe.errors import SourceRefused, SourceUnavailable
from nabe.model.dataset import Field
from nabe.model.query import SealedScan


class Maker(Protocol):
    """Makes batches of the fields out of parts (`translate.Table` of rows, `TextTable` of texts)."""

    schema: pa.Schema
    tallies: list[Tally]
    rows: int

    def batch(self, part: Any) -> pa.RecordBatch:
        """One part as a batch."""


@dataclass(slots=True)
class Opened:
    """`parts` go through `maker` one by one. `stale_since`: the server failed; this is as of then."""

    maker: Maker
    parts: Generator[Any, None, None]
    stale_since: dt.datetime | None = None


class MobilitySilo(Protocol):
    """One kind of silo: GBFS, MDS, GTFS, GTFS Realtime."""

    kind: str
    system: str

    def check(self) -> None:
        """Can it be reached? Raises if not."""

    def tables(self) -> list[str]:
        """Names of the tables there."""

    def notes(self, table: str) -> list[str]:
        """What a reader should know of a table as it is there now."""

    def asks(self, settings: TableSettings, scan: SealedScan) -> str:
        """What would be asked for, in words without secrets."""

    def open(self, settings: TableSettings, fields: Sequence[Field], scan: SealedScan | None) -> Opened:
        """The rows of a table; more than a scan wants where the silo cannot narrow them."""

    def close(self) -> None:
        """Free connections."""


def json_maker(
    system: str, fields: Sequence[Field], spec: SpecTable, settings: TableSettings, *, times: str | None = None
) -> Table:
    """Makes batches of records. What the standard does not demand may be missing; `times`: how it writes moments.

    `SourceRefused` names a field whose column cannot be read as a way.
    """
    for item in fields:
        try:
            parse(item.source_column)
        except ValueError as error:
            raise SourceRefused(
                system, f"field {item.name!r}: column {item.source_column!r} {error}.", hint="Correct its column."
            ) from None
    columns = dict(settings.columns)
    for name in {item.source_column for item in fields} | set(columns):
        known, own = spec.fields.get(name), columns.get(name)
        if known is None:
            continue
        given = {} if own is None else own.model_dump(exclude_unset=True)
        default: dict[str, Any] = {"optional": not known.needed}
        if known.word == "list":
            default["join"] = "; "
        if known.word == "time" and times is not None:
            default["date_format"] = times
        columns[name] = ColumnSettings(**{**default, **given})
    return Table(fields, JsonTable(columns=columns, timezone=settings.timezone))


def in_parts(found: Iterable[Mapping[str, Any]]) -> Generator[list[Row], None, None]:
    """Records in lists of a batch's size."""
    held: list[Row] = []
    for record in found:
        held.append(Row(record))
        if len(held) >= BATCH:
            yield held
            held = []
    if held:
        yield held


def elements(body: bytes, way: str, envelope: Envelope) -> Iterator[Any]:
    """The records of a document, cut out one by one; fills `envelope` with the rest."""
    for row in records([body.removeprefix(b"\xef\xbb\xbf")], parse(way).steps, envelope):
        yield row.value


@contextlib.contextmanager
def told(system: str, name: str) -> Iterator[None]:
    """What is wrong with a JSON document, as an error of the port."""
    try:
        yield
    except Cut as error:
        raise SourceUnavailable(system, f"{name}: {error}.", hint="Try again later.", file=name) from None
    except Broken as error:
        raise SourceRefused(system, f"{name}: {error}.", hint="Check the address.", file=name) from None
    except TooLarge:
        raise SourceRefused(
            system, f"{name}: a record, or what stands beside the records, is too large.", hint="Ask its operator."
        ) from None


def unknown_table(system: str, table: str, known: Iterable[str]) -> SourceRefused:
    """The error of a table that this kind does not have."""
    return SourceRefused(
        system, f"there is no table {table!r}.", hint=f"source.table is one of: {', '.join(known)}.", field="table"
    )
