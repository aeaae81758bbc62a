"""For tests of adapters: a real HTTP server on loopback that answers as a test says, and rows as the hub would give them."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pyarrow as pa

from nabe.model.dataset import Dataset
from nabe.model.query import Scan
from nabe.ports.source import AdapterContext, Source
from nabe.query.evaluate import finish
from nabe.testing.sealing import seal


class Request:
    """What a client sent."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self.method = handler.command
        self.path = urlsplit(handler.path).path
        self.query = parse_qsl(urlsplit(handler.path).query, keep_blank_values=True)
        self.params = dict(self.query)
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body = handler.rfile.read(int(handler.headers.get("Content-Length", 0))).decode()


class Reply:
    """What to answer: `body` as JSON, or bytes as they are, or an iterator of pieces."""

    def __init__(self, body: Any = None, status: int = 200, **headers: str) -> None:
        self.status = status
        self.headers = {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()}
        self.body = body if isinstance(body, bytes) or hasattr(body, "__next__") else json.dumps(body).encode()


class _Quiet(ThreadingHTTPServer):
    """A client that has seen enough and hangs up is nothing to tell of."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Server:
    """`answer` says what comes for a request; `seen` holds the requests."""

    def __init__(self, answer: Callable[[Request], Any] | Any = None) -> None:
        self.answer = answer
        self.seen: list[Request] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                request = Request(self)
                outer.seen.append(request)
                found = outer.answer(request) if callable(outer.answer) else outer.answer
                reply = found if isinstance(found, Reply) else Reply(found)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if isinstance(reply.body, bytes) and "Content-Length" not in reply.headers:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                try:
                    for piece in [reply.body] if isinstance(reply.body, bytes) else reply.body:
                        self.wfile.write(piece)
                        self.wfile.flush()
                except OSError:  # the client has seen enough
                    self.close_connection = True

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self.httpd = _Quiet(("127.0.0.1", 0), Handler)
        self.httpd.daemon_threads = True
        self.port = self.httpd.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/api"
        threading.Thread(target=self.httpd.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop it."""
        self.httpd.shutdown()
        self.httpd.server_close()


def serving(answer: Any = None) -> Iterator[Server]:
    """A server for a fixture: `yield from serving()`."""
    made = Server(answer)
    yield made
    made.close()


def context(root: Path, **more: Any) -> AdapterContext:
    """A workspace in `root` that allows silos on this machine."""
    return AdapterContext(str(root), str(root / "cache"), **{"allow_hosts": ("127.0.0.1",), **more})


def no_secrets(text: str) -> str:
    """References to secrets as they are."""
    return text


def table(source: Source, dataset: Dataset, scan: Scan | None = None, **duties: Any) -> pa.Table:
    """What the hub would give: the source's rows, finished."""
    sealed = seal(dataset, scan, **duties)
    batches = finish(source.read(sealed), sealed, source.capabilities)
    try:
        return pa.Table.from_batches(list(batches.batches), batches.schema)
    finally:
        batches.close()


def rows(source: Source, dataset: Dataset, scan: Scan | None = None, **duties: Any) -> list[dict[str, Any]]:
    """The same, as records."""
    found: list[dict[str, Any]] = table(source, dataset, scan, **duties).to_pylist()
    return found
