"""The append-only, hash-chained record of uses."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from nabe.model.ledger import ChainCheck, ChainedEntry, Entry


@dataclass(frozen=True, slots=True)
class Usage:
    """Reads of one dataset for one use case in a span."""

    dataset: str
    use_case: str
    reads: int
    rows: int


class Ledger(Protocol):
    def append(self, entries: Sequence[Entry], *, durable: bool = True) -> None:
        """Chain entries. `durable`: on disk when this returns; else within 100 ms (kept in order either way)."""

    def entries(self, *, after: int = 0, limit: int = 100, dataset: str = "", actor: str = "") -> list[ChainedEntry]:
        """Entries with number > `after`, oldest first."""

    def usage(self, since: dt.datetime, until: dt.datetime) -> list[Usage]:
        """Reads by dataset and use case."""

    def verify(self) -> ChainCheck:
        """Walk the whole chain."""

    def close(self) -> None:
        """Flush."""
