"""Connections to the store's database, and its schema."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.pool import QueuePool

from nabe.errors import Invalid, SourceUnavailable

#: Number of the advisory lock under which PostgreSQL stores are migrated and chained.
LOCK = 7_209_113
#: The newest migration; a store that is there already needs not be migrated (and Alembic not be loaded).
HEAD = "0005"
_OUTAGES = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
#: Alembic keeps its context in a global of the process.
_MIGRATING = threading.Lock()


def connect(url: str) -> sa.Engine:
    """An engine for `sqlite:///path` or `postgresql://...`, its schema brought up to date.

    `Invalid` if the URL does not fit or the database cannot be used; never repeats the URL, which may hold a password.
    """
    kind, _, rest = url.partition(":")
    if kind == "sqlite" and len(rest) > 3:
        engine = _sqlite(url)
    elif kind in ("postgresql", "postgres", "postgresql+psycopg"):
        engine = _postgres(f"postgresql+psycopg:{rest}")
    else:
        raise Invalid(
            f"The storage URL begins with {kind!r}.",
            hint="sqlite:///path/to/file or postgresql://user:password@host/database is expected.",
            field="server.storage",
        )
    try:
        migrate(engine)
    except sa.exc.DBAPIError as error:
        engine.dispose()
        raise Invalid(
            f"The store cannot be opened: {reason(error)}.", hint="See server.storage.", field="server.storage"
        ) from None
    return engine


def _sqlite(url: str) -> sa.Engine:
    """Password hashes and the ledger are nobody else's business: the file is made for its owner only."""
    path = Path(sa.make_url(url).database or "")
    if not path.parent.is_dir():
        raise Invalid(f"There is no folder {str(path.parent)!r} for the store.", field="server.storage")
    with suppress(OSError):
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    engine = sa.create_engine(url, poolclass=QueuePool, pool_size=8, connect_args={"check_same_thread": False})
    sa.event.listen(engine, "connect", _arrange_sqlite)
    return engine


def _postgres(url: str) -> sa.Engine:
    try:
        return sa.create_engine(url, pool_pre_ping=True, pool_size=8, connect_args={"connect_timeout": 10})
    except (sa.exc.ArgumentError, ValueError):
        hint = "postgresql://user:password@host:5432/database is expected."
        raise Invalid("The storage URL cannot be read.", hint=hint, field="server.storage") from None


def _arrange_sqlite(connection: Any, _: Any) -> None:
    """Durable on commit, readable by several processes while one writes; we begin transactions ourselves."""
    connection.isolation_level = None
    for pragma in ("busy_timeout = 15000", "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def reason(error: sa.exc.DBAPIError) -> str:
    """What the driver says, without host, user or statement."""
    first = str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
    return first.rsplit("failed: ", 1)[-1].rstrip(".")


@contextmanager
def reporting() -> Iterator[None]:
    """An outage of the database (locked, gone, disk full) becomes an error that callers know as transient."""
    try:
        yield
    except _OUTAGES as error:
        why = reason(error) if isinstance(error, sa.exc.DBAPIError) else "no free connection"
        hint = "It is Nabe's own store (server.storage): is it running, is there room on the disk?"
        raise SourceUnavailable("nabe-storage", f"{why}.", hint=hint) from error


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection on which everything read belongs to one moment."""
    with reporting(), engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
            try:
                yield connection
            finally:
                with suppress(sa.exc.DBAPIError):
                    connection.exec_driver_sql("ROLLBACK")
        else:
            yield connection.execution_options(isolation_level="REPEATABLE READ")


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """All or nothing, one writer at a time over all processes."""
    with reporting(), engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        try:
            yield connection
            if sqlite:
                connection.exec_driver_sql("COMMIT")
            else:
                connection.commit()
        except BaseException:
            # A full disk ends SQLite's transaction by itself; what went wrong before is what matters.
            with suppress(sa.exc.DBAPIError):
                if sqlite:
                    connection.exec_driver_sql("ROLLBACK")
                else:
                    connection.rollback()
            raise


def migrate(engine: sa.Engine) -> None:
    """Bring the schema up to date, under a lock, so that several processes may start at once.

    `Invalid` if a newer Nabe has written this store.
    """
    if _revision(engine) == HEAD:
        return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(files("nabe.stores.relational") / "migrations").replace("%", "%%"))
    with _MIGRATING, writing(engine) as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError:
            hint = "Use that version again, or restore a backup made before it."
            raise Invalid("The store was written by a newer Nabe.", hint=hint, field="server.storage") from None


def _revision(engine: sa.Engine) -> str:
    """The migration that the store is at; empty if there is none (or one has to look more closely)."""
    try:
        with engine.connect() as connection:
            return str(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() or "")
    except (sa.exc.ProgrammingError, sa.exc.OperationalError):
        return ""
