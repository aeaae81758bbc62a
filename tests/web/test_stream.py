"""Answers on their way over a real connection: early, with back-pressure, and never cut off in silence."""

from __future__ import annotations

import datetime as dt
import logging
import socket
import threading
import time

import httpx
import pyarrow as pa
import pytest
from starlette.routing import Route

from nabe.errors import SourceUnavailable
from nabe.model.result import Result, SourceState
from nabe.model.text import Text
from nabe.testing.serving import on_a_port
from nabe.web import stream
from nabe.web.application import build
from nabe.web.interface import Interface
from nabe.web.services import Services
from nabe.web.stream import respond

SCHEMA = pa.schema([("text", pa.string())])
LARGE = pa.RecordBatch.from_pydict({"text": ["x" * 1000] * 1000}, SCHEMA)


class Silo:
    """Endless rows; remembers how many batches were taken and whether it was let go."""

    def __init__(self):
        self.taken = 0
        self.closed = threading.Event()
        self.fails_at = 10**9
        self.error = SourceUnavailable("kitas", "gone")
        self.states = ()

    def result(self):
        self.taken = 0
        self.closed.clear()
        return Result(SCHEMA, self._walk(), (), sources=self.states, on_close=self.closed.set)

    def _walk(self):
        while True:
            self.taken += 1
            if self.taken == self.fails_at:
                raise self.error
            yield LARGE


@pytest.fixture
def silo():
    return Silo()


@pytest.fixture
def port(town, silo):
    async def answer(request):
        return await respond(silo.result, request.query_params.get("f", "csv"))

    services = Services(town.nabe.hub, town.nabe.identity, town.nabe.settings)
    app = build(services, [Interface("test", Text("x"), "", lambda _: [Route("/", answer)], ())])
    with on_a_port(app) as number:
        yield number


def test_first_bytes_come_early_and_a_reader_that_leaves_lets_the_silo_go(port, silo):
    with httpx.stream("GET", f"http://127.0.0.1:{port}/") as answer:
        assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/csv")
        assert next(answer.iter_bytes()).startswith(b"text\r\n")
    assert silo.closed.wait(5)


def test_a_slow_reader_slows_the_silo_down(port, silo):
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(1.0)
        taken = silo.taken
        time.sleep(0.5)
        assert silo.taken - taken <= 1 and taken < 30
    assert silo.closed.wait(5)


def test_a_reader_that_takes_nothing_is_given_up(port, silo, monkeypatch):
    monkeypatch.setattr(stream, "STALLED_S", 0.3)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert silo.closed.wait(10)


def test_an_error_before_the_first_row_is_a_problem(port, silo):
    silo.fails_at = 1
    answer = httpx.get(f"http://127.0.0.1:{port}/")
    assert answer.status_code == 503 and answer.json()["code"] == "source-unavailable" and silo.closed.is_set()


@pytest.mark.parametrize("error", [SourceUnavailable("kitas", "gone"), ValueError("KANARIE.x.y.z")])
def test_an_error_later_on_breaks_the_connection_off_and_the_log_says_why(port, silo, error, caplog, capfd):
    silo.fails_at, silo.error = 5, error
    with pytest.raises(httpx.RemoteProtocolError), httpx.stream("GET", f"http://127.0.0.1:{port}/") as answer:
        for _ in answer.iter_bytes():
            pass
    assert silo.closed.wait(5)
    logs = "\n".join(record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING)
    assert "an answer broke off" in logs
    assert "KANARIE" not in logs + "".join(capfd.readouterr()) and not any(item.exc_info for item in caplog.records)


def test_head_asks_for_the_first_piece_only(port, silo):
    answer = httpx.head(f"http://127.0.0.1:{port}/?f=ndjson")
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/x-ndjson"
    assert silo.closed.wait(5) and silo.taken == 1


def test_datasets_that_are_not_live_are_named(port, silo):
    silo.states = (SourceState("s", "live"), SourceState("s", "kitas", dt.datetime(2026, 11, 24, 8, tzinfo=dt.UTC)))
    with httpx.stream("GET", f"http://127.0.0.1:{port}/") as answer:
        assert answer.headers["nabe-stale"] == "kitas;since=2026-11-24T08:00:00Z"


def test_an_unknown_format_reads_nothing(port, silo):
    answer = httpx.get(f"http://127.0.0.1:{port}/?f=exe")
    assert answer.status_code == 400 and silo.taken == 0
