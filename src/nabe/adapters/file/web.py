"""Files over HTTP: fetched into the store, asked for anew when due, served as of the last time when the server fails."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from nabe.adapters.file.settings import PACKED, format_of
from nabe.adapters.file.store import FileStore
from nabe.adapting.json_http.paging import with_params
from nabe.adapting.places import Place
from nabe.errors import SourceRefused, SourceUnavailable
from nabe.outbound import Answer, Client, Resolve, named, resolve

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
        params: Mapping[str, str] | None = None,
        refresh_s: float,
        most_bytes: int,
        timeout_s: float,
        resolve: Resolve = resolve,
    ) -> None:
        self._store, self._refresh_s = store, refresh_s
        self._params, self._host = list((params or {}).items()), headers_host  # secrets: asked with, never kept
        self._failed: dict[str, tuple[float, SourceUnavailable]] = {}
        self._client = Client(
            system,
            allow_hosts=allow_hosts,
            headers=headers,
            headers_host=headers_host,
            most_bytes=most_bytes,
            timeout_s=timeout_s,
            resolve=resolve,
        )

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
        with contextlib.closing(self._client.ask(url, method="HEAD")) as answer:
            if answer.status >= 500:
                answer.judge()

    def close(self) -> None:
        """Free connections."""
        self._client.close()

    def _ask(self, url: str, stem: Path, copy: _Copy | None) -> _Copy:
        known = {}
        if copy is not None and stem.with_suffix(".data").exists():
            known = {"If-None-Match": copy.etag, "If-Modified-Since": copy.last_modified}
        own = self._params and urlsplit(url).netloc == self._host
        asked = with_params(url, self._params) if own else url
        answer = self._client.ask(asked, headers={name: value for name, value in known.items() if value})
        with contextlib.closing(answer):
            if answer.status == 304 and copy is not None:
                copy.checked_at = time.time()
                _save(stem, copy)
                return copy
            answer.judge()
            now = time.time()
            self._download(url, answer, stem)
        new = _Copy(
            url,
            now,
            now,
            answer.headers.get("etag", ""),
            answer.headers.get("last-modified", ""),
            (copy.number if copy else 0) + 1,
            _name(url, answer),
        )
        _save(stem, new)
        return new

    def _download(self, url: str, answer: Answer, stem: Path) -> None:
        draft = stem.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
        try:
            self._store.folder.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as out:
                for chunk in answer.chunks():
                    out.write(chunk)
            with draft.open("rb") as file:
                head = file.read(2048)
            if _is_page(head, answer.headers.get("content-type", "")):
                raise SourceRefused(
                    self._client.system,
                    f"{named(url)} delivers a web page instead of data (a log-in page?).",
                    hint="Use the address of the file itself; set headers of the system if it needs a log-in.",
                )
            os.replace(draft, stem.with_suffix(".data"))
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else "writing failed"
            raise self._client.unavailable(url, f"its copy cannot be kept ({why})") from None
        finally:
            draft.unlink(missing_ok=True)


def _name(url: str, answer: Answer) -> str:
    """A file name that tells the format: of the address, else by the media type."""
    types = {
        "text/csv": ".csv",
        "application/geo+json": ".geojson",
        "application/json": ".json",
        "application/xml": ".xml",
        "text/xml": ".xml",
        "application/gml+xml": ".gml",
        "application/cap+xml": ".xml",
        "application/vnd.google-earth.kml+xml": ".kml",
    }
    media = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    name = ""
    for address in (url, answer.url):
        name = PurePosixPath(unquote(urlsplit(address).path)).name
        if "." in name:
            break
    told = format_of(name) is not None or name.lower().endswith(PACKED)  # `warnungen.php`, `v1.0` tell nothing
    return name if told else (name or "download") + types.get(media, "")


def _is_page(head: bytes, media: str) -> bool:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<!doctype html", b"<html")) or (
        media.lower().startswith("text/html") and start.startswith(b"<")
    )


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
    return Place(data, named(copy.url), copy.name, (stat.st_mtime_ns + copy.number, stat.st_size), stale_since)
