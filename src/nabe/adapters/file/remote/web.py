"""Files over HTTP: one address is one file, asked for with what is known of its copy."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from nabe.adapters.file.remote.copies import Copy, Fetched, RemoteFile, keep
from nabe.adapters.file.settings import PACKED, format_of
from nabe.adapting.json_http.paging import with_params
from nabe.errors import SourceRefused
from nabe.outbound import Answer, Client, named

_ENDINGS = {
    "text/csv": ".csv",
    "application/geo+json": ".geojson",
    "application/json": ".json",
    "application/xml": ".xml",
    "text/xml": ".xml",
    "application/gml+xml": ".gml",
    "application/cap+xml": ".xml",
    "application/vnd.google-earth.kml+xml": ".kml",
}


class Web:
    """The web, by addresses. `location`: what `check` asks; `params`: secrets may be among them, asked with, never kept."""

    def __init__(self, client: Client, location: str, params: Mapping[str, str] | None = None) -> None:
        self._client, self._location, self._params = client, location, list((params or {}).items())

    @contextmanager
    def session(self) -> Iterator[Web]:
        """Requests stand for themselves."""
        yield self

    def find(self, path: str) -> list[RemoteFile]:
        """The file of an address."""
        return [RemoteFile(path, named(path), named(path))]

    def fetch(self, file: RemoteFile, known: Copy | None, draft: Path) -> Fetched | None:
        """The file, if it changed."""
        own = self._params and urlsplit(file.key).netloc == urlsplit(self._location).netloc
        return fetched(
            self._client, file.key, known, draft, asked_as=with_params(file.key, self._params) if own else ""
        )

    def check(self) -> None:
        """Does the server answer at all?"""
        with contextlib.closing(self._client.ask(self._location, method="HEAD")) as answer:
            if answer.status >= 500:
                answer.judge()

    def close(self) -> None:
        """Free connections."""
        self._client.close()


def fetched(client: Client, url: str, known: Copy | None, draft: Path, *, asked_as: str = "") -> Fetched | None:
    """One GET: the file into `draft`, or None if `known` is what the server has. `asked_as`: with the secret parameters."""
    asked = {"If-None-Match": known.etag, "If-Modified-Since": known.last_modified} if known is not None else {}
    answer = client.ask(asked_as or url, headers={name: value for name, value in asked.items() if value})
    with contextlib.closing(answer):
        if answer.status == 304 and known is not None:
            return None
        answer.judge()
        keep(answer.chunks(), draft)
    with draft.open("rb") as file:
        head = file.read(2048)
    if is_page(head, answer.headers.get("content-type", "")):
        raise SourceRefused(
            client.system,
            f"{named(url)} delivers a web page instead of data (a log-in page?).",
            hint="Use the address of the file itself; set headers of the system if it needs a log-in.",
        )
    return Fetched(answer.headers.get("etag", ""), answer.headers.get("last-modified", ""), _name(url, answer))


def _name(url: str, answer: Answer) -> str:
    """A file name that tells the format: of the address, else by the media type."""
    media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    name = ""
    for address in (url, answer.url):
        name = PurePosixPath(unquote(urlsplit(address).path)).name
        if "." in name:
            break
    told = format_of(name) is not None or name.lower().endswith(PACKED)  # `warnungen.php`, `v1.0` tell nothing
    return name if told else (name or "download") + _ENDINGS.get(media, "")


def is_page(head: bytes, media: str) -> bool:
    """Is this HTML, where a file was asked for?"""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html")) or (
        media.lower().startswith("text/html") and start.startswith(b"<")
    )
