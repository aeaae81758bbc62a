"""The worker process: reads calls on stdin, runs them in QuickJS, writes what came of each on stdout.

Started as a script of its own with an empty environment (`python -I worker.py`), so it imports nothing of Nabe. A call
has four walls: QuickJS's own limits of time, heap and stack; a timer of the kernel that kills the process when a call
uses more processor time than even that allows (some native functions never ask whether they may go on); a limit on
the address space; and whoever started it, who kills it after a while by the clock.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import struct
import sys
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

_LENGTH = struct.Struct(">I")
#: Codecs kept ready.
_KEPT = 64
#: Limits that the harness itself has met and told.
_CAUGHT = (
    ('{"thrown":"InternalError: out of memory', "memory"),
    ('{"thrown":"RangeError: Maximum call stack size exceeded', "stack"),
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one call may use. `seconds` of processor time, `heap` and `stack` in bytes, `output` in characters.

    `memory`: bytes that the whole worker process may take beyond what it starts with.
    """

    seconds: float = 0.1
    heap: int = 16 << 20
    stack: int = 256 << 10
    output: int = 64 << 10
    memory: int = 256 << 20


def receive(stream: BinaryIO) -> Any:
    """One message; None at the end."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    return json.loads(stream.read(_LENGTH.unpack(head)[0]))


def packed(message: Any) -> bytes:
    """A message as it goes over a pipe."""
    body = json.dumps(message, separators=(",", ":")).encode()
    return _LENGTH.pack(len(body)) + body


class _Runner:
    """Codecs ready to be called, each in an engine of its own."""

    def __init__(self, bounds: Bounds, harness: str) -> None:
        import _quickjs

        self._mbus: Any = None
        try:
            import pymbusparser
        except ImportError:  # an interpreter for which there is no wheel: telegrams are refused, codecs are not
            pass
        else:
            self._mbus = pymbusparser
        self._quickjs, self._bounds, self._harness = _quickjs, bounds, harness
        self._ready: OrderedDict[str, tuple[Any, Any]] = OrderedDict()

    def call(self, id: str, source: str, way: str, given: str) -> list[str]:
        """[what came of it, text]: `answer` (JSON), or a kind of failure with its words."""
        if way == "mbus":
            return self._telegram(given)
        try:
            run, load = self._codec(id, source)
            answer = run(load, way, given)
            for begins, kind in _CAUGHT:
                if answer.startswith(begins):
                    self._ready.pop(id, None)  # an engine that ran into a limit may be in any state
                    return [kind, ""]
            return ["answer", answer]
        except self._quickjs.StackOverflow:
            self._ready.pop(id, None)
            return ["stack", ""]
        except self._quickjs.JSException as error:
            self._ready.pop(id, None)
            words = str(error)
            if words.startswith("InternalError: interrupted"):
                return ["time", ""]
            if "out of memory" in words or words.strip() == "null":
                return ["memory", ""]
            return ["syntax" if words.startswith("SyntaxError") else "thrown", words.split("\n", 1)[0][:300]]

    def _telegram(self, given: str) -> list[str]:
        """A telegram of a meter (M-Bus, EN 13757-3) in hex; read by a library in Rust, so it is shut in here, too."""
        if self._mbus is None:
            return ["missing", "no reader of M-Bus telegrams is installed"]
        try:
            answer = self._mbus.render(given, "json", include_enrichment=False)
        except MemoryError:
            raise
        except BaseException as error:  # a panic of Rust is no Exception
            return ["thrown", f"{type(error).__name__}: no M-Bus telegram"]
        return ["answer", answer] if len(answer) <= 4 * self._bounds.output else ["output", f"{len(answer)} characters"]

    def _codec(self, id: str, source: str) -> tuple[Any, Any]:
        found = self._ready.get(id)
        if found is None:
            engine = self._quickjs.Context()
            engine.set_memory_limit(self._bounds.heap)
            engine.set_max_stack_size(self._bounds.stack)
            engine.set_time_limit(self._bounds.seconds)
            run = engine.eval(self._harness)("codec", self._bounds.output)
            # First the codec's own first line, so that its "use strict" stays the first statement.
            names = ("decodeUplink", "Decoder", "Decode", "encodeDownlink", "Encoder", "Encode")
            handed = ",".join(f"{name}:typeof {name}==='function'?{name}:undefined" for name in names)
            load = engine.eval(f"(function(){{{source}\n;return {{{handed}}};}})")
            found = self._ready[id] = (run, load)
            if len(self._ready) > _KEPT:
                self._ready.popitem(last=False)
        else:
            self._ready.move_to_end(id)
        return found


def _shut_in(bounds: Bounds) -> None:
    """From here on: no new files, no larger ones, no core dumps, so much memory and no more."""
    used = 0
    try:
        used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (OSError, ValueError):
        used = 512 << 20
    for kind, most in (
        (resource.RLIMIT_AS, used + bounds.memory),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 3),
    ):
        try:
            resource.setrlimit(kind, (most, most))
        except (OSError, ValueError):  # a system that does not know this limit: the other walls stand
            continue


def main() -> None:
    """Answer calls until stdin ends."""
    bounds = Bounds(**json.loads(sys.argv[1]))
    runner = _Runner(bounds, Path(__file__).with_name("harness.js").read_text("utf-8"))
    sources: dict[str, str] = {}
    calls, answers = os.fdopen(0, "rb", buffering=1 << 16), os.fdopen(1, "wb", buffering=0)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is for whoever started us
    _shut_in(bounds)
    while (message := receive(calls)) is not None:
        sources.update(message["sources"])
        for id in message["forget"]:
            sources.pop(id, None)
        for id, way, given in message["calls"]:
            signal.setitimer(signal.ITIMER_PROF, bounds.seconds * 4 + 0.2)
            try:
                result = runner.call(id, sources[id], way, given)
            except MemoryError:
                os._exit(3)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0)
            answers.write(packed(result))


if __name__ == "__main__":
    main()
