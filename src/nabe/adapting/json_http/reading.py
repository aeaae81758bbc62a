"""How a dataset of one kind of interface is asked for and read: what an adapter for a standard says for itself.

`HttpJsonSource` does the rest. `PlainReader` is for datasets that declare every request themselves (`http_json`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from nabe.adapting.json_http.paths import Row
from nabe.adapting.json_http.pushdown import pushed
from nabe.adapting.json_http.settings import TableSettings
from nabe.adapting.settings import parsed
from nabe.model.dataset import Dataset, Field
from nabe.model.query import SealedScan


@dataclass(frozen=True, slots=True)
class Asked:
    """Parameters for one question. `narrowed`: do they leave rows of the dataset out?

    `sparse`: records need not have every member, so that in these few one may be missing everywhere. `ordered`: rows come in the order that the scan wants (one field), but for those without a value, anywhere.
    """

    params: tuple[tuple[str, str], ...] = ()
    narrowed: bool = False
    ordered: bool = False
    sparse: bool = False


class Reader(Protocol):
    """One dataset of an interface. Used by several threads; holds no state of a question."""

    settings: TableSettings

    def ask(self, fields: Sequence[Field], scan: SealedScan | None) -> Asked:
        """What is asked for to deliver these fields of the rows that the scan wants (None: all). None may be lost."""

    def field(self, field: Field) -> Field:
        """The field with the way to its value in a record as `shaped` gives it."""

    def shaped(self, rows: Iterator[Row], fields: Sequence[Field]) -> Iterator[Row]:
        """The records of a page, made fit for the ways of these (the dataset's own) fields."""


class PlainReader:
    """`source` is the request itself; records are read as they come. `kind`: an adapter's own settings."""

    kind: type[TableSettings] = TableSettings

    def __init__(self, system: str, dataset: Dataset) -> None:
        self.settings = parsed(self.kind, dataset.source, system, "source")

    def ask(self, fields: Sequence[Field], scan: SealedScan | None) -> Asked:
        """Parameters that `source.filters`, `bbox` and `limit` name."""
        params = tuple(pushed(scan, self.settings)) if scan is not None else ()
        return Asked(params, bool(params))

    def field(self, field: Field) -> Field:
        """The field as it is."""
        return field

    def shaped(self, rows: Iterator[Row], fields: Sequence[Field]) -> Iterator[Row]:
        """The records as they are."""
        return rows
