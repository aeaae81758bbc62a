"""Copies of files that lie elsewhere: fetched when they changed, kept for the time when the other side is gone."""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import json
import os
import threading
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from nabe.adapters.file.store import FileStore
from nabe.adapting.places import MOST_FILES, Place
from nabe.errors import NabeError, SourceRefused, SourceUnavailable

#: After a failure the other side is left alone for so many seconds.
_PAUSE_S = 10.0
#: Files of one pattern are fetched for at most so long at a time; the next question goes on where this one ended.
_SERIES_S = 1800.0


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file as the other side tells of it.

    `key` is what it is fetched by, `name` its own name, `shown` what messages call it (no machine, no secret).
    `version` changes when the file does; empty: only fetching tells. `size` in bytes, -1 if unknown. `modified` in
    seconds since 1970, 0 if unknown.
    """

    key: str
    name: str
    shown: str
    version: str = ""
    size: int = -1
    modified: float = 0.0


@dataclass(frozen=True, slots=True)
class Copy:
    """What is known of a kept copy. `number` counts versions: the version even where the clock stands still."""

    key: str
    name: str
    shown: str
    data: str
    version: str = ""
    etag: str = ""
    last_modified: str = ""
    modified: float = 0.0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came with a file beside its bytes. `name`: if it tells the format better than the file's own."""

    etag: str = ""
    last_modified: str = ""
    name: str = ""


class Session(Protocol):
    """A visit to the other side. Raises `SourceUnavailable` (transient) or `SourceRefused` (final)."""

    def find(self, path: str) -> list[RemoteFile]:
        """The file, or all files of a pattern in the order of their names; none is an error."""

    def fetch(self, file: RemoteFile, known: Copy | None, draft: Path) -> Fetched | None:
        """Write the file into `draft`; None if `known` is still what it is."""


class Remote(Protocol):
    """The other side."""

    def session(self) -> AbstractContextManager[Session]:
        """Visit it."""

    def check(self) -> None:
        """Does it answer, and does it let us in?"""

    def close(self) -> None:
        """Free connections."""


@runtime_checkable
class Telling(Protocol):
    """Another side of which some things are left out."""

    def notes(self) -> list[str]:
        """What was left out at the last visit, in plain English."""


@dataclass(slots=True)
class _Kept:
    """The copies of one path. `spare`: fetched by a visit that did not come to its end, for the next one."""

    path: str
    checked_at: float = 0.0  # seconds since 1970
    copies: list[Copy] = field(default_factory=list)
    spare: list[Copy] = field(default_factory=list)


