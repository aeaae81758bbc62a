"""An answer on its way out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from nabe.model.dataset import Field


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a silo that took part answered.

    `stale_since`: it did not answer, older rows stand in, last known to be right then. `as_of`: the rows are a copy that
    was taken then (of a dataset kept as snapshots, or because the question asked for that time).
    """

    system: str
    dataset: str
    stale_since: dt.datetime | None = None
    as_of: dt.datetime | None = None


@dataclass(slots=True)
class Result:
    """Rows as Arrow batches, streamed: `batches` can be walked once; call `close` when done early.

    `fields` describe the columns (title, unit, type) as far as they come unchanged from a dataset; `total` is the
    number of rows without limit and offset when the query asked for it and it could be had.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    fields: tuple[Field, ...]
    decisions: tuple[str, ...] = ()
    sources: tuple[SourceState, ...] = ()
    total: int | None = None
    on_close: Callable[[], None] = field(default=lambda: None)

    def close(self) -> None:
        """Stop reading; frees the silo's cursor. Safe to call twice."""
        self.on_close()

    def table(self) -> pa.Table:
        """All rows at once, for small answers and tests."""
        try:
            return pa.Table.from_batches(list(self.batches), self.schema)
        finally:
            self.close()
