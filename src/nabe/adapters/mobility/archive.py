"""The files of a GTFS feed, in a folder or a zip archive, opened one by one; bombs and damage are refused in time."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from nabe.errors import SourceRefused

#: Packed more tightly than this, and large, no honest table is.
MOST_RATIO = 250
_SMALL = 64 * 1024 * 1024
#: Bytes of an archive's list of files, and files in it.
_MOST_LIST, _MOST_FILES = 4_000_000, 10_000
_BROKEN = (OSError, EOFError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError)
#: Files by which a GTFS feed is known.
KNOWN = frozenset({"stops.txt", "routes.txt", "trips.txt", "stop_times.txt"})


class Archive:
    """A zip archive. Its files may lie in one folder of it; nothing else is looked at."""

    def __init__(self, system: str, path: Path, shown: str, most_bytes: int) -> None:
        self._system, self._path, self._shown, self._most = system, path, shown, most_bytes
        self._members = self._found()

    def names(self) -> list[str]:
        """Names of the files of the feed."""
        return list(self._members)

    def size(self, name: str) -> int:
        """Bytes of a file by the archive's own word."""
        return self._members[name].file_size if name in self._members else 0

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A file of the feed as a stream. What is wrong with it is raised as `SourceRefused` while it is read."""
        try:
            with zipfile.ZipFile(self._path) as archive:
                # By its name: a new download may have taken the place of the one that was listed.
                info = archive.getinfo(self._members[name].filename)
                if info.flag_bits & 1:
                    raise self._refused(f"its file {name} is encrypted", "Deliver it without a password.")
                with archive.open(info) as packed:
                    yield io.BufferedReader(_Bounded(packed, info.compress_size, self._most, self, name), 1 << 16)
        except KeyError:
            raise self._refused(f"its file {name} is gone", "Try again.") from None
        except _BROKEN:
            raise self._refused(f"its file {name} is damaged", "Deliver it anew.") from None

    def _found(self) -> dict[str, zipfile.ZipInfo]:
        if _list_size(self._path) > _MOST_LIST:
            raise self._refused("its list of files is too long", "Is it a GTFS feed?")
        try:
            with zipfile.ZipFile(self._path) as archive:
                infos = [item for item in archive.infolist() if not item.is_dir()]
        except _BROKEN:
            raise self._refused("it is no zip archive, or it is damaged or cut off", "Deliver it anew.") from None
        if len(infos) > _MOST_FILES:
            raise self._refused("it holds too many files", "Is it a GTFS feed?")
        folders = {item.filename.rpartition("/")[0] for item in infos if item.filename.rpartition("/")[2] in KNOWN}
        folder = min(folders, key=len, default="")
        return {
            item.filename.rpartition("/")[2]: item
            for item in infos
            if item.filename.rpartition("/")[0] == folder and not item.filename.rpartition("/")[2].startswith(".")
        }

    def _refused(self, why: str, hint: str) -> SourceRefused:
        return SourceRefused(self._system, f"{self._shown}: {why}.", hint=hint, file=self._shown)

    def bomb(self, name: str) -> SourceRefused:
        """The error of a file that unpacks to too much."""
        return self._refused(
            f"its file {name} unpacks to more than {self._most // 1_000_000} MB, or {MOST_RATIO} times its size (a zip bomb?)",
            "Raise max_mb of the system if it is honest.",
        )


class Folder:
    """A folder with the files of a feed unpacked."""

    def __init__(self, local: Any) -> None:
        self._local = local

    def names(self) -> list[str]:
        """Names of the files in it."""
        found: list[str] = self._local.names()
        return found

    def size(self, name: str) -> int:
        """Bytes of a file."""
        return int(self._local.opened(name).stat().st_size)

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """A file as a stream."""
        with self._local.opened(name).open("rb") as file:
            yield file


class _Bounded(io.RawIOBase):
    """Counts what is unpacked, whatever the archive says of it."""

    def __init__(self, packed: IO[bytes], size: int, most: int, archive: Archive, name: str) -> None:
        self._packed, self._size, self._most, self._archive, self._name = packed, max(size, 1), most, archive, name
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._packed.read(len(buffer))
        self._count += len(piece)
        if self._count > self._most or (self._count > _SMALL and self._count > MOST_RATIO * self._size):
            raise self._archive.bomb(self._name)
        buffer[: len(piece)] = piece
        return len(piece)


def _list_size(path: Path) -> int:
    """Bytes of the archive's list of files by its end record (APPNOTE.TXT, 4.3.16); 0 if there is none to be found."""
    with path.open("rb") as file:
        file.seek(0, io.SEEK_END)
        size = file.tell()
        file.seek(max(size - 66_000, 0))
        tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) < at + 22:
        return 0
    (length,) = struct.unpack_from("<I", tail, at + 12)
    return int(length)
