"""The city's declarations in a relational database."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from threading import Lock
from typing import Any

import msgspec
import sqlalchemy as sa

from nabe.errors import Conflict
from nabe.model.catalogue import KINDS, Change, Noun, Revision, Snapshot
from nabe.stores.relational.database import Transaction
from nabe.stores.relational.tables import DOCUMENT, REVISION, VERSION


class RelationalCatalogue:
    """Current documents and all their revisions. Writers take turns; readers never wait."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._snapshot = Snapshot(version=-1)
        self._lock = Lock()
        self._watch: sa.Connection | None = None
        self._seen: object = None

    def snapshot(self) -> Snapshot:
        """The current declarations; the same object until the version changes."""
        with self._lock:
            if self._changed():
                self._snapshot = self._read()
            return self._snapshot

    def _changed(self) -> bool:
        """Did any process commit since the last look? SQLite tells by a number in shared memory, without a query plan."""
        if self._watch is None:
            self._watch = self._engine.connect()
        if self._engine.dialect.name == "sqlite":
            raw: Any = self._watch.connection.dbapi_connection
            seen = raw.execute("PRAGMA data_version").fetchone()[0]
            if seen == self._seen and self._snapshot.version >= 0:
                return False
            self._seen = seen
            version = raw.execute("SELECT version FROM catalogue_version").fetchone()[0]
        else:
            version = self._watch.execute(sa.select(VERSION.c.version)).scalar_one()
            self._watch.rollback()
        return bool(version != self._snapshot.version)

    def _read(self) -> Snapshot:
        with self._engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN")
            version = connection.execute(sa.select(VERSION.c.version)).scalar_one()
            rows = connection.execute(sa.select(DOCUMENT.c.kind, DOCUMENT.c.body)).all()
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("COMMIT")
        return Snapshot.of([decode(row.kind, row.body) for row in rows], version)

    def commit(self, changes: Sequence[Change], *, author: str, at: dt.datetime, expect: int) -> int:
        """All changes or none; the new version."""
        with Transaction(self._engine) as connection:
            version: int = connection.execute(sa.select(VERSION.c.version)).scalar_one()
            if version != expect:
                raise Conflict(
                    f"The declarations changed meanwhile: version {version}, not {expect}.",
                    hint="Look at the plan again, then repeat.",
                    version=version,
                )
            if not changes:
                return version
            version += 1
            for change in changes:
                self._put(connection, change, author, at, version)
            connection.execute(sa.update(VERSION).values(version=version))
        with self._lock:
            self._seen = None
        return version

    @staticmethod
    def _put(connection: sa.Connection, change: Change, author: str, at: dt.datetime, version: int) -> None:
        here = (DOCUMENT.c.kind == change.kind) & (DOCUMENT.c.id == change.id)
        body = encode(change.noun) if change.noun is not None else None
        connection.execute(sa.delete(DOCUMENT).where(here))
        if body is not None:
            connection.execute(sa.insert(DOCUMENT).values(kind=change.kind, id=change.id, body=body))
        connection.execute(
            sa.insert(REVISION).values(
                version=version, kind=change.kind, id=change.id, author=author, at=at.isoformat(), body=body
            )
        )

    def history(self, kind: str = "", id: str = "", limit: int = 100) -> list[Revision]:
        """Revisions, newest first."""
        query = sa.select(REVISION).order_by(REVISION.c.number.desc()).limit(limit)
        if kind:
            query = query.where(REVISION.c.kind == kind)
        if id:
            query = query.where(REVISION.c.id == id)
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [
            Revision(
                row.version,
                row.kind,
                row.id,
                row.author,
                dt.datetime.fromisoformat(row.at),
                decode(row.kind, row.body) if row.body is not None else None,
            )
            for row in rows
        ]

    def close(self) -> None:
        """Let go of the watching connection."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def encode(noun: Noun) -> str:
    """A document as JSON."""
    return msgspec.json.encode(noun, order="deterministic").decode()


def decode(kind: str, body: str) -> Noun:
    """A document from JSON."""
    return msgspec.json.decode(body, type=KINDS[kind])
