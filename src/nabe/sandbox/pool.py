"""The pool: worker processes that come up when needed, are lent for one batch of calls, and replaced when they fail."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from nabe.errors import LimitExceeded, TimedOut
from nabe.sandbox.telegrams import fields_of
from nabe.sandbox.worker import Bounds, packed

#: Longest codec taken, characters. The largest known decoders have a third of it.
LONGEST_CODEC = 512_000
#: Most calls handed to a worker at once.
_BATCH = 200
#: Codecs whose text a worker remembers.
_REMEMBERED = 256
#: Deepest nesting of decoded fields.
_DEPTH = 12
#: So many calls in a row that hit a limit, and a codec is left alone for a while: it must not eat the processor.
_STRIKES, _BANNED_S = 3, 60.0
#: The text of the codec that reads telegrams of meters instead of running JavaScript.
MBUS = "builtin:mbus"
_WORKER = Path(__file__).with_name("worker.py")


class Failure(StrEnum):
    """Why a codec gave no answer."""

    SYNTAX = "syntax"  # the codec is no JavaScript
    MISSING = "missing"  # it has no function for this
    THROWN = "thrown"  # it threw, or said that it cannot (`errors`)
    TIME = "time"  # over the limit of time
    MEMORY = "memory"  # over the limit of memory
    STACK = "stack"  # recursion too deep
    OUTPUT = "output"  # its answer is too long, too deep or of the wrong shape
    CRASHED = "crashed"  # it took the worker process down with it
    BANNED = "banned"  # it hit limits several times in a row and is left alone for a minute


#: Failures that cost others something.
_COSTLY = frozenset({Failure.TIME, Failure.MEMORY, Failure.STACK, Failure.CRASHED})


@dataclass(frozen=True, slots=True)
class Codec:
    """A payload codec's text. `id` is made of it: two codecs with one text are one."""

    source: str
    id: str = ""

    def __post_init__(self) -> None:
        if len(self.source) > LONGEST_CODEC:
            raise LimitExceeded(f"A codec has at most {LONGEST_CODEC // 1000} kB.", field="codec")
        object.__setattr__(self, "id", hashlib.sha256(self.source.encode("utf-8", "replace")).hexdigest()[:24])


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call: `data` (of an uplink) or `bytes` (of a downlink) and `port`; or a failure with its words.

    The words come from the codec's author: show them as text and nothing else.
    """

    data: Any = None
    bytes: bytes = b""
    port: int | None = None
    warnings: tuple[str, ...] = ()
    failure: Failure | None = None
    words: str = ""


class Sandbox:
    """Thread-safe. Workers start at the first call; `close` ends them."""

    def __init__(self, workers: int = 0, bounds: Bounds = Bounds(), *, wait_s: float = 10.0) -> None:  # noqa: B008
        self._bounds, self._wait_s = bounds, wait_s
        self._idle: queue.LifoQueue[_Worker] = queue.LifoQueue()
        for _ in range(workers or max(1, min(4, os.cpu_count() or 1))):
            self._idle.put(_Worker(bounds))
        self._size = self._idle.qsize()
        self._strikes: dict[str, tuple[int, float]] = {}
        self._closed = False
        self.restarts = 0

    def decode(self, codec: Codec, payload: bytes, port: int, *, at_ms: int = 0) -> Outcome:
        """The fields of one uplink."""
        return self.decode_all([(codec, payload, port, at_ms)])[0]

    def decode_all(self, uplinks: Sequence[tuple[Codec, bytes, int, int]]) -> list[Outcome]:
        """The fields of several uplinks (codec, bytes, port, time of reception in ms), in order.

        One that fails says so in its outcome and touches no other. `TimedOut` when no worker gets free in time.
        """
        calls = [
            (codec, "mbus", payload.hex())
            if codec.source == MBUS
            else (codec, "decode", json.dumps({"bytes": list(payload), "fPort": port, "at": at, "variables": {}}))
            for codec, payload, port, at in uplinks
        ]
        return [
            _telegram(kind, text) if way == "mbus" else _decoded(kind, text)
            for (_, way, _), (kind, text) in zip(calls, self._run(calls), strict=True)
        ]

    def encode(self, codec: Codec, data: Any, port: int | None = None) -> Outcome:
        """The bytes of a downlink that says `data`."""
        given = json.dumps({"data": data, "fPort": port, "variables": {}})
        return _encoded(*self._run([(codec, "encode", given)])[0])

    def close(self) -> None:
        """End all workers; calls after this raise."""
        self._closed = True
        for _ in range(self._size):
            with suppress(queue.Empty):
                self._idle.get(timeout=2.0).stop()

    def _run(self, calls: Sequence[tuple[Codec, str, str]]) -> list[tuple[str, str]]:
        if self._closed:
            raise TimedOut("The sandbox is closed.")
        results: list[tuple[str, str]] = []
        try:
            worker = self._idle.get(timeout=self._wait_s)
        except queue.Empty:
            hint = "Codecs are slow now; the message can be sent again."
            raise TimedOut("No worker for codecs got free in time.", hint=hint) from None
        try:
            while len(results) < len(calls):
                codec = calls[len(results)][0]
                if self._banned(codec):
                    results.append((Failure.BANNED, ""))
                    continue
                batch: list[tuple[Codec, str, str]] = []
                for call in calls[len(results) : len(results) + _BATCH]:
                    if self._banned(call[0]):
                        break
                    batch.append(call)
                worker.run(batch, lambda kind, text: results.append((kind, text)))
                if not worker.alive:
                    self.restarts += 1
                for call, (kind, _) in zip(calls[len(results) - len(batch) :], results[-len(batch) :], strict=False):
                    self._note(call[0], kind)
        finally:
            self._idle.put(worker)
        return results

    def _banned(self, codec: Codec) -> bool:
        count, since = self._strikes.get(codec.id, (0, 0.0))
        return count >= _STRIKES and time.monotonic() - since < _BANNED_S

    def _note(self, codec: Codec, kind: str) -> None:
        if kind in _COSTLY:
            count, _ = self._strikes.get(codec.id, (0, 0.0))
            self._strikes[codec.id] = (count + 1, time.monotonic())
        elif codec.id in self._strikes:
            del self._strikes[codec.id]


class _Worker:
    """One process, started when first needed and again when it died. Used by one thread at a time."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._process: subprocess.Popen[bytes] | None = None
        self._sent: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def alive(self) -> bool:
        return self._process is not None

    def run(self, calls: Sequence[tuple[Codec, str, str]], each: Callable[[str, str], None]) -> None:
        """Run calls in order, telling what came of each; stops after one that ended the process (it is told, too)."""
        with self._lock:
            process = self._started()
            assert process.stdin is not None
            sources, forget = {}, []
            for codec, _, _ in calls:
                if codec.id not in self._sent:
                    sources[codec.id] = codec.source
                    self._sent[codec.id] = None
                else:
                    self._sent.move_to_end(codec.id)
            while len(self._sent) > _REMEMBERED + len(calls):
                forget.append(self._sent.popitem(last=False)[0])
            body = {
                "sources": sources,
                "forget": forget,
                "calls": [(codec.id, way, given) for codec, way, given in calls],
            }
            try:
                process.stdin.write(packed(body))
                process.stdin.flush()
            except OSError:
                self.stop()
                each(Failure.CRASHED, "")
                return
            for _ in calls:
                answer = self._answer(process)
                if answer is None:
                    self.stop()
                    each(Failure.CRASHED, "")
                    return
                each(*answer)

    def stop(self) -> None:
        """End the process at once."""
        process, self._process = self._process, None
        self._sent.clear()
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    if pipe is not None:
                        pipe.close()

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is not None:
            self.stop()
        if self._process is None:
            bounds = json.dumps(dataclasses.asdict(self._bounds))
            self._process = subprocess.Popen(  # noqa: S603  our own file, no shell
                [sys.executable, "-I", "-X", "utf8", str(_WORKER), bounds],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},
            )
        return self._process

    def _answer(self, process: subprocess.Popen[bytes]) -> tuple[str, str] | None:
        """The next answer; None if the process died or is silent for longer than any call may take by the clock."""
        head = self._read(process, 4)
        body = self._read(process, int.from_bytes(head)) if head else None
        if body is None:
            return None
        kind, text = msgspec.json.decode(body)
        return kind, text

    def _read(self, process: subprocess.Popen[bytes], size: int) -> bytes | None:
        assert process.stdout is not None
        out, found = process.stdout.fileno(), b""
        until = (
            time.monotonic() + 10.0 + self._bounds.seconds * 20
        )  # the machine may be busy: processor time is what counts
        while len(found) < size:
            ready, _, _ = select.select([out], [], [], max(0.0, until - time.monotonic()))
            piece = os.read(out, size - len(found)) if ready else b""
            if not piece:
                return None
            found += piece
        return found


