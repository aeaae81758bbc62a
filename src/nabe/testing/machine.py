"""What the throw-away servers need of the machine: installed programs, free ports, process trees, accounts."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
from glob import glob
from pathlib import Path

#: Where packages put server programs beside PATH: Debian, Red Hat, Homebrew on both kinds of Mac, Postgres.app.
_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/sbin",
    "/usr/libexec",
    "/opt/homebrew/opt/*/bin",
    "/usr/local/opt/*/bin",
    "/Applications/Postgres.app/Contents/Versions/latest/bin",
)


class CannotStart(RuntimeError):
    """The server is not installed or does not come up; says why."""


def find(program: str) -> str | None:
    """The newest program of that name."""
    if found := shutil.which(program):
        return found
    places = [path for place in _PLACES for path in glob(f"{place}/{program}")]
    return max(places, key=_version, default=None)


def _version(path: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", path))


def program(name: str) -> str:
    """The path of a program, or `CannotStart`."""
    if found := find(name):
        return found
    raise CannotStart(f"{name} is not installed (Debian: apt install postgresql postgresql-postgis mariadb-server).")


def has_account(name: str) -> bool:
    """Does this machine know that user?"""
    import pwd

    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam(name))
    return False


def must_be_reachable(folder: Path, owner: str) -> None:
    """The server runs as `owner` and must be able to enter every folder above its data."""
    for parent in folder.resolve().parents:
        if not parent.stat().st_mode & 0o001:
            raise CannotStart(f"The folder {parent} cannot be entered by the user {owner!r} that runs the server.")


def is_free(port: int) -> bool:
    """Can a server of ours listen on it now? (0: no port)"""
    if not port:
        return False
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return True
    return False


def free_port() -> int:
    """A port that nobody listens on now."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def descendants(root: int) -> list[int]:
    """Processes below `root` (each PostgreSQL backend has a session of its own, so groups do not tell)."""
    parent = _parents()
    found = [root]
    for pid in found:
        found.extend(child for child, above in parent.items() if above == pid)
    return found[1:]


def _parents() -> dict[int, int]:
    """Every process and the one above it; by /proc where there is one (slim containers have no ps)."""
    found: dict[int, int] = {}
    for stat in glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError):
            text = Path(stat).read_text("utf-8", "replace")
            found[int(text.split(" ", 1)[0])] = int(text.rpartition(")")[2].split()[1])
    if not found:
        listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
        found = {int(pid): int(above) for pid, above in map(str.split, listing.stdout.splitlines())}
    return found
