"""Connections to the store's database, and its schema."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.pool import QueuePool

#: Number of the advisory lock under which PostgreSQL stores are migrated and chained.
LOCK = 7_209_113


def connect(url: str) -> sa.Engine:
    """An engine for `sqlite:///path` or `postgresql://...`, its schema brought up to date."""
    url = url.replace("postgresql://", "postgresql+psycopg://", 1)
    if url.startswith("sqlite"):
        engine = sa.create_engine(url, poolclass=QueuePool, pool_size=8, connect_args={"check_same_thread": False})
        sa.event.listen(engine, "connect", _arrange_sqlite)
    else:
        engine = sa.create_engine(url, pool_pre_ping=True, pool_size=8)
    migrate(engine)
    return engine


def _arrange_sqlite(connection: Any, _: Any) -> None:
    """Durable on commit, readable by several processes while one writes; we begin transactions ourselves."""
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 15000", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def begin(connection: sa.Connection) -> None:
    """Begin a write transaction that nobody else can be in at the same time."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})


class Transaction:
    """`with Transaction(engine) as connection:` all or nothing, one writer at a time."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def __enter__(self) -> sa.Connection:
        self._connection = self._engine.connect()
        try:
            begin(self._connection)
        except BaseException:
            self._connection.close()
            raise
        return self._connection

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            if self._connection.dialect.name == "sqlite":
                self._connection.exec_driver_sql("COMMIT" if kind is None else "ROLLBACK")
            elif kind is None:
                self._connection.commit()
            else:
                self._connection.rollback()
        finally:
            self._connection.close()


def migrate(engine: sa.Engine) -> None:
    """Bring the schema up to date, under a lock, so that several processes may start at once."""
    config = Config()
    config.set_main_option("script_location", str(files("nabe.stores.relational") / "migrations"))
    with Transaction(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
