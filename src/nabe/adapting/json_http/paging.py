"""How an answer goes on: the address of the next page, and where an answer without end is stopped. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urljoin, urlsplit, urlunsplit

from nabe.adapting.json_http.paths import GONE, parse, walk
from nabe.adapting.json_http.settings import Paging

Pairs = Sequence[tuple[str, str]]

_LINK = re.compile(r'\s*<([^<>]*)>((?:\s*;\s*[^\s;=,"]+(?:\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s;,"]*))?)*)\s*(?:,|$)')
_PARAM = re.compile(r';\s*([^\s;=,"]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?')


class Endless(ValueError):
    """The pages do not come to an end; says why."""


class Elsewhere(ValueError):
    """The next page lies where this interface is not."""


def with_params(url: str, params: Pairs) -> str:
    """The address with these parameters; those of the same name are replaced."""
    parts = urlsplit(url)
    names = {name for name, _ in params}
    kept = [item for item in parse_qsl(parts.query, keep_blank_values=True) if item[0] not in names]
    return urlunsplit(parts._replace(query=_query([*kept, *params]), fragment=""))


def without_params(url: str, names: set[str]) -> str:
    """The address without the parameters of these names."""
    parts = urlsplit(url)
    kept = [item for item in parse_qsl(parts.query, keep_blank_values=True) if item[0] not in names]
    return urlunsplit(parts._replace(query=_query(kept), fragment=""))


def _query(params: Pairs) -> str:
    """Blanks as %20: there are servers to which a plus is a plus."""
    return urlencode(params, safe="$,:", quote_via=quote)


def next_link(header: str) -> str:
    """The target of `rel=next` in a Link header (RFC 8288), or nothing."""
    position = 0
    while found := _LINK.match(header, position):
        for name, quoted, plain in _PARAM.findall(found[2]):
            if name.lower() == "rel" and "next" in (quoted or plain).lower().split():
                return found[1]
        if found.end() == position:
            break
        position = found.end()
    return ""


class Pages:
    """Goes from page to page of one answer. `size`: rows wanted per page, if not the declared size."""

    def __init__(self, settings: Paging | None, url: str, size: int = 0) -> None:
        self._settings, self._base = settings, url
        self._size = (
            min(size, settings.size) if settings and settings.size and size else settings.size if settings else 0
        )
        self._number = 0
        self._rows = 0
        self._seen: set[str] = set()
        self._last = ""

    @property
    def number(self) -> int:
        """How many pages came before."""
        return self._number

    def first(self) -> str:
        """The address of the first page."""
        params = self._position()
        if self._settings and self._settings.size_param:
            params.append((self._settings.size_param, str(self._size)))
        url = with_params(self._base, params) if params else self._base
        self._seen.add(url)
        return url

    def next(self, url: str, document: Any, headers: Mapping[str, str], rows: int, content: str) -> str:
        """The address of the page behind the one at `url`, or nothing at the end. Raises `Endless`, `Elsewhere`.

        `document`: the body without its rows; `headers`, their names in small letters; `rows`: how many came;
        `content`: a digest of them, by which the same page is known again.
        """
        settings, link = self._settings, headers.get("link", "")
        if settings is None or self._ended(settings, document, headers, rows):
            return ""
        if content == self._last and rows:
            raise Endless("the same page comes again and again")
        self._last = content
        self._number += 1
        self._rows += rows
        following = self._following(settings, url, document, link)
        if not following:
            return ""
        if following in self._seen:
            raise Endless("a page points back to one before it")
        if self._number >= settings.most:
            raise Endless(f"there are more than {settings.most:,} pages")
        self._seen.add(following)
        return following

    def _ended(self, settings: Paging, document: Any, headers: Mapping[str, str], rows: int) -> bool:
        if settings.type == "cursor":
            return False
        if not rows:
            return True
        if settings.type in ("page", "offset"):
            total = walk(document, parse(settings.total).steps) if settings.total else None
            total = headers.get(settings.total_header.lower()) if settings.total_header else total
            if isinstance(total, (int, str)) and str(total).isdecimal():
                return self._rows + rows >= int(total)
            return bool(self._size) and rows < self._size and not settings.short_pages
        return False

    def _following(self, settings: Paging, url: str, document: Any, link: str) -> str:
        if settings.type in ("page", "offset"):
            return with_params(url, self._position())
        if settings.type == "link":
            return near(url, next_link(link))
        found = walk(document, parse(settings.at).steps)
        if found is GONE or found is None or found is False or found == "":
            return ""
        if not isinstance(found, (str, int)):
            raise Elsewhere(f"at {settings.at!r} stands no text")
        if settings.type == "next":
            return near(url, str(found))
        return with_params(url, [(settings.param, str(found))])

    def _position(self) -> list[tuple[str, str]]:
        settings = self._settings
        if settings is None:
            return []
        if settings.type == "page":
            first = 1 if settings.first < 0 else settings.first
            return [(settings.param, str(first + self._number))]
        if settings.type == "offset":
            return [(settings.param, str(max(settings.first, 0) + self._rows))]
        return []


def near(url: str, target: str) -> str:
    """The next page's address, on the same host. Servers behind a proxy say http: where they were asked by https."""
    if not target:
        return ""
    here = urlsplit(url)
    there = urlsplit(urljoin(url, target))
    if there.hostname != here.hostname or there.scheme not in ("http", "https"):
        raise Elsewhere("the next page is on another host")
    return urlunsplit(there._replace(scheme=here.scheme, netloc=here.netloc, fragment=""))
