"""One JSON interface over HTTP: logged in, asked with manners, unchanged answers not downloaded again, page by page."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

from nabe.adapting.json_http.auth import Login
from nabe.adapting.json_http.kept import KeptAnswers, Known
from nabe.adapting.json_http.paging import Elsewhere, Endless, Pages, with_params
from nabe.adapting.json_http.paths import Each, Row, Step, expand, parse
from nabe.adapting.json_http.paths import Path as Way
from nabe.adapting.json_http.settings import SystemSettings, TableSettings
from nabe.adapting.json_http.stream import Broken, Cut, Envelope, TooLarge, records, utf8
from nabe.errors import SourceRefused, SourceUnavailable
from nabe.outbound import Answer, Client, Manners, Resolve, named, resolve, short
from nabe.ports.source import AdapterContext

#: Judges an answer and gives its body: `SourceUnavailable`, `SourceRefused` for what is not the data.
Guard = Callable[[Client, str, Answer], Iterator[bytes]]

_JSON = "application/json, */*;q=0.5"
_TOKEN_BYTES = 1_000_000
_HEAD = 512


@dataclass(slots=True)
class Body:
    """An answer's body. `read` counts its bytes, `digest` tells it from others once it was read."""

    url: str
    headers: Mapping[str, str]
    _chunks: Iterator[bytes]
    _answer: Answer | None
    read: int = 0
    _sum: Any = field(default_factory=lambda: hashlib.blake2b(digest_size=16))

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes."""
        for chunk in self._chunks:
            self.read += len(chunk)
            self._sum.update(chunk)
            yield chunk

    @property
    def digest(self) -> str:
        return str(self._sum.hexdigest())

    def renew(self) -> None:
        """The time for the rest runs anew."""
        if self._answer is not None:
            self._answer.renew()

    def close(self) -> None:
        """Give the connection back; a half-read answer is not kept."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()
        if self._answer is not None:
            self._answer.close()


@dataclass(slots=True)
class Page:
    """The records of one page; `envelope` and the next page are known once all were taken."""

    body: Body
    rows: Iterator[Row]
    envelope: Envelope


