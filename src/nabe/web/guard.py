"""What every request and response passes: limits, same-origin for cookies, security headers, CORS, a log line."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nabe.errors import Denied, Invalid, LimitExceeded, NabeError, TooManyRequests
from nabe.web.asker import HEADER, SESSION
from nabe.web.problem import handle, place_of, problem
from nabe.web.services import Services

_LOG = logging.getLogger("nabe.access")
_ERRORS = logging.getLogger("nabe.web")
#: Most bytes of a request's body, and of its address with the query.
BODY = 1_000_000
ADDRESS = 16_384
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?")
_VARY = b"Authorization, Cookie, Accept, Accept-Language, Nabe-Use-Case"
_HEADERS = tuple(
    (name.lower().encode(), value.encode())
    for name, value in {
        "Content-Security-Policy": (
            "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
            "worker-src 'self' blob:; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
    }.items()
)
_PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": f"{HEADER}, Accept, Accept-Language",
    "Access-Control-Max-Age": "86400",
}


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, services: Services, uploads: Sequence[str] = ()) -> None:
        self._app = app
        self._services = services
        self._uploads = re.compile("|".join(f"(?:{path})" for path in uploads) or r"(?!)")
        self._at_work: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["nabe.services"] = self._services
        headers = Headers(scope=scope)
        start, status = time.monotonic(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(scope, headers, message["headers"])
            await send(message)

        client = scope["client"][0] if scope.get("client") else ""
        self._at_work[client] += 1
        try:
            response = self._first(scope, headers, client)
            if response is not None:
                await response(scope, receive, answer)
                return
            await self._app(scope, _Bounded(receive, self._most(scope)), answer)
        except Exception as error:
            # Its words may hold values of rows: neither the asker nor the server's own log gets to see them.
            if status:
                _ERRORS.error("unexpected %s at %s after the answer began", type(error).__name__, place_of(error))
            else:
                await handle(Request(scope), error)(scope, receive, answer)
        finally:
            self._at_work[client] -= 1
            if not self._at_work[client]:
                del self._at_work[client]
            if _LOG.isEnabledFor(logging.INFO):
                took = (time.monotonic() - start) * 1000
                _LOG.info("%s %s %s %.1f ms", scope["method"], _loggable(scope), status, took)

    def _most(self, scope: Scope) -> int:
        """Bytes that a body may have: files are larger than questions."""
        takes_files = scope["method"] in ("POST", "PUT") and self._uploads.fullmatch(scope["path"])
        return BODY + self._services.settings.upload_mb * 1_000_000 if takes_files else BODY

    def _first(self, scope: Scope, headers: Headers, client: str) -> Response | None:
        """The answer to what need not go further: preflights, and requests that are refused."""
        try:
            _check(scope, headers, self._most(scope))
            if self._at_work[client] > self._services.settings.client_requests:
                raise TooManyRequests(
                    f"More than {self._services.settings.client_requests} requests of this address are at work.",
                    retry_after=1,
                )
        except NabeError as error:
            return problem(Request(scope), error)
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            return Response(status_code=204, headers=_PREFLIGHT)
        return None


class _Bounded:
    """A request body that ends in an error when it grows too large."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._most = most
        self._size = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > self._most:
            raise _too_large(self._most)
        return message


def _too_large(most: int) -> LimitExceeded:
    return LimitExceeded(f"A request holds at most {most // 1000} kB.", field="body")


def _check(scope: Scope, headers: Headers, most: int) -> None:
    """Raise for a request that is refused whatever it asks."""
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length[:20]) > most:
        raise _too_large(most)
    raw = scope.get("raw_path") or b""
    if len(raw) + len(scope["query_string"]) > ADDRESS:
        raise _AddressTooLong(f"An address has at most {ADDRESS} characters.", hint="POST /sql takes long questions.")
    host = headers.get("host")
    if host is not None and not _HOST.fullmatch(host):
        raise Invalid("The Host header is no host name.", field="Host")
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        raise Invalid("An address holds no NUL character.")
    if scope["method"] in _UNSAFE and f"{SESSION}=" in headers.get("cookie", "") and not _same_origin(headers):
        raise Denied("A request with a session must come from Nabe's own pages.", hint="Programs use a token.")


class _AddressTooLong(LimitExceeded):
    status = 414


def _same_origin(headers: Headers) -> bool:
    """Browsers say where a request comes from; without a word of theirs a session is not honoured."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin") or headers.get("referer", "")
    try:
        return bool(origin) and urlsplit(origin).netloc == headers.get("host")
    except ValueError:
        return False


def _dress(scope: Scope, asked: Headers, headers: list[tuple[bytes, bytes]]) -> None:
    names = {name.lower() for name, _ in headers}
    headers += [item for item in _HEADERS if item[0] not in names]
    anonymous = "authorization" not in asked and f"{SESSION}=" not in asked.get("cookie", "")
    if anonymous and scope["method"] in ("GET", "HEAD", "OPTIONS"):
        # Open data are for every page in the world; what a session or token sees is not.
        if b"access-control-allow-origin" not in names:
            headers.append((b"access-control-allow-origin", b"*"))
            headers.append((b"access-control-expose-headers", b"Link, Content-Disposition, ETag, Nabe-Stale"))
    elif not anonymous and b"cache-control" not in names:
        headers.append((b"cache-control", b"private, no-store"))
    headers.append((b"vary", _VARY))


def _loggable(scope: Scope) -> str:
    """The path as it came (escaped: nobody forges a line), without its query and without ids of rows."""
    path = (scope.get("raw_path") or b"").decode("latin-1")
    if "feature" in scope.get("path_params", {}):
        return path.split("/items/", 1)[0] + "/items/-"
    return path
