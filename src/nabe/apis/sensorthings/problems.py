"""Errors in SensorThings' own shape, with what a problem (RFC 9457) says beside it."""

from __future__ import annotations

from typing import Any

import msgspec

from nabe.errors import Denied, Invalid, NabeError, NotAuthenticated, TooManyRequests, Unknown
from nabe.web.problem import reasons, title

NOT_FOUND = "Not Found"
NO_ID = "Not a valid id: Path is not valid."
JSON = "application/json; charset=UTF-8"


class NotOffered(Invalid):
    """Part of the standard or of OData, but not of this service (501)."""

    status = 501
    code = "not-offered"


class NotHere(Invalid):
    """A method that this address does not know (405)."""

    status = 405
    code = "method-not-allowed"

    def __init__(self, method: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"{method[:20]} is not possible here.", hint=f"Possible: {', '.join(allowed)}.")
        self.allowed = allowed


def no_such() -> Unknown:
    """An address that leads nowhere; why it does not is nobody's business."""
    return Unknown(NOT_FOUND)


def body(error: NabeError, lang: str) -> bytes:
    """`code`, `type`, `message` as SensorThings services answer; `title`, `hint`, `field` and `reasons` when they help."""
    said: dict[str, Any] = {"code": error.status, "type": "error", "message": error.detail}
    if error.detail != NOT_FOUND:
        said |= {"title": title(error, lang), "problem": f"/problems/{error.code}"}
        said |= {"hint": error.hint} if error.hint else {}
        said |= {"field": error.params["field"]} if isinstance(error.params.get("field"), str) else {}
    if isinstance(error, Denied):
        said["reasons"] = reasons(error, lang)
    return msgspec.json.encode(said)


def headers(error: NabeError) -> dict[str, str]:
    """What goes with the status."""
    found = {"Cache-Control": "no-store"}
    if isinstance(error, NotHere):
        found["Allow"] = ", ".join(error.allowed)
    if isinstance(error, TooManyRequests):
        found["Retry-After"] = str(int(error.retry_after) + 1)
    if isinstance(error, NotAuthenticated):
        found["WWW-Authenticate"] = "Bearer"
    return found
