"""Brokers that fail, drip, show a log-in page, lead astray or never end, as real servers on loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from nabe.errors import NabeError, SourceRefused, SourceUnavailable
from nabe.model.dataset import FieldType
from nabe.testing.silo import Reply, Request, Server, rows, serving

from .broker import Broker
from .support import dataset, fields, opened

FIELDS = fields(a=(FieldType.STRING, "a"))
PLAIN = dataset({"type": "T"}, FIELDS)
ONE = [{"id": "urn:x:1", "type": "T", "a": {"type": "Property", "value": "x"}}]


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving(Broker(ONE))


def test_when_the_broker_comes_back_so_do_the_rows(tmp_path, server):
    source = opened(tmp_path, server.url, retries=0)
    for status in (500, 502, 503, 429):
        server.answer = Reply({"title": "Geheimnis"}, status)
        with pytest.raises(SourceUnavailable, match=f"answers with {status}") as caught:
            rows(source, PLAIN)
        assert "Geheimnis" not in str(caught.value)
        server.answer = Broker(ONE)
        assert rows(source, PLAIN) == [{"a": "x"}]


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(b"<!DOCTYPE html><form>Anmeldung</form>", Content_Type="text/html"), SourceRefused, "log-in page"),
        (Reply({}, 401), SourceRefused, "wants a log-in"),
        (Reply({}, 404), SourceRefused, "entities answers with 404"),
        (Reply([{"id": "urn:x:1", "type": "T"}]), SourceRefused, r"no record has 'a\.value'"),
        (Reply(b'[{"id": "urn'), SourceUnavailable, "ends in the middle"),
        (Reply(["x", 3]), SourceRefused, "no record has"),
    ],
)
def test_what_is_no_answer_of_a_broker_is_refused_by_name(tmp_path, server, reply, error, says):
    server.answer = reply
    with pytest.raises(error, match=says):
        rows(opened(tmp_path, server.url, retries=0), PLAIN)


def test_pages_without_end_are_stopped(tmp_path, server):
    server.answer = ONE
    with pytest.raises(SourceRefused, match="again and again"):
        rows(opened(tmp_path, server.url), PLAIN)
    server.answer = lambda request: Reply(
        [{"id": f"urn:x:{request.params['offset']}", "type": "T", "a": {"value": "x"}}], NGSILD_Results_Count="99999999"
    )
    with pytest.raises(SourceRefused, match="more than 20 pages"):
        rows(opened(tmp_path, server.url), dataset({"type": "T", "pages": 20}, FIELDS))


def test_a_wrong_count_does_not_hang(tmp_path, server):
    def answer(request: Request) -> Any:
        return Reply(ONE if request.params["offset"] == "0" else [], NGSILD_Results_Count="12")

    server.answer = answer
    assert rows(opened(tmp_path, server.url), PLAIN) == [{"a": "x"}]
    assert len(server.seen) == 2


@pytest.mark.parametrize("target", ["http://10.0.0.1/", "http://localhost:{port}/api", "http://169.254.169.254/latest"])
def test_a_redirect_to_a_private_address_is_refused(tmp_path, server, target):
    server.answer = Reply(None, 302, Location=target.format(port=server.port))
    with pytest.raises(SourceRefused):
        rows(opened(tmp_path, server.url, retries=0), PLAIN)


def test_a_broker_that_drips_is_cut_off_within_the_time_out(tmp_path, server):
    def drip() -> Iterator[bytes]:
        for byte in b'[{"id": "' + b"x" * 5000 + b'"}]':
            yield bytes([byte])
            time.sleep(0.05)

    server.answer = lambda _: Reply(drip())
    started = time.monotonic()
    with pytest.raises(SourceUnavailable, match="takes longer than 1 seconds"):
        rows(opened(tmp_path, server.url, timeout_s=1.0, retries=0), PLAIN)
    assert time.monotonic() - started < 4


def test_the_check_asks_for_the_types(tmp_path, server):
    opened(tmp_path, server.url, retries=0).check()
    assert server.seen[-1].path == "/api/ngsi-ld/v1/types"
    server.answer = Reply({}, 503)
    with pytest.raises(SourceUnavailable):
        opened(tmp_path, server.url, retries=0).check()


def test_the_token_is_in_no_error(tmp_path, server):
    auth = {"type": "bearer", "token": "${T}"}
    source = opened(tmp_path, server.url, secrets=lambda text: text.replace("${T}", "geheim"), auth=auth, retries=0)
    for reply in (Reply({}, 500), Reply({}, 403), Reply(b"kaputt")):
        server.answer = reply
        with pytest.raises(NabeError) as caught:
            rows(source, PLAIN)
        assert server.seen[-1].headers["authorization"] == "Bearer geheim"
        assert "geheim" not in f"{caught.value!r} {caught.value.params}"
