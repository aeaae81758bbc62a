"""The silos of the model city that are processes: PostgreSQL, and the services that speak HTTP."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from nabe.demo.building import Postgres, Write, read_stamp, save_stamp, silos_of
from nabe.demo.nouns.systems import SERVICES, reachable
from nabe.demo.sensing import placing
from nabe.demo.sensing.orders import Orders
from nabe.errors import Invalid, SourceUnavailable


@dataclass(frozen=True, slots=True)
class Running:
    """Addresses of what runs, by silo. `moved`: a port was taken by somebody else, so declarations were written anew.

    `missing`: why PostgreSQL did not start; then that one silo does not answer, and the others do.
    """

    services: Mapping[str, str]
    moved: bool
    missing: str = ""


@contextlib.contextmanager
def silos(root: Path, *, write: Write, postgres: Postgres | None = None) -> Iterator[Running]:
    """Start the silos of a built workspace; stop them at the end of the `with` block, however it ends."""
    stamp = read_stamp(root)
    if stamp is None:
        raise Invalid(f"The folder {root.name!r} is no model city.", hint="Build it first: nabe demo FOLDER.")
    with contextlib.ExitStack() as stack:
        folders = {name: root / "silos" / name for name in SERVICES}
        addresses = stack.enter_context(services(folders, stamp.ports))
        port, missing = stamp.social_port, ""
        if stamp.social == "postgresql":
            try:
                port = stack.enter_context(_needed(postgres)(Path(stamp.data))).port
            except (RuntimeError, OSError) as error:
                missing = str(error)
        ports = {name: int(address.rsplit(":", 1)[1]) for name, address in addresses.items()}
        now = replace(stamp, ports=ports, social_port=port)
        moved = silos_of(now) != silos_of(stamp)
        if moved:
            write(root, list(reachable(silos_of(now))))
        if now != stamp:
            save_stamp(root, now)
        yield Running(addresses, moved, missing)


def _needed(postgres: Postgres | None) -> Postgres:
    if postgres is None:
        raise RuntimeError("PostgreSQL is not installed any more; `nabe demo` builds the city anew without it")
    return postgres


@contextlib.contextmanager
def services(folders: Mapping[str, Path], ports: Mapping[str, int] | None = None) -> Iterator[dict[str, str]]:
    """Processes that serve these silos' folders; yields their addresses. All start at once.

    `ports`: those wanted; a free one is taken where that one is busy.
    """
    wanted = {name: (ports or {}).get(name) or SERVICES[name].port for name in folders}
    running: list[subprocess.Popen[str]] = []
    try:
        started = {name: _start(name, folder, wanted[name], running) for name, folder in folders.items()}
        addresses = {name: _address(process) for name, process in started.items()}
        for name in [name for name, address in addresses.items() if not address]:  # the port is taken
            addresses[name] = _address(_start(name, folders[name], 0, running))
            if not addresses[name]:
                raise SourceUnavailable(name, "its process does not start.")
        yield addresses
    finally:
        _stop(running)


@contextlib.contextmanager
def sending(root: Path, orders: Orders) -> Iterator[subprocess.Popen[bytes]]:
    """The devices that send by themselves, as one process; it ends with the block, and says then what it sent."""
    process = subprocess.Popen(  # noqa: S603  # our own module
        [sys.executable, "-P", "-m", "nabe.demo.sensing", str((root / placing.FILE).parent.resolve())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C at the terminal is for us
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        with contextlib.suppress(OSError):
            process.stdin.write(orders.line())
            process.stdin.flush()
        yield process
    finally:
        with contextlib.suppress(OSError):
            process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def _start(name: str, folder: Path, port: int, running: list[subprocess.Popen[str]]) -> subprocess.Popen[str]:
    process = subprocess.Popen(  # noqa: S603  # our own module
        [sys.executable, "-P", "-m", "nabe.demo.services", SERVICES[name].kind, str(folder.resolve()), str(port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C at the terminal is for us
    )
    running.append(process)
    return process


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def _stop(running: list[subprocess.Popen[str]]) -> None:
    """Each ends when its standard input closes; one that does not is killed."""
    for process in running:
        assert process.stdin is not None
        process.stdin.close()
    for process in running:
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert process.stdout is not None
        process.stdout.close()
