"""What every request passes: limits, same origin, headers, and errors that say nothing they must not."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from nabe.errors import Denied, NotAuthenticated, TooManyRequests
from nabe.model.text import Text
from nabe.testing import canary_city as city
from nabe.web.application import build
from nabe.web.guard import ADDRESS, BODY
from nabe.web.interface import Interface
from nabe.web.services import Services


def failing(error):
    def handler(request):
        raise error

    return handler


async def echo(request):
    return PlainTextResponse(f"{len(await request.body())} {request.url.query}")


RELEASE, ENTERED = threading.Event(), threading.Event()


def waiting(request):
    ENTERED.set()
    RELEASE.wait(10)
    return PlainTextResponse("done")


ROUTES = [
    Route("/echo", echo, methods=["GET", "POST"]),
    Route("/wait", waiting),
    Route("/rows/items/{feature}", failing(ValueError("KANARIE.x.y.z"))),
    Route("/crash", failing(ValueError("KANARIE.x.y.z"))),
    Route("/denied", failing(Denied("No.", reasons=(("purpose_missing", {"dataset": "faelle"}),)))),
    Route("/slow-down", failing(TooManyRequests("Slow.", retry_after=7.2))),
    Route("/who", failing(NotAuthenticated("Who?"))),
]


@pytest.fixture(scope="module")
def app(town):
    settings = replace(town.nabe.settings, client_requests=2)
    services = Services(town.nabe.hub, town.nabe.identity, settings)
    return build(services, [Interface("test", Text("x"), "", lambda _: list(ROUTES), ())])


@pytest.fixture
def client(town, app):
    return town.client(app=app)


def test_every_answer_carries_the_security_headers(client):
    for path in ("/echo", "/crash", "/gibtsnicht", "/denied", "/healthz"):
        headers = client.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "Nabe-Use-Case" in headers["vary"]


def test_open_data_are_for_every_page_in_the_world_but_never_with_credentials(town, app):
    answer = town.client(app=app).get("/echo", headers={"Origin": "https://example.org"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    answer = town.client("planerin", app=app).get("/echo")
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["cache-control"] == "private, no-store"


def test_a_browser_may_name_the_use_case_from_another_page_but_send_no_token(client):
    headers = {"Origin": "https://example.org", "Access-Control-Request-Method": "GET"}
    answer = client.options("/echo", headers=headers)
    assert answer.status_code == 204 and "Nabe-Use-Case" in answer.headers["access-control-allow-headers"]
    assert "uthorization" not in answer.headers["access-control-allow-headers"]
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD"


def test_a_session_is_honoured_for_changes_from_nabes_own_pages_only(client):
    cookie = {"Cookie": "nabe_session=nabe_x"}
    own = {"Origin": "http://testserver"}
    assert client.post("/echo", headers=cookie).status_code == 403
    assert client.post("/echo", headers=cookie | {"Origin": "https://evil.example"}).status_code == 403
    assert client.post("/echo", headers=cookie | {"Origin": "http://[::1"}).status_code == 403
    assert client.post("/echo", headers=cookie | {"Sec-Fetch-Site": "cross-site"} | own).status_code == 403
    assert client.post("/echo", headers=cookie | own).status_code == 200
    assert client.post("/echo", headers=cookie | {"Sec-Fetch-Site": "same-origin"}).status_code == 200
    assert client.get("/echo", headers=cookie | {"Sec-Fetch-Site": "cross-site"}).status_code == 200


def test_requests_that_are_too_large_are_refused(client):
    assert client.post("/echo", content=b"x" * (BODY + 1)).status_code == 413
    chunks = (b"x" * 100_000 for _ in range(11))
    answer = client.post("/echo", content=chunks)
    assert answer.status_code == 413 and answer.json()["code"] == "limit-exceeded"
    assert client.post("/echo", content=b"x" * BODY).text.startswith(str(BODY))
    answer = client.get("/echo?" + "q" * ADDRESS)
    assert answer.status_code == 414 and answer.json()["title"] == "Adresse zu lang"
    assert client.post("/echo", headers={"Content-Length": "-1"}).status_code == 413


@pytest.mark.parametrize("host", ["[", "a b", "x/y", "a@b", "x:99999999", ""])
def test_a_host_that_is_none_is_refused(client, host):
    assert client.get("/echo", headers={"Host": host}).status_code == 400


def test_nul_characters_are_refused_before_a_database_sees_them(client):
    assert client.get("/echo%00").status_code == 400
    assert client.get("/echo?q=%00").status_code == 400


def test_one_client_cannot_take_all_threads(client):
    RELEASE.clear()
    ENTERED.clear()
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(client.get("/wait").status_code)) for _ in range(2)]
    for thread in threads:
        ENTERED.clear()
        thread.start()
        assert ENTERED.wait(10)
    answer = client.get("/echo")
    RELEASE.set()
    for thread in threads:
        thread.join()
    assert answer.status_code == 429 and answer.headers["retry-after"] == "2"
    assert answers == [200, 200] and client.get("/echo").status_code == 200


def test_a_crash_shows_nobody_the_words_of_the_error(client, caplog):
    caplog.set_level(logging.DEBUG)
    for path in ("/crash", "/rows/items/KANARIE.schluessel.x.y"):
        answer = client.get(path)
        assert answer.status_code == 500 and answer.headers["content-type"] == "application/problem+json"
        assert b"KANARIE" not in answer.content
    logs = "\n".join(record.getMessage() for record in caplog.records)
    assert "unexpected ValueError at" in logs and "KANARIE.x" not in logs
    access = [record.getMessage() for record in caplog.records if record.name == "nabe.access"]
    assert any("/rows/items/- 500" in line for line in access)


def test_the_access_log_holds_no_query_and_no_forged_lines(client, caplog):
    caplog.set_level(logging.INFO, "nabe.access")
    client.get("/echo?name=KANARIE")
    client.get("/x%0AGET%20/forged")
    lines = [record.getMessage() for record in caplog.records if record.name == "nabe.access"]
    assert lines[0].startswith("GET /echo 200") and "KANARIE" not in lines[0]
    assert "\n" not in lines[1]


def test_problems_are_rfc_9457_in_the_language_of_the_asker(client):
    answer = client.get("/denied", headers={"Accept-Language": "en-GB, de;q=0.5"})
    body = answer.json()
    assert answer.status_code == body["status"] == 403
    assert body["type"] == "/problems/denied" and body["title"] == "Not permitted"
    assert body["reasons"][0]["key"] == "purpose_missing" and answer.headers["content-language"] == "en"
    german = client.get("/denied?lang=de").json()
    assert german["title"] == "Nicht erlaubt" and german["reasons"][0]["text"] != body["reasons"][0]["text"]
    assert client.get("/slow-down").headers["retry-after"] == "8"
    assert client.get("/who").headers["www-authenticate"] == "Bearer"
    answer = client.delete("/echo")
    assert answer.status_code == 405 and "GET" in answer.headers["allow"]
    assert answer.json()["title"] == "Hier nicht vorgesehen"


def test_health_is_told(client):
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").json() == {"status": "ready", "version": 1}
    assert "process_resident_memory_bytes" in client.get("/metrics").text


def test_no_token_is_taken_for_another(town, app):
    assert town.client(app=app).get("/healthz", headers={"Authorization": "Bearer nix"}).status_code == 200
    assert city.PASSWORD not in town.tokens.values()
