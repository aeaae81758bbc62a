"""The hash-chained ledger in a relational database.

Entries of several threads are written together by one thread (group commit), so that durability costs one sync for many.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import sqlalchemy as sa

from nabe.errors import NabeError
from nabe.model.ledger import ChainCheck, ChainedEntry, Entry
from nabe.ports.ledger import Usage
from nabe.stores.relational.database import Transaction
from nabe.stores.relational.tables import LEDGER, LEDGER_HEAD

_MOST_WAITING = 100_000
_MOST_AT_ONCE = 5_000
#: How long entries that need not be durable at once may wait for company.
_PATIENCE_S = 0.05
_PAGE = 5_000


@dataclass(slots=True)
class _Lot:
    entries: Sequence[Entry]
    done: threading.Event | None = None
    error: list[BaseException] = field(default_factory=list)


class RelationalLedger:
    """Append-only; the writer thread starts with the first entry."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._waiting: queue.Queue[_Lot | None] = queue.Queue(_MOST_WAITING)
        self._writer: threading.Thread | None = None
        self._lock = threading.Lock()
        self._closed = False

    def append(self, entries: Sequence[Entry], *, durable: bool = True) -> None:
        """Chain entries; `durable`: on disk when this returns. Raises if they could not be written."""
        self._start()
        lot = _Lot(entries, threading.Event() if durable else None)
        self._waiting.put(lot)
        if lot.done is not None:
            lot.done.wait()
            if lot.error:
                raise NabeError(
                    "The ledger cannot be written, so nothing is handed out.", hint="Is the disk full?"
                ) from lot.error[0]

    def _start(self) -> None:
        if self._writer is not None and self._writer.is_alive():
            return
        with self._lock:
            if self._closed:
                raise NabeError("The ledger is closed.")
            if self._writer is None or not self._writer.is_alive():
                self._writer = threading.Thread(target=self._write, name="ledger", daemon=True)
                self._writer.start()

    def _write(self) -> None:
        while True:
            lots, last = self._gather()
            if lots:
                try:
                    self._chain([entry for lot in lots for entry in lot.entries])
                except BaseException as error:
                    for lot in lots:
                        lot.error.append(error)
                for lot in lots:
                    if lot.done is not None:
                        lot.done.set()
            if last:
                return

    def _gather(self) -> tuple[list[_Lot], bool]:
        """Everything that waits; a moment longer if nobody is waiting for it to be durable."""
        lots: list[_Lot] = []
        size = 0
        patience: float | None = None
        while size < _MOST_AT_ONCE:
            try:
                lot = self._waiting.get(timeout=patience) if patience is not None else self._waiting.get()
            except queue.Empty:
                break
            if lot is None:
                return lots, True
            lots.append(lot)
            size += len(lot.entries)
            patience = 0.0 if any(item.done is not None for item in lots) else _PATIENCE_S
            if patience == 0.0 and self._waiting.empty():
                break
        return lots, False

    def _chain(self, entries: list[Entry]) -> None:
        if not entries:
            return
        with Transaction(self._engine) as connection:
            head = connection.execute(sa.select(LEDGER_HEAD.c.number, LEDGER_HEAD.c.hash)).one()
            number, previous = head.number, head.hash
            rows = []
            for entry in entries:
                number += 1
                body = canonical(entry)
                digest = chained(previous, number, body)
                rows.append(
                    {
                        "number": number,
                        "at": entry.at.astimezone(dt.UTC).isoformat(timespec="microseconds"),
                        "actor": entry.actor,
                        "use_case": entry.use_case,
                        "action": entry.action,
                        "dataset": entry.dataset,
                        "rows": entry.rows,
                        "body": body,
                        "previous": previous,
                        "hash": digest,
                    }
                )
                previous = digest
            connection.execute(sa.insert(LEDGER), rows)
            connection.execute(sa.update(LEDGER_HEAD).values(number=number, hash=previous))

    def entries(self, *, after: int = 0, limit: int = 100, dataset: str = "", actor: str = "") -> list[ChainedEntry]:
        """Entries with a number above `after`, oldest first."""
        query = sa.select(LEDGER).where(LEDGER.c.number > after).order_by(LEDGER.c.number).limit(limit)
        if dataset:
            query = query.where(LEDGER.c.dataset == dataset)
        if actor:
            query = query.where(LEDGER.c.actor == actor)
        with self._engine.connect() as connection:
            return [
                ChainedEntry(row.number, msgspec.json.decode(row.body, type=Entry), row.previous, row.hash)
                for row in connection.execute(query)
            ]

    def usage(self, since: dt.datetime, until: dt.datetime) -> list[Usage]:
        """Reads by dataset and use case; rows from the lines that know them."""
        reads = sa.func.sum(sa.case((LEDGER.c.action == "read", 1), else_=0))
        rows = sa.func.sum(sa.case((LEDGER.c.rows > 0, LEDGER.c.rows), else_=0))
        query = (
            sa.select(LEDGER.c.dataset, LEDGER.c.use_case, reads.label("reads"), rows.label("total"))
            .where(LEDGER.c.action.in_(("read", "delivered")))
            .where(LEDGER.c.at >= _text(since), LEDGER.c.at < _text(until))
            .group_by(LEDGER.c.dataset, LEDGER.c.use_case)
            .order_by(LEDGER.c.dataset, LEDGER.c.use_case)
        )
        with self._engine.connect() as connection:
            return [
                Usage(row.dataset, row.use_case, int(row.reads), int(row.total)) for row in connection.execute(query)
            ]

    def verify(self) -> ChainCheck:
        """Walk the chain from its first entry and compare its end with the head noted apart."""
        number, previous = 0, ""
        while True:
            query = sa.select(LEDGER).where(LEDGER.c.number > number).order_by(LEDGER.c.number).limit(_PAGE)
            with self._engine.connect() as connection:
                rows = connection.execute(query).all()
            for row in rows:
                why = _misfit(row, number + 1, previous)
                if why:
                    return ChainCheck(number, min(row.number, number + 1), why)
                number, previous = row.number, row.hash
            if len(rows) < _PAGE:
                break
        with self._engine.connect() as connection:
            head = connection.execute(sa.select(LEDGER_HEAD.c.number, LEDGER_HEAD.c.hash)).one()
        if head.number > number:
            return ChainCheck(number, number + 1, f"entries {number + 1} to {head.number} are missing at the end")
        if head.number == number and head.hash != previous:
            return ChainCheck(number, number, "the last entry is not the one noted as the head")
        return ChainCheck(number)

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._lock:
            self._closed = True
            writer = self._writer
        if writer is not None and writer.is_alive():
            self._waiting.put(None)
            writer.join(timeout=30)


def canonical(entry: Entry) -> str:
    """The entry as JSON with sorted keys: what is hashed."""
    return msgspec.json.encode(entry, order="deterministic").decode()


def chained(previous: str, number: int, body: str) -> str:
    """The hash of an entry in the chain."""
    return hashlib.sha256(f"{previous}\n{number}\n{body}".encode()).hexdigest()


def _misfit(row: sa.Row[tuple[object, ...]], expected: int, previous: str) -> str:
    if row.number != expected:
        return f"entry {expected} is missing"
    if row.previous != previous:
        return "it does not follow the entry before it"
    if row.hash != chained(previous, row.number, row.body):
        return "its content was changed"
    entry = msgspec.json.decode(row.body, type=Entry)
    if (entry.actor, entry.use_case, entry.action, entry.dataset, entry.rows) != (
        row.actor,
        row.use_case,
        row.action,
        row.dataset,
        row.rows,
    ):
        return "its columns differ from its content"
    return ""


def _text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")
