"""Files over HTTP: fetched into the store, asked for anew when due, served as of the last time when the server fails."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import ssl
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urljoin, urlsplit

import httpx

from nabe.adapters.file.addresses import Resolve, checked_address, resolve
from nabe.adapters.file.places import Place
from nabe.adapters.file.store import FileStore
from nabe.errors import SourceRefused, SourceUnavailable

_REDIRECTS = 5
_CONNECT_S = 5.0
_READ_S = 10.0
#: After a failure the server is left alone for so many seconds.
_PAUSE_S = 10.0


@dataclass(slots=True)
class _Copy:
    """What is known of the kept copy. Times are seconds since 1970."""

    url: str
    fetched_at: float
    checked_at: float
    etag: str = ""
    last_modified: str = ""
    number: int = 0  # counts versions: the file's version even where the clock stands still
    name: str = ""


class Web:
    """Downloads of one system."""

    def __init__(
        self,
        system: str,
        store: FileStore,
        *,
        allow_hosts: Collection[str],
        headers: Mapping[str, str],
        headers_host: str,
        refresh_s: float,
        most_bytes: int,
        timeout_s: float,
        resolve: Resolve = resolve,
    ) -> None:
        self._system, self._store = system, store
        self._allow, self._resolve = allow_hosts, resolve
        self._headers, self._headers_host = dict(headers), headers_host
        self._refresh_s, self._most, self._timeout_s = refresh_s, most_bytes, timeout_s
        self._failed: dict[str, tuple[float, SourceUnavailable]] = {}
        self._lock = threading.Lock()
        self._client: httpx.Client | None = None

    def fetch(self, url: str) -> Place:
        """The file behind `url`, on this machine. Stale when the server fails and there is a copy."""
        stem = self._store.folder / f"web-{hashlib.sha256(url.encode()).hexdigest()[:24]}"
        with self._store.lock(stem.name):
            copy = _load(stem)
            if copy is not None and time.time() - copy.checked_at < self._refresh_s:
                return _place(stem, copy)
            failed_at, error = self._failed.get(url, (0.0, None))
            if error is None or time.monotonic() - failed_at > _PAUSE_S:
                try:
                    return _place(stem, self._ask(url, stem, copy))
                except SourceUnavailable as new:
                    self._failed[url] = (time.monotonic(), new)
                    error = new
            if copy is None:
                raise error
            return _place(stem, copy, dt.datetime.fromtimestamp(copy.checked_at, dt.UTC))

    def check(self, url: str) -> None:
        """Does the server answer at all?"""
        deadline = time.monotonic() + self._timeout_s
        with contextlib.closing(self._open(url, {}, deadline, "HEAD")[0]) as response:
            if response.status_code >= 500:
                raise self._unavailable(url, f"it answers with {response.status_code}")

    def close(self) -> None:
        """Free connections."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _ask(self, url: str, stem: Path, copy: _Copy | None) -> _Copy:
        known = {}
        if copy is not None and stem.with_suffix(".data").exists():
            known = {"If-None-Match": copy.etag, "If-Modified-Since": copy.last_modified}
        deadline = time.monotonic() + self._timeout_s
        response, final = self._open(url, {name: value for name, value in known.items() if value}, deadline)
        with contextlib.closing(response):
            if response.status_code == 304 and copy is not None:
                copy.checked_at = time.time()
                _save(stem, copy)
                return copy
            self._judge(url, response)
            now = time.time()
            self._download(url, response, stem, deadline)
        new = _Copy(
            url,
            now,
            now,
            response.headers.get("etag", ""),
            response.headers.get("last-modified", ""),
            (copy.number if copy else 0) + 1,
            _name(url, final, response),
        )
        _save(stem, new)
        return new

    def _open(
        self, url: str, headers: Mapping[str, str], deadline: float, method: str = "GET"
    ) -> tuple[httpx.Response, str]:
        """The answer after redirects, each of which is judged like the first address."""
        target = url
        for _ in range(_REDIRECTS + 1):
            response = self._once(target, headers, deadline, method)
            if response.status_code not in (301, 302, 303, 307, 308) or "location" not in response.headers:
                return response, target
            response.close()
            following = urljoin(target, response.headers["location"])
            if urlsplit(target).scheme == "https" and urlsplit(following).scheme != "https":
                raise SourceRefused(
                    self._system, f"{_short(url)} redirects from https to http.", hint="Ask its operator."
                )
            target = following
        raise SourceRefused(self._system, f"{_short(url)} redirects without end.", hint="Correct the address.")

    def _once(self, url: str, headers: Mapping[str, str], deadline: float, method: str) -> httpx.Response:
        address = checked_address(self._system, url, self._allow, self._resolve)
        parts = urlsplit(url)
        host = parts.hostname or ""
        sent = {"Host": parts.netloc, "User-Agent": "nabe", "Accept": "*/*", "Accept-Encoding": "identity", **headers}
        if parts.netloc == self._headers_host:
            sent |= self._headers
        pinned = httpx.URL(url).copy_with(host=address)
        left = max(deadline - time.monotonic(), 0.1)
        timeout = httpx.Timeout(min(_READ_S, left), connect=min(_CONNECT_S, left))
        try:
            client = self._http()
            request = client.build_request(
                method, pinned, headers=sent, timeout=timeout, extensions={"sni_hostname": host}
            )
            return client.send(request, stream=True)
        except httpx.TimeoutException:
            raise self._unavailable(url, "it does not answer in time") from None
        except httpx.HTTPError as error:
            why = "its certificate is not valid" if _is_certificate(error) else "the connection failed"
            raise self._unavailable(url, why) from None

    def _judge(self, url: str, response: httpx.Response) -> None:
        status = response.status_code
        if status == 429 or status >= 500:
            raise self._unavailable(url, f"it answers with {status}")
        if status in (401, 403, 407):
            raise SourceRefused(
                self._system,
                f"{_short(url)} wants a log-in ({status}).",
                hint="Set headers of the system, or ask its operator.",
            )
        if status != 200:
            raise SourceRefused(self._system, f"{_short(url)} answers with {status}.", hint="Correct the address.")
        length = response.headers.get("content-length", "")
        if length.isdigit() and int(length) > self._most:
            raise self._too_large(url)

    def _download(self, url: str, response: httpx.Response, stem: Path, deadline: float) -> None:
        draft = stem.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
        try:
            self._store.folder.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as out:
                self._receive(url, response, out, deadline)
            with draft.open("rb") as file:
                head = file.read(2048)
            if _is_page(head, response.headers.get("content-type", "")):
                raise SourceRefused(
                    self._system,
                    f"{_short(url)} delivers a web page instead of data (a log-in page?).",
                    hint="Use the address of the file itself; set headers of the system if it needs a log-in.",
                )
            os.replace(draft, stem.with_suffix(".data"))
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else "writing failed"
            raise self._unavailable(url, f"its copy cannot be kept ({why})") from None
        finally:
            draft.unlink(missing_ok=True)

    def _receive(self, url: str, response: httpx.Response, out, deadline: float) -> None:  # type: ignore[no-untyped-def]  # BinaryIO
        received = 0
        try:
            for chunk in response.iter_raw():  # as it comes: a dripping server must not hide in a buffer
                received += len(chunk)
                if received > self._most:
                    raise self._too_large(url)
                if time.monotonic() > deadline:
                    raise self._unavailable(url, f"it takes longer than {self._timeout_s:g} seconds")
                out.write(chunk)
        except httpx.TimeoutException:
            raise self._unavailable(url, "it stopped in the middle") from None
        except httpx.HTTPError:
            raise self._unavailable(url, "the connection broke in the middle") from None
        encoding = response.headers.get("content-encoding", "identity")
        if encoding not in ("identity", ""):
            raise SourceRefused(
                self._system, f"{_short(url)} sends unasked {encoding} packing.", hint="Ask its operator."
            )

    def _http(self) -> httpx.Client:
        with self._lock:
            if self._client is None:
                # No proxy of the environment: it would resolve names anew, behind our back.
                self._client = httpx.Client(
                    trust_env=False, follow_redirects=False, verify=ssl.create_default_context()
                )
            return self._client

    def _unavailable(self, url: str, why: str) -> SourceUnavailable:
        return SourceUnavailable(self._system, f"{_short(url)}: {why}.", hint="Try again later.", file=_short(url))

    def _too_large(self, url: str) -> SourceRefused:
        return SourceRefused(
            self._system,
            f"{_short(url)} is larger than {self._most // 1_000_000} MB.",
            hint="Raise max_mb of the system, or ask for a part of it.",
        )


