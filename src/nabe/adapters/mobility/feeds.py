"""Documents and files of one system, each asked for again only when its time is over; local ones read as they are.

What a server gave holds for its own `ttl` and its `Cache-Control` (RFC 9111, 5.2.2), whichever is longer, but never
longer than a day. When the server fails then, the last answer may be used for `stale_s` more, marked as of its time.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import os
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nabe.adapters.mobility.settings import SystemSettings
from nabe.adapting.json_http.interface import Body, Interface
from nabe.errors import SourceRefused, SourceUnavailable
from nabe.outbound import short
from nabe.ports.source import AdapterContext

_LONGEST_S = 86_400.0
#: While a stale answer is served, the server is left alone for so many seconds after each failure.
_PAUSE_S = 10.0
_MOST_KEPT, _MOST_KEPT_BYTES = 64, 64_000_000
_PIECE = 1 << 16
_MAX_AGE = re.compile(r"(?:^|,)\s*max-age\s*=\s*\"?([0-9]{1,9})")

#: Looks at a body: what is worth knowing of it, and for how many seconds it says that it holds.
Look = Callable[[bytes], tuple[Any, float]]


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer. `facts`: what the look at it found; `at`: when it was had; `until`: seconds since 1970 it holds."""

    name: str
    body: bytes
    facts: Any
    at: dt.datetime
    until: float
    stale_since: dt.datetime | None = None
    path: Path | None = None


class Feeds:
    """The answers of one system, used by several threads: one asks, the others wait for what it gets."""

    def __init__(
        self, settings: SystemSettings, context: AdapterContext, interface: Interface | None, system: str
    ) -> None:
        self.settings, self.interface, self.system = settings, interface, system
        self._folder = Path(context.cache) / "mobility"
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._failed: dict[str, tuple[float, SourceUnavailable]] = {}
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()
        self.local = _Local(system, context.root, settings) if settings.path else None

    def get(
        self, url: str, look: Look, *, accept: str = "application/json", kind: str = "JSON", absent: Container[int] = ()
    ) -> Kept | None:
        """The body at an address, at most `max_mb`; None if the server says one of the statuses `absent`.

        Raises `SourceUnavailable`, `SourceRefused`; what `look` raises passes through, and nothing is kept then.
        """

        def ask() -> Kept | None:
            body = self._asked(url, accept, kind, absent)
            if body is None:
                return None
            content = b"".join(body.chunks())
            facts, lasts = look(content)
            return self._holding(url, content, facts, body.headers, lasts)

        return self._current(url, ask)

    def download(self, url: str, check: Callable[[Path], None]) -> Kept:
        """The file at an address, kept on disk (over restarts, too). `check` raises if it is none of the kind."""
        path = self._folder / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.zip"

        def ask() -> Kept:
            body = self._asked(url, "application/zip, */*;q=0.5", "a GTFS archive", ())
            assert body is not None
            draft = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
                    for chunk in body.chunks():
                        out.write(chunk)
                check(draft)
                os.replace(draft, path)
            except OSError as error:
                why = os.strerror(error.errno) if error.errno else "writing failed"
                raise SourceUnavailable(
                    self.system, f"its copy cannot be kept ({why}).", hint="Make room on the disk of the cache."
                ) from None
            finally:
                body.close()
                draft.unlink(missing_ok=True)
            return replace(self._holding(url, b"", None, body.headers, 0.0), path=path)

        if url not in self._kept:
            with contextlib.suppress(OSError):
                had = path.stat().st_mtime
                moment = dt.datetime.fromtimestamp(had, dt.UTC)
                self._keep(url, Kept(_name(url), b"", None, moment, had + self.settings.holds_s, path=path))
        found = self._current(url, ask)
        assert found is not None
        return found

    @property
    def place(self) -> str:
        """Where the system is, without keys: its address, or its path in the workspace."""
        return short(self.settings.url) if self.settings.url else self.settings.path

    def too_old(self, name: str, moment: dt.datetime | None) -> None:
        """Raises `SourceUnavailable` if data that say to be of this moment are older than `max_age_s`."""
        most = self.settings.max_age_s
        if most and moment is not None and (dt.datetime.now(dt.UTC) - moment).total_seconds() > most:
            raise SourceUnavailable(
                self.system,
                f"{name}: its data are of {moment:%Y-%m-%d %H:%M:%S} UTC, more than {most:g} seconds ago.",
                hint="Ask the provider, or raise max_age_s of the system.",
                file=name,
            )

    def _asked(self, url: str, accept: str, kind: str, absent: Container[int]) -> Body | None:
        assert self.interface is not None
        return self.interface.fetch(url, accept=accept, kind=kind, absent=absent)

    def _current(self, url: str, ask: Callable[[], Kept | None]) -> Kept | None:
        kept = self._kept.get(url)
        if kept is not None and time.time() < kept.until:
            return kept
        with self._lock:
            lock = self._locks.setdefault(url, threading.Lock())
        with lock:
            kept = self._kept.get(url)
            if kept is not None and time.time() < kept.until:
                return kept
            usable = kept is not None and time.time() < kept.until + self.settings.stays_s
            failed_at, error = self._failed.get(url, (0.0, None))
            if not usable or error is None or time.monotonic() - failed_at > _PAUSE_S:
                try:
                    fresh = ask()
                except SourceUnavailable as failure:
                    self._failed[url] = (time.monotonic(), failure)
                    if not usable:
                        raise
                else:
                    self._failed.pop(url, None)
                    self._keep(url, fresh)
                    return fresh
            assert kept is not None
            return replace(kept, stale_since=kept.at)

    def _holding(self, url: str, body: bytes, facts: Any, headers: Mapping[str, str], lasts: float) -> Kept:
        now = time.time()
        said = max(lasts, cache_s(headers), self.settings.holds_s)
        return Kept(_name(url), body, facts, dt.datetime.fromtimestamp(now, dt.UTC), now + min(said, _LONGEST_S))

    def _keep(self, url: str, kept: Kept | None) -> None:
        with self._lock:
            self._kept.pop(url, None)
            if kept is None or len(kept.body) > _MOST_KEPT_BYTES // 2:
                return
            if kept.until + self.settings.stays_s <= time.time():  # of no use any more
                return
            self._kept[url] = kept
            while len(self._kept) > _MOST_KEPT or sum(len(k.body) for k in self._kept.values()) > _MOST_KEPT_BYTES:
                gone, _ = self._kept.popitem(last=False)
                self._failed.pop(gone, None)
            for known in [known for known in self._locks if known not in self._kept and known != url]:
                if len(self._locks) > 4 * _MOST_KEPT and not self._locks[known].locked():
                    del self._locks[known]

    def close(self) -> None:
        """Free connections and what is kept in memory."""
        if self.interface is not None:
            self.interface.close()
        with self._lock:
            self._kept.clear()
            self._failed.clear()


