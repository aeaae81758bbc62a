"""Text files as DuckDB can read them: in UTF-8, with usual line ends; the original where it is so already."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from nabe.adapters.file.store import FileStore
from nabe.adapting.places import Place
from nabe.errors import SourceRefused

_CHUNK = 1 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
#: All bytes but the control characters that no text file holds (tab, line ends, form feed and the old end-of-file mark are
#: no such). Removing them from a piece is many times faster than searching it for the others.
_TEXT = bytes(set(range(256)) - {*range(0x00, 0x09), *range(0x0E, 0x1A), *range(0x1B, 0x20)})


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text file in UTF-8. `encoding` is the original's, `path` the original or its copy."""

    path: Path
    encoding: str
    copied: bool


def _cp1252_gap(error: UnicodeError) -> tuple[str, int]:
    """Windows-1252 leaves five bytes undefined; Latin-1 gives them a meaning."""
    assert isinstance(error, UnicodeDecodeError)
    return error.object[error.start : error.end].decode("latin-1"), error.end


codecs.register_error("nabe-cp1252", _cp1252_gap)


def prepared(system: str, place: Place, store: FileStore, encoding: str = "") -> Prepared:
    """Find out the encoding (byte order mark, then strict UTF-8, else Windows-1252) and make a copy if needed."""
    seen = _Seen(system, place, encoding)
    if not seen.needs_copy:
        return Prepared(place.path, seen.encoding, False)

    def make(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as out:
            for part in _with_line_ends(decoded(place.path, seen.encoding, system, place.shown)):
                out.write(part)

    path = store.made(f"{place.path}:{seen.encoding}", place.version, ".txt", make)
    return Prepared(path, seen.encoding, True)


class _Seen:
    """One pass over the bytes: is it text, which encoding, which line ends?"""

    def __init__(self, system: str, place: Place, declared: str) -> None:
        self._place, self._system = place, system
        with place.path.open("rb") as file:
            head = file.read(4)
        if not head:
            raise SourceRefused(system, f"{place.shown!r} is empty.", hint="Deliver it anew.")
        self.encoding = declared or next((name for bom, name in _BOMS if head.startswith(bom)), "")
        utf8 = Utf8() if not self.encoding else None
        returns = lines = both = 0
        last = b""
        wide = codecs.lookup(self.encoding).name.startswith(("utf-16", "utf-32")) if self.encoding else False
        for chunk in _chunks(place.path):
            if not wide and chunk.translate(None, _TEXT):
                raise not_text(system, place)
            if utf8 is not None and not utf8.goes_on(chunk):
                utf8 = None
            if b"\r" in chunk or last:
                joined = last + chunk
                returns += chunk.count(b"\r")
                lines += chunk.count(b"\n")
                both += joined.count(b"\r\n")
                last = chunk[-1:] if chunk[-1:] == b"\r" else b""
            else:
                lines += b"\n" in chunk  # how many does not matter: with returns elsewhere they are too many
        self.encoding = self.encoding or ("utf-8" if utf8 is not None and utf8.ends() else "cp1252")
        uniform = (returns == both) and (both == 0 or both == lines)
        plain = codecs.lookup(self.encoding).name in ("utf-8", "utf-8-sig", "ascii")
        self.needs_copy = wide or not plain or not uniform


class Utf8:
    """Is a text that comes in pieces strict UTF-8?"""

    def __init__(self) -> None:
        self._held = b""

    def goes_on(self, piece: bytes) -> bool:
        """Is it still, with this piece?"""
        if not self._held and piece.isascii():
            return True
        begin = next((at for at, byte in enumerate(piece[:3]) if byte & 0xC0 != 0x80), min(3, len(piece)))
        end = _last_whole(piece, begin)
        edge, self._held = self._held + piece[:begin], piece[end:]
        return is_utf8(edge, 0, len(edge)) and is_utf8(piece, begin, end)

    def ends(self) -> bool:
        """Is the text whole?"""
        return is_utf8(self._held, 0, len(self._held))


def _last_whole(piece: bytes, begin: int) -> int:
    """Where the last sign begins if it may go on in the next piece; else the end."""
    for at in range(len(piece) - 1, max(begin, len(piece) - 4) - 1, -1):
        if piece[at] >= 0xC0:
            return at
        if piece[at] < 0x80:
            break
    return len(piece)


def is_utf8(text: bytes, begin: int, end: int) -> bool:
    """Are these bytes strict UTF-8? Arrow looks without making signs of them."""
    edges = pa.py_buffer(np.array([begin, end], np.int32))
    try:
        pa.Array.from_buffers(pa.string(), 1, [None, edges, pa.py_buffer(text)]).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def not_text(system: str, place: Place) -> SourceRefused:
    """The file is something else than text."""
    return SourceRefused(system, f"{place.shown!r} is not a text file.", hint="Set source.format to what it is.")


def decoded(path: Path, encoding: str, system: str, shown: str) -> Iterator[str]:
    """The file's text in pieces."""
    errors = "nabe-cp1252" if codecs.lookup(encoding).name == "cp1252" else "strict"
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    try:
        for chunk in _chunks(path):
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)
    except UnicodeError:
        raise SourceRefused(
            system, f"{shown!r} is not written in {encoding}.", hint="Correct source.encoding, or leave it out."
        ) from None


def _with_line_ends(parts: Iterator[str]) -> Iterator[str]:
    """One line feed per line, also for `\\r\\n`, `\\r\\r\\n` and lone or doubled `\\r`."""
    held = ""
    for part in parts:
        part = held + part
        # A run of returns at the end may go on in the next piece.
        cut = len(part.rstrip("\r"))
        held, part = part[cut:], part[:cut]
        yield re.sub(r"\r+\n?", "\n", part)
    if held:
        yield "\n"


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
