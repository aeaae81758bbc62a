"""Packed files: gzip and zip, unpacked into the store within limits (a bomb is refused before it fills the disk)."""

from __future__ import annotations

import gzip
import lzma
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import IO

from nabe.adapters.file import rehearse
from nabe.adapters.file.settings import format_of
from nabe.adapters.file.store import FileStore
from nabe.adapting.places import MOST_FILES, Place
from nabe.errors import SourceRefused

#: Packed more tightly than this, and large, no honest table is.
MOST_RATIO = 250
_SMALL = 64 * 1024 * 1024
_CHUNK = 1 << 20
_REHEARSAL_S = 60
_BROKEN = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError)
#: Endings of archives that hold files of any kind.
ARCHIVES = (".zip", ".kmz")
#: What belongs to a Shapefile.
_SHAPE_PARTS = (".shp", ".shx", ".dbf", ".prj", ".cpg")


class Unpacker:
    """Unpacks for one system."""

    def __init__(self, system: str, store: FileStore, most_bytes: int) -> None:
        self._system = system
        self._store = store
        self._most = most_bytes

    def unpack(self, place: Place, member: str = "") -> Place:
        """The file inside; the place itself when it is not packed."""
        head = _head(place.path)
        if head[:2] == b"\x1f\x8b":
            return self._gunzip(place)
        if head[:4] in (b"PK\x03\x04", b"PK\x05\x06") and place.name.lower().endswith(ARCHIVES):
            return self._unzip(place, member)
        return place

    def unpack_all(self, place: Place, member: str = "") -> list[Place]:
        """The files inside that `member` picks, in the order of their names; one unless it is a pattern."""
        if not any(sign in member for sign in "*?[") or not place.name.lower().endswith(ARCHIVES):
            return [self.unpack(place, member)]
        infos = [item for item in self._infos(place) if fnmatchcase(item.filename, member)]
        if not infos:
            raise SourceRefused(
                self._system,
                f"{place.shown!r} holds no {member!r}.",
                hint=f"It holds: {_some([item.filename for item in self._infos(place)])}.",
                field="member",
            )
        if len(infos) > MOST_FILES:
            raise SourceRefused(self._system, f"{place.shown!r}: {member!r} stands for over {MOST_FILES} files.")
        self._within(place, infos, place.version[1])
        return [self.unpack(place, item.filename) for item in sorted(infos, key=lambda item: item.filename)]

    def members(self, place: Place) -> list[str]:
        """Names of the tables in a zip archive: files of a known format."""
        return [item.filename for item in self._infos(place) if format_of(item.filename) is not None]

    def check_workbook(self, place: Place) -> None:
        """Their reader holds workbooks in memory: refuse bombs first, and those that it cannot survive (`rehearse`)."""
        if _head(place.path)[:2] == b"PK":
            self._within(place, self._infos(place), place.version[1])
        self._store.made(f"{place.path}:rehearsed", place.version, ".ok", lambda out: self._rehearse(place, out))

    def _rehearse(self, place: Place, out: Path) -> None:
        command = [sys.executable, "-I", rehearse.__file__, str(place.path)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_REHEARSAL_S, check=False).returncode == 0  # noqa: S603
        except subprocess.TimeoutExpired:
            done = False
        if not done:
            raise SourceRefused(
                self._system,
                f"{place.shown!r} is not a readable workbook, or needs more than {rehearse.MEMORY // 1_000_000} MB "
                f"or {_REHEARSAL_S} seconds to be read.",
                hint="Deliver it anew, or as CSV.",
            )
        out.touch()

    def _gunzip(self, place: Place) -> Place:
        name = place.name.removesuffix(".gz").removesuffix(".GZ")

        def make(path: Path) -> None:
            with gzip.open(place.path) as packed, path.open("wb") as out:
                self._copy(packed, out, place, place.version[1])

        return self._made(place, name, "", make)

    def _unzip(self, place: Place, member: str) -> Place:
        infos = self._infos(place)
        chosen = self._choose(place, infos, member)
        stem = PurePosixPath(chosen).with_suffix("").as_posix()
        is_shape = chosen.lower().endswith(".shp")
        parts = [
            item
            for item in infos
            if item.filename == chosen
            or (
                is_shape
                and PurePosixPath(item.filename).with_suffix("").as_posix().lower() == stem.lower()
                and PurePosixPath(item.filename).suffix.lower() in _SHAPE_PARTS
            )
        ]
        self._within(place, parts, place.version[1])
        if is_shape:
            main = self._side_by_side(place, chosen, parts)
        else:
            suffix = PurePosixPath(chosen).suffix.lower()
            main = self._store.made(
                f"{place.path}!{chosen}", place.version, suffix, lambda path: self._extract(place, parts[0], path)
            )
        if chosen.lower().endswith((".zip", ".gz", ".kmz")):
            raise SourceRefused(
                self._system,
                f"{place.shown!r}: {chosen!r} is an archive inside an archive, which is not opened.",
                hint="Deliver it unpacked by one step.",
            )
        return replace(place, path=main, shown=f"{place.shown}!{chosen}", name=PurePosixPath(chosen).name)

    def _side_by_side(self, place: Place, chosen: str, parts: list[zipfile.ZipInfo]) -> Path:
        folder = self._store.made(
            f"{place.path}!{chosen}/", place.version, ".d", lambda path: self._extract_all(place, parts, path)
        )
        return folder / "layer.shp"

    def _extract_all(self, place: Place, parts: list[zipfile.ZipInfo], folder: Path) -> None:
        folder.mkdir()
        for item in parts:
            self._extract(place, item, folder / f"layer{PurePosixPath(item.filename).suffix.lower()}")

    def _extract(self, place: Place, item: zipfile.ZipInfo, path: Path) -> None:
        try:
            with zipfile.ZipFile(place.path) as archive, archive.open(item) as packed, path.open("wb") as out:
                self._copy(packed, out, place, item.compress_size)
        except _BROKEN as error:
            if isinstance(error, OSError) and error.errno:
                raise
            encrypted = item.flag_bits & 1
            why = "is encrypted" if encrypted else "is damaged"
            raise SourceRefused(
                self._system, f"{place.shown!r} {why}.", hint="Deliver it anew, without a password."
            ) from None

    def _choose(self, place: Place, infos: list[zipfile.ZipInfo], member: str) -> str:
        names = [item.filename for item in infos]
        tables = [name for name in names if format_of(name) is not None]
        if member:
            if member not in names:
                raise SourceRefused(
                    self._system, f"{place.shown!r} holds no {member!r}.", hint=f"It holds: {_some(tables or names)}."
                )
            return member
        if len(tables) == 1:
            return tables[0]
        if not tables:
            raise SourceRefused(
                self._system, f"{place.shown!r} holds no table.", hint=f"It holds: {_some(names) or 'nothing'}."
            )
        raise SourceRefused(
            self._system,
            f"{place.shown!r} holds several tables.",
            hint=f"Set source.member to one of: {_some(tables)}.",
        )

    def _infos(self, place: Place) -> list[zipfile.ZipInfo]:
        try:
            with zipfile.ZipFile(place.path) as archive:
                infos = archive.infolist()
        except _BROKEN:
            raise SourceRefused(self._system, f"{place.shown!r} is damaged.", hint="Deliver it anew.") from None
        return [
            item
            for item in infos
            if not item.is_dir() and not any(part.startswith((".", "__MACOSX")) for part in item.filename.split("/"))
        ]

    def _within(self, place: Place, infos: list[zipfile.ZipInfo], packed: int) -> None:
        self._limit(sum(item.file_size for item in infos), packed, place)

    def _made(self, place: Place, name: str, suffix: str, make: Callable[[Path], None]) -> Place:
        try:
            path = self._store.made(f"{place.path}!{name}", place.version, suffix or Path(name).suffix, make)
        except (EOFError, zlib.error, gzip.BadGzipFile):
            raise SourceRefused(self._system, f"{place.shown!r} is damaged.", hint="Deliver it anew.") from None
        return replace(place, path=path, name=name)

    def _copy(self, packed: IO[bytes] | gzip.GzipFile, out: IO[bytes], place: Place, size: int) -> None:
        written = 0
        while chunk := packed.read(_CHUNK):
            written += len(chunk)
            self._limit(written, size, place)
            out.write(chunk)

    def _limit(self, unpacked: int, packed: int, place: Place) -> None:
        if unpacked > self._most:
            why = f"unpacked it is larger than {self._most // 1_000_000} MB"
        elif unpacked > _SMALL and unpacked > MOST_RATIO * max(packed, 1):
            why = f"it unpacks to more than {MOST_RATIO} times its size (a zip bomb?)"
        else:
            return
        raise SourceRefused(
            self._system, f"{place.shown!r}: {why}.", hint="Deliver a smaller file, or raise max_mb of the system."
        )


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(4)


def _some(names: list[str]) -> str:
    return ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
