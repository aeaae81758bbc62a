"""A JSON interface as a source: sealed scans become requests, their pages become batches as they arrive."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Protocol

import pyarrow as pa

from nabe.adapting.json_http.first import First
from nabe.adapting.json_http.interface import Page
from nabe.adapting.json_http.paths import Row, parse
from nabe.adapting.json_http.pushdown import asks_nothing, conditions, rows_wanted
from nabe.adapting.json_http.reading import PlainReader, Reader
from nabe.adapting.json_http.settings import TableSettings
from nabe.adapting.json_http.translate import BATCH, Table, Tally
from nabe.errors import SourceRefused
from nabe.model.dataset import Dataset, Field
from nabe.model.query import SealedScan
from nabe.outbound import short
from nabe.ports.source import Batches, Capabilities
from nabe.query.needs import needed_fields

#: Bytes of a body after which its rows are handed on, however few they are.
_BATCH_BYTES = 8_000_000
#: So many values that all do not fit are no accident: the field is declared wrongly, or the interface has changed.
_ENOUGH = 10
#: Rows guessed for an answer that nobody has seen yet.
_UNKNOWN_ROWS = 1_000
_LOG = logging.getLogger("nabe")


class Paged(Protocol):
    """Whatever gives records page by page."""

    @property
    def system(self) -> str: ...

    def pages(self, settings: TableSettings, pushed: list[tuple[str, str]], size: int = 0) -> Iterator[Page]:
        """The pages of the answer. A page must be taken to its end before the next."""


class Service(Paged, Protocol):
    """What stands behind a source: an `Interface` for JSON, or another kind of service."""

    def check(self) -> None:
        """Does it answer?"""

    def start(self, settings: TableSettings, pushed: list[tuple[str, str]]) -> str:
        """The address that is asked first."""

    def close(self) -> None:
        """Free connections."""


class HttpJsonSource:
    """One interface. It promises nothing (`capabilities`): what it filters itself, the hub filters again."""

    capabilities = Capabilities()

    def __init__(self, interface: Service, reader: Callable[[str, Dataset], Reader] = PlainReader) -> None:
        self._interface, self._reader = interface, reader
        self._rows: dict[str, int] = {}
        self._readers: dict[str, tuple[Dataset, Reader]] = {}
        self._lock = threading.Lock()

    def check(self) -> None:
        """Does it answer, and does it take the log-in?"""
        self._interface.check()

    def read(self, scan: SealedScan) -> Batches:
        """The rows of a scan, and more where the interface cannot filter; nothing is asked before the first is taken."""
        dataset, reader, fields = scan.dataset, self._reader_of(scan.dataset), self._fields(scan)
        table = made_table(self._interface.system, [reader.field(field) for field in fields], reader.settings)
        if asks_nothing(scan):
            return Batches(table.schema, iter(()))
        asked = reader.ask(fields, scan)
        most = rows_wanted(scan)
        rows = read_rows(
            self._interface,
            table,
            reader.settings,
            list(asked.params),
            most,
            dataset=dataset.id,
            narrowed=asked.narrowed,
            first=First(scan) if asked.ordered else None,
            sparse=asked.sparse,
            shaped=lambda found: reader.shaped(found, fields),
        )

        def noted() -> Generator[pa.RecordBatch, None, None]:
            try:
                yield from rows
                if most is None and not asked.narrowed and not asked.ordered:
                    with self._lock:
                        self._rows[dataset.id] = table.rows
            finally:
                rows.close()

        following = noted()
        return Batches(table.schema, following, following.close)

    def estimate(self, scan: SealedScan) -> int:
        """As many rows as last time, a third for each condition; a guess before the first time."""
        if asks_nothing(scan):
            return 0
        rows = self._rows.get(scan.dataset.id, _UNKNOWN_ROWS)
        for _ in conditions(scan):
            rows //= 3
        rows = max(rows - scan.offset, 0)
        return rows if scan.limit is None else min(rows, scan.limit)

    def explain(self, scan: SealedScan) -> str:
        """The request, without secrets."""
        reader = self._reader_of(scan.dataset)
        asked = reader.ask(self._fields(scan), scan)
        params = ", ".join(f"{name}={value}" for name, value in asked.params)
        address = short(self._interface.start(reader.settings, []))
        return f"GET {address}" + (f" with {params}" if params else "")

    def close(self) -> None:
        """Free connections; the source can be used again."""
        self._interface.close()

    def _fields(self, scan: SealedScan) -> list[Field]:
        names = needed_fields(scan, self.capabilities)
        return [field for name in names if (field := scan.dataset.field(name))]

    def _reader_of(self, dataset: Dataset) -> Reader:
        known = self._readers.get(dataset.id)
        if known is None or (known[0] is not dataset and known[0] != dataset):
            known = (dataset, self._reader(self._interface.system, dataset))
            self._readers[dataset.id] = known
        return known[1]


def made_table(system: str, fields: Sequence[Field], settings: TableSettings) -> Table:
    """The fields ready to be filled. `SourceRefused` names the one whose column cannot be read as a way."""
    for field in fields:
        try:
            parse(field.source_column)
        except ValueError as error:
            raise SourceRefused(
                system, f"field {field.name!r}: column {field.source_column!r} {error}.", hint="Correct its column."
            ) from None
    return Table(fields, settings)


def read_rows(
    interface: Paged,
    table: Table,
    settings: TableSettings,
    params: list[tuple[str, str]],
    most: int | None = None,
    *,
    dataset: str = "",
    strict: bool = True,
    narrowed: bool = False,
    first: First | None = None,
    sparse: bool = False,
    shaped: Callable[[Iterator[Row]], Iterator[Row]] = iter,
) -> Generator[pa.RecordBatch, None, None]:
    """The batches of an answer, page by page, at most `most` rows.

    `strict`: refuse what is not as declared: a column that no record has, a type that no value fits. `narrowed`: the
    parameters leave rows out. `first`: judges when enough came of rows in order. `shaped`: what is done to a page's records before the ways are followed.
    """
    judge = Judge(interface.system, dataset, table, sparse) if strict else None
    if most == 0:
        return
    for page in interface.pages(settings, params, most or (first.wanted if first is not None else 0)):
        for batch in _batches(page, shaped(page.rows), table, None if most is None else most - table.rows):
            if judge is not None:
                judge.batch(batch.num_rows)
            yield batch
            page.body.renew()
            if first is not None and first.has_enough(batch):
                return
        if most is not None and table.rows >= most:
            return
    if judge is not None:
        judge.end(whole=not narrowed and most is None and first is None)


def _batches(page: Page, rows: Iterator[Row], table: Table, most: int | None) -> Iterator[pa.RecordBatch]:
    """Batches of one page: so many rows, or so many bytes."""
    held: list[Row] = []
    began, left = 0, most
    for row in rows:
        held.append(row)
        if left is not None and len(held) >= left:
            break
        if len(held) >= BATCH or page.body.read - began >= _BATCH_BYTES:
            yield table.batch(held)
            left = left - len(held) if left is not None else None
            held, began = [], page.body.read
    if held:
        yield table.batch(held)


class Judge:
    """Says when an answer is not what was declared, instead of showing empty columns."""

    def __init__(self, system: str, dataset: str, table: Table, sparse: bool = False) -> None:
        self._system, self._dataset, self._table, self._first = system, dataset, table, True
        self._sparse = sparse

    def batch(self, rows: int) -> None:
        """After each batch: the first shows which members there are."""
        if not self._first or not rows:
            return
        self._first = False
        for tally in self._table.tallies:
            if not tally.present and not tally.optional and not self._sparse:
                raise SourceRefused(
                    self._system,
                    f"no record has {tally.column!r} (field {tally.field.name!r} of dataset {self._dataset!r}).",
                    hint="Correct the field's column, or set optional for it in source.columns.",
                    field=tally.field.name,
                    dataset=self._dataset,
                )
            if tally.values >= _ENOUGH and tally.unfit == tally.values:
                raise self._unfit(tally)

    def end(self, *, whole: bool) -> None:
        """After the last batch."""
        for tally in self._table.tallies:
            if not tally.unfit:
                continue
            if whole and tally.unfit == tally.values:
                raise self._unfit(tally)
            _LOG.warning(
                "system %s, dataset %s: %d of %d values of field %s are not of type %s and read as missing",
                self._system,
                self._dataset,
                tally.unfit,
                tally.values,
                tally.field.name,
                tally.field.type.value,
            )

    def _unfit(self, tally: Tally) -> SourceRefused:
        return SourceRefused(
            self._system,
            f"no value of {tally.column!r} is of type {tally.field.type.value} "
            f"(field {tally.field.name!r} of dataset {self._dataset!r}).",
            hint="Correct the field's type, or decimal, date_format or nulls in source.columns.",
            field=tally.field.name,
            dataset=self._dataset,
        )
