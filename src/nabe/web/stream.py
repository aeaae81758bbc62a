"""Work of the hub in worker threads, and results as streamed responses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any, TypeVar

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from nabe.errors import Invalid
from nabe.formats import FORMATS, write
from nabe.model.result import Result

T = TypeVar("T")


async def in_thread(work: Callable[..., T], *arguments: Any) -> T:
    """Run blocking work off the event loop."""
    return await anyio.to_thread.run_sync(work, *arguments, abandon_on_cancel=False)


async def respond(
    ask: Callable[[], Result], format: str, *, title: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """Ask the hub and stream the answer.

    The first piece is made before the status line goes out, so an error on the way there is still a problem response;
    an error after that breaks the connection off, which a client notices (a chunked body without its end).
    """
    pieces, first = await in_thread(_start, ask, format, title)
    return StreamingResponse(_follow(first, pieces), 200, dict(headers or {}), FORMATS[format].media_type)


def _start(ask: Callable[[], Result], format: str, title: str) -> tuple[Iterator[bytes], bytes]:
    if format not in FORMATS:
        raise Invalid(f"There is no format {format!r}.", hint=f"Formats: {', '.join(FORMATS)}.", field="f")
    pieces = write(ask(), format, title=title)
    return pieces, next(pieces, b"")


async def _follow(first: bytes, pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    try:
        yield first
        while (piece := await in_thread(next, pieces, None)) is not None:
            if piece:
                yield piece
    finally:
        with anyio.CancelScope(shield=True):
            await in_thread(pieces.close)  # type: ignore[attr-defined]


def format_of(request: Request, default: str) -> str:
    """The format asked for: `f`, else the Accept header, else the default. `Invalid` for an unknown `f`."""
    asked = request.query_params.get("f")
    if asked:
        if asked not in FORMATS:
            raise Invalid(f"There is no format {asked!r}.", hint=f"Formats: {', '.join(FORMATS)}.", field="f")
        return asked
    for part in request.headers.get("accept", "").split(","):
        kind = part.split(";")[0].strip().lower()
        for item in FORMATS.values():
            if kind and kind == item.media_type.split(";")[0]:
                return item.id
    return default
