"""Who asks, for which use case, in which language."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from starlette.requests import Request

from nabe.errors import Invalid
from nabe.model.party import ANONYMOUS, Actor
from nabe.model.usecase import OPEN_DATA
from nabe.web.services import services_of

SESSION = "nabe_session"
USE_CASE = "nabe_use_case"
LANGUAGE = "nabe_lang"
HEADER = "Nabe-Use-Case"


@dataclass(frozen=True, slots=True)
class Asker:
    """`client` is the address from which the request came, for log-in throttling only."""

    actor: Actor
    use_case: str
    lang: str
    client: str

    @property
    def anonymous(self) -> bool:
        """Has nobody logged in?"""
        return self.actor == ANONYMOUS


def asker_of(request: Request) -> Asker:
    """From token or session, and header, query parameter or cookie. `NotAuthenticated` for a token that is none.

    Looks at the database on first sight of a token: call it in a worker thread.
    """
    actor = _actor(request)
    use_case = request.headers.get(HEADER) or request.query_params.get("use-case") or request.cookies.get(USE_CASE)
    if use_case is not None and len(use_case) > 200:
        raise Invalid("That is no id of a use case.", field=HEADER)
    client = request.client.host if request.client else ""
    return Asker(actor, use_case or OPEN_DATA, language_of(request), client)


def _actor(request: Request) -> Actor:
    services = services_of(request)
    now = dt.datetime.now(dt.UTC)
    header = request.headers.get("authorization", "")
    if header:
        scheme, _, secret = header.partition(" ")
        if scheme.lower() != "bearer":
            raise Invalid(
                "Only Bearer tokens are accepted.", hint="Authorization: Bearer nabe_…", field="Authorization"
            )
        actor: Actor = services.identity.by_token(secret.strip(), at=now)
        return actor
    session = request.cookies.get(SESSION)
    if not session:
        return ANONYMOUS
    try:
        actor = services.identity.by_token(session, at=now)
    except Exception as error:
        # A session that ended makes its holder a stranger again, not an error on every page.
        if getattr(error, "status", 500) == 401:
            return ANONYMOUS
        raise
    return actor


def language_of(request: Request) -> str:
    """`de` unless the asker prefers English: ?lang=, cookie, Accept-Language."""
    asked = request.query_params.get("lang") or request.cookies.get(LANGUAGE)
    if asked in ("de", "en"):
        return asked
    for part in request.headers.get("accept-language", "").split(","):
        code = part.split(";")[0].strip().lower()[:2]
        if code in ("de", "en"):
            return code
    return "de"