class Interface:
    """What a system's address offers. Used by several threads; connects at the first question."""

    #: The media types it asks for.
    accept = _JSON

    def __init__(
        self,
        system: str,
        settings: SystemSettings,
        context: AdapterContext,
        secrets: Callable[[str], str],
        timeout_s: float,
        resolve: Resolve = resolve,
    ) -> None:
        self.system, self.settings = system, settings
        self._context, self._secrets, self._timeout_s, self._resolve = context, secrets, timeout_s, resolve
        self._kept = KeptAnswers(Path(context.cache) / "http_json", settings.keep_mb * 1_000_000)
        self._login = Login(system, settings.auth, secrets, self._token_client)
        self._manners: Manners | None = None
        self._client: Client | None = None
        self._lock = threading.Lock()

    def check(self) -> None:
        """Does it answer, and does it take the log-in?"""
        path = self.settings.check_path
        body = self._ask(self.address(path), judge=bool(path))
        body.close()

    def address(self, path: str) -> str:
        """The address of a path below the system's own, with the system's parameters but the secret ones."""
        base = self.settings.url
        folder = base if base.endswith("/") else base + "/"
        url = urljoin(folder, path) if path else base
        inside = urlsplit(url)[:2] == urlsplit(base)[:2] and urlsplit(url).path.startswith(urlsplit(folder).path)
        if path and (not inside or urlsplit(url).fragment):
            raise SourceRefused(
                self.system, f"path {path!r} leaves the system's address.", hint="Paths stand below its url."
            )
        return url

    def start(self, settings: TableSettings, pushed: list[tuple[str, str]]) -> str:
        """The address of a dataset's answer, its pages aside."""
        fixed = [
            (name, _param(item))
            for name, value in settings.params.items()
            for item in (value if isinstance(value, tuple) else (value,))
        ]
        return with_params(
            self.address(settings.path), [*fixed, *(item for item in pushed if item[0] not in settings.params)]
        )

    def pages(self, settings: TableSettings, pushed: list[tuple[str, str]], size: int = 0) -> Iterator[Page]:
        """The pages of a dataset's answer. A page must be taken to its end before the next."""
        yield from self.pages_from(self.start(settings, pushed), settings, size)

    def pages_from(self, start: str, settings: TableSettings, size: int = 0) -> Iterator[Page]:
        """The pages of the answer that begins at this address."""
        pages = Pages(settings.page, start, size)
        url = pages.first()
        while url:
            body = self._ask(
                url, optional=pages.number > 0 and settings.page is not None and settings.page.type == "page"
            )
            if body is None:
                return
            count = 0
            envelope = Envelope()

            def counted(rows: Iterator[Row]) -> Iterator[Row]:
                nonlocal count
                for row in rows:
                    count += 1
                    yield row

            first, rest = divided(parse(settings.rows))
            try:
                found = counted(records(utf8(body.chunks(), settings.encoding), first, envelope, lines=settings.lines))
                yield Page(body, self._named(body, settings, envelope, map(unfolded, expand(found, rest))), envelope)
            finally:
                body.close()
            try:
                url = pages.next(url, envelope.document, body.headers, count, body.digest)
            except (Endless, Elsewhere) as error:
                raise SourceRefused(
                    self.system, f"{named(url)}: {error}.", hint="Correct source.page.", where=short(url), field="page"
                ) from None

    def whole(self, settings: TableSettings, most: int) -> tuple[bytes, Mapping[str, str]]:
        """The first page's bytes, at most so many, and its headers: to look into an interface that is not declared."""
        url = Pages(settings.page, self.start(settings, [])).first()
        body = self._ask(url)
        parts: list[bytes] = []
        for chunk in body.chunks():
            parts.append(chunk)
            if body.read > most:
                body.close()
                raise SourceRefused(
                    self.system,
                    f"{named(url)}: more than {most // 1_000_000} MB come at once.",
                    hint="Give a parameter that makes a page of it, or declare source.rows by hand.",
                )
        return b"".join(parts), body.headers

    def fetch(self, url: str, *, accept: str = "", kind: str = "JSON", absent: Container[int] = ()) -> Body | None:
        """The body at an address that the interface itself named, wherever it lies; None for a status in `absent`.

        The log-in goes to the system's own host alone. `accept` and `kind`: the media type and its word in messages.
        """
        body: Body | None = self._ask(url, accept=accept, kind=kind, absent=absent)
        return body

    def body(self, url: str, accept: str, guard: Guard) -> Body:
        """An answer that is not JSON, or not only: whatever `guard` lets through."""
        body: Body = self._ask(url, accept=accept, guard=guard)
        return body

    def close(self) -> None:
        """Free connections; the next question opens new ones."""
        self._login.close()
        with self._lock:
            if self._client is not None:
                self._client.close()

    def _named(self, body: Body, settings: TableSettings, envelope: Envelope, rows: Iterator[Row]) -> Iterator[Row]:
        """The rows, with what is wrong about the document said as an error of the port."""
        name, where = named(body.url), short(body.url)
        try:
            yield from rows
        except Cut as error:
            raise SourceUnavailable(
                self.system, f"{name}: {error}.", hint="Try again later.", where=where, file=name
            ) from None
        except Broken as error:
            media = body.headers.get("content-type", "").partition(";")[0].strip()[:60]
            kind = "" if "json" in media or not media.isprintable() or not media else f" (it calls itself {media})"
            raise SourceRefused(
                self.system,
                f"{name}: {error}{kind}.",
                hint="Check source.path, rows and encoding.",
                where=where,
                file=name,
            ) from None
        except TooLarge:
            raise SourceRefused(
                self.system,
                f"{name}: a record, or what stands beside the records, is too large.",
                hint="Check source.rows.",
                where=where,
                file=name,
            ) from None
        if not envelope.found:
            raise SourceRefused(
                self.system, f"{name} has nothing at {settings.rows!r}.", hint=_there(envelope), field="rows"
            )

    def _ask(
        self,
        url: str,
        *,
        judge: bool = True,
        optional: bool = False,
        accept: str = "",
        kind: str = "JSON",
        absent: Container[int] = (),
        guard: Guard | None = None,
    ) -> Any:
        """The body at an address; None if it may be missing (`optional`, or a status in `absent`) and is."""
        manners, client = self._connected()
        asked = self._with_system_params(url)
        for again in (self._login.renews, False):
            known = self._kept.find(asked)
            conditions = known.conditions() if known is not None else {}
            token = self._login.token() if self._login.renews else ""
            try:
                answer = manners.get(asked, headers={"Accept": accept or self.accept, **conditions})
            except BaseException:
                _shut(known)
                raise
            if answer.status == 401 and again:
                _shut(known)
                answer.close()
                self._login.forget(token)
                continue
            break
        if answer.status == 304 and known is not None:
            answer.close()
            fresh = {name: answer.headers[name] for name in ("cache-control", "age") if name in answer.headers}
            return Body(url, {**known.headers, **fresh}, known.chunks(), None)
        _shut(known)
        if answer.status in absent:
            answer.close()
            return None
        if (answer.status == 404 and optional) or (not judge and answer.status in (404, 405)):
            answer.close()
            return None if optional else Body(url, answer.headers, iter(()), None)
        if answer.status == 204:
            answer.close()
            return Body(url, answer.headers, iter((b"null",)), None)
        try:
            if guard is not None:
                chunks = guard(client, url, answer)
            else:
                chunks = self._vetted(client, url, answer.judge(), kind)
        except BaseException:
            answer.close()
            raise
        return Body(url, answer.headers, self._kept.keeping(asked, answer.headers, chunks), answer)

    def _vetted(self, client: Client, url: str, answer: Answer, kind: str) -> Iterator[bytes]:
        """The body, refused if it begins as something else than data of this kind does."""
        return _refuse_page(client, url, answer, answer.chunks(), kind)

    def _with_system_params(self, url: str) -> str:
        """The address with the system's own parameters, some of them secret, where it has none of that name."""
        if urlsplit(url).netloc != urlsplit(self.settings.url).netloc:
            return url
        there = {name for name, _ in parse_qsl(urlsplit(url).query, keep_blank_values=True)}
        own = [(name, self._secrets(_param(value))) for name, value in self.settings.params.items()]
        added = [item for item in own if item[0] not in there] + list(self._login.params().items())
        return with_params(url, added) if added else url

    def _connected(self) -> tuple[Manners, Client]:
        with self._lock:
            if self._manners is None or self._client is None:
                settings = self.settings
                plain = {name: self._secrets(value) for name, value in settings.headers.items()}
                self._client = Client(
                    self.system,
                    allow_hosts=self._context.allow_hosts,
                    headers=lambda: {**plain, **self._login.headers()},
                    headers_host=urlsplit(settings.url).netloc,
                    most_bytes=settings.max_mb * 1_000_000,
                    timeout_s=self._timeout_s,
                    packed=True,
                    resolve=self._resolve,
                )
                self._manners = Manners(self._client, per_second=settings.requests_per_second, retries=settings.retries)
            return self._manners, self._client

    def _token_client(self, host: str, headers: Mapping[str, str]) -> Client:
        return Client(
            self.system,
            allow_hosts=self._context.allow_hosts,
            headers=headers,
            headers_host=host,
            most_bytes=_TOKEN_BYTES,
            timeout_s=self._timeout_s,
            resolve=self._resolve,
        )


