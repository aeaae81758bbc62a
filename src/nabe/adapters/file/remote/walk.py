"""Patterns over folders that can only be listed one by one: which folders to look into, which names fit. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from nabe.errors import SourceRefused

_WILD = re.compile(r"[*?\[]")
#: Folders that one pattern may lead into, and how deep `**` goes.
_MOST_FOLDERS = 2_000
DEEPEST = 6


@dataclass(frozen=True, slots=True)
class Listed:
    """An entry of a folder."""

    name: str
    folder: bool
    size: int = -1
    modified: float = 0.0
    version: str = ""


def is_pattern(path: str) -> bool:
    """Does it stand for several files?"""
    return _WILD.search(path) is not None


def vetted(system: str, path: str) -> str:
    """A path below a location, without anything that leads elsewhere. `SourceRefused` otherwise."""
    if not path:
        raise SourceRefused(system, "no path is given.", hint="Set source.path.")
    parts = path.split("/")
    if path.startswith("/") or "\\" in path or "://" in path:
        raise SourceRefused(
            system, f"path {path!r} leaves the system's location.", hint="Paths stand below the location."
        )
    if any(part in ("", ".", "..") for part in parts) or any(ord(sign) < 32 for sign in path):
        raise SourceRefused(
            system, f"path {path!r} leaves the system's location.", hint="Give folders and a name: 2024/kitas.csv."
        )
    if any(part.startswith(".") for part in parts):
        raise SourceRefused(system, f"path {path!r} is hidden.", hint="Hidden files hold state and secrets.")
    return path


def literal(path: str) -> str:
    """The folders of a pattern before its first wild one: `reports/20??/*.csv` -> `reports`."""
    parts = path.split("/")[:-1]
    return "/".join(parts[: next((at for at, part in enumerate(parts) if is_pattern(part)), len(parts))])


def fits(path: str, pattern: str) -> bool:
    """Does a path fit? `*`, `?` and `[…]` stay inside one name, `**` stands for any folders."""
    return _fits(tuple(path.split("/")), tuple(pattern.split("/")))


def _fits(names: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Dynamic programming instead of trying out: a pattern of many `**` costs names times parts."""
    reached = {0}
    for part in parts:
        if part == "**":
            reached = set(range(min(reached), len(names) + 1)) if reached else set()
        else:
            reached = {at + 1 for at in reached if at < len(names) and fnmatchcase(names[at], part)}
    return len(names) in reached


def walk(system: str, pattern: str, listed: Callable[[str], list[Listed]]) -> Iterator[tuple[str, Listed]]:
    """Path and entry of each file that fits, sorted by path. `listed` gives a folder's entries (`""`: the location)."""
    parts = tuple(pattern.split("/"))
    folders, found, seen = [literal(pattern)], [], 0
    for folder in folders:
        seen += 1
        if seen > _MOST_FOLDERS:
            raise SourceRefused(system, f"{pattern!r} leads into over {_MOST_FOLDERS} folders.", hint="Narrow it.")
        for entry in listed(folder):
            path = f"{folder}/{entry.name}" if folder else entry.name
            if not sound(entry.name):
                continue
            if entry.folder:
                if _leads(tuple(path.split("/")), parts):
                    folders.append(path)
            elif fits(path, pattern):
                found.append((path, entry))
    yield from sorted(found, key=lambda item: item[0])


def sound(name: str) -> bool:
    """A name that is one: no way out, not hidden, no control characters."""
    return bool(name) and not name.startswith(".") and not re.search(r"[/\\\x00-\x1f]", name)


@lru_cache(maxsize=1024)
def _leads(folder: tuple[str, ...], parts: tuple[str, ...]) -> bool:
    """Can something below this folder fit?"""
    if "**" in parts[: len(folder) + 1]:
        at = parts.index("**")
        return len(folder) <= at + DEEPEST and all(map(fnmatchcase, folder[:at], parts[:at]))
    return len(folder) < len(parts) and all(map(fnmatchcase, folder, parts))
