"""Servers that the suites are run against: `root` with the version, `mqtt` as (host, port)."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

from .artefacts import NotToBeHad
from .frost import Frost


@dataclass(frozen=True)
class Target:
    """`without`: sets of entities to be taken as absent; `settle`: milliseconds until a subscription counts as live."""

    root: str
    mqtt: tuple[str, int] | None = None
    without: str = ""
    settle: int = 0

    @property
    def base(self) -> str:
        """The root without its version."""
        return self.root.removesuffix("/v1.1")


def why_not() -> str:
    """Why the suites cannot run here; empty if they can."""
    if os.environ.get("NABE_CONFORMANCE") != "1":
        return "set NABE_CONFORMANCE=1 (docs/conformance.md)"
    missing = [name for name in ("java", "javac", "mvn") if not shutil.which(name)]
    return f"needs {', '.join(missing)} (Debian: apt install openjdk-17-jdk-headless maven)" if missing else ""


@contextlib.contextmanager
def frost_target(**options: bool) -> Iterator[Target]:
    """FROST itself; options as of `Frost`. Skips the test when its archives cannot be had."""
    with contextlib.ExitStack() as stack:
        try:
            frost = stack.enter_context(Frost(**options))  # type: ignore[arg-type]
        except NotToBeHad as reason:
            _skip(str(reason))
        yield Target(frost.root, frost.mqtt, settle=200)


@contextlib.contextmanager
def nabe(*, tasking: bool = False) -> Iterator[Target]:
    """Nabe with an open laboratory: a dataset which anybody may read and write without signing in.

    `tasking`: whether its root names Tasking, which ets-sta10 does not bear and FROST's tests ask for. This is the one place where it is started for suites and benchmark: `nabe serve` on a workspace of its own. A running one
    can be named instead: NABE_STA_ROOT=http://127.0.0.1:8080/sta/v1.1 and NABE_STA_MQTT=127.0.0.1:1883.
    """
    root = os.environ.get("NABE_STA_ROOT", "").rstrip("/")
    if root:
        yield Target(root, address(os.environ.get("NABE_STA_MQTT", "")), without="" if tasking else "tasking")
        return
    with tempfile.TemporaryDirectory(prefix="nabe-labor-") as folder, contextlib.ExitStack() as stack:
        port, mqtt = _free_port(), _free_port()
        for name, text in _LABORATORY.items():
            path = Path(folder) / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.format(port=port, mqtt=mqtt, tasking=str(tasking).lower()))
        nabe = [sys.executable, "-c", "from nabe.cli import main; main()"]
        subprocess.run([*nabe, "apply", "--yes", "-w", folder], check=True, capture_output=True)
        with (Path(folder) / "log").open("wb") as log:
            command = [*nabe, "serve", "--port", str(port), "-w", folder]
            server = stack.enter_context(subprocess.Popen(command, stdout=log, stderr=log))
            stack.callback(server.wait)
            stack.callback(server.terminate)
            root = f"http://127.0.0.1:{port}/sta/v1.1"
            _until_it_answers(root)
            yield Target(root, ("127.0.0.1", mqtt), without="" if tasking else "tasking")


_LABORATORY = {
    "nabe.yaml": "kind: city\nid: labor\ntitle: Labor\nbase_uri: http://127.0.0.1:{port}\n"
    "server: {{client_requests: 1000, mqtt_port: {mqtt}, log_level: warning, tasking: {tasking}}}\n",
    "organisations/labor.yaml": "id: labor\ntitle: Labor\ntype: municipality\n",
    "systems/netz.yaml": "id: netz\ntitle: Netz\nadapter: sensing\nowner: labor\n",
    "datasets/labor.yaml": "id: labor\ntitle: Labor\nowner: labor\nsystem: netz\naccess: open\nmode: stream\n"
    "stream: {{writers: [anonymous]}}\n",
}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until_it_answers(root: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(root, timeout=5).close()
            return
        time.sleep(0.1)
    raise NotToBeHad(f"Nabe does not answer at {root}")


@contextlib.contextmanager
def nabe_target(*, tasking: bool = False) -> Iterator[Target]:
    """Nabe for a test, which is skipped when it cannot be had."""
    with contextlib.ExitStack() as stack:
        try:
            target = stack.enter_context(nabe(tasking=tasking))
        except NotToBeHad as reason:
            _skip(str(reason))
        yield target


def address(text: str) -> tuple[str, int] | None:
    """host:port; none if empty."""
    parts = urlsplit(f"//{text}")
    return (parts.hostname or "127.0.0.1", parts.port or 1883) if text else None


def _skip(reason: str) -> NoReturn:
    import pytest

    pytest.skip(reason)
