"""The city's declarations in a relational database."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock
from typing import Any

import msgspec
import sqlalchemy as sa

from nabe.errors import Conflict, Invalid, SourceUnavailable
from nabe.model.catalogue import KINDS, Change, Noun, Revision, Snapshot
from nabe.stores.relational.database import reading, writing
from nabe.stores.relational.tables import DOCUMENT, REVISION, VERSION

_NEVER = object()
_VERSION_SQL = "SELECT version FROM catalogue_version"


class RelationalCatalogue:
    """Current documents and all their revisions. Writers take turns; readers never wait."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._lock = Lock()
        self._snapshot = Snapshot(version=-1)
        self._seen: object = _NEVER
        self._watch: Any = None

    def snapshot(self) -> Snapshot:
        """The current declarations; the same object until the version changes."""
        with self._lock:
            seen = self._look()
            if seen != self._seen:
                self._snapshot = self._read(self._snapshot)
                self._seen = seen
            return self._snapshot

    def _look(self) -> object:
        """The mark of the last commit; once more on a new connection, since a restarted server has closed ours."""
        try:
            return self._mark()
        except Exception:
            self._let_go()
        try:
            return self._mark()
        except Exception as error:
            self._let_go()
            hint = "It is Nabe's own store (server.storage): is it running?"
            raise SourceUnavailable("nabe-storage", f"{type(error).__name__}.", hint=hint) from error

    def _mark(self) -> object:
        """Something that is another when any process has committed since.

        SQLite keeps such a number in shared memory: no statement is planned, no page read. It also changes with
        entries of the ledger, so `_read` compares the version before it reads the documents.
        """
        if self._watch is None:
            self._watch = self._engine.raw_connection()
            if self._engine.dialect.name != "sqlite":
                self._watch.dbapi_connection.autocommit = True
        raw = self._watch.dbapi_connection
        if self._engine.dialect.name == "sqlite":
            return raw.execute("PRAGMA data_version").fetchone()[0]
        return raw.execute(_VERSION_SQL, prepare=True).fetchone()[0]

    def _read(self, old: Snapshot) -> Snapshot:
        with reading(self._engine) as connection:
            version = connection.execute(sa.select(VERSION.c.version)).scalar_one()
            if version == old.version:
                return old
            rows = connection.execute(sa.select(DOCUMENT.c.kind, DOCUMENT.c.body)).all()
        return Snapshot.of([decode(row.kind, row.body) for row in rows], version)

    def commit(self, changes: Sequence[Change], *, author: str, at: dt.datetime, expect: int) -> int:
        """All changes or none; the new version."""
        bodies = [_body(change) for change in changes]
        with writing(self._engine) as connection:
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
            _replace(connection, {(change.kind, change.id): body for change, body in zip(changes, bodies, strict=True)})
            common = {"version": version, "author": author, "at": at.astimezone(dt.UTC).isoformat()}
            revisions = [
                common | {"kind": change.kind, "id": change.id, "body": body}
                for change, body in zip(changes, bodies, strict=True)
            ]
            connection.execute(sa.insert(REVISION), revisions)
            connection.execute(sa.update(VERSION).values(version=version))
        return version

    def history(self, kind: str = "", id: str = "", limit: int = 100) -> list[Revision]:
        """Revisions, newest first."""
        query = sa.select(REVISION).order_by(REVISION.c.number.desc()).limit(limit)
        if kind:
            query = query.where(REVISION.c.kind == kind)
        if id:
            query = query.where(REVISION.c.id == id)
        with reading(self._engine) as connection:
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
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        if self._watch is not None:
            with suppress(Exception):
                self._watch.invalidate()
            self._watch = None
        self._seen = _NEVER


def _body(change: Change) -> str | None:
    if change.noun is None:
        return None
    body = encode(change.noun)
    if not isinstance(change.noun, KINDS[change.kind]) or change.noun.id != change.id:
        raise Invalid(f"The change of {change.kind} {change.id!r} holds another document.", field=change.id)
    return body


def _replace(connection: sa.Connection, bodies: dict[tuple[str, str], str | None]) -> None:
    keys = [{"a_kind": kind, "an_id": id} for kind, id in bodies]
    here = (DOCUMENT.c.kind == sa.bindparam("a_kind")) & (DOCUMENT.c.id == sa.bindparam("an_id"))
    connection.execute(sa.delete(DOCUMENT).where(here), keys)
    rows = [{"kind": kind, "id": id, "body": body} for (kind, id), body in bodies.items() if body is not None]
    if rows:
        connection.execute(sa.insert(DOCUMENT), rows)


def encode(noun: Noun) -> str:
    """A document as JSON. `Invalid` for what would not come back as it was: endless numbers, halves of characters."""
    try:
        json.dumps(msgspec.to_builtins(noun), allow_nan=False)  # msgspec would write null instead
        return msgspec.json.encode(noun, order="deterministic").decode()
    except ValueError as error:  # also UnicodeEncodeError
        raise Invalid(f"{noun.id!r} holds a value that cannot be kept: {error}.", field=noun.id) from None


def decode(kind: str, body: str) -> Noun:
    """A document from JSON."""
    noun: Noun = msgspec.json.decode(body, type=KINDS[kind])
    return noun
