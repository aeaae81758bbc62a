"""The silos of the model city that are processes: PostgreSQL and the neighbour's web server."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from nabe.demo.building import Postgres, Write, read_stamp, save_stamp, silos_of
from nabe.demo.nouns.systems import reachable
from nabe.errors import Invalid, SourceUnavailable

#: Asked for first; another one if it is taken.
NEIGHBOUR_PORT = 8095


@dataclass(frozen=True, slots=True)
class Running:
    """Addresses of what runs. `moved`: a port was taken by somebody else, so declarations were written anew.

    `missing`: why PostgreSQL did not start; then that one silo does not answer, and the others do.
    """

    neighbour: str
    moved: bool
    missing: str = ""


@contextlib.contextmanager
def silos(root: Path, *, write: Write, postgres: Postgres | None = None) -> Iterator[Running]:
    """Start the silos of a built workspace; stop them at the end of the `with` block, however it ends."""
    stamp = read_stamp(root)
    if stamp is None:
        raise Invalid(f"The folder {root.name!r} is no model city.", hint="Build it first: nabe demo FOLDER.")
    with contextlib.ExitStack() as stack:
        port, missing = stamp.social_port, ""
        if stamp.social == "postgresql":
            try:
                port = stack.enter_context(_needed(postgres)(Path(stamp.data))).port
            except (RuntimeError, OSError) as error:
                missing = str(error)
        address = stack.enter_context(neighbour_server(root / "silos" / "nachbarstadt", stamp.neighbour_port))
        now = replace(stamp, neighbour_port=int(address.rsplit(":", 1)[1]), social_port=port)
        moved = silos_of(now) != silos_of(stamp)
        if moved:
            write(root, list(reachable(silos_of(now))))
        if now != stamp:
            save_stamp(root, now)
        yield Running(address, moved, missing)


def _needed(postgres: Postgres | None) -> Postgres:
    if postgres is None:
        raise RuntimeError("PostgreSQL is not installed any more; `nabe demo` builds the city anew without it")
    return postgres


@contextlib.contextmanager
def neighbour_server(folder: Path, port: int = 0) -> Iterator[str]:
    """The neighbour's web server as a process of its own; yields its address."""
    process = _start(folder, port or NEIGHBOUR_PORT)
    address = _address(process)
    if not address:  # the port is taken
        process.wait(10)
        process = _start(folder, 0)
        address = _address(process)
    try:
        if not address:
            raise SourceUnavailable("nachbarstadt", "its web server does not start.")
        yield address
    finally:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _start(folder: Path, port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(  # noqa: S603  # our own module
        # By its path: as a module it would load the whole demo, 100 MB for a server of files.
        [sys.executable, "-P", str(Path(__file__).with_name("neighbour_server.py")), str(folder.resolve()), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C at the terminal is for us
    )


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()
