"""What a read leaves in the ledger."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator

import pyarrow as pa

from nabe.errors import Denied, NabeError
from nabe.hub.reading import Asking, scans
from nabe.model.dataset import Access
from nabe.model.ledger import Entry
from nabe.model.query import SealedQuery, SealedScan
from nabe.ports.ledger import Ledger


class Note:
    """What one read leaves in the ledger: a line per dataset, and how many rows went out."""

    def __init__(self, ledger: Ledger, clock: Callable[[], dt.datetime], asking: Asking, interface: str) -> None:
        self._ledger = ledger
        self._clock = clock
        self._asking = asking
        self._interface = interface
        self._sealed: list[SealedScan] = []
        self._closed = False
        self._written = False
        self.rows = 0

    def refused(self, error: Denied) -> None:
        """A denial: which dataset, for which reasons."""
        detail = ",".join(reason for reason, _ in error.reasons)
        self._append([self._entry("denied", str(error.params.get("dataset", "")), detail=detail)], durable=True)

    def failed(self, error: NabeError) -> None:
        """A question that came to nothing, by the error's code only (its words may hold what the asker wrote)."""
        self._append([self._entry("failed", str(error.params.get("dataset", "")), detail=error.code)], durable=False)

    def reading(self, sealed: SealedQuery) -> None:
        """Before the first row: what is not open is noted durably."""
        self._sealed = scans(sealed)
        if any(scan.dataset.access is not Access.OPEN for scan in self._sealed):
            self._append([self._read("read", scan) for scan in self._sealed], durable=True)
            self._written = True

    def done(self) -> None:
        """After the last row, or when the asker went away: how many rows were handed out."""
        if self._closed:
            return
        self._closed = True
        action = "delivered" if self._written else "read"
        self._append([self._read(action, scan, self.rows) for scan in self._sealed], durable=False)

    def _read(self, action: str, scan: SealedScan, rows: int = -1) -> Entry:
        return self._entry(action, scan.dataset.id, scan.fields, rows, scan.decision)

    def _entry(
        self,
        action: str,
        dataset: str = "",
        fields: tuple[str, ...] = (),
        rows: int = -1,
        decision: str = "",
        detail: str = "",
    ) -> Entry:
        asking = self._asking
        return Entry(
            self._clock(),
            asking.actor.id,
            asking.use_case,
            action,
            dataset,
            fields,
            rows,
            decision,
            self._interface,
            detail,
        )

    def _append(self, entries: list[Entry], *, durable: bool) -> None:
        if entries:
            self._ledger.append(entries, durable=durable)


class Counted:
    """Batches on their way out, counted; the end, or an early close, is noted once."""

    def __init__(self, batches: Iterator[pa.RecordBatch], note: Note) -> None:
        self._batches = batches
        self._note = note
        self._open = True

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self

    def __next__(self) -> pa.RecordBatch:
        if not self._open:
            raise StopIteration
        try:
            batch = next(self._batches)
        except StopIteration:
            self._open = False
            self._note.done()
            raise
        except NabeError as error:
            self._open = False
            self._note.failed(error)
            self._note.done()
            raise
        self._note.rows += batch.num_rows
        return batch

    def close(self) -> None:
        """No more batches."""
        self._open = False