class Copies:
    """The copies of one system, kept in its store.

    `origin`: what tells this other side from others that the system was declared with before. `refresh_s`: seconds until the other side is asked again. A path's files change together: while one of a pattern
    cannot be fetched the others stay as they were, and all are stale.
    """

    def __init__(
        self, system: str, store: FileStore, remote: Remote, *, origin: str, refresh_s: float, most_bytes: int
    ) -> None:
        self._system, self._store, self._remote, self._origin = system, store, remote, origin
        self._refresh_s, self._most_bytes = refresh_s, most_bytes
        self._failed: dict[str, tuple[float, SourceUnavailable]] = {}

    @property
    def remote(self) -> Remote:
        """Where the files come from."""
        return self._remote

    def places(self, path: str, *, newest: bool = False) -> list[Place]:
        """The files of `path`, on this machine; `newest`: only the latest. Stale when the other side fails."""
        stem = hashlib.sha256(f"{self._origin}\0{path}\0{newest}".encode()).hexdigest()[:24]
        with self._store.lock(stem):
            kept = self._load(stem)
            good = kept.checked_at > 0
            if good and time.time() - kept.checked_at < self._refresh_s:
                return self._places(kept)
            failed_at, error = self._failed.get(stem, (0.0, None))
            if error is None or time.monotonic() - failed_at > _PAUSE_S:
                try:
                    return self._places(self._renew(stem, path, kept, newest))
                except SourceUnavailable as new:
                    self._failed[stem] = (time.monotonic(), new)
                    error = new
            if not good:
                raise error
            return self._places(kept, dt.datetime.fromtimestamp(kept.checked_at, dt.UTC))

    def listing(self, pattern: str) -> list[RemoteFile]:
        """Which files there are, without fetching any."""
        with self._remote.session() as session:
            return session.find(pattern)

    def check(self) -> None:
        """Does the other side answer?"""
        self._remote.check()

    def close(self) -> None:
        """Free connections."""
        self._remote.close()

    def _renew(self, stem: str, path: str, kept: _Kept, newest: bool) -> _Kept:
        known = {copy.key: copy for copy in (*kept.copies, *kept.spare) if (self._store.folder / copy.data).exists()}
        made: list[Copy] = []
        until = time.monotonic() + _SERIES_S
        try:
            with self._remote.session() as session:
                found = self._vetted(path, session.find(path), newest)
                for file in found:
                    if time.monotonic() > until:
                        raise SourceUnavailable(
                            self._system, f"{path!r}: fetching its files takes too long.", hint="It goes on.", file=path
                        )
                    made.append(self._current(session, stem, file, known.get(file.key)))
        except NabeError:
            if made:
                # What came is of use for the next visit, but the set as a whole is not.
                self._save(stem, replace_spare(kept, made))
            raise
        new = _Kept(path, time.time(), made)
        self._save(stem, new)
        self._tidy(stem, {copy.data for copy in (*made, *kept.copies)})
        self._failed.pop(stem, None)
        return new

    def _vetted(self, path: str, found: list[RemoteFile], newest: bool) -> list[RemoteFile]:
        if newest:
            found = [max(found, key=lambda file: (file.modified, file.name))]
        if len(found) > MOST_FILES:
            raise SourceRefused(self._system, f"{path!r} stands for over {MOST_FILES} files.")
        if sum(max(file.size, 0) for file in found) > self._most_bytes:
            what = repr(found[0].shown) if len(found) == 1 else f"{len(found)} files of {path!r}"
            raise too_large(self._system, what, self._most_bytes)
        return found

    def _current(self, session: Session, stem: str, file: RemoteFile, copy: Copy | None) -> Copy:
        """The copy of a file as it is now: the known one if that has not changed."""
        if copy is not None and file.version and copy.version == file.version:
            return copy
        number = copy.number + 1 if copy is not None else 1
        name = f"{stem}-{hashlib.sha256(file.key.encode()).hexdigest()[:12]}-{number}"
        draft = self._store.folder / f"{name}.{os.getpid()}.{threading.get_ident()}.part"
        try:
            self._store.folder.mkdir(parents=True, exist_ok=True)
            got = session.fetch(file, copy, draft)
            if got is None:
                assert copy is not None
                return copy
            # A number that an earlier visit left behind (its record is lost) must not stand for these bytes.
            while (self._store.folder / f"{name}.data").exists():
                number += 1
                name = f"{name.rpartition('-')[0]}-{number}"
            os.replace(draft, self._store.folder / f"{name}.data")
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else "writing failed"
            raise SourceUnavailable(
                self._system,
                f"{file.shown}: its copy cannot be kept ({why}).",
                hint="Make room on the disk of the cache.",
                file=file.shown,
            ) from None
        finally:
            draft.unlink(missing_ok=True)
        return Copy(
            file.key,
            got.name or file.name,
            file.shown,
            f"{name}.data",
            file.version,
            got.etag,
            got.last_modified,
            file.modified,
            number,
        )

    def _places(self, kept: _Kept, stale_since: dt.datetime | None = None) -> list[Place]:
        places = []
        for copy in kept.copies:
            data = self._store.folder / copy.data
            stat = data.stat()
            version = (stat.st_mtime_ns + copy.number, stat.st_size)
            places.append(Place(data, copy.shown, copy.name, version, stale_since, copy.modified))
        return places

    def _tidy(self, stem: str, used: set[str]) -> None:
        """Copies that neither this set nor the one before needs go; readers may still be at the one before."""
        for old in self._store.folder.glob(f"{stem}-*.data"):
            if old.name not in used:
                with contextlib.suppress(OSError):
                    old.unlink()

    def _load(self, stem: str) -> _Kept:
        try:
            read = json.loads((self._store.folder / f"{stem}.json").read_text("utf-8"))
            kept = _Kept(
                str(read["path"]),
                float(read["checked_at"]),
                [Copy(**item) for item in read["copies"]],
                [Copy(**item) for item in read["spare"]],
            )
        except (OSError, ValueError, TypeError, KeyError):
            return _Kept("")
        whole = all((self._store.folder / copy.data).exists() for copy in kept.copies)
        return kept if whole and kept.copies else _Kept(kept.path, 0.0, [], kept.spare + kept.copies)

    def _save(self, stem: str, kept: _Kept) -> None:
        draft = self._store.folder / f"{stem}.{os.getpid()}.{threading.get_ident()}.json.part"
        try:
            draft.write_text(json.dumps(asdict(kept)), "utf-8")
            os.replace(draft, self._store.folder / f"{stem}.json")
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else "writing failed"
            raise SourceUnavailable(
                self._system, f"its copies cannot be kept ({why}).", hint="Make room on the disk of the cache."
            ) from None
        finally:
            draft.unlink(missing_ok=True)


def replace_spare(kept: _Kept, made: list[Copy]) -> _Kept:
    """The kept copies with what an unfinished visit fetched beside them."""
    fresh = {copy.key: copy for copy in (*kept.spare, *made)}
    return replace(kept, spare=list(fresh.values()))


def keep(chunks: Iterable[bytes], draft: Path) -> None:
    """Write what comes."""
    with draft.open("wb") as out:
        for chunk in chunks:
            out.write(chunk)


def bounded(system: str, shown: str, chunks: Iterable[bytes], *, most_bytes: int, deadline: float) -> Iterable[bytes]:
    """Pieces as they come, within a size and until a moment (`time.monotonic`)."""
    received = 0
    for chunk in chunks:
        received += len(chunk)
        if received > most_bytes:
            raise too_large(system, repr(shown), most_bytes)
        if time.monotonic() > deadline:
            raise SourceUnavailable(system, f"{shown}: it takes too long.", hint="Try again later.", file=shown)
        yield chunk


def too_large(system: str, what: str, most_bytes: int) -> SourceRefused:
    """The error of files beyond the system's limit."""
    return SourceRefused(
        system,
        f"{what}: larger than {most_bytes // 1_000_000} MB.",
        hint="Raise max_mb of the system, or ask for a part of it.",
    )
