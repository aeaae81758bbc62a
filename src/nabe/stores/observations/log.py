"""What is durable: the log of changes, the manifest of segments, delivery keys; one SQLite file, shared by all processes."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from nabe.errors import Invalid, SourceUnavailable
from nabe.model.observation import OBSERVATION_SCHEMA, Span
from nabe.stores.observations import rows as r
from nabe.stores.observations.memory import Entry
from nabe.stores.observations.segment import Erased, File, Segment
from nabe.stores.observations.summary import Summaries

#: Columns by which rows that have gone are remembered.
GONE_SCHEMA = pa.schema([OBSERVATION_SCHEMA.field(name) for name in ("id", "time", "result_time")])
#: Delivery keys are known for at least so long.
_KEY_SECONDS = 2 * 86_400
_VERSION = 1
_SCHEMA = """
CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER, base INTEGER, generation INTEGER,
    summaries BLOB, features BLOB, tails BLOB, tails_bits INTEGER, tails_size INTEGER);
CREATE TABLE log (number INTEGER PRIMARY KEY, at INTEGER, bits INTEGER, size INTEGER, rows BLOB, gone_bits INTEGER,
    gone_size INTEGER, gone BLOB, erased TEXT, counts BLOB, groups BLOB, features BLOB, reserved BLOB);
CREATE TABLE segment (name TEXT PRIMARY KEY, month INTEGER, rows INTEGER, bytes INTEGER, since INTEGER, made INTEGER,
    indexed BLOB, hidden BLOB, erased TEXT);
CREATE TABLE dropped (name TEXT PRIMARY KEY, at INTEGER);
CREATE TABLE delivery (key BLOB PRIMARY KEY, at INTEGER, ids BLOB) WITHOUT ROWID;
CREATE INDEX delivery_at ON delivery (at);
"""


@contextmanager
def reporting() -> Iterator[None]:
    """What goes wrong with the disk becomes an error that callers know as transient."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        hint = "It is Nabe's own store (.nabe/observations): is there room on the disk?"
        raise SourceUnavailable("observations", f"{words}.", hint=hint) from error


@dataclass(frozen=True, slots=True)
class State:
    """How far the store has come: `base`: the entry as of which summaries are kept, `generation` of the manifest."""

    base: int
    generation: int
    last: int


