"""What every request and response passes: size limits, same-origin for cookies, security headers, CORS, a log line."""

from __future__ import annotations

import logging
import time
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from nabe.web.asker import SESSION

_LOG = logging.getLogger("nabe.access")
_BODY = 1_000_000
_UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; worker-src 'self' blob:; "
        "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "geolocation=(), camera=(), microphone=()",
}


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, services: Any) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope["nabe.services"] = self._services
        headers = Headers(scope=scope)
        refusal = _refusal(scope, headers)
        if refusal is not None:
            await _refuse(send, *refusal)
            return
        start, status = time.monotonic(), 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _dress(scope, headers, MutableHeaders(raw=message["headers"]))
            await send(message)

        try:
            await self._app(scope, _Bounded(receive), answer)
        finally:
            # The path without its query: values asked for are nobody else's business.
            took = (time.monotonic() - start) * 1000
            _LOG.info("%s %s %s %.1f ms", scope["method"], scope["path"], status, took)


class _Bounded:
    """A request body that ends in an error when it grows too large."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._size = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > _BODY:
            return {"type": "http.disconnect"}
        return message


def _refusal(scope: Scope, headers: Headers) -> tuple[int, str, str] | None:
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > _BODY:
        return 413, "limit-exceeded", f"A request holds at most {_BODY // 1000} kB."
    if scope["method"] in _UNSAFE and f"{SESSION}=" in headers.get("cookie", "") and not _same_origin(headers):
        return 403, "cross-site", "A request with a session must come from Nabe's own pages."
    return None


def _same_origin(headers: Headers) -> bool:
    """Browsers say where a request comes from; without a word of theirs a session is not honoured."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin") or headers.get("referer", "")
    return bool(origin) and urlsplit(origin).netloc == headers.get("host")


async def _refuse(send: Send, status: int, code: str, detail: str) -> None:
    body = (
        f'{{"type":"/problems/{code}","title":"{code}","status":{status},"detail":"{detail}","code":"{code}"}}'.encode()
    )
    head = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": head})
    await send({"type": "http.response.body", "body": body})


def _dress(scope: Scope, asked: Headers, headers: MutableHeaders) -> None:
    for name, value in _HEADERS.items():
        headers.setdefault(name, value)
    anonymous = "authorization" not in asked and f"{SESSION}=" not in asked.get("cookie", "")
    if scope["method"] in ("GET", "HEAD", "OPTIONS") and anonymous:
        # Open data are for every page in the world; what a session or token sees is not.
        headers.setdefault("Access-Control-Allow-Origin", "*")
    headers.add_vary_header("Authorization, Cookie, Accept, Accept-Language, Nabe-Use-Case")
    if not anonymous:
        headers.setdefault("Cache-Control", "private, no-store")
