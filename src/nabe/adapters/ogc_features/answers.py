"""Judges answers of a WFS before they are read: exceptions with any status, web pages, what is neither XML nor JSON."""

from __future__ import annotations

from collections.abc import Iterator

from nabe.adapters.ogc_features.documents import exception_in
from nabe.adapters.ogc_features.features import failed
from nabe.adapting.json_http.interface import Body
from nabe.errors import SourceRefused
from nabe.outbound import Answer, Client, named, short

_HEAD = 64_000


def guard(client: Client, url: str, answer: Answer) -> Iterator[bytes]:
    """The chunks of a WFS answer; exceptions and web pages by name. A report comes with any status, also 200."""
    if answer.status not in (200, 401, 403, 407):
        head = b""
        for chunk in answer.chunks():
            head += chunk
            if len(head) > _HEAD:
                break
        answer.close()
        if said := exception_in(head):
            raise failed(client.system, shown(url), said, busy=answer.status == 429 or answer.status > 500)
    answer.judge()
    return _not_a_page(client, url, answer)


def _not_a_page(client: Client, url: str, answer: Answer) -> Iterator[bytes]:
    head: bytes | None = b""
    try:
        for chunk in answer.chunks():
            if head is not None:
                head += chunk
                start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
                if len(start) < 20 and len(head) < _HEAD:
                    continue
                _judge_head(client, url, start)
                chunk, head = head, None
            yield chunk
        if head:
            _judge_head(client, url, head.lstrip(b"\xef\xbb\xbf \t\r\n").lower())
            yield head
    finally:
        answer.close()


def _judge_head(client: Client, url: str, start: bytes) -> None:
    if start.startswith((b"<!doctype html", b"<html")):
        raise SourceRefused(
            client.system,
            f"{named(url)} delivers a web page (a log-in page?) instead of features.",
            hint="Check the address and the log-in (auth) of the system.",
            where=short(url),
        )
    if start[:1] not in (b"<", b"{", b"\xff", b"\xfe"):
        raise SourceRefused(
            client.system,
            f"{named(url)} delivers neither XML nor JSON.",
            hint="Check the address; it should be that of a WFS.",
            where=short(url),
        )


def shown(url: str) -> str:
    """What messages call the service at an address."""
    return f"WFS {named(url)}"


def without_reports(system: str, body: Body) -> Iterator[bytes]:
    """The chunks of a JSON answer; an exception report in its place is told as one."""
    head: bytes | None = b""
    for chunk in body.chunks():
        if head is not None:
            head += chunk
            if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
                if len(head) < _HEAD:
                    continue
            else:
                chunk, head = head, None
        if head is None:
            yield chunk
        else:
            break
    if head:
        said = exception_in(head)
        raise failed(system, shown(body.url), said or ("", "XML instead of GeoJSON"))