class Log:
    """`writer` is for whoever holds the store's write lock, `watcher` for whoever holds its state lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "observations.sqlite"
        self.segments = folder / "history"
        with reporting():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.segments.mkdir(mode=0o700, exist_ok=True)
            os.close(os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600))
            self.writer = self._connect()
            self._create()
            self.watcher = self._connect()
        self._files: dict[str, Segment] = {}

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=60, isolation_level=None, check_same_thread=False)
        try:
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 4000"):
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.DatabaseError as error:
            connection.close()
            if isinstance(error, sqlite3.OperationalError):
                raise
            raise Invalid("The store of observations is not a database.", field="observations") from None
        return connection

    def _create(self) -> None:
        self.writer.execute("BEGIN IMMEDIATE")
        try:
            if not self.writer.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
                for statement in _SCHEMA.split(";"):
                    self.writer.execute(statement)
                self.writer.execute("INSERT INTO meta VALUES (1, ?, 0, 0, NULL, NULL, NULL, 0, 0)", (_VERSION,))
            version = self.writer.execute("SELECT version FROM meta").fetchone()[0]
        finally:
            self.writer.execute("COMMIT")
        if version != _VERSION:
            hint = "Use that version again, or restore a backup made before it."
            raise Invalid("The store of observations was written by a newer Nabe.", hint=hint)

    def close(self) -> None:
        """Close both connections."""
        self.watcher.close()
        self.writer.close()

    def sync(self) -> None:
        """Bring the names of files onto the disk."""
        with reporting():
            handle = os.open(self.segments, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def version(self) -> int:
        """Another number than before: something has been committed (by whomever but the watcher)."""
        with reporting():
            return int(self.watcher.execute("PRAGMA data_version").fetchone()[0])

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, durable when it ends; one at a time over all processes."""
        with reporting():
            self.writer.execute("BEGIN IMMEDIATE")
            try:
                yield self.writer
                self.writer.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self.writer.execute("ROLLBACK")
                raise

    @contextmanager
    def watching(self) -> Iterator[sqlite3.Connection]:
        """What is read belongs to one moment."""
        with reporting():
            self.watcher.execute("BEGIN")
            try:
                yield self.watcher
            finally:
                with suppress(sqlite3.Error):
                    self.watcher.execute("ROLLBACK")

    @staticmethod
    def state(connection: sqlite3.Connection) -> State:
        """How far it has come."""
        sql = "SELECT base, generation, max(base, coalesce((SELECT max(number) FROM log), 0)) FROM meta"
        return State(*connection.execute(sql).fetchone())

    @staticmethod
    def entries(connection: sqlite3.Connection, after: int) -> Iterator[Entry]:
        """The log from there on."""
        sql = (
            "SELECT number, bits, size, rows, gone_bits, gone_size, gone, erased, counts, groups, features, reserved FROM log"
            " WHERE number > ? ORDER BY number"
        )
        for (
            number,
            bits,
            size,
            rows,
            gone_bits,
            gone_size,
            gone,
            erased,
            counts,
            groups,
            features,
            reserved,
        ) in connection.execute(sql, (after,)):
            yield Entry(
                number,
                None if rows is None else r.unpack(bits, size, rows),
                None if gone is None else r.unpack(gone_bits, gone_size, gone, GONE_SCHEMA),
                None if erased is None else _erased(json.loads(erased)),
                *(None if item is None else r.unpack_arrays(item) for item in (counts, groups, features, reserved)),
            )

    @staticmethod
    def put(connection: sqlite3.Connection, entry: Entry) -> None:
        """Add an entry."""
        none: tuple[Any, ...] = (None, None, None)
        erased = None if entry.erased is None else json.dumps(_plain(entry.erased))
        parts = (entry.counts, entry.groups, entry.features, entry.reserved)
        arrays = (None if item is None else r.pack_arrays(item) for item in parts)
        connection.execute(
            "INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                entry.number,
                int(time.time()),
                *(none if entry.rows is None else r.pack(entry.rows)),
                *(none if entry.gone is None else r.pack(entry.gone)),
                erased,
                *arrays,
            ),
        )

    @staticmethod
    def delivered(connection: sqlite3.Connection, key: str) -> np.ndarray | None:
        """Ids that a delivery got when it came first."""
        found = connection.execute("SELECT ids FROM delivery WHERE key = ?", (_key(key),)).fetchone()
        if found is None:
            return None
        return r.unpack_arrays(found[0])["id"] if len(found[0]) != 8 else np.frombuffer(found[0], np.int64)

    @staticmethod
    def deliver(connection: sqlite3.Connection, key: str, ids: np.ndarray) -> None:
        """Remember them."""
        body = ids.tobytes() if len(ids) == 1 else r.pack_arrays({"id": ids})
        connection.execute("INSERT INTO delivery VALUES (?, ?, ?)", (_key(key), int(time.time()), body))

    @staticmethod
    def forget_deliveries(connection: sqlite3.Connection) -> None:
        """Keys of days ago."""
        connection.execute("DELETE FROM delivery WHERE at < ?", (int(time.time()) - _KEY_SECONDS,))

    @staticmethod
    def kept(connection: sqlite3.Connection) -> tuple[Summaries, pa.RecordBatch | None]:
        """Summaries as of the base, and last rows of streams."""
        summaries, features, tails, bits, size = connection.execute(
            "SELECT summaries, features, tails, tails_bits, tails_size FROM meta"
        ).fetchone()
        if summaries is None:
            return Summaries(), None
        return Summaries.unpack(summaries, features), r.unpack(bits, size, tails)

    @staticmethod
    def keep(connection: sqlite3.Connection, base: int, summaries: Summaries, tails: pa.RecordBatch) -> None:
        """Everything up to the entry `base` is history."""
        bits, size, body = r.pack(tails)
        sql = "UPDATE meta SET base = ?, summaries = ?, features = ?, tails = ?, tails_bits = ?, tails_size = ?"
        connection.execute(sql, (base, *summaries.pack(), body, bits, size))
        connection.execute("DELETE FROM log WHERE number <= ?", (base,))

    def manifest(self, connection: sqlite3.Connection) -> list[Segment]:
        """All segments; those known already keep their open files."""
        found = []
        sql = "SELECT name, month, rows, bytes, since, hidden, erased FROM segment ORDER BY month, made, name"
        for name, month, rows, size, since, hidden, erased in connection.execute(sql).fetchall():
            known = self._files.get(name)
            if known is None:
                (body,) = connection.execute("SELECT indexed FROM segment WHERE name = ?", (name,)).fetchone()
                index, file = r.unpack_arrays(body), File(self.segments / name)
            else:
                index, file = known.index, known.file
            gone = r.unpack_arrays(hidden)["id"] if hidden else np.empty(0, np.int64)
            ranges = tuple(map(_erased, json.loads(erased)))
            found.append(Segment(name, month, rows, size, since, index, file, gone, ranges))
        self._files = {item.name: item for item in found}
        return found

    @staticmethod
    def add_segment(connection: sqlite3.Connection, segment: Segment) -> None:
        """It counts from now on."""
        connection.execute(
            "INSERT INTO segment VALUES (?, ?, ?, ?, ?, ?, ?, NULL, '[]')",
            (
                segment.name,
                segment.month,
                segment.rows,
                segment.bytes,
                segment.since,
                time.time_ns(),
                r.pack_arrays(segment.index),
            ),
        )

    @staticmethod
    def mark(connection: sqlite3.Connection, name: str, hidden: np.ndarray, erased: tuple[Erased, ...]) -> None:
        """Remember what has gone from a segment."""
        body = r.pack_arrays({"id": hidden}) if len(hidden) else None
        text = json.dumps([_plain(item) for item in erased])
        connection.execute("UPDATE segment SET hidden = ?, erased = ? WHERE name = ?", (body, text, name))

    @staticmethod
    def drop_segment(connection: sqlite3.Connection, name: str) -> None:
        """It counts no more; its file goes later."""
        connection.execute("DELETE FROM segment WHERE name = ?", (name,))
        connection.execute("INSERT OR REPLACE INTO dropped VALUES (?, ?)", (name, int(time.time())))

    @staticmethod
    def next_generation(connection: sqlite3.Connection) -> None:
        """The manifest has changed."""
        connection.execute("UPDATE meta SET generation = generation + 1")


def _key(key: str) -> bytes:
    """Keys may be as long as their sender likes."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _plain(erased: Erased) -> dict[str, Any]:
    streams = None if erased.streams is None else erased.streams.tolist()
    return {"number": erased.number, "streams": streams, "start": erased.span.start, "end": erased.span.end}


def _erased(plain: Mapping[str, Any]) -> Erased:
    streams = None if plain["streams"] is None else np.array(plain["streams"], np.int64)
    return Erased(plain["number"], streams, Span(plain["start"], plain["end"]))