def divided(way: Way) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    """The row path up to its first list, whose elements are cut out of the stream, and the rest within each."""
    for position, step in enumerate(way.steps):
        if isinstance(step, Each):
            return way.steps[: position + 1], way.steps[position + 1 :]
    return way.steps, ()


def unfolded(row: Row) -> Row:
    """A feature (GeoJSON, Esri) as a record: its properties beside its geometry and id."""
    value = row.value
    if not isinstance(value, dict) or "geometry" not in value:
        return row
    inner = value.get("properties" if value.get("type") == "Feature" else "attributes")
    if not isinstance(inner, dict):
        return row
    return Row({**value, **inner, "geometry": value["geometry"]}, row.key, row.around)


def _refuse_page(client: Client, url: str, answer: Answer, chunks: Iterator[bytes], kind: str) -> Iterator[bytes]:
    """The chunks, unless they begin as a web page or XML does: a log-in form, an error page."""
    head = b""
    media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        for chunk in chunks:
            if head is not None:
                head += chunk
                start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
                if len(start) < 1 and len(head) < _HEAD:
                    continue
                if start.startswith(b"<"):
                    page = start[:14].startswith((b"<!doctype html", b"<html")) or "html" in media
                    what = "a web page (a log-in page?)" if page else "XML"
                    raise SourceRefused(
                        client.system,
                        f"{named(url)} delivers {what} instead of {kind}.",
                        hint="Check the address and the log-in (auth) of the system.",
                        where=short(url),
                        file=named(url),
                    )
                chunk, head = head, None  # type: ignore[assignment]
            yield chunk
        if head:
            yield head
    finally:
        answer.close()


def _shut(known: Known | None) -> None:
    if known is not None:
        known.file.close()


def _param(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _there(envelope: Envelope) -> str:
    """Where lists are in a document whose row path leads nowhere."""
    found = list(envelope.seen)
    document = envelope.document
    if isinstance(document, dict):
        found += [name for name, value in document.items() if isinstance(value, (list, dict))]
        there = f"At its top are: {', '.join(list(document)[:10])}." if document else "It is empty."
        return f"Lists or objects are at: {', '.join(found[:10])}." if found else there
    return "Correct source.rows; the whole document is the rows if it is left out."