def _telegram(kind: str, text: str) -> Outcome:
    if kind != "answer":
        return Outcome(failure=Failure(kind), words=text)
    data, problem = fields_of(msgspec.json.decode(text))
    return Outcome(failure=Failure.THROWN, words=problem) if problem else Outcome(data=data)


def _opened(kind: str, text: str) -> tuple[Any, Outcome | None]:
    """What the codec returned, or the outcome that says why there is nothing."""
    if kind != "answer":
        return None, Outcome(failure=Failure(kind), words=text)
    try:
        answer = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return None, Outcome(failure=Failure.OUTPUT, words="nested too deeply")
    if "thrown" in answer:
        return None, Outcome(failure=Failure.THROWN, words=str(answer["thrown"]))
    if "missing" in answer:
        name = {"decode": "decodeUplink", "encode": "encodeDownlink"}[answer["missing"]]
        return None, Outcome(failure=Failure.MISSING, words=f"no function {name}")
    if "long" in answer:
        return None, Outcome(failure=Failure.OUTPUT, words=f"{answer['long']} characters")
    found = answer["found"]
    if not isinstance(found, dict):
        return None, Outcome(failure=Failure.OUTPUT, words="no object with data")
    if errors := _words(found.get("errors")):
        return None, Outcome(
            failure=Failure.THROWN, words="; ".join(errors)[:300], warnings=_words(found.get("warnings"))
        )
    return found, None