def _short(url: str) -> str:
    """The address without its query, which may hold a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}"


def _name(url: str, final: str, response: httpx.Response) -> str:
    """A file name that tells the format: of the address, else by the media type."""
    types = {"text/csv": ".csv", "application/geo+json": ".geojson", "application/json": ".json"}
    for address in (url, final):
        name = PurePosixPath(unquote(urlsplit(address).path)).name
        if "." in name:
            return name
    media = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return (name or "download") + types.get(media, "")


def _is_page(head: bytes, media: str) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html")) or (
        media.lower().startswith("text/html") and start.startswith(b"<")
    )


def _is_certificate(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLError) or "CERTIFICATE" in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def _load(stem: Path) -> _Copy | None:
    try:
        found = _Copy(**json.loads(stem.with_suffix(".json").read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if stem.with_suffix(".data").exists() else None


def _save(stem: Path, copy: _Copy) -> None:
    draft = stem.with_suffix(f".{threading.get_ident()}.json.part")
    draft.write_text(json.dumps(asdict(copy)), "utf-8")
    os.replace(draft, stem.with_suffix(".json"))


def _place(stem: Path, copy: _Copy, stale_since: dt.datetime | None = None) -> Place:
    data = stem.with_suffix(".data")
    stat = data.stat()
    return Place(data, _short(copy.url), copy.name, (stat.st_mtime_ns + copy.number, stat.st_size), stale_since)
