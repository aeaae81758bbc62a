"""Errors as RFC 9457 problem+json, or as a page for people (the portal sets `PAGES`)."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from nabe.errors import (
    Denied,
    Invalid,
    NabeError,
    NotAuthenticated,
    SourceRefused,
    SourceUnavailable,
    TooManyRequests,
    Unknown,
)
from nabe.i18n import messages, t
from nabe.web.asker import language_of

_LOG = logging.getLogger("nabe.web")

#: Renders an error as HTML for a browser: (request, error) -> response. Set once by the portal.
PageRenderer = Callable[[Request, NabeError], Response]
_PAGES: list[PageRenderer] = []


def set_pages(render: PageRenderer) -> None:
    """Use this renderer for requests of browsers."""
    _PAGES[:] = [render]


def handle(request: Request, error: Exception) -> Response:
    """The response for an error; what is not expected is logged by its kind and place and answered 500."""
    known = _expected(error)
    if isinstance(known, (SourceUnavailable, SourceRefused)):
        _LOG.warning("%s%s", known.detail, f" ({known.where})" if known.where else "")
    response = _page(request, known) if _PAGES and _wants_page(request) else problem(request, known)
    if isinstance(error, HTTPException) and error.headers:
        response.headers.update(error.headers)
    return response


def _page(request: Request, known: NabeError) -> Response:
    try:
        return _PAGES[0](request, known)
    except Exception as error:
        _LOG.error("the page of an error failed: %s at %s", type(error).__name__, place_of(error))
        return problem(request, known)


def problem(request: Request, error: NabeError) -> Response:
    """problem+json. `type` is a URI that names the code, `reasons` explain a denial."""
    lang = language_of(request)
    body: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": title(error, lang),
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
    }
    if error.hint:
        body["hint"] = error.hint
    if error.params:
        body["params"] = {key: value for key, value in error.params.items() if _plain(value)}
    if isinstance(error, Denied):
        body["reasons"] = reasons(error, lang)
    headers = {"Cache-Control": "no-store", "Content-Language": lang}
    if isinstance(error, TooManyRequests):
        headers["Retry-After"] = str(int(error.retry_after) + 1)
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    return Response(msgspec.json.encode(body), error.status, headers, "application/problem+json")


def title(error: NabeError, lang: str) -> str:
    """The kind of error in a few words."""
    fallback = 400 if error.status < 500 else 500
    for key in (f"web.error.{error.code}", f"web.error.status_{error.status}"):
        if key in messages(lang):
            return t(key, lang)
    return t(f"web.error.status_{fallback}", lang)


def reasons(error: Denied, lang: str) -> list[dict[str, str]]:
    """Why it was denied, as sentences."""
    return [{"key": key, "text": t(f"reason.{key}", lang, **params)} for key, params in error.reasons]


def _expected(error: Exception) -> NabeError:
    if isinstance(error, NabeError):
        return error
    if isinstance(error, HTTPException):
        if error.status_code == 404:
            return Unknown("There is nothing at this address.")
        known = Invalid(str(error.detail), code=f"http-{error.status_code}")
        known.status = error.status_code  # type: ignore[misc]
        return known
    # The words of a foreign exception may hold values; its kind and place do not.
    _LOG.error("unexpected %s at %s", type(error).__name__, place_of(error))
    return NabeError("Something went wrong inside Nabe.", hint="The operator finds the place in the log.")


def place_of(error: Exception) -> str:
    """File and line where an exception was raised."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else "?"


def _wants_page(request: Request) -> bool:
    accept = request.headers.get("accept", "")
    asked = request.query_params.get("f", "")
    return "text/html" in accept and asked in ("", "html") and not request.url.path.startswith(("/api/", "/sql"))


def _plain(value: Any) -> bool:
    return isinstance(value, (str, int, float, bool, list, tuple)) or value is None
