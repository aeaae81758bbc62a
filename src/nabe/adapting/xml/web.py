"""XML that comes over HTTP: what is none is refused before it is parsed, by what it is."""

from __future__ import annotations

from collections.abc import Iterator

from nabe.errors import SourceRefused
from nabe.outbound import Answer, Client, named, short

_HEAD = 512


def xml_only(client: Client, url: str, answer: Answer) -> Iterator[bytes]:
    """The body of an answer, refused if it begins as a web page or JSON does."""
    head: bytes | None = b""
    try:
        for chunk in answer.chunks():
            if head is not None:
                head += chunk
                start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
                if not start and len(head) < _HEAD:
                    continue
                page = start[:14].lower().startswith((b"<!doctype html", b"<html"))
                if page or (start[:1] in (b"{", b"[")):
                    what = "a web page (a log-in page?)" if page else "JSON"
                    raise SourceRefused(
                        client.system,
                        f"{named(url)} delivers {what} instead of XML.",
                        hint="Check the address and the log-in (auth) of the system.",
                        where=short(url),
                        file=named(url),
                    )
                chunk, head = head, None
            yield chunk
        if head:
            yield head
    finally:
        answer.close()
