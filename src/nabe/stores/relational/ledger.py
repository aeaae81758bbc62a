"""The hash-chained ledger in a relational database.

Entries of several threads are written together by one thread (group commit), so that durability costs one sync for many.

What the chain proves: each entry holds the hash of the one before, and the store notes apart how far the chain goes. So a
changed, removed, inserted or reordered entry and a shorter end are found. Somebody who may write to the whole database
*and* computes the hashes anew can still make a shorter or another chain that fits: against that keep what `nabe ledger head`
prints in another place, and compare with `nabe ledger verify --noted`.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import sqlalchemy as sa

from nabe.errors import NabeError, SourceUnavailable
from nabe.model.ledger import ChainCheck, ChainedEntry, Entry
from nabe.ports.ledger import Usage
from nabe.stores.relational.database import reading, writing
from nabe.stores.relational.tables import LEDGER, LEDGER_HEAD

_MOST_WAITING = 100_000
_MOST_AT_ONCE = 5_000
#: How long entries that need not be durable at once may wait for company.
_PATIENCE_S = 0.05
#: How long to wait before entries that nobody waits for are tried again after an outage.
_RETRY_S = 1.0
_PAGE = 5_000
#: Most signs of an entry's parts: what an asker wrote must not fill the ledger.
_WIDTHS = {"actor": 200, "use_case": 200, "action": 40, "dataset": 200, "decision": 200, "interface": 200}
_DETAIL = 4_000
_log = logging.getLogger("nabe.ledger")


@dataclass(slots=True)
class _Lot:
    entries: list[tuple[Entry, str]]
    done: threading.Event | None = None
    error: BaseException | None = None


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
        tidied = [tidy(entry) for entry in entries]
        lot = _Lot([(entry, canonical(entry)) for entry in tidied], threading.Event() if durable else None)
        self._hand_over(lot)
        if lot.done is not None:
            lot.done.wait()
            if lot.error is not None:
                hint = "Is the disk full?"
                raise NabeError("The ledger cannot be written, so nothing is handed out.", hint=hint) from lot.error

    def _hand_over(self, lot: _Lot) -> None:
        """Queue under the lock, so that nothing comes behind the mark that ends the queue."""
        with self._lock:
            if self._closed:
                raise NabeError("The ledger is closed.")
            if self._writer is None:
                self._writer = threading.Thread(target=self._write, name="ledger", daemon=True)
                self._writer.start()
            self._waiting.put(lot)

    def _write(self) -> None:
        held: list[_Lot] = []
        while True:
            lots, last = self._gather(bool(held))
            held = self._commit(held + lots)
            if last:
                if lost := sum(len(lot.entries) for lot in held):
                    _log.error("the ledger could not be written: %d entries are lost", lost)
                return

    def _gather(self, retry: bool) -> tuple[list[_Lot], bool]:
        """Everything that waits; a moment longer if nobody is waiting for it to be durable."""
        lots: list[_Lot] = []
        size = 0
        until = time.monotonic() + (_RETRY_S if retry else _PATIENCE_S)
        hurry = False
        while size < _MOST_AT_ONCE:
            try:
                if not lots and not retry:
                    lot = self._waiting.get()
                    until = time.monotonic() + _PATIENCE_S
                elif hurry or (left := until - time.monotonic()) <= 0:
                    lot = self._waiting.get_nowait()
                else:
                    lot = self._waiting.get(timeout=left)
            except queue.Empty:
                break
            if lot is None:
                return lots, True
            lots.append(lot)
            size += len(lot.entries)
            hurry = hurry or lot.done is not None
        return lots, False

    def _commit(self, lots: list[_Lot]) -> list[_Lot]:
        """Write the lots; those that nobody waits for are given back after an outage, to be tried again in order."""
        held: list[_Lot] = []
        try:
            self._chain([item for lot in lots for item in lot.entries])
        except SourceUnavailable as error:
            _log.warning("the ledger cannot be written now: %s", error.detail)
            for lot in lots:
                lot.error = error
            held = [lot for lot in lots if lot.done is None]
            while sum(len(lot.entries) for lot in held) > _MOST_WAITING:
                _log.error("the ledger cannot be written: %d entries are lost", len(held.pop(0).entries))
        except BaseException as error:
            if len(lots) > 1:  # one bad lot must not take the others with it
                for lot in lots:
                    held += self._commit([lot])
                return held
            _log.exception("an entry of the ledger cannot be written")
            lots[0].error = error
        for lot in lots:
            if lot.done is not None:
                lot.done.set()
        return held

    def _chain(self, entries: list[tuple[Entry, str]]) -> None:
        if not entries:
            return
        with writing(self._engine) as connection:
            head = connection.execute(sa.select(LEDGER_HEAD.c.number, LEDGER_HEAD.c.hash)).one()
            number, previous = head.number, head.hash
            rows = []
            for entry, body in entries:
                number += 1
                digest = chained(previous, number, body)
                rows.append(
                    {"number": number, "body": body, "previous": previous, "hash": digest} | dict(_columns(entry))
                )
                previous = digest
            connection.execute(sa.insert(LEDGER), rows)
            connection.execute(sa.update(LEDGER_HEAD).values(number=number, hash=previous))

    def entries(self, *, after: int = 0, limit: int = 100, dataset: str = "", actor: str = "") -> list[ChainedEntry]:
        """Entries with a number above `after`, oldest first."""
        query = sa.select(LEDGER).where(LEDGER.c.number > after).order_by(LEDGER.c.number).limit(limit)
        if dataset:
            query = query.where(LEDGER.c.dataset == _clean(dataset))
        if actor:
            query = query.where(LEDGER.c.actor == _clean(actor))
        with reading(self._engine) as connection:
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
        with reading(self._engine) as connection:
            return [
                Usage(row.dataset, row.use_case, int(row.reads), int(row.total)) for row in connection.execute(query)
            ]

    def verify(self) -> ChainCheck:
        """Walk the chain from its first entry and compare its end with the head noted apart.

        Others may go on writing meanwhile: the last page and the head are read as of one moment.
        """
        number, previous, after = 0, "", -(2**62)
        while True:
            query = sa.select(LEDGER).where(LEDGER.c.number > after).order_by(LEDGER.c.number).limit(_PAGE)
            with reading(self._engine) as connection:
                rows = connection.execute(query).all()
                head = connection.execute(sa.select(LEDGER_HEAD.c.number, LEDGER_HEAD.c.hash)).one()
            for row in rows:
                why = _misfit(row, number + 1, previous)
                if why:
                    return ChainCheck(number, min(row.number, number + 1), why)
                number, previous, after = row.number, row.hash, row.number
            if len(rows) < _PAGE:
                break
        if head.number > number:
            return ChainCheck(number, number + 1, f"entries {number + 1} to {head.number} are missing at the end")
        if head.number < number:
            return ChainCheck(number, head.number + 1, f"it was added behind the noted head (entry {head.number})")
        if head.hash != previous:
            return ChainCheck(number, number, "the last entry is not the one noted as the head")
        return ChainCheck(number)

    def close(self) -> None:
        """Write what waits, then stop."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._writer is None:
                return
            self._waiting.put(None)
        self._writer.join(timeout=60)


