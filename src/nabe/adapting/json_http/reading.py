"""How the datasets of one kind of interface are asked for and read: what an adapter for a standard says for itself.

`HttpJsonSource` does the rest. `PlainReading` is that of datasets that declare every request themselves (`http_json`).
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
    """Parameters for one question. `narrowed`: do they leave rows of the dataset out?"""

    params: tuple[tuple[str, str], ...] = ()
    narrowed: bool = False


class Reading(Protocol):
    """How one kind of interface is read. Used by several threads; holds no state of a question."""

    def settings(self, dataset: Dataset) -> TableSettings:
        """The dataset's `source` as requests. Raises `SourceRefused` naming what is wrong with it."""

    def ask(self, scan: SealedScan, fields: Sequence[Field], settings: TableSettings) -> Asked:
        """What is asked of the interface for this scan, which delivers `fields`. Every row that is wanted must come."""

    def field(self, field: Field, dataset: Dataset) -> Field:
        """The field with the way to its value in a record as `shaped` gives it."""

    def shaped(self, rows: Iterator[Row], fields: Sequence[Field], dataset: Dataset) -> Iterator[Row]:
        """The records of a page, made fit for the ways of these (the dataset's own) fields."""


class PlainReading:
    """`source` is the request itself; records are read as they come."""

    def __init__(self, system: str) -> None:
        self._system = system

    def settings(self, dataset: Dataset) -> TableSettings:
        """`source` as it is declared."""
        return parsed(TableSettings, dataset.source, self._system, "source")

    def ask(self, scan: SealedScan, fields: Sequence[Field], settings: TableSettings) -> Asked:
        """Parameters that `source.filters`, `bbox` and `limit` name."""
        params = tuple(pushed(scan, settings))
        return Asked(params, bool(params))

    def field(self, field: Field, dataset: Dataset) -> Field:
        """The field as it is."""
        return field

    def shaped(self, rows: Iterator[Row], fields: Sequence[Field], dataset: Dataset) -> Iterator[Row]:
        """The records as they are."""
        return rows
