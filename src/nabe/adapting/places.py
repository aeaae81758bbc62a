"""Where files lie: paths that stay inside the silo's folder, patterns, and what a message may call them."""

from __future__ import annotations

import datetime as dt
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nabe.errors import SourceRefused, SourceUnavailable

_PATTERN = re.compile(r"[*?\[]")
#: Most files that a pattern may stand for.
MOST_FILES = 10_000


@dataclass(frozen=True, slots=True)
class Place:
    """A file on this machine. `shown`: what messages call it; `version` changes when the file does.

    `name`: its own name, also where the content lies elsewhere (unpacked, downloaded). `stale_since`: it could not be
    fetched anew; it is as of then. `modified`: seconds since 1970, as far as known.
    """

    path: Path
    shown: str
    name: str
    version: tuple[int, int]
    stale_since: dt.datetime | None = None
    modified: float = 0.0


class Folder:
    """The folder of a silo; nothing outside it is ever opened, whatever a declaration or a link says."""

    def __init__(self, system: str, root: str, location: str) -> None:
        self._system = system
        self._root = Path(root).resolve()
        # An absolute location is set by the operator, who may choose any folder of the machine.
        self.base = (self._root / location).resolve()
        if not Path(location).is_absolute() and not self.base.is_relative_to(self._root):
            raise SourceRefused(
                system, f"location {location!r} leaves the workspace.", hint="Give a folder inside it, or a full path."
            )
        self._real: dict[str, Path] = {}
        self._shown: dict[Path, str] = {}

    def check(self) -> None:
        """Is the folder there?"""
        if not self.base.is_dir():
            raise SourceUnavailable(self._system, f"the folder {self.shown(self.base)!r} is missing.")

    def find(self, path: str) -> list[Place]:
        """The file, or all files of a pattern in the order of their names."""
        if path not in self._real or not self._still(self._real[path]):
            self._vet(path)
            plain = self.base / path
            if _PATTERN.search(path) and not plain.exists():
                return [self._place(item, path) for item in self._matches(path)]
            self._real[path] = self._inside(plain, path)
        return [self._place(self._real[path], path)]

    def target(self, path: str) -> Path:
        """Where a file of this path would be written: inside the folder, links followed; its own folder is there."""
        self._vet(path)
        plain = self.base / path
        if not plain.parent.is_dir():
            raise SourceUnavailable(self._system, f"the folder {self.shown(plain.parent)!r} is missing.")
        return self._inside(plain, path)

    def shown(self, path: Path) -> str:
        """Relative to the workspace where possible."""
        known = self._shown.get(path)
        if known is None:
            inside = path.is_relative_to(self._root)
            known = path.relative_to(self._root).as_posix() if inside else path.as_posix()
            if len(self._shown) < MOST_FILES:
                self._shown[path] = known
        return known

    def _vet(self, path: str) -> None:
        parts = PurePosixPath(path.replace("\\", "/")).parts
        if not path or "\0" in path:
            raise SourceRefused(self._system, "no path is given.", hint="Set source.path.")
        if Path(path).is_absolute() or path.startswith(("/", "\\")) or re.match(r"[A-Za-z]:[\\/]", path):
            raise SourceRefused(
                self._system, f"path {path!r} is absolute.", hint="Paths stand below the system's location."
            )
        if ".." in parts:
            raise SourceRefused(self._system, f"path {path!r} leaves the folder.", hint="Leave the '..' out.")
        if any(part.startswith(".") and part != "." for part in parts):
            raise SourceRefused(self._system, f"path {path!r} is hidden.", hint="Hidden files hold state and secrets.")

    def _matches(self, path: str) -> list[Path]:
        found = []
        for item in sorted(self.base.glob(path)):
            hidden = any(part.startswith(".") for part in item.relative_to(self.base).parts)
            if item.is_file() and not hidden:
                found.append(self._inside(item, path))
        if not found:
            self.check()
            raise SourceUnavailable(self._system, f"no file is named {self._named(path)!r}.", file=self._named(path))
        if len(found) > MOST_FILES:
            raise SourceRefused(self._system, f"{self._named(path)!r} stands for over {MOST_FILES} files.")
        return found

    def _inside(self, item: Path, path: str) -> Path:
        real = item.resolve()
        if not real.is_relative_to(self.base):
            raise SourceRefused(
                self._system, f"{self._named(path)!r} is a link that leaves the folder.", hint="Copy the file there."
            )
        return real

    @staticmethod
    def _still(path: Path) -> bool:
        """A file that was replaced by a link must be looked at again."""
        return not os.path.islink(path)

    def _named(self, path: str) -> str:
        return self.shown(self.base / path)

    def _place(self, path: Path, given: str) -> Place:
        try:
            found = os.stat(path)
        except OSError:
            self.check()
            raise SourceUnavailable(
                self._system,
                f"the file {self.shown(path)!r} is missing.",
                hint="Put it back, or correct source.path.",
                file=self.shown(path),
            ) from None
        if not stat.S_ISREG(found.st_mode):
            raise SourceRefused(self._system, f"{self._named(given)!r} is a folder.", hint="Name a file, or *.csv.")
        if not os.access(path, os.R_OK):
            raise SourceUnavailable(
                self._system, f"the file {self.shown(path)!r} may not be read.", file=self.shown(path)
            )
        version = (found.st_mtime_ns, found.st_size)
        return Place(path, self.shown(path), path.name, version, modified=found.st_mtime)
