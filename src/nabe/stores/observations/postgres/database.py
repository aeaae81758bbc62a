"""Connections, tables and partitions. Times are microseconds since the epoch, so that no year and no zone is lost; the view
`observations` shows them as timestamps to whoever looks in with other tools.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import BoundedSemaphore, Lock
from typing import Any, Final

import numpy as np
import psycopg

from nabe.errors import Invalid, NabeError, SourceUnavailable
from nabe.model.observation import OBSERVATION_SCHEMA

#: Writers over all processes come one after the other.
WRITERS: Final = 7_209_114
_MIGRATING: Final = 7_209_115
_CONNECTIONS = 10
#: Months beyond these lie in one partition: clocks that are wrong do not make tables.
_FIRST_MONTH, _LAST_MONTH = (2000 - 1970) * 12, (2051 - 1970) * 12
NAMES: Final = tuple(OBSERVATION_SCHEMA.names)
_VERSION = 1
_TABLES = """
CREATE TABLE observation_meta (version integer NOT NULL);
INSERT INTO observation_meta VALUES (1);
CREATE TABLE observation (
    stream bigint NOT NULL, id bigint NOT NULL, "time" bigint NOT NULL, until bigint, result_time bigint,
    number double precision, text text, quality text, valid_from bigint, valid_until bigint, parameters text,
    feature bigint
) PARTITION BY RANGE ("time");
CREATE INDEX observation_by_time ON observation (stream, "time" DESC, id DESC);
CREATE INDEX observation_by_id ON observation (id);
CREATE INDEX observation_span ON observation USING brin ("time");
CREATE TABLE observation_other PARTITION OF observation DEFAULT;
CREATE TABLE observation_stream (
    stream bigint PRIMARY KEY, next bigint NOT NULL DEFAULT 1, count bigint NOT NULL DEFAULT 0, first bigint,
    last bigint, ends bigint, first_result bigint, last_result bigint, last_id bigint, stale boolean NOT NULL DEFAULT false,
    features bigint[] NOT NULL DEFAULT '{}'
) WITH (fillfactor = 60);
CREATE TABLE observation_delivery (key bytea PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), ids bytea NOT NULL);
CREATE INDEX observation_delivery_at ON observation_delivery USING brin (at);
CREATE TABLE observation_erased (partition text PRIMARY KEY);
CREATE VIEW observations AS SELECT stream, id,
    {moments}, number, text, quality, parameters, feature FROM observation;
