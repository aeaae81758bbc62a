"""Copies of datasets in the lake (versions), and the runs that made them."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Version:
    """One copy of a dataset, never changed. `at`: when its reading began, the moment for which it stands.

    `digest` tells its content from others'; `fields`: those it holds.
    """

    dataset: str
    number: int
    at: dt.datetime
    rows: int
    bytes: int
    digest: str = ""
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """How well the newest version stands for the silo. `confirmed`: when it was last known to be what the silo holds.

    `tried`: the last attempt, `failures`: how many failed since, `why` the last one did (no data, no secrets), `final`:
    trying again does not help, the silo's owner must act. `mark`, `columns`: the silo's, `declared`: the declaration's
    state when it was confirmed (see `Version`).
    """

    confirmed: dt.datetime | None = None
    tried: dt.datetime | None = None
    failures: int = 0
    why: str = ""
    final: bool = False
    mark: str = ""
    columns: tuple[str, ...] = ()
    declared: str = ""

    @property
    def stale(self) -> bool:
        """Did the last attempt fail?"""
        return self.failures > 0


class RunState(StrEnum):
    """How a run ended."""

    RUNNING = "running"
    DONE = "done"  # there is a new version
    UNCHANGED = "unchanged"  # the silo holds what the newest version holds
    FAILED = "failed"  # the silo did not answer; it is tried again
    REFUSED = "refused"  # the silo answers with something else than declared: its owner must act
    INTERRUPTED = "interrupted"  # the process that ran it ended


@dataclass(frozen=True, slots=True)
class Run:
    """One reach into a silo on schedule or on demand. `detail`: why it failed, or what was noticed; never data values."""

    number: int
    kind: str
    system: str
    dataset: str
    started: dt.datetime
    ended: dt.datetime | None = None
    state: RunState = RunState.RUNNING
    rows: int = -1
    bytes: int = -1
    detail: str = ""
    version: int = 0
