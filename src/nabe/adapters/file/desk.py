"""The adapter's own DuckDB: in memory, small, without extensions from outside; reads what the adapter names, no more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from nabe.errors import LimitExceeded, NabeError, SourceRefused, SourceUnavailable

T = TypeVar("T")
#: Bytes that DuckDB may hold for one system, beside the rows that are handed on.
MEMORY = "192MB"
BATCH_ROWS = 16_384


class Desk:
    """Cursors of one DuckDB, opened when first needed."""

    def __init__(self, system: str, cache: str, timeout_s: float) -> None:
        self._system = system
        self._spill = Path(cache) / "spill"
        self.timeout_s = timeout_s
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.Lock()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A cursor of its own; the caller closes it."""
        with self._lock:
            if self._connection is None:
                self._connection = duckdb.connect(
                    config={
                        "memory_limit": MEMORY,
                        "threads": 2,
                        "temp_directory": str(self._spill),
                        "autoinstall_known_extensions": "false",
                        "autoload_known_extensions": "false",
                        "allow_community_extensions": "false",
                        "python_enable_replacements": "false",
                    }
                )
                self._connection.execute(
                    "LOAD icu; LOAD parquet; SET TimeZone = 'UTC'; SET preserve_insertion_order = true; "
                    "SET enable_geoparquet_conversion = false"
                )
            return self._connection.cursor()

    @contextmanager
    def working(self, shown: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor for one task, with errors turned into the port's and the time-out watched."""
        cursor = self.cursor()
        watch = threading.Timer(self.timeout_s, cursor.interrupt)
        watch.daemon = True
        watch.start()
        try:
            yield cursor
        except (duckdb.Error, pa.ArrowException, TimeoutError) as error:
            raise self.error(error, shown) from None
        finally:
            watch.cancel()
            cursor.close()

    def stream(
        self, start: Callable[[Any], str], shown: str
    ) -> tuple[pa.Schema, Iterator[pa.RecordBatch], Callable[[], None]]:
        """Schema, batches and a way to stop: rows of the SQL that `start` gives for a fresh cursor.

        A batch must come within the time-out; the reader's own pauses do not count.
        """
        cursor = self.cursor()
        try:
            with self.watched(cursor):
                reader = cursor.execute(start(cursor)).to_arrow_reader(BATCH_ROWS)
        except BaseException as error:
            cursor.close()
            raise self.error(error, shown) from None
        closed = False

        def close() -> None:
            nonlocal closed
            if not closed:
                closed = True
                cursor.interrupt()
                reader.close()
                cursor.close()

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                while True:
                    with self.watched(cursor):
                        batch = reader.read_next_batch()
                    yield batch
            except StopIteration:
                return
            except (duckdb.Error, pa.ArrowException, OSError) as error:
                raise self.error(error, shown) from None
            finally:
                close()

        return reader.schema, batches(), close

    def error(self, error: BaseException, shown: str) -> BaseException:
        """DuckDB's words may hold values of the file: only the kind of error is passed on."""
        # An error of ours that was raised inside a stream which DuckDB was reading comes wrapped.
        inner = next((item for item in _chain(error) if isinstance(item, NabeError)), None)
        if inner is not None:
            return inner
        if isinstance(error, (duckdb.InterruptException, TimeoutError)) or "INTERRUPT" in str(error)[:40]:
            return SourceUnavailable(
                self._system,
                f"{shown!r} could not be read within {self.timeout_s:g} seconds.",
                hint="Filter more.",
                file=shown,
            )
        if isinstance(error, duckdb.OutOfMemoryException):
            return LimitExceeded(
                f"Reading {shown!r} needs more memory than allowed.",
                hint="Filter or aggregate more.",
                system=self._system,
            )
        if isinstance(error, (duckdb.Error, pa.ArrowException, OSError)):
            return SourceRefused(
                self._system, f"{shown!r} could not be read ({type(error).__name__}).", hint="Deliver it anew."
            )
        return error

    @contextmanager
    def watched(self, cursor: Any) -> Iterator[None]:
        """A step on a cursor that is interrupted after the time-out."""
        watch = threading.Timer(self.timeout_s, cursor.interrupt)
        watch.daemon = True
        watch.start()
        try:
            yield
        finally:
            watch.cancel()

    def close(self) -> None:
        """Free everything; open again on the next use."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
