"""Logging in and out, noted in the ledger."""

from __future__ import annotations

import datetime as dt

from starlette.requests import Request
from starlette.responses import Response

from nabe.errors import NotAuthenticated, TooManyRequests
from nabe.model.ledger import Entry
from nabe.model.party import Actor
from nabe.web.asker import SESSION
from nabe.web.services import Services, services_of


def log_in(services: Services, name: str, password: str, client: str) -> tuple[Actor, str]:
    """The account and the secret of a new session. Raises `NotAuthenticated` or `TooManyRequests`."""
    now = dt.datetime.now(dt.UTC)
    try:
        actor = services.identity.by_password(name, password, client=client, at=now)
    except (NotAuthenticated, TooManyRequests) as error:
        services.hub.record(Entry(now, name[:200], "", "login_failed", detail=error.code), durable=False)
        raise
    expires = now + dt.timedelta(hours=services.settings.session_hours)
    _, secret = services.identity.create_token(actor.id, "session", at=now, expires=expires)
    services.hub.record(Entry(now, actor.id, "", "login"))
    return actor, secret


def set_session(response: Response, services: Services, secret: str) -> None:
    """Put the session into a cookie that scripts cannot read."""
    response.set_cookie(
        SESSION,
        secret,
        max_age=int(services.settings.session_hours * 3600),
        httponly=True,
        samesite="lax",
        secure=services.settings.secure_cookies,
        path="/",
    )


def log_out(request: Request) -> None:
    """End the session of this request, here and everywhere."""
    secret = request.cookies.get(SESSION)
    if not secret:
        return
    services = services_of(request)
    try:
        actor = services.identity.by_token(secret, at=dt.datetime.now(dt.UTC))
    except NotAuthenticated:
        return
    services.identity.revoke_secret(secret)
    services.hub.record(Entry(dt.datetime.now(dt.UTC), actor.id, "", "logout"), durable=False)
