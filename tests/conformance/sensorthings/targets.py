"""Servers that the suites are run against: `root` with the version, `mqtt` as (host, port)."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
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
def nabe() -> Iterator[Target]:
    """Nabe with an open laboratory: a dataset which anybody may read and write without signing in.

    This is the one place where it is started for suites and benchmark. Until `/sta/v1.1` is there a running one can be named:
    NABE_STA_ROOT=http://127.0.0.1:8080/sta/v1.1 and NABE_STA_MQTT=127.0.0.1:1883. Raises `NotToBeHad`.
    """
    root = os.environ.get("NABE_STA_ROOT", "").rstrip("/")
    if not root:
        raise NotToBeHad(
            "Nabe does not serve /sta/v1.1 yet; name a running server in NABE_STA_ROOT (and NABE_STA_MQTT)"
        )
    yield Target(root, address(os.environ.get("NABE_STA_MQTT", "")))


@contextlib.contextmanager
def nabe_target() -> Iterator[Target]:
    """Nabe for a test, which is skipped when it cannot be had."""
    with contextlib.ExitStack() as stack:
        try:
            target = stack.enter_context(nabe())
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
