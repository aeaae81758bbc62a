"""Messages that came to nothing, in a SQLite file of this machine, as the inbox that they came from."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from nabe.errors import SourceUnavailable
from nabe.model.message import Message, Parked
from nabe.model.party import Actor

#: Most that is kept: messages in all, of one actor, and bytes of one payload (what is longer is cut).
MOST, MOST_OF_ONE, LONGEST = 100_000, 10_000, 64_000
_TABLE = """
CREATE TABLE IF NOT EXISTS parked (
  number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, actor TEXT NOT NULL, who TEXT NOT NULL, way TEXT NOT NULL,
  topic TEXT NOT NULL, payload BLOB NOT NULL, at INTEGER NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS parked_actor ON parked (actor, number);
"""


class SqliteParking:
    """See `nabe.ports.messages.Parking`. The file is its owner's only: payloads may hold personal data."""

    def __init__(self, path: Path) -> None:
        with suppress(OSError):
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._lock = threading.Lock()
        with _reporting():
            self._connection = sqlite3.connect(path, check_same_thread=False, timeout=15, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.executescript(_TABLE)

    def park(self, items: Iterable[tuple[Message, str, str]]) -> None:
        """Keep messages; the oldest of an actor, and of all, make room."""
        rows = [
            (m.key, m.actor.id, msgspec.json.encode(m.actor).decode(), m.way, m.topic, m.payload[:LONGEST], m.at, c, r)
            for m, c, r in items
        ]
        if not rows:
            return
        with self._lock, _reporting(), self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT OR IGNORE INTO parked (key, actor, who, way, topic, payload, at, code, reason)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
            for actor in {row[1] for row in rows}:
                connection.execute(
                    "DELETE FROM parked WHERE actor = ? AND number <= (SELECT number FROM parked WHERE actor = ?"
                    " ORDER BY number DESC LIMIT 1 OFFSET ?)",
                    (actor, actor, MOST_OF_ONE),
                )
            connection.execute(
                "DELETE FROM parked WHERE number <= (SELECT number FROM parked ORDER BY number DESC LIMIT 1 OFFSET ?)",
                (MOST,),
            )

    def parked(self, *, after: int = 0, limit: int = 100, topic: str = "") -> list[Parked]:
        """By number."""
        with self._lock, _reporting():
            rows = self._connection.execute(
                "SELECT number, key, who, way, topic, payload, at, code, reason FROM parked"
                " WHERE number > ? AND substr(topic, 1, ?) = ? ORDER BY number LIMIT ?",
                (after, len(topic), topic, limit),
            ).fetchall()
        return [
            Parked(
                number,
                Message(msgspec.json.decode(who, type=Actor), topic, payload, at, key, way),
                code,
                reason,
            )
            for number, key, who, way, topic, payload, at, code, reason in rows
        ]

    def count(self) -> int:
        """How many."""
        with self._lock, _reporting():
            return int(self._connection.execute("SELECT count(*) FROM parked").fetchone()[0])

    def drop(self, numbers: Sequence[int]) -> int:
        """Forget these."""
        with self._lock, _reporting(), self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            return sum(
                connection.execute("DELETE FROM parked WHERE number = ?", (number,)).rowcount for number in numbers
            )

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()


@contextmanager
def _reporting() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        hint = "It is a file in the workspace's .nabe folder: is there room on the disk?"
        raise SourceUnavailable("nabe-parking", f"{error}.", hint=hint) from error