def cache_s(headers: Mapping[str, str]) -> float:
    """For how many seconds the server says that its answer holds; 0 if it says nothing, or not to keep it."""
    said = headers.get("cache-control", "").lower()
    found = _MAX_AGE.search(said)
    if found is None or "no-cache" in said or "no-store" in said:
        return 0.0
    age = headers.get("age", "").strip()
    return max(float(found[1]) - (float(age[:9]) if age.isdecimal() and age.isascii() else 0.0), 0.0)


@dataclass(slots=True)
class _Local:
    """A folder or file of the workspace. `base`: the folder; `file`: the file, if one was named."""

    system: str
    root: str
    settings: SystemSettings
    base: Path = field(init=False)
    file: Path | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        root, given = Path(self.root).resolve(), self.settings.path
        path = (root / given).resolve()
        if not Path(given).is_absolute() and not path.is_relative_to(root):
            raise SourceRefused(
                self.system, f"path {given!r} leaves the workspace.", hint="Give a path inside it, or a full one."
            )
        self.base = path
        if not path.is_dir() and (path.is_file() or path.suffix):
            self.base, self.file = path.parent, path

    def check(self) -> None:
        """Is it there?"""
        if not (self.file or self.base).exists():
            raise self.missing((self.file or self.base).name)

    def names(self) -> list[str]:
        """Names of the files in the folder."""
        self.check()
        found = sorted(item.name for item in self.base.iterdir() if item.is_file() and not item.name.startswith("."))
        return found[:10_000]

    def read(self, name: str = "") -> bytes:
        """The content of a file of the folder, or of the file itself."""
        path = self.opened(name)
        if path.stat().st_size > self.settings.most_bytes:
            raise SourceRefused(
                self.system,
                f"{path.name} is larger than {self.settings.most_bytes // 1_000_000} MB.",
                hint="Raise max_mb of the system.",
            )
        return path.read_bytes()

    def opened(self, name: str = "") -> Path:
        """The way to a file of the folder, which no link may lead out of."""
        path = self.base / name if name else (self.file or self.base)
        real = path.resolve()
        if not real.is_relative_to(self.base):
            raise SourceRefused(self.system, f"{path.name!r} leaves the folder.", hint="Copy the file there.")
        if not real.is_file() or not os.access(real, os.R_OK):
            raise self.missing(path.name)
        return real

    def missing(self, name: str) -> SourceUnavailable:
        """The error of a file that is not there."""
        return SourceUnavailable(
            self.system, f"the file {name!r} is missing.", hint="Put it back, or correct the path.", file=name
        )


def _name(url: str) -> str:
    return urlsplit(url).path.rstrip("/").rpartition("/")[2] or short(url)
