"""Reaching silos: each behind its time-out, a circuit breaker and a bulkhead, so that one that hangs stops only itself."""

from __future__ import annotations

import datetime as dt
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import pyarrow as pa

from nabe.errors import LimitExceeded, NabeError, SourceRefused, SourceUnavailable
from nabe.model.query import SealedScan
from nabe.ports.source import Batches, Source

T = TypeVar("T")

#: Questions that one silo answers at a time; more wait their turn within their time-out.
MOST_AT_ONCE = 8
#: After a failure a silo is not asked again for so many seconds, then once to see whether it is back.
COOL_DOWN_S = 3.0
_AHEAD = 4


@dataclass(slots=True)
class _Gate:
    """What is known of one silo's health."""

    turns: threading.BoundedSemaphore = field(default_factory=lambda: threading.BoundedSemaphore(MOST_AT_ONCE))
    failed_at: float = 0.0
    why: str = ""
    probing: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Reach:
    """Access to sources by system id. `open` gives the source; it may raise like the source itself."""

    def __init__(self, open: Callable[[str], Source], clock: Callable[[], float] = time.monotonic) -> None:
        self._open = open
        self._clock = clock
        self._gates: dict[str, _Gate] = {}
        self._lock = threading.Lock()

    def source(self, system: str, timeout_s: float) -> Source:
        """The open source of a system. Opening only prepares, it waits for nobody; the first question connects."""
        return self.call(system, timeout_s, lambda: self._open(system), instant=True)

    def call(self, system: str, timeout_s: float, ask: Callable[[], T], *, instant: bool = False) -> T:
        """`ask` of a silo, cut off after `timeout_s` seconds. Raises only errors of `nabe.errors`."""
        gate = self._gate(system)
        self._enter(system, gate)
        if instant:
            return self._judged(system, gate, ask)
        self._take_turn(system, gate, timeout_s)
        answer: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

        def work() -> None:
            try:
                answer.put((ask(), None))
            except BaseException as error:
                answer.put((None, error))
            finally:
                gate.turns.release()

        threading.Thread(target=work, name=f"silo-{system}", daemon=True).start()

        def wait() -> T:
            try:
                value, error = answer.get(timeout=timeout_s)
            except queue.Empty:
                raise cut_off(system, timeout_s) from None
            if error is not None:
                raise error
            return value  # type: ignore[return-value]

        return self._judged(system, gate, wait)

    def read(self, source: Source, scan: SealedScan, system: str, timeout_s: float) -> Batches:
        """`source.read(scan)` whose every wait for a batch is cut off; read ahead by a few batches."""
        if source.capabilities.instant:
            return self.call(system, timeout_s, lambda: source.read(scan), instant=True)
        return self.stream(system, timeout_s, lambda: source.read(scan))

    def stream(self, system: str, timeout_s: float, start: Callable[[], Batches]) -> Batches:
        """A stream of a silo, produced in a thread of its own; each batch must come within `timeout_s` seconds."""
        gate = self._gate(system)
        self._enter(system, gate)
        self._take_turn(system, gate, timeout_s)
        pump = _Pump(start, gate.turns.release, system)
        threading.Thread(target=pump.run, name=f"silo-{system}", daemon=True).start()

        def following() -> Iterator[pa.RecordBatch]:
            try:
                while (batch := self._judged(system, gate, lambda: pump.next(timeout_s))) is not None:
                    yield batch
            finally:
                pump.stop()

        try:
            schema = self._judged(system, gate, lambda: pump.schema(timeout_s))
        except NabeError:
            pump.stop()
            raise
        return Batches(schema, following(), pump.stop, pump.stale_since)

    def _gate(self, system: str) -> _Gate:
        gate = self._gates.get(system)
        if gate is None:
            with self._lock:
                gate = self._gates.setdefault(system, _Gate())
        return gate

    def _enter(self, system: str, gate: _Gate) -> None:
        """Fail at once while a silo cools down; after that one question probes it while others still fail fast."""
        with gate.lock:
            if not gate.failed_at:
                return
            if self._clock() - gate.failed_at < COOL_DOWN_S or gate.probing:
                raise SourceUnavailable(system, gate.why, hint="It is tried again in a few seconds.")
            gate.probing = True

    def _take_turn(self, system: str, gate: _Gate, timeout_s: float) -> None:
        if gate.turns.acquire(timeout=timeout_s):
            return
        with gate.lock:
            gate.probing = False
        raise SourceUnavailable(system, "too many questions are waiting for it.", hint="Try again in a moment.")

    def _judged(self, system: str, gate: _Gate, ask: Callable[[], T]) -> T:
        try:
            value = ask()
        except SourceUnavailable as error:
            if "file" in error.params:  # one file of many: the others of this silo still answer
                self._well(gate)
                raise
            with gate.lock:
                gate.failed_at, gate.why, gate.probing = self._clock(), str(error.params.get("why", "")), False
            raise
        except NabeError:
            self._well(gate)
            raise
        except MemoryError:
            self._well(gate)
            raise LimitExceeded(
                "The answer needs more memory than allowed.", hint="Filter or aggregate more."
            ) from None
        except Exception as error:
            # A driver's own words may hold values or connection strings: only the kind of error is passed on.
            self._well(gate)
            raise SourceRefused(
                system, f"unexpected {type(error).__name__}.", hint="Ask the operator; the log has more."
            ) from error
        self._well(gate)
        return value

    @staticmethod
    def _well(gate: _Gate) -> None:
        if gate.failed_at:
            with gate.lock:
                gate.failed_at, gate.why, gate.probing = 0.0, "", False


class _Pump:
    """Reads a source in its own thread into a short queue."""

    def __init__(self, start: Callable[[], Batches], finished: Callable[[], None], system: str) -> None:
        self._start = start
        self._finished = finished
        self._system = system
        self._queue: queue.Queue[pa.RecordBatch | BaseException | None] = queue.Queue(_AHEAD)
        self._schema: queue.SimpleQueue[pa.Schema | BaseException] = queue.SimpleQueue()
        self._stopped = threading.Event()
        #: Of the source's rows; known with the schema.
        self.stale_since: dt.datetime | None = None

    def run(self) -> None:
        """The thread: start the source, then hand over batch by batch."""
        batches: Batches | None = None
        try:
            batches = self._start()
            self.stale_since = batches.stale_since
            self._schema.put(batches.schema)
            for batch in batches.batches:
                if not self._put(batch):
                    return
            self._put(None)
        except BaseException as error:
            self._schema.put(error)
            self._put(error)
        finally:
            if batches is not None:
                batches.close()
            self._finished()

    def _put(self, item: pa.RecordBatch | BaseException | None) -> bool:
        while not self._stopped.is_set():
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def schema(self, timeout_s: float) -> pa.Schema:
        """The schema, once the source has started."""
        try:
            found = self._schema.get(timeout=timeout_s)
        except queue.Empty:
            raise cut_off(self._system, timeout_s) from None
        if isinstance(found, BaseException):
            raise found
        return found

    def next(self, timeout_s: float) -> pa.RecordBatch | None:
        """The next batch; None at the end."""
        try:
            item = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            raise cut_off(self._system, timeout_s) from None
        if isinstance(item, BaseException):
            raise item
        return item

    def stop(self) -> None:
        """The asker needs no more."""
        self._stopped.set()


def cut_off(system: str, timeout_s: float) -> SourceUnavailable:
    """The error for a silo that took too long."""
    return SourceUnavailable(
        system, f"no answer within {timeout_s:g} seconds.", hint="The other systems are not affected; try again later."
    )
