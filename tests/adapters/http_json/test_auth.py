"""Every log-in is sent as its standard says, to its host only; tokens are fetched once and renewed when refused."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl

import pytest

from nabe.errors import SourceRefused, SourceUnavailable
from nabe.model.dataset import Field, FieldType

from .support import Reply, Request, Server, dataset, opened, rows, serving

PLAIN = dataset({}, (Field("a", FieldType.STRING),))
SECRETS = {"${A}": "anna", "${B}": "Geheim:ß&", "file:token": "abc.def"}


def secrets(text: str) -> str:
    return SECRETS.get(text, text)


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving([{"a": "1"}])


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"type": "bearer", "token": "file:token"}, "authorization", "Bearer abc.def"),
        (
            {"type": "basic", "user": "${A}", "password": "${B}"},
            "authorization",
            "Basic " + base64.b64encode("anna:Geheim:ß&".encode()).decode(),
        ),
        ({"type": "header", "name": "X-Api-Key", "token": "file:token"}, "x-api-key", "abc.def"),
    ],
)
def test_log_ins_are_sent_as_headers(tmp_path, server, auth, header, value):
    rows(opened(tmp_path, server.url, secrets=secrets, auth=auth), PLAIN)
    assert server.seen[0].headers[header] == value


def test_a_key_in_the_address_goes_with_every_page(tmp_path, server):
    found = dataset({"rows": "r", "page": {"type": "next", "at": "next"}}, PLAIN.fields)
    auth = {"type": "query", "name": "key", "token": "file:token"}
    server.answer = lambda r: {"r": [{"a": str(len(r.params))}], "next": None if "s" in r.params else "/api?s=2"}
    assert len(rows(opened(tmp_path, server.url, secrets=secrets, auth=auth), found)) == 2
    assert [request.params["key"] for request in server.seen] == ["abc.def", "abc.def"]


class Tokens:
    """A token server and the interface behind it, which takes the newest token only."""

    def __init__(self, **answer: Any) -> None:
        self.given = 0
        self.more = answer

    def __call__(self, request: Request) -> Any:
        if request.path == "/token":
            self.given += 1
            return {"access_token": f"t{self.given}", "token_type": "Bearer", "expires_in": 3600, **self.more}
        good = request.headers.get("authorization") == f"Bearer t{self.given}"
        return [{"a": "1"}] if good and self.given else Reply({}, 401)


def oauth(server: Server, **more: Any) -> dict[str, Any]:
    url = server.url.replace("/api", "/token")
    return {"type": "oauth2", "token_url": url, "client_id": "${A}", "client_secret": "${B}", **more}


def test_a_token_is_fetched_once_for_many_questions_and_threads(tmp_path, server):
    tokens = server.answer = Tokens()
    source = opened(tmp_path, server.url, secrets=secrets, auth=oauth(server, scope="lesen alles"))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda _: rows(source, PLAIN), range(8))) == [[{"a": "1"}]] * 8
    assert tokens.given == 1
    (asked,) = [request for request in server.seen if request.path == "/token"]
    assert asked.method == "POST"
    assert dict(parse_qsl(asked.body)) == {"grant_type": "client_credentials", "scope": "lesen alles"}
    name, _, secret = base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode().partition(":")
    assert (name, secret) == ("anna", "Geheim%3A%C3%9F%26")  # RFC 6749, 2.3.1: each is form-encoded first


def test_credentials_may_stand_in_the_form(tmp_path, server):
    server.answer = Tokens()
    rows(opened(tmp_path, server.url, secrets=secrets, auth=oauth(server, in_body=True)), PLAIN)
    form = dict(parse_qsl(server.seen[0].body))
    assert (form["client_id"], form["client_secret"]) == ("anna", "Geheim:ß&")
    assert "authorization" not in server.seen[0].headers


def test_a_token_that_is_refused_is_renewed_once(tmp_path, server):
    tokens = server.answer = Tokens()
    source = opened(tmp_path, server.url, secrets=secrets, auth=oauth(server))
    rows(source, PLAIN)
    tokens.given += 1  # somebody else fetched one: ours is void
    assert rows(source, PLAIN) == [{"a": "1"}]
    assert [request.path for request in server.seen] == ["/token", "/api", "/api", "/token", "/api"]
    server.answer = lambda r: Tokens()(r) if r.path == "/token" else Reply({}, 401)
    server.seen.clear()
    with pytest.raises(SourceRefused, match="wants a log-in"):
        rows(source, PLAIN)
    assert [request.path for request in server.seen] == ["/api", "/token", "/api"]


def test_a_token_is_renewed_before_its_time_is_over(tmp_path, server, monkeypatch):
    from nabe.adapting.json_http import auth

    tokens = server.answer = Tokens(expires_in=60)
    now = [0.0]
    monkeypatch.setattr(auth.Login.__init__, "__defaults__", (lambda: now[0],))
    source = opened(tmp_path, server.url, secrets=secrets, auth=oauth(server))
    for at, given in ((0.0, 1), (29.0, 1), (31.0, 2)):
        now[0] = at
        rows(source, PLAIN)
        assert tokens.given == given


@pytest.mark.parametrize(
    ("reply", "error", "says"),
    [
        (Reply({"error": "invalid_client"}, 401), SourceRefused, "gives no token"),
        (Reply({"error": "invalid_scope"}, 400), SourceRefused, "gives no token"),
        (Reply({}, 503), SourceUnavailable, "503"),
        (Reply(b"<html>"), SourceUnavailable, "something else than a token"),
        (Reply({"access_token": "a\r\nX-Evil: 1"}), SourceRefused, "cannot be sent"),
        (Reply({"access_token": ["x"]}), SourceRefused, "cannot be sent"),
        (Reply([]), SourceUnavailable, "something else"),
        (Reply(None, 307, Location="http://localhost:1/token"), SourceRefused, "another host"),
    ],
)
def test_what_is_no_token_is_said_to_be_none_and_without_secrets(tmp_path, server, reply, error, says):
    server.answer = reply
    with pytest.raises(error, match=says) as caught:
        rows(opened(tmp_path, server.url, secrets=secrets, auth=oauth(server), retries=0), PLAIN)
    assert "Geheim" not in f"{caught.value!r} {caught.value.params}"
    assert all(request.path == "/token" for request in server.seen)
