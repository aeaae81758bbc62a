"""Answers kept on disk to be confirmed by the server: what is unchanged (ETag, Last-Modified) is not sent again.

Never served unasked: without the server's 304 a kept answer is not used.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_PIECE = 1 << 16
#: Headers that belong to an answer and must come back with it.
_HEADERS = ("etag", "last-modified", "link", "content-type", "ngsild-results-count", "fiware-total-count")


@dataclass(slots=True)
class Known:
    """A kept answer, open for reading: close it, or read it to the end."""

    headers: dict[str, str]
    file: BinaryIO

    def conditions(self) -> dict[str, str]:
        """Headers that ask for it only if it changed (RFC 9110, 13.1)."""
        names = {"If-None-Match": "etag", "If-Modified-Since": "last-modified"}
        return {name: self.headers[item] for name, item in names.items() if self.headers.get(item)}

    def chunks(self) -> Iterator[bytes]:
        """Its body."""
        with self.file:
            while piece := self.file.read(_PIECE):
                yield piece


class KeptAnswers:
    """The kept answers of one system: at most `most` bytes, the longest unused forgotten first."""

    def __init__(self, folder: Path, most: int) -> None:
        self._folder, self._most = folder, most
        self._lock = threading.Lock()

    def find(self, address: str) -> Known | None:
        """The kept answer of this address, if there is one."""
        try:
            path = self._path(address)
            file = path.open("rb")
        except OSError:
            return None
        try:
            headers = json.loads(file.readline())
            os.utime(path)
            return Known({str(name): str(value) for name, value in headers.items()}, file)
        except (ValueError, AttributeError, OSError):
            file.close()
            return None

    def keeping(self, address: str, headers: Mapping[str, str], chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks, kept once the last of them has passed, if the server gave a mark to ask by.

        A cache that cannot be written is no reason to fail: the answer passes without being kept.
        """
        directives = headers.get("cache-control", "").lower()
        marked = headers.get("etag") or headers.get("last-modified")
        if not self._most or not marked or "no-store" in directives:
            yield from chunks
            return
        draft = self._path(address).with_suffix(f".{os.getpid()}.{threading.get_ident()}.part")
        out: BinaryIO | None = None
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            out = os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")
            known = {name: headers[name] for name in _HEADERS if name in headers}
            out.write(json.dumps(known).encode() + b"\n")
        size = 0
        try:
            for chunk in chunks:
                size += len(chunk)
                if out is not None and not self._written(out, chunk, size):
                    out.close()
                    out = None
                yield chunk
            if out is not None:
                with contextlib.suppress(OSError):
                    out.close()
                    os.replace(draft, self._path(address))
                    self._make_room()
        finally:
            if out is not None:
                out.close()
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)

    def _written(self, out: BinaryIO, chunk: bytes, size: int) -> bool:
        if size > self._most // 4:
            return False
        try:
            out.write(chunk)
        except OSError:
            return False
        return True

    def _make_room(self) -> None:
        with self._lock:
            files = sorted(((path, path.stat()) for path in self._folder.glob("*.answer")), key=lambda f: f[1].st_mtime)
            total = sum(stat.st_size for _, stat in files)
            for path, stat in files:
                if total <= self._most:
                    return
                path.unlink(missing_ok=True)
                total -= stat.st_size

    def _path(self, address: str) -> Path:
        return self._folder / f"{hashlib.sha256(address.encode()).hexdigest()[:32]}.answer"
