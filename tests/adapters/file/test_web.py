"""Files over HTTP: fetched, revalidated, kept for bad times; private hosts, pages and endless streams are refused."""

from __future__ import annotations

import datetime as dt
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from nabe.adapters.file.remote import copies
from nabe.errors import SourceRefused, SourceUnavailable
from nabe.model.dataset import Field, FieldType
from nabe.outbound import client
from nabe.testing.sealing import seal

from .support import dataset, open_source, probe

FIELDS = (Field("a", FieldType.STRING),)


class Server:
    """A real HTTP server whose answer the test sets; `seen` holds the headers of each request."""

    def __init__(self) -> None:
        self.status, self.body, self.headers = 200, b"a;b\n1;2\n", {"Content-Type": "text/csv", "ETag": '"1"'}
        self.manner = ""
        self.seen: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.seen.append({name.lower(): value for name, value in self.headers.items()})
                outer.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self.httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.httpd.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/x.csv"
        threading.Thread(target=self.httpd.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        status = self.status
        if self.manner == "etag" and handler.headers.get("If-None-Match") == self.headers["ETag"]:
            status = 304
        body = b"" if status == 304 else self.body
        handler.send_response(status)
        for name, value in self.headers.items():
            handler.send_header(name, value)
        length = len(body) + 1000 if self.manner == "dying" else len(body)
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        if self.manner == "hanging":
            time.sleep(3)
        if self.manner == "dripping":
            for byte in body:
                handler.wfile.write(bytes([byte]))
                time.sleep(0.05)
            return
        handler.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.httpd.shutdown()
    made.httpd.server_close()


def read(source: Any, path: str) -> tuple[list[Any], dt.datetime | None]:
    found = source.read(seal(dataset({"path": path}, FIELDS)))
    return [value for batch in found.batches for value in batch["a"].to_pylist()], found.stale_since


def test_a_file_is_fetched_once_and_asked_for_anew_when_due(tmp_path, server):
    server.manner = "etag"
    source = open_source(tmp_path, allow=("127.0.0.1",), refresh_s=1000)
    assert [read(source, server.url) for _ in range(3)] == [(["1"], None)] * 3
    assert len(server.seen) == 1
    due = open_source(tmp_path, allow=("127.0.0.1",), refresh_s=0)
    assert read(due, server.url) == (["1"], None)
    assert server.seen[-1]["if-none-match"] == '"1"'
    server.body, server.headers = b"a;b\n9;2\n", {"ETag": '"2"'}
    assert read(due, server.url) == (["9"], None)


def test_the_probe_describes_a_file_on_the_web(tmp_path, server):
    looking = probe(tmp_path, server.url, allow_hosts=("127.0.0.1",))
    (name,) = looking.discover()
    table = looking.describe(name)
    assert [(column.name, column.type) for column in table.columns] == [("a", "integer"), ("b", "integer")]
    assert table.source["path"] == server.url


@pytest.mark.parametrize("failure", [500, 503, 429, "gone"])
def test_when_the_server_fails_the_copy_is_served_and_called_stale(tmp_path, server, failure):
    source = open_source(tmp_path, allow=("127.0.0.1",), refresh_s=0)
    before = dt.datetime.now(dt.UTC)
    assert read(source, server.url) == (["1"], None)
    if failure == "gone":
        server.httpd.shutdown()
        server.httpd.server_close()
    else:
        server.status = failure
    rows, since = read(source, server.url)
    assert rows == ["1"]
    assert since is not None and abs(since - before) < dt.timedelta(seconds=20)


def test_when_the_server_is_back_the_answer_is_live_again(tmp_path, server, monkeypatch):
    monkeypatch.setattr(copies, "_PAUSE_S", 0.0)
    source = open_source(tmp_path, allow=("127.0.0.1",), refresh_s=0)
    read(source, server.url)
    server.status = 500
    assert read(source, server.url)[1] is not None
    server.status = 200
    assert read(source, server.url)[1] is None


@pytest.mark.parametrize("manner", ["hanging", "dying", "dripping"])
def test_a_server_that_hangs_dies_or_drips_is_cut_off(tmp_path, server, monkeypatch, manner):
    monkeypatch.setattr(client, "_READ_S", 0.3)
    server.manner, server.body = manner, b"a;b\n" + b"1;2\n" * 50
    started = time.monotonic()
    silo = open_source(tmp_path, allow=("127.0.0.1",))
    silo._silo._timeout_s = 1.0
    with pytest.raises(SourceUnavailable):
        read(silo, server.url)
    assert time.monotonic() - started < 5


def test_a_failing_server_is_not_asked_at_every_question(tmp_path, server):
    server.status = 500
    source = open_source(tmp_path, allow=("127.0.0.1",))
    for _ in range(3):
        with pytest.raises(SourceUnavailable, match="answers with 500"):
            read(source, server.url)
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("status", "body", "headers", "says"),
    [
        (
            200,
            b"<!DOCTYPE html><html><form>Anmeldung</form>",
            {"Content-Type": "text/html"},
            "web page instead of data",
        ),
        (200, b"  <html>", {}, "web page instead of data"),
        (401, b"", {}, "wants a log-in"),
        (403, b"", {}, "wants a log-in"),
        (404, b"", {}, "answers with 404"),
    ],
)
def test_what_is_not_the_data_is_refused_also_when_there_is_a_copy(tmp_path, server, status, body, headers, says):
    source = open_source(tmp_path, allow=("127.0.0.1",), refresh_s=0)
    read(source, server.url)
    server.status, server.body, server.headers = status, body, headers
    with pytest.raises(SourceRefused, match=says):
        read(source, server.url)


