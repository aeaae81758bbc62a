# ruff: noqa: E402  # see below
"""One service of the model city as a process: serves one folder on loopback in the words of one standard.

    python -m nabe.demo.services KIND FOLDER PORT

It ends when the process that started it does (its standard input closes). Port 0 takes a free one; the address is printed.
"""

from __future__ import annotations

import sys

sys.modules["ssl"] = None  # type: ignore[assignment]  # http.server would load OpenSSL, a third of our memory
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from importlib import import_module
from pathlib import Path

from nabe.demo.services.answering import Handler, Service, mood_of

#: A kind -> the module that serves it; only that one is loaded.
KINDS = ("documents", "features", "things", "rides", "council", "parking")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    timeout = 0.2


def serve(kind: str, folder: Path, port: int) -> None:
    """Serve until standard input closes. A silo whose mood is `gone` does not listen, until it is well again."""
    make: Callable[[Path], Service] = import_module(f"nabe.demo.services.{kind}").service
    ended = threading.Event()
    handler = type("Here", (Handler,), {"service": make(folder), "folder": folder, "ended": ended})
    first = _Server(("127.0.0.1", port), handler)
    server: _Server | None = first
    port = first.server_address[1]
    threading.Thread(target=_until_abandoned, args=(ended,), daemon=True).start()
    sys.stdout.write(f"http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    while not ended.is_set():
        gone = mood_of(folder) == "gone"
        if server is not None and gone:
            server.server_close()
            server = None
        elif server is None and not gone:
            server = _again(port, handler)
        if server is None:
            ended.wait(0.2)
        else:
            server.handle_request()
    if server is not None:
        server.socket.close()


def _again(port: int, handler: type[Handler]) -> _Server | None:
    try:
        return _Server(("127.0.0.1", port), handler)
    except OSError:  # another has taken the port meanwhile: it is tried again
        return None


def _until_abandoned(ended: threading.Event) -> None:
    sys.stdin.buffer.read()
    ended.set()


if __name__ == "__main__":
    assert sys.argv[1] in KINDS
    serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