"""
_MOMENTS = ("time", "until", "result_time", "valid_from", "valid_until")


class Database:
    """A few connections to one database, used by one thread at a time each."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._free: list[psycopg.Connection[Any]] = []
        self._lock = Lock()
        self._slots = BoundedSemaphore(_CONNECTIONS)
        self._months: set[int] = set()
        self._ready = False

    @contextmanager
    def connection(self) -> Iterator[psycopg.Connection[Any]]:
        """A connection in a transaction, committed when all went well. What goes wrong is transient for callers."""
        with self._slots:
            connection = self._take()
            try:
                with reporting():
                    yield connection
                    connection.commit()
            except BaseException:
                with suppress(psycopg.Error):
                    connection.rollback()
                raise
            finally:
                with self._lock:
                    if connection.closed or connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                        connection.close()
                    else:
                        self._free.append(connection)

    @contextmanager
    def writing(self) -> Iterator[psycopg.Connection[Any]]:
        """The same for whoever changes something, one at a time."""
        with self.connection() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", (WRITERS,))
            yield connection

    def alone(self, statement: str) -> None:
        """A statement that wants no transaction."""
        with reporting(), self._connect() as connection:
            connection.autocommit = True
            connection.execute(statement)

    def _take(self) -> psycopg.Connection[Any]:
        with self._lock:
            while self._free:
                connection = self._free.pop()
                if not connection.closed and _alive(connection):
                    return connection
        with reporting():
            connection = self._connect()
            if not self._ready:
                self._prepare(connection)
            return connection

    def _connect(self) -> psycopg.Connection[Any]:
        connection = psycopg.connect(self._url, connect_timeout=10)
        connection.execute("SET synchronous_commit = on")  # acknowledged means durable, whatever the server's default
        connection.execute("SET timezone = 'UTC'")
        connection.commit()
        return connection

    def _prepare(self, connection: psycopg.Connection[Any]) -> None:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATING,))
        if connection.execute("SELECT to_regclass('observation_meta')").fetchone() == (None,):
            moments = ", ".join(
                f'to_timestamp("{name}" / 1000000) + "{name}" % 1000000 * interval \'1 microsecond\' AS "{name}"'
                for name in _MOMENTS
            )
            connection.execute(_TABLES.replace("{moments}", moments).encode())
        found = connection.execute("SELECT version FROM observation_meta").fetchone()
        connection.commit()
        if found != (_VERSION,):
            hint = "Use that version again, or restore a backup made before it."
            raise Invalid("The store of observations was written by a newer Nabe.", hint=hint)
        self._ready = True

    def close(self) -> None:
        """Close what is free."""
        with self._lock:
            while self._free:
                self._free.pop().close()

    def have_months(self, connection: psycopg.Connection[Any], times: np.ndarray) -> None:
        """Make the partitions that rows of these times need. (Another writer cannot be at it: writers are alone.)"""
        months = np.unique(times.view("datetime64[us]").astype("datetime64[M]").view(np.int64))
        for month in months.tolist():
            if month in self._months or not _FIRST_MONTH <= month < _LAST_MONTH:
                continue
            start, end = (
                int(np.datetime64(n, "M").astype("datetime64[us]").view(np.int64)) for n in (month, month + 1)
            )
            name = partition(month)
            if connection.execute("SELECT to_regclass(%s)", (name,)).fetchone() == (None,):
                connection.execute(
                    f"CREATE TABLE {name} PARTITION OF observation FOR VALUES FROM ({start}) TO ({end})".encode()
                )
            else:
                self._months.add(month)  # (what a transaction makes that fails is not there)


def partition(month: int) -> str:
    """The name of a month's table."""
    return f"observation_{np.datetime64(month, 'M')}".replace("-", "_")


def months_within(connection: psycopg.Connection[Any], start: int | None, end: int | None) -> list[str]:
    """Partitions that lie wholly in a span of time."""
    sql = (
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'observation'::regclass AND c.relname ~ '^observation_[0-9]{4}_[0-9]{2}$'"
    )
    found = []
    for (name,) in connection.execute(sql).fetchall():
        year, month = map(int, name.rsplit("_", 2)[1:])
        number = (year - 1970) * 12 + month - 1
        low, high = (int(np.datetime64(n, "M").astype("datetime64[us]").view(np.int64)) for n in (number, number + 1))
        if (start is None or low >= start) and (end is None or high <= end):
            found.append(name)
    return found


def _alive(connection: psycopg.Connection[Any]) -> bool:
    """Did the server close it meanwhile? Looks at the socket only."""
    import select

    readable, _, _ = select.select([connection.fileno()], [], [], 0)
    if readable:
        connection.close()
        return False
    return True


@contextmanager
def reporting() -> Iterator[None]:
    """What goes wrong in the database becomes an error in our words, without values."""
    try:
        yield
    except NabeError:
        raise
    except (psycopg.errors.DataError, psycopg.errors.ProgrammingError) as error:
        raise Invalid(
            "The question cannot be computed.", hint="Simplify the filter.", code="computation-failed"
        ) from error
    except psycopg.Error as error:
        first = (str(error).strip().splitlines() or [type(error).__name__])[0].rsplit("failed: ", 1)[-1].rstrip(".")
        hint = "It is Nabe's own store (server.storage): is it running, is there room on the disk?"
        raise SourceUnavailable("observations", f"{first}.", hint=hint) from error