def test_a_file_over_the_limit_is_refused_whatever_its_header_says(tmp_path, server):
    source = open_source(tmp_path, allow=("127.0.0.1",), max_mb=1)
    server.body = b"a\n" + b"1\n" * 600_000
    with pytest.raises(SourceRefused, match="larger than 1 MB"):
        read(source, server.url)
    assert not list((tmp_path / ".nabe").rglob("*.part"))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/x.csv",
        "http://localhost:{port}/x.csv",
        "http://[::1]:{port}/x.csv",
        "http://[::ffff:127.0.0.1]:{port}/x.csv",
        "http://2130706433:{port}/x.csv",
        "http://0x7f.1:{port}/x.csv",
        "http://127.1:{port}/x.csv",
        "http://0.0.0.0:{port}/x.csv",
        "http://user:secret@127.0.0.1:{port}/x.csv",
        "http://169.254.169.254/latest/meta-data/x.csv",
        "http://10.0.0.1/x.csv",
        "http://[fe80::1]/x.csv",
        "http://[fd00::1]/x.csv",
        "http://[64:ff9b::7f00:1]/x.csv",
        "http://[2002:7f00:1::]/x.csv",
    ],
)
def test_private_hosts_are_refused_however_they_are_written(tmp_path, server, url):
    source = open_source(tmp_path)
    with pytest.raises((SourceRefused, SourceUnavailable)) as caught:
        read(source, url.format(port=server.port))
    assert not server.seen
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "target", ["http://localhost:{port}/y.csv", "file:///etc/passwd", "ftp://127.0.0.1/x", "http://10.0.0.1/"]
)
def test_a_redirect_is_judged_like_the_first_address(tmp_path, server, target):
    server.status, server.headers = 302, {"Location": target.format(port=server.port)}
    source = open_source(tmp_path, allow=("127.0.0.1",))
    with pytest.raises(SourceRefused):
        read(source, server.url)
    assert len(server.seen) == 1


def test_an_endless_redirect_ends(tmp_path, server):
    server.status, server.headers = 302, {"Location": server.url}
    with pytest.raises(SourceRefused, match="without end"):
        read(open_source(tmp_path, allow=("127.0.0.1",)), server.url)


def test_headers_with_secrets_go_to_the_declared_host_only(tmp_path, server):
    other = Server()
    try:
        location = f"http://127.0.0.1:{server.port}/daten/"
        source = open_source(
            tmp_path, location, allow=("127.0.0.1",), headers={"Authorization": "Bearer geheim"}, refresh_s=0
        )
        assert read(source, "x.csv")[0] == ["1"]
        assert server.seen[-1]["authorization"] == "Bearer geheim"
        server.status, server.headers = 302, {"Location": other.url}
        assert read(source, "y.csv")[0] == ["1"]
        assert "authorization" not in other.seen[-1]
    finally:
        other.httpd.shutdown()
        other.httpd.server_close()


@pytest.mark.parametrize("path", ["../geheim/x.csv", "http://example.org/x.csv", "/x.csv"])
def test_paths_stay_below_a_web_location(tmp_path, server, path):
    source = open_source(tmp_path, f"http://127.0.0.1:{server.port}/daten/", allow=("127.0.0.1",))
    with pytest.raises(SourceRefused, match="leaves the system's location"):
        read(source, path)
    assert not server.seen


def test_a_folder_system_reads_nothing_from_the_web(tmp_path, server):
    (tmp_path / "daten").mkdir()
    with pytest.raises(SourceRefused, match="a folder, not the web"):
        read(open_source(tmp_path, "daten", allow=("127.0.0.1",)), server.url)


def test_check_says_whether_the_server_answers(tmp_path, server):
    open_source(tmp_path, f"http://127.0.0.1:{server.port}/", allow=("127.0.0.1",)).check()
    server.status = 503
    with pytest.raises(SourceUnavailable):
        open_source(tmp_path, f"http://127.0.0.1:{server.port}/", allow=("127.0.0.1",)).check()
