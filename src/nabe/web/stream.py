"""Work of the hub in worker threads, and results as streamed responses."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from nabe.errors import Invalid, NabeError
from nabe.formats import FORMATS, write
from nabe.model.result import Result, SourceState
from nabe.schedule import moment
from nabe.web.problem import place_of

T = TypeVar("T")
_LOG = logging.getLogger("nabe.web")
#: Seconds after which a reader that takes nothing is given up, so that it does not hold on to a silo.
STALLED_S = 60.0
_TIME = "%Y-%m-%dT%H:%M:%SZ"


async def in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Run blocking work off the event loop."""
    return await anyio.to_thread.run_sync(work, *arguments, abandon_on_cancel=False)


async def respond(
    ask: Callable[[], Result], format: str, *, title: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """Ask the hub and stream the answer.

    The first piece is made before the status line goes out, so an error on the way there is still a problem response;
    an error after that breaks the connection off, which a client notices (a chunked body without its end). Datasets
    that are not live are named in the headers `Nabe-Stale` and `Nabe-As-Of`.
    """
    pieces, first, said = await in_thread(_start, ask, format, title)
    return Streamed(first, pieces, FORMATS[format].media_type, dict(headers or {}) | said)


def age(sources: tuple[SourceState, ...]) -> dict[str, str]:
    """How old the rows are, where they are not live.

    `Nabe-Stale: kitas;since=2026-11-24T08:00:00Z`, when the silo did not answer and older rows stand in;
    `Nabe-As-Of: kitas;at=…`, when they are a copy.
    """
    old = [f"{item.dataset};since={item.stale_since:{_TIME}}" for item in sources if item.stale_since is not None]
    kept = [f"{item.dataset};at={item.as_of:{_TIME}}" for item in sources if item.as_of is not None]
    said = {"Nabe-Stale": ", ".join(old), "Nabe-As-Of": ", ".join(kept)}
    return {name: value for name, value in said.items() if value}


def as_of(request: Request) -> dt.datetime | None:
    """The moment for which the answer is wanted: parameter `as-of`, a time or a day (its end); None: as it is now."""
    text = request.query_params.get("as-of", "")
    return moment(text, field="as-of") if text else None


def _start(ask: Callable[[], Result], format: str, title: str) -> tuple[Iterator[bytes], bytes, dict[str, str]]:
    if format not in FORMATS:
        raise Invalid(f"There is no format {format!r}.", hint=f"Formats: {', '.join(FORMATS)}.", field="f")
    result = ask()
    pieces = write(result, format, title=title)
    return pieces, next(pieces, b""), age(result.sources)


class Streamed(Response):
    """Pieces made in worker threads, one at a time, as fast as the reader takes them.

    Closes what makes them at the end, when the reader goes away, and when it takes nothing for `STALLED_S`.
    """

    def __init__(self, first: bytes, pieces: Iterator[bytes], media_type: str, headers: Mapping[str, str]) -> None:
        self._first = first
        self._pieces = pieces
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send everything; leave the body without its end when something fails on the way."""
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body"})
                return
            async with anyio.create_task_group() as group:
                group.start_soon(self._watch, receive, group.cancel_scope)
                await self._pass_on(send)
                group.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await in_thread(self._pieces.close)  # type: ignore[attr-defined]

    async def _watch(self, receive: Receive, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        scope.cancel()

    async def _pass_on(self, send: Send) -> None:
        piece: bytes | None = self._first
        try:
            while piece is not None:
                if piece:
                    with anyio.fail_after(STALLED_S):
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await in_thread(next, self._pieces, None)
        except Exception as error:
            what = error.code if isinstance(error, NabeError) else f"{type(error).__name__} at {place_of(error)}"
            _LOG.warning("an answer broke off: %s", what)
            return  # without its end, the server closes the connection
        await send({"type": "http.response.body"})


def format_of(request: Request, default: str) -> str:
    """The format asked for: `f`, else the Accept header, else the default. `Invalid` for an unknown `f`."""
    asked = request.query_params.get("f")
    if asked:
        if asked not in FORMATS:
            raise Invalid(f"There is no format {asked[:40]!r}.", hint=f"Formats: {', '.join(FORMATS)}.", field="f")
        return asked
    for kind in accepted(request):
        for item in FORMATS.values():
            if kind == item.media_type.split(";")[0]:
                return item.id
    return default


def accepted(request: Request) -> list[str]:
    """Media types of the Accept header, the most wanted first (RFC 9110, 12.5.1); those with q=0 left out."""
    found = []
    for part in request.headers.get("accept", "").split(",")[:50]:
        kind, *parameters = (piece.strip().lower() for piece in part.split(";"))
        weights = [item[2:] for item in parameters if item.startswith("q=")]
        try:
            weight = float(weights[0]) if weights else 1.0
        except ValueError:
            weight = 0.0
        if kind and weight > 0:
            found.append((-weight, kind))
    return [kind for _, kind in sorted(found, key=lambda item: item[0])]
