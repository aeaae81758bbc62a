"""Who asks, for which use case, in which language, and what they accept."""

from __future__ import annotations

import datetime as dt

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from nabe.errors import Invalid
from nabe.model.text import Text
from nabe.testing import canary_city as city
from nabe.web.application import build
from nabe.web.asker import asker_of, language_of
from nabe.web.interface import Interface
from nabe.web.services import Services
from nabe.web.stream import accepted, format_of


def asking(query="", **headers):
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "query_string": query.encode(), "headers": raw, "path": "/", "method": "GET"})


@pytest.fixture(scope="module")
def client(town):
    def who(request):
        asker = asker_of(request)
        return JSONResponse([asker.actor.id, asker.use_case, asker.lang, asker.anonymous])

    services = Services(town.nabe.hub, town.nabe.identity, town.nabe.settings)
    return town.client(app=build(services, [Interface("t", Text("x"), "", lambda _: [Route("/who", who)], ())]))


def test_whoever_names_nothing_is_a_stranger_who_asks_for_open_data(client):
    assert client.get("/who").json() == ["anonymous", "open-data", "de", True]


def test_a_token_names_the_actor_and_a_header_the_use_case(client, town):
    token = {"Authorization": f"Bearer {town.tokens['planerin']}"}
    assert client.get("/who", headers=token | {"Nabe-Use-Case": "planung"}).json() == [
        "planerin",
        "planung",
        "de",
        False,
    ]
    assert client.get("/who?use-case=fall&lang=en", headers=token).json()[1:3] == ["fall", "en"]
    assert client.get("/who", headers={"Cookie": "nabe_use_case=planung"}).json()[1] == "planung"
    assert client.get("/who?use-case=" + "x" * 201).status_code == 400


@pytest.mark.parametrize(
    ("header", "status"), [("Bearer nabe_falsch", 401), ("Bearer ", 401), ("Basic eDp5", 400), ("x", 400)]
)
def test_credentials_that_are_none_are_an_error_not_a_stranger(client, header, status):
    assert client.get("/who", headers={"Authorization": header}).status_code == status


def test_a_session_that_ended_makes_a_stranger(client, town):
    now = dt.datetime.now(dt.UTC)
    _, secret = town.nabe.identity.create_token("planerin", "session", at=now, expires=now + dt.timedelta(hours=1))
    assert client.get("/who", headers={"Cookie": f"nabe_session={secret}"}).json()[0] == "planerin"
    town.nabe.identity.revoke_secret(secret)
    assert client.get("/who", headers={"Cookie": f"nabe_session={secret}"}).json()[0] == "anonymous"


def test_the_language_is_asked_for_or_negotiated():
    assert language_of(asking()) == "de"
    assert language_of(asking(accept_language="fr, en-US;q=0.8")) == "en"
    assert language_of(asking("lang=de", accept_language="en")) == "de"
    assert language_of(asking("lang=xx", accept_language="en")) == "en"


def test_the_format_is_asked_for_or_negotiated_by_weight():
    assert format_of(asking("f=xlsx", accept="text/csv"), "json") == "xlsx"
    assert format_of(asking(accept="application/geo+json;q=0.5, text/csv"), "json") == "csv"
    assert format_of(asking(accept="text/csv;q=0, */*"), "json") == "json"
    assert accepted(asking(accept="a/b;q=x, c/d;q=0.1, e/f")) == ["e/f", "c/d"]
    with pytest.raises(Invalid, match="exe"):
        format_of(asking("f=exe"), "json")


def test_passwords_of_the_city_are_canaries():
    assert city.CANARY.search(city.PASSWORD.encode())
