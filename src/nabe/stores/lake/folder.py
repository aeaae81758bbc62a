"""How versions lie on the disk: `DATASET/NUMBER/rows.parquet` beside `version.json`, and `standing.json` per dataset.

A version is made in a folder with another name and renamed when all of it is on the disk: a process that is killed leaves
a folder that the next writer removes, never half a version.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import shutil
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from nabe.model.lake import Standing, Version

ROWS, VERSION, STANDING = "rows.parquet", "version.json", "standing.json"
_NUMBER = re.compile(r"[0-9]{8}")
_PART = "part-"
#: A version that was replaced only now may still be read by somebody.
GRACE = dt.timedelta(minutes=10)
#: File systems tell times apart only so finely.
_TICK_NS = 50_000_000


class Folders:
    """The folders of all datasets, looked into again only when something in them has changed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, tuple[int, list[Version], Standing]] = {}

    def of(self, dataset: str) -> Folder:
        """The folder of a dataset."""
        return Folder(self.root / dataset)

    def look(self, dataset: str) -> tuple[list[Version], Standing]:
        """Versions, newest first, and how the newest stands."""
        folder = self.of(dataset)
        try:
            changed = folder.path.stat().st_mtime_ns
        except FileNotFoundError:
            return [], Standing()
        known = self._known.get(dataset)
        if known is not None and known[0] == changed:
            return known[1], known[2]
        found = folder.versions(), folder.standing()
        if time.time_ns() - changed > _TICK_NS:  # else another change might carry the same time
            self._known[dataset] = (changed, *found)
        return found


class Folder:
    """The versions of one dataset."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def versions(self) -> list[Version]:
        """Newest first."""
        try:
            names = sorted((name for name in os.listdir(self.path) if _NUMBER.fullmatch(name)), reverse=True)
        except FileNotFoundError:
            return []
        found = (self._read(name) for name in names)
        return [version for version in found if version is not None]

    def rows(self, number: int) -> Path:
        """The Parquet file of a version."""
        return self.path / f"{number:08d}" / ROWS

    def part(self, owner: str) -> Path:
        """A folder in which a version may be made; what an earlier writer left is removed."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        for item in self.path.glob(f"{_PART}*"):
            if not _alive(item.name):
                shutil.rmtree(item, ignore_errors=True)
        made = self.path / f"{_PART}{os.getpid()}-{owner}"
        shutil.rmtree(made, ignore_errors=True)
        made.mkdir(mode=0o700)
        return made

    def publish(self, part: Path, version: Version) -> None:
        """Give a finished folder its name. Raises `FileExistsError` when another process was faster."""
        target = self.path / f"{version.number:08d}"
        if target.exists():
            raise FileExistsError(target)
        save(part / VERSION, msgspec.json.encode(version))
        flush(part / ROWS)
        flush(part)
        os.rename(part, target)
        flush(self.path)

    def remove(self, number: int) -> None:
        """A version goes as a whole: it is renamed before its files are deleted."""
        source = self.path / f"{number:08d}"
        gone = self.path / f"{_PART}0-{number:08d}"
        with suppress(FileNotFoundError):
            os.rename(source, gone)
        shutil.rmtree(gone, ignore_errors=True)

    def standing(self) -> Standing:
        """How the newest version stands for the silo."""
        try:
            return msgspec.json.decode((self.path / STANDING).read_bytes(), type=Standing)
        except (FileNotFoundError, msgspec.DecodeError):
            return Standing()

    def stand(self, standing: Standing) -> None:
        """Remember it."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        save(self.path / STANDING, msgspec.json.encode(standing))

    def _read(self, name: str) -> Version | None:
        """A version; nothing if it is being removed right now."""
        try:
            return msgspec.json.decode((self.path / name / VERSION).read_bytes(), type=Version)
        except (FileNotFoundError, msgspec.DecodeError):
            return None


def save(path: Path, body: bytes) -> None:
    """A file is replaced whole or not at all."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with open(fresh, "wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    os.replace(fresh, path)


def flush(path: Path) -> None:
    """Bring a file, or the names in a folder, onto the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _alive(name: str) -> bool:
    """Is the process that makes this part still there?"""
    pid = name.removeprefix(_PART).partition("-")[0]
    if not pid.isdigit() or pid == "0":
        return False
    if int(pid) == os.getpid():
        return True
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
