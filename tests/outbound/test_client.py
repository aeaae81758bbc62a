"""One request with all its limits, against a real server on loopback."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from nabe.errors import SourceRefused, SourceUnavailable
from nabe.outbound import Client


class Server(ThreadingHTTPServer):
    """Answers as the test says; `seen` holds (method, path, headers, body)."""

    daemon_threads = True

    def __init__(self) -> None:
        self.answer: tuple[int, dict[str, str], bytes] = (200, {}, b"gut")
        self.seen: list[tuple[str, str, dict[str, str], bytes]] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        sent = {name.lower(): value for name, value in self.headers.items()}
        server.seen.append((self.command, self.path, sent, body))
        status, headers, content = server.answer
        if self.path == "/umzug":
            status, headers = 302, {"Location": "/neu"}
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def client(**settings: Any) -> Client:
    given = {"allow_hosts": ("127.0.0.1",), "most_bytes": 1_000_000, "timeout_s": 5.0, **settings}
    return Client("silo", **given)


def test_a_packed_answer_is_unpacked_where_it_was_asked_for(server):
    server.answer = (200, {"Content-Encoding": "gzip"}, gzip.compress(b"Stadtteil" * 1000))
    assert client(packed=True).ask(server.url).judge().read() == b"Stadtteil" * 1000
    assert server.seen[-1][2]["accept-encoding"] == "gzip"
    with pytest.raises(SourceRefused, match="unasked gzip packing"):
        client().ask(server.url).read()


def test_a_bomb_is_stopped_at_the_size_it_unpacks_to(server):
    server.answer = (200, {"Content-Encoding": "gzip"}, gzip.compress(bytes(50_000_000)))
    pieces = client(packed=True).ask(server.url).chunks()
    received = 0
    with pytest.raises(SourceRefused, match="larger than 1 MB"):
        for piece in pieces:
            received += len(piece)
    assert received <= 1_000_000


def test_damaged_packing_is_an_outage_and_not_a_crash(server):
    server.answer = (200, {"Content-Encoding": "gzip"}, b"\x1f\x8b\x08kaputt")
    with pytest.raises(SourceUnavailable, match="damaged"):
        client(packed=True).ask(server.url).read()


@pytest.mark.parametrize(
    ("status", "error"),
    [(429, SourceUnavailable), (503, SourceUnavailable), (403, SourceRefused), (404, SourceRefused)],
)
def test_a_status_says_whether_to_try_again(server, status, error):
    server.answer = (status, {}, b"nein")
    with pytest.raises(error, match=str(status)):
        client().ask(server.url + "/x?key=geheim").judge()


def test_what_was_posted_is_not_posted_to_where_a_redirect_points(server):
    assert client().ask(server.url + "/umzug", method="POST", content=b"a=1").judge().read() == b"gut"
    assert [(method, path, body) for method, path, _, body in server.seen] == [
        ("POST", "/umzug", b"a=1"),
        ("GET", "/neu", b""),
    ]


def test_an_error_never_shows_the_query_of_an_address(server):
    server.answer = (500, {}, b"")
    with pytest.raises(SourceUnavailable) as caught:
        client().ask(server.url + "/x?key=geheim").judge()
    assert "geheim" not in f"{caught.value} {caught.value.__dict__}"