def tidy(entry: Entry) -> Entry:
    """The entry as it can be kept: no endless texts, no signs that a database refuses."""
    changes: dict[str, Any] = {name: _clean(getattr(entry, name), most) for name, most in _WIDTHS.items()}
    return replace(entry, **changes, detail=_clean(entry.detail, _DETAIL), fields=tuple(map(_clean, entry.fields)))


def _clean(text: str, most: int = 200) -> str:
    if len(text) > most:
        text = text[: most - 1] + "…"
    return text.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def canonical(entry: Entry) -> str:
    """The entry as JSON with sorted keys: what is hashed."""
    return msgspec.json.encode(entry, order="deterministic").decode()


def chained(previous: str, number: int, body: str) -> str:
    """The hash of an entry in the chain."""
    return hashlib.sha256(f"{previous}\n{number}\n{body}".encode()).hexdigest()


def _columns(entry: Entry) -> list[tuple[str, object]]:
    """What is kept beside the body, to be searched."""
    names = ("actor", "use_case", "action", "dataset", "rows")
    return [("at", _text(entry.at)), *((name, getattr(entry, name)) for name in names)]


def _misfit(row: sa.Row[tuple[object, ...]], expected: int, previous: str) -> str:
    if row.number < expected:
        return "it was inserted before the first entry"
    if row.number != expected:
        return f"entry {expected} is missing"
    if row.previous != previous:
        return "it does not follow the entry before it"
    if row.hash != chained(previous, row.number, row.body):
        return "its content was changed"
    try:
        entry = msgspec.json.decode(row.body, type=Entry)
    except msgspec.DecodeError:
        return "its content is no entry"
    if any(getattr(row, name) != value for name, value in _columns(entry)):
        return "its columns differ from its content"
    return ""


def _text(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).isoformat(timespec="microseconds")
