"""Interfaces that fail, hang, drip, lie, ask for patience or send somewhere else, as real servers on loopback."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from nabe.errors import NabeError, SourceRefused, SourceUnavailable
from nabe.model.dataset import Field, FieldType
from nabe.outbound import client, manners

from .support import Reply, Request, Server, dataset, opened, rows, serving

FIELDS = (Field("a", FieldType.STRING),)
PLAIN = dataset({}, FIELDS)


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving([{"a": "1"}])


def test_when_the_server_comes_back_so_do_the_rows(tmp_path, server):
    source = opened(tmp_path, server.url, retries=0)
    for status in (500, 502, 503, 429):
        server.answer = Reply({"error": "Geheimnis"}, status)
        with pytest.raises(SourceUnavailable, match=f"answers with {status}") as caught:
            rows(source, PLAIN)
        assert "Geheimnis" not in str(caught.value)
        server.answer = [{"a": "2"}]
        assert rows(source, PLAIN) == [{"a": "2"}]


def test_a_failure_of_a_moment_is_not_noticed(tmp_path, server, monkeypatch):
    monkeypatch.setattr(manners, "_FIRST_PAUSE_S", 0.0)
    fails = iter([502, 503])

    def answer(_: Request) -> Any:
        status = next(fails, None)
        return Reply({}, status) if status else [{"a": "1"}]

    server.answer = answer
    assert rows(opened(tmp_path, server.url), PLAIN) == [{"a": "1"}]
    assert len(server.seen) == 3


def test_what_is_refused_for_good_is_asked_once(tmp_path, server):
    for status, says in ((401, "wants a log-in"), (403, "wants a log-in"), (404, "answers with 404"), (400, "400")):
        server.seen.clear()
        server.answer = Reply({}, status)
        with pytest.raises(SourceRefused, match=says):
            rows(opened(tmp_path, server.url), PLAIN)
        assert len(server.seen) == 1


def test_a_server_that_wants_patience_is_left_alone_by_all_threads(tmp_path, server):
    server.answer = Reply({}, 429, Retry_After="120")
    source = opened(tmp_path, server.url, timeout_s=5.0)
    with pytest.raises(SourceUnavailable, match="left alone for 120 seconds"):
        rows(source, PLAIN)
    server.answer = [{"a": "1"}]
    with pytest.raises(SourceUnavailable, match="left alone"):
        rows(source, PLAIN)
    assert len(server.seen) == 1


def drip(data: bytes, pause_s: float) -> Iterator[bytes]:
    for byte in data:
        yield bytes([byte])
        time.sleep(pause_s)


def hang(stop: threading.Event) -> Iterator[bytes]:
    yield b'[{"a":"1"},'
    stop.wait(20)


def test_a_server_that_drips_is_cut_off_within_the_time_out(tmp_path, server):
    server.answer = lambda _: Reply(drip(b'[{"a":"' + b"x" * 5000 + b'"}]', 0.05))
    with pytest.raises(SourceUnavailable, match="takes longer than 1 seconds"):
        rows(opened(tmp_path, server.url, timeout_s=1.0, retries=0), PLAIN)


def test_a_server_that_hangs_in_the_middle_is_cut_off(tmp_path, server, monkeypatch):
    monkeypatch.setattr(client, "_READ_S", 0.3)
    stop = threading.Event()
    server.answer = lambda _: Reply(hang(stop))
    with pytest.raises(SourceUnavailable, match="stopped in the middle"):
        rows(opened(tmp_path, server.url, timeout_s=5.0, retries=0), PLAIN)
    stop.set()


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(b"<!DOCTYPE html><form>Anmeldung</form>", Content_Type="text/html"), SourceRefused, "log-in page"),
        (Reply(b"\n <html><body>Anmeldung"), SourceRefused, "log-in page"),
        (Reply(b'<?xml version="1.0"?><a/>', Content_Type="application/xml"), SourceRefused, "XML instead of JSON"),
        (Reply(b"a;b\n1;2\n", Content_Type="text/csv"), SourceRefused, "not valid JSON.*calls itself text/csv"),
        (Reply(b"%PDF-1.7 ...", Content_Type="application/pdf"), SourceRefused, "calls itself application/pdf"),
        (Reply(b"OK", Content_Type="application/json"), SourceRefused, "not valid JSON"),
        (Reply(b'[{"a":"\xfc"}]'), SourceRefused, "not written in UTF-8"),
        (Reply(b""), SourceRefused, "empty"),
        (Reply(b'[{"a":1},{"a"'), SourceUnavailable, "ends in the middle"),
        (Reply(b'[{"a":1}', Content_Length="1000"), SourceUnavailable, "broke in the middle"),
        (Reply(b'[{"a":' + b"[" * 5000 + b"]" * 5000 + b"}]"), SourceRefused, "nested deeper than 200"),
        (Reply(b"\x1b[", Content_Encoding="br"), SourceRefused, "unasked br packing"),
    ],
)
def test_what_is_not_the_data_is_refused_by_name(tmp_path, server, reply, error, says):
    server.answer = reply
    with pytest.raises(error, match=says):
        rows(opened(tmp_path, server.url, retries=0), PLAIN)


def test_a_packed_answer_is_unpacked_and_a_bomb_is_not(tmp_path, server):
    server.answer = Reply(gzip.compress(b'[{"a":"1"}]'), Content_Encoding="gzip")
    assert rows(opened(tmp_path, server.url), PLAIN) == [{"a": "1"}]
    server.answer = Reply(gzip.compress(b'[{"a":"1"},' + b" " * 50_000_000), Content_Encoding="gzip")
    with pytest.raises(SourceRefused, match="larger than 1 MB"):
        rows(opened(tmp_path, server.url, max_mb=1), PLAIN)


@pytest.mark.parametrize(
    "target", ["http://localhost:{port}/api", "http://10.0.0.1/", "http://169.254.169.254/latest", "file:///etc/passwd"]
)
def test_a_redirect_to_a_private_address_is_refused(tmp_path, server, target):
    server.answer = Reply(None, 302, Location=target.format(port=server.port))
    with pytest.raises(SourceRefused):
        rows(opened(tmp_path, server.url, retries=0), PLAIN)
    assert len(server.seen) == 1


def test_the_log_in_does_not_follow_a_redirect_to_another_host(tmp_path, server):
    other = Server([{"a": "1"}])
    try:
        server.answer = Reply(None, 302, Location=other.url)
        auth = {"type": "bearer", "token": "${TOKEN}"}
        assert rows(opened(tmp_path, server.url, secrets=lambda _: "geheim", auth=auth), PLAIN) == [{"a": "1"}]
        assert server.seen[0].headers["authorization"] == "Bearer geheim"
        assert "authorization" not in other.seen[0].headers
    finally:
        other.close()


def test_the_check_says_whether_it_answers_and_takes_the_log_in(tmp_path, server):
    source = opened(tmp_path, server.url, retries=0)
    source.check()
    server.answer = Reply({}, 404)  # many interfaces have nothing at their root
    source.check()
    server.answer = Reply({}, 401)
    with pytest.raises(SourceRefused, match="wants a log-in"):
        source.check()
    server.answer = Reply({}, 503)
    with pytest.raises(SourceUnavailable):
        source.check()
    with pytest.raises(SourceUnavailable):
        opened(tmp_path, server.url, check_path="health", retries=0).check()
    assert server.seen[-1].path == "/api/health"


def test_an_unchanged_answer_is_not_sent_again(tmp_path, server):
    server.answer = lambda request: (
        Reply(b"", 304) if request.headers.get("if-none-match") == '"1"' else Reply([{"a": "alt"}], ETag='"1"')
    )
    for _ in range(3):  # a new source each time: what is kept survives a restart
        assert rows(opened(tmp_path, server.url), PLAIN) == [{"a": "alt"}]
    assert [request.headers.get("if-none-match") for request in server.seen] == [None, '"1"', '"1"']
    server.answer = Reply([{"a": "neu"}], ETag='"2"')
    assert rows(opened(tmp_path, server.url), PLAIN) == [{"a": "neu"}]


def test_kept_answers_never_stand_in_for_a_server_that_is_down(tmp_path, server):
    server.answer = Reply([{"a": "alt"}], Last_Modified="Tue, 24 Nov 2026 08:00:00 GMT")
    source = opened(tmp_path, server.url, retries=0)
    assert rows(source, PLAIN) == [{"a": "alt"}]
    server.close()
    with pytest.raises(SourceUnavailable):
        rows(source, PLAIN)


def test_kept_answers_stay_within_their_bound_and_are_for_the_owner_of_the_process(tmp_path, server):
    server.answer = lambda request: Reply([{"a": "x" * 150_000}], ETag=f'"{request.path}"')
    source = opened(tmp_path, server.url, keep_mb=1)
    for number in range(12):
        rows(source, dataset({"path": str(number)}, FIELDS))
    files = list((tmp_path / "cache" / "http_json").iterdir())
    assert 0 < sum(file.stat().st_size for file in files) <= 1_000_000
    assert {file.stat().st_mode & 0o077 for file in files} == {0}
    server.answer = Reply([{"a": "1"}], ETag='"s"', Cache_Control="private, no-store")
    rows(source, dataset({"path": "geheim"}, FIELDS))
    assert len(list((tmp_path / "cache" / "http_json").iterdir())) == len(files)


def test_a_half_read_answer_is_not_kept(tmp_path, server):
    server.answer = Reply([{"a": str(number)} for number in range(50_000)], ETag='"1"')
    source = opened(tmp_path, server.url)
    from nabe.testing.sealing import seal

    batches = source.read(seal(PLAIN))
    next(batches.batches)
    batches.close()
    assert not list((tmp_path / "cache" / "http_json").iterdir())
    assert len(rows(source, PLAIN)) == 50_000


def test_secrets_are_in_no_error(tmp_path, server):
    auth = {"type": "query", "name": "api_key", "token": "${KEY}"}
    source = opened(tmp_path, server.url, secrets=lambda text: text.replace("${KEY}", "geheim"), auth=auth, retries=0)
    for reply in (
        Reply({}, 500),
        Reply({}, 403),
        Reply(b"kaputt"),
        Reply(None, 302, Location="http://10.0.0.1/?geheim"),
    ):
        server.answer = reply
        with pytest.raises(NabeError) as caught:
            rows(source, PLAIN)
        assert server.seen[-1].params["api_key"] == "geheim"
        assert "geheim" not in f"{caught.value!r} {caught.value} {caught.value.params}"
