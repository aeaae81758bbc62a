"""A Maildir folder of this machine (one file per mail) as a mailbox."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nabe.adapters.file.remote.mail import Head, head_of
from nabe.errors import SourceUnavailable

_HEADER = 262_144


class Maildir:
    """Visits to a Maildir. `after`: keep | seen | move; `move_to`: a folder of it for mails that were taken up."""

    def __init__(self, system: str, base: Path, shown: str, *, after: str, move_to: str) -> None:
        self._system, self._base, self._shown = system, base, shown
        self._after, self._move_to = after, move_to

    @contextmanager
    def __call__(self) -> Iterator[Maildir]:
        """Nothing is held open."""
        if not (self._base / "cur").is_dir():
            raise SourceUnavailable(
                self._system, f"the mailbox {self._shown!r} is missing.", hint="It has a folder cur."
            )
        yield self

    def heads(self) -> Iterator[Head]:
        """Mails, the latest first."""
        found = []
        for folder in self._folders():
            for path in folder.glob("*"):
                name = path.name
                if name.startswith(".") or path.is_symlink() or not path.is_file():
                    continue
                with contextlib.suppress(OSError):  # another program moved it meanwhile
                    stat = path.stat()
                    with path.open("rb") as file:
                        header = file.read(_HEADER).split(b"\n\n")[0].split(b"\r\n\r\n")[0] + b"\n\n"
                    found.append(head_of(name.partition(":")[0], stat.st_size, stat.st_mtime, header))
        yield from sorted(found, key=lambda head: (-head.date, head.id))

    def content(self, id: str) -> bytes:
        """A whole mail."""
        with contextlib.suppress(OSError):
            return self._path(id).read_bytes()
        raise SourceUnavailable(self._system, "a mail is gone.", hint="Try again.")

    def done(self, ids: list[str]) -> None:
        """Mark as seen, or move."""
        for id in ids:
            path = self._path(id)
            if self._after == "seen" and not path.name.endswith("S"):
                self._rename(path, self._base / "cur" / f"{id}:2,S")
            elif self._after == "move" and path.parent.parent == self._base:
                target = self._base / f".{self._move_to}"
                for part in ("cur", "new", "tmp"):
                    (target / part).mkdir(parents=True, exist_ok=True)
                self._rename(path, target / "cur" / path.name)

    def _rename(self, path: Path, target: Path) -> None:
        try:
            os.rename(path, target)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno else "moving failed"
            raise SourceUnavailable(
                self._system, f"a mail of {self._shown!r} cannot be marked ({why}).", hint="Set after: keep."
            ) from None

    def _folders(self) -> list[Path]:
        folders = [self._base / "new", self._base / "cur"]
        return folders + ([self._base / f".{self._move_to}" / "cur"] if self._after == "move" else [])

    def _path(self, id: str) -> Path:
        for folder in self._folders():
            for path in (folder / id, *folder.glob(f"{_plain(id)}:*")):
                if path.is_file() and not path.is_symlink():
                    return path
        raise SourceUnavailable(self._system, "a mail is gone.", hint="Try again.")


def _plain(name: str) -> str:
    """A name as a pattern for just itself."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)
