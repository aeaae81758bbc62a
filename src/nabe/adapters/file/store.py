"""The adapter's own folder: files made out of others (downloaded, unpacked, put into UTF-8), each version once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

from nabe.errors import SourceUnavailable


class FileStore:
    """Made files, named by what they were made from; a new version replaces the old one."""

    def __init__(self, system: str, cache: str) -> None:
        self.folder = Path(cache) / "files"
        self._system = system
        self._locks: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def made(self, source: str, version: object, suffix: str, make: Callable[[Path], None]) -> Path:
        """The file made from `source` in this `version`; `make` writes it into the path it is given, once."""
        about, which = _digest(source + suffix), _digest(repr(version))
        path = self.folder / f"{about}-{which}{suffix}"
        if path.exists():
            return path
        with self.lock(about):
            if path.exists():
                return path
            self._write(path, make)
            for old in self.folder.glob(f"{about}-*"):
                # Readers of the old version may still be at it; it goes when it is surely unused.
                if old != path and time.time() - old.stat().st_mtime > 3600:
                    _remove(old)
        return path

    def lock(self, name: str) -> threading.Lock:
        """One lock per name: a file is made by one thread while others wait."""
        with self._lock:
            return self._locks.setdefault(name, threading.Lock())

    def _write(self, path: Path, make: Callable[[Path], None]) -> None:
        draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}{path.suffix}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            make(draft)
            os.replace(draft, path)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else "writing failed"
            raise SourceUnavailable(
                self._system, f"its copy cannot be kept ({why}).", hint="Make room on the disk of the cache."
            ) from None
        finally:
            if draft.exists():
                _remove(draft)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            path.unlink()


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:20]
