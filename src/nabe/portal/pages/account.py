"""Log in, log out, and the personal access tokens of whoever is logged in."""

from __future__ import annotations

import datetime as dt

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from nabe.errors import NotAuthenticated, TooManyRequests
from nabe.model.ledger import Entry
from nabe.portal.forms import form_of, own_path
from nabe.portal.rendering import render
from nabe.web.asker import SESSION, USE_CASE, Asker, asker_of
from nabe.web.services import services_of
from nabe.web.session import log_in as begin
from nabe.web.session import log_out as end
from nabe.web.session import set_session
from nabe.web.stream import in_thread

_LONGEST_NAME = 80
#: Days that a token may live.
LIFETIMES = (7, 30, 90, 365)
#: What a session calls itself among the tokens.
_SESSION_NAME = "session"


async def log_in(request: Request) -> Response:
    """GET and POST /login"""
    form = await form_of(request) if request.method == "POST" else None
    return await in_thread(_log_in, request, form)


def _log_in(request: Request, form: dict[str, str] | None) -> Response:
    asker = asker_of(request)
    back = own_path((form or {}).get("back") or request.query_params.get("back", "/"))
    name, wrong, wait = (form or {}).get("name", ""), False, 0
    if form is not None:
        services = services_of(request)
        try:
            _, secret = begin(services, name, form.get("password", ""), asker.client)
        except NotAuthenticated:
            wrong = True
        except TooManyRequests as error:
            wait = int(error.retry_after) + 1
        else:
            response = RedirectResponse(back, 303)
            set_session(response, services, secret)
            return response
    status = 429 if wait else 401 if wrong else 200
    page = render(request, asker, "login.html", status, name=name[:200], wrong=wrong, wait=wait, back=back)
    if wait:
        page.headers["Retry-After"] = str(wait)
    return page


async def log_out(request: Request) -> Response:
    """POST /logout"""
    await form_of(request)
    await in_thread(end, request)
    response = RedirectResponse("/", 303)
    for cookie in (SESSION, USE_CASE):
        response.delete_cookie(cookie, path="/")
    return response


async def profile(request: Request) -> Response:
    """GET /profile"""
    return await in_thread(_profile, request)


def _profile(request: Request, secret: str = "", made: str = "") -> Response:
    asker = _person(request)
    services = services_of(request)
    tokens = [token for token in services.identity.tokens(asker.actor.id) if token.name != _SESSION_NAME]
    return render(
        request,
        asker,
        "profile.html",
        tokens=tokens,
        now=dt.datetime.now(dt.UTC),
        lifetimes=LIFETIMES,
        secret=secret,
        made=made,
        organisations=services.hub.organisations(),
        base=str(request.base_url),
    )


async def create_token(request: Request) -> Response:
    """POST /profile/tokens: the secret is on the page that answers, and nowhere afterwards."""
    form = await form_of(request)
    return await in_thread(_create, request, form)


def _create(request: Request, form: dict[str, str]) -> Response:
    asker, services = _person(request), services_of(request)
    name = form.get("name", "").strip()[:_LONGEST_NAME]
    if name in ("", _SESSION_NAME):
        name = "Token"
    asked = form.get("days", "")
    days = int(asked) if asked in {str(days) for days in LIFETIMES} else LIFETIMES[1]
    now = dt.datetime.now(dt.UTC)
    _, secret = services.identity.create_token(asker.actor.id, name, at=now, expires=now + dt.timedelta(days=days))
    services.hub.record(Entry(now, asker.actor.id, "", "token_created", detail=f"{days} days"))
    return _profile(request, secret, name)


async def revoke_token(request: Request) -> Response:
    """POST /profile/tokens/revoke: only one's own."""
    form = await form_of(request)
    return await in_thread(_revoke, request, form.get("id", ""))


def _revoke(request: Request, id: str) -> Response:
    asker, services = _person(request), services_of(request)
    if id in {token.id for token in services.identity.tokens(asker.actor.id)}:
        services.identity.revoke(id)
        services.hub.record(Entry(dt.datetime.now(dt.UTC), asker.actor.id, "", "token_revoked"))
    return RedirectResponse("/profile", 303)


def _person(request: Request) -> Asker:
    asker = asker_of(request)
    if asker.anonymous:
        raise NotAuthenticated("Log in to see your profile.")
    return asker