def _shallow(value: Any, depth: int) -> bool:
    if isinstance(value, (dict, list)):
        inner = value.values() if isinstance(value, dict) else value
        return depth > 0 and all(_shallow(item, depth - 1) for item in inner)
    return True


def _words(given: Any) -> tuple[str, ...]:
    return tuple(str(item)[:300] for item in given[:20]) if isinstance(given, list) else ()


def _decoded(kind: str, text: str) -> Outcome:
    found, failed = _opened(kind, text)
    if failed is not None:
        return failed
    data = found.get("data")
    if data is not None and not isinstance(data, dict):
        return Outcome(failure=Failure.OUTPUT, words="data is no object")
    if not _shallow(data, _DEPTH):
        return Outcome(failure=Failure.OUTPUT, words="nested too deeply")
    return Outcome(data=data or {}, warnings=_words(found.get("warnings")))


def _encoded(kind: str, text: str) -> Outcome:
    found, failed = _opened(kind, text)
    if failed is not None:
        return failed
    content, port = found.get("bytes"), found.get("fPort")
    whole = isinstance(content, list) and all(
        isinstance(item, int) and not isinstance(item, bool) and -128 <= item <= 255 for item in content
    )
    if not whole or len(content) > 242:
        # 242 bytes is the most that any data rate of LoRaWAN carries (Regional Parameters RP002).
        return Outcome(failure=Failure.OUTPUT, words="bytes is no list of at most 242 numbers from 0 to 255")
    if port is not None and (not isinstance(port, int) or not 1 <= port <= 223):
        return Outcome(failure=Failure.OUTPUT, words="fPort is no number from 1 to 223")
    return Outcome(bytes=bytes(item & 255 for item in content), port=port, warnings=_words(found.get("warnings")))
