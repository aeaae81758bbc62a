"""Files over WebDAV (RFC 4918): folders by PROPFIND, files by GET; a folder's own words never lead elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from nabe.adapters.file.remote.copies import Copy, Fetched, RemoteFile
from nabe.adapters.file.remote.walk import Listed, is_pattern, vetted, walk
from nabe.adapters.file.remote.web import fetched
from nabe.errors import SourceRefused
from nabe.outbound import Client

#: Bytes of a folder's description.
MOST_LIST = 20_000_000
_DAV = "{DAV:}"


class WebDav:
    """A folder on a WebDAV server. `lists` is a client like `client` for answers of folders."""

    def __init__(self, client: Client, lists: Client, base: str) -> None:
        self._client, self._lists = client, lists
        self._base = base.rstrip("/")

    @contextmanager
    def session(self) -> Iterator[WebDav]:
        """Requests stand for themselves."""
        yield self

    def find(self, path: str) -> list[RemoteFile]:
        """The file, or those of a pattern."""
        system = self._client.system
        path = vetted(system, path)
        if is_pattern(path):
            found = list(walk(system, path, self.listed))
        else:
            entries = self._ask(path, "0")
            found = [(path, entry) for entry in entries[:1]]
            if entries and entries[0].folder:
                raise SourceRefused(system, f"{path!r} is a folder.", hint="Name a file, or *.csv.")
        if not found:
            raise SourceRefused(system, f"no file is named {path!r}.", hint="Correct source.path.")
        return [
            RemoteFile(item, item.rpartition("/")[2], item, entry.version, entry.size, entry.modified)
            for item, entry in found
        ]

    def fetch(self, file: RemoteFile, known: Copy | None, draft: Path) -> Fetched | None:
        """The file, if it changed."""
        return fetched(self._client, self._url(file.key), known, draft)

    def listed(self, folder: str) -> list[Listed]:
        """Entries of a folder."""
        return self._ask(folder, "1")

    def check(self) -> None:
        """Does it answer and let us in?"""
        self._ask("", "0")

    def close(self) -> None:
        """Free connections."""
        self._client.close()
        self._lists.close()

    def _ask(self, path: str, depth: str) -> list[Listed]:
        url = self._url(path) + ("/" if depth == "1" or not path else "")
        headers = {"Depth": depth, "Accept": "application/xml, text/xml"}
        answer = self._lists.ask(url, method="PROPFIND", headers=headers)
        with contextlib.closing(answer):
            if answer.status == 404:
                what = f"no file is named {path!r}." if path else "there is no folder at the location."
                raise SourceRefused(self._client.system, what, hint="Correct source.path or the location.")
            if answer.status == 405 or answer.status == 501:
                raise SourceRefused(
                    self._client.system,
                    "its server does not speak WebDAV.",
                    hint="Use https:// without protocol: webdav.",
                )
            answer.judge(fine=207)
            body = answer.read()
        return read_listing(self._client.system, body, urlsplit(answer.url).path, children=depth == "1")

    def _url(self, path: str) -> str:
        return f"{self._base}/{quote(path)}" if path else self._base


def read_listing(system: str, body: bytes, asked: str, *, children: bool) -> list[Listed]:
    """Entries of a multistatus answer: those right below the path that was asked, or that path itself."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(body, parser)
    except (etree.XMLSyntaxError, ValueError):
        root = None
    if root is None or root.tag != f"{_DAV}multistatus" or root.getroottree().docinfo.internalDTD is not None:
        raise SourceRefused(system, "its server's list of files cannot be read.", hint="Is this a WebDAV address?")
    here = _parts(asked)
    found = []
    for response in root.iterfind(f"{_DAV}response"):
        path = _parts(urlsplit(response.findtext(f"{_DAV}href", "").strip()).path)
        if (path[:-1] == here and children) or (path == here and not children):
            found.append(_entry(path[-1] if path else "", response))
    return found


def _parts(path: str) -> tuple[str, ...]:
    return tuple(unquote(part) for part in path.split("/") if part)


def _entry(name: str, response: Any) -> Listed:
    props: dict[str, Any] = {}
    for stat in response.iterfind(f"{_DAV}propstat"):
        if " 200" in (stat.findtext(f"{_DAV}status") or " 200"):
            props |= {item.tag: item for item in stat.iterfind(f"{_DAV}prop/*")}
    kind = props.get(f"{_DAV}resourcetype")
    folder = kind is not None and kind.find(f"{_DAV}collection") is not None
    length = _text(props, "getcontentlength")
    changed = _text(props, "getlastmodified")
    try:
        modified = parsedate_to_datetime(changed).timestamp() if changed else 0.0
    except (ValueError, OverflowError):
        modified = 0.0
    size = int(length) if length.isdecimal() and len(length) < 18 else -1
    version = _text(props, "getetag") or (f"{size}:{changed}" if changed else "")
    return Listed(name, folder, size, modified, version)


def _text(props: dict[str, Any], name: str) -> str:
    found = props.get(_DAV + name)
    return (found.text or "").strip() if found is not None else ""


__all__ = ["MOST_LIST", "WebDav", "read_listing"]
