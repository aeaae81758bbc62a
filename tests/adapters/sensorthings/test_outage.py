"""Services that fail, drip, show a log-in page, lead astray or never end, as real servers on loopback."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from nabe.errors import NabeError, SourceRefused, SourceUnavailable
from nabe.model.dataset import FieldType
from nabe.testing.silo import Reply, Request, Server, rows, serving

from .service import Service
from .support import air, dataset, fields, opened

FIELDS = fields(name=(FieldType.STRING, "name"))
THINGS = dataset({"entity": "Things"}, FIELDS)


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving(Service(air()))


def test_when_the_service_comes_back_so_do_the_rows(tmp_path, server):
    source, well = opened(tmp_path, server.url + "/v1.1", retries=0), server.answer
    for status in (500, 502, 503, 429):
        server.answer = Reply({"message": "Geheimnis"}, status)
        with pytest.raises(SourceUnavailable, match=f"answers with {status}") as caught:
            rows(source, THINGS)
        assert "Geheimnis" not in str(caught.value)
        server.answer = well
        assert [row["name"] for row in rows(source, THINGS)] == ["Clevischer Ring", "Turiner Straße"]


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply(b"<!DOCTYPE html><form>Anmeldung</form>", Content_Type="text/html"), SourceRefused, "log-in page"),
        (Reply({}, 401), SourceRefused, "wants a log-in"),
        (Reply({}, 404), SourceRefused, "Things answers with 404"),
        (Reply({"message": "x"}), SourceRefused, "has nothing at 'value'"),
        (Reply({"value": [{"@iot.id": 1}]}), SourceRefused, "no record has 'name'"),
        (Reply(b'{"value": [{"@iot.id": 1, "na'), SourceUnavailable, "ends in the middle"),
        (Reply(b"\xff\xfe\x00"), SourceRefused, "."),
    ],
)
def test_what_is_no_answer_of_a_service_is_refused_by_name(tmp_path, server, reply, error, says):
    server.answer = reply
    with pytest.raises(error, match=says):
        rows(opened(tmp_path, server.url + "/v1.1", retries=0), THINGS)


@pytest.mark.parametrize(
    "next", ["http://10.0.0.1/v1.1/Things", "http://localhost/v1.1/Things", "file:///etc/passwd", "//x/"]
)
def test_a_next_page_on_another_host_is_refused(tmp_path, server, next):
    server.answer = {"value": [{"@iot.id": 1, "name": "a"}], "@iot.nextLink": next}
    with pytest.raises(SourceRefused, match="another host"):
        rows(opened(tmp_path, server.url + "/v1.1", retries=0), THINGS)
    assert len(server.seen) == 1


def test_a_service_behind_a_proxy_that_names_itself_wrongly_is_asked_where_it_was(tmp_path, server):
    def page(request: Request) -> Any:
        if "$skip" in request.params:
            return {"value": [{"@iot.id": 2, "name": "b"}]}
        return {
            "value": [{"@iot.id": 1, "name": "a"}],
            "@iot.nextLink": "https://127.0.0.1:8443/api/v1.1/Things?$skip=1",
        }

    server.answer = page
    assert len(rows(opened(tmp_path, server.url + "/v1.1"), THINGS)) == 2


def test_pages_without_end_are_stopped(tmp_path, server):
    here = server.url + "/v1.1/Things"
    server.answer = {"value": [{"@iot.id": 1, "name": "a"}], "@iot.nextLink": f"{here}?$skip=1"}
    with pytest.raises(SourceRefused, match="again and again"):
        rows(opened(tmp_path, server.url + "/v1.1"), THINGS)
    server.answer = lambda request: {
        "value": [{"@iot.id": 1, "name": f"a{request.params.get('$skip')}"}],
        "@iot.nextLink": f"{here}?$skip={int(request.params.get('$skip', 0)) + 1}",
    }
    with pytest.raises(SourceRefused, match="more than 20 pages"):
        rows(opened(tmp_path, server.url + "/v1.1"), dataset({"entity": "Things", "pages": 20}, FIELDS))


def test_a_service_that_drips_is_cut_off_within_the_time_out(tmp_path, server):
    def drip() -> Iterator[bytes]:
        for byte in b'{"value": [{"name": "' + b"x" * 5000 + b'"}]}':
            yield bytes([byte])
            time.sleep(0.05)

    server.answer = lambda _: Reply(drip())
    started = time.monotonic()
    with pytest.raises(SourceUnavailable, match="takes longer than 1 seconds"):
        rows(opened(tmp_path, server.url + "/v1.1", timeout_s=1.0, retries=0), THINGS)
    assert time.monotonic() - started < 4


def test_the_password_is_in_no_error_and_goes_to_no_other_host(tmp_path, server):
    auth = {"type": "basic", "user": "nabe", "password": "${PW}"}
    source = opened(
        tmp_path, server.url + "/v1.1", secrets=lambda text: text.replace("${PW}", "geheim"), auth=auth, retries=0
    )
    other = Server({"value": [{"@iot.id": 1, "name": "a"}]})
    try:
        server.answer = Reply(None, 302, Location=other.url)
        assert rows(source, THINGS) == [{"name": "a"}]
        assert "authorization" in server.seen[-1].headers and "authorization" not in other.seen[0].headers
    finally:
        other.close()
    server.answer = Reply({}, 403)
    with pytest.raises(NabeError) as caught:
        rows(source, THINGS)
    assert "geheim" not in f"{caught.value!r} {caught.value.params}"
