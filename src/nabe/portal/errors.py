"""Errors as pages and as sentences, in the reader's language; the exact English words stand below for experts."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from nabe.errors import Denied, NabeError, NotAuthenticated, SourceRefused, SourceUnavailable, TooManyRequests, Unknown
from nabe.i18n import messages, t
from nabe.model.party import ANONYMOUS
from nabe.model.usecase import OPEN_DATA
from nabe.portal.frame import Frame, theme_of
from nabe.portal.rendering import render, render_in
from nabe.web.asker import Asker, asker_of, language_of
from nabe.web.problem import title
from nabe.web.services import services_of

#: Codes whose English sentence tells the reader more than ours can.
_EXACT = frozenset({400, 413, 409})


@dataclass(frozen=True, slots=True)
class Told:
    """An error for people. `exact` is the English original where it helps; `line`, `column` in their SQL."""

    status: int
    title: str
    text: str
    reasons: tuple[str, ...] = ()
    exact: str = ""
    hint: str = ""
    line: int = 0
    column: int = 0
    system: str = ""


def told(error: NabeError, request: Request, asker: Asker) -> Told:
    """The error in the asker's language."""
    lang = asker.lang
    system = ""
    if isinstance(error, (SourceUnavailable, SourceRefused)):
        system = _system_title(request, asker, error.system)
    key = f"portal.error.{error.code}"
    if key not in messages(lang):
        key = f"portal.error.status_{error.status}"
    if key not in messages(lang):
        key = "portal.error.status_500"
    reasons = tuple(t(f"reason.{reason}", lang, **params) for reason, params in getattr(error, "reasons", ()))
    # What a silo refuses concerns those who look after it, not strangers.
    exact = error.status in _EXACT or (error.status in (502, 503) and bool(asker.actor.organisation))
    return Told(
        error.status,
        title(error, lang),
        t(key, lang, system=system, wait=int(getattr(error, "retry_after", 0)) + 1),
        reasons,
        error.detail if exact else "",
        error.hint if exact else "",
        _place(error, "line"),
        _place(error, "column"),
        system,
    )


def page(request: Request, error: NabeError) -> Response:
    """The whole page for an error. Starlette calls it in a worker thread."""
    try:
        asker = asker_of(request)
    except NabeError:
        asker = Asker(ANONYMOUS, OPEN_DATA, language_of(request), "")
    values = told(error, request, asker)
    signs_in = isinstance(error, (NotAuthenticated, Denied, Unknown)) and asker.anonymous
    back = quote(request.url.path if request.method == "GET" else "/")
    show = {"told": values, "log_in": f"/login?back={back}" if signs_in else ""}
    try:
        response = render(request, asker, "error.html", error.status, **show)
    except NabeError:
        response = render_in(request, _bare(request, asker), "error.html", error.status, **show)
    if isinstance(error, TooManyRequests):
        response.headers["Retry-After"] = str(int(error.retry_after) + 1)
    response.headers["Cache-Control"] = "no-store"
    return response


def _bare(request: Request, asker: Asker) -> Frame:
    """A frame for when even the catalogue cannot be read."""
    from nabe.model.catalogue import City
    from nabe.model.text import Text

    return Frame(asker, City("city", Text("Nabe")), asker.lang, theme_of(request), request.url.path, request.url.path)


def _place(error: NabeError, name: str) -> int:
    """Line or column in somebody's SQL; 0 if there is none. Silos call a column of theirs so, too, by its name."""
    value = error.params.get(name)
    return value if isinstance(value, int) else 0


def _system_title(request: Request, asker: Asker, id: str) -> str:
    """The silo's title for those who may know of it."""
    systems = services_of(request).hub.systems(asker.actor)
    return next((item.title.in_(asker.lang) for item in systems if item.id == id), id)
