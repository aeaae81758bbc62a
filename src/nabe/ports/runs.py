"""The history of reaches into silos, and who is at work on what."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Protocol

from nabe.model.lake import Run, RunState


class Runs(Protocol):
    """Several processes take turns: what one is at work on, no other begins."""

    def begin(self, kind: str, system: str, dataset: str, *, at: dt.datetime, until: dt.datetime) -> int | None:
        """Number of a new run; None while another one of this kind and dataset is at work.

        One whose time `until` is over was interrupted: it is marked so and does not stand in the way.
        """

    def extend(self, number: int, until: dt.datetime) -> None:
        """The run is still at work."""

    def end(
        self,
        number: int,
        state: RunState,
        *,
        at: dt.datetime,
        rows: int = -1,
        bytes: int = -1,
        detail: str = "",
        version: int = 0,
    ) -> Run:
        """The run is over."""

    def list(self, *, system: str = "", dataset: str = "", limit: int = 100) -> list[Run]:
        """Runs, newest first."""

    def latest(self) -> Mapping[tuple[str, str, str], Run]:
        """The newest run of each (kind, system, dataset)."""

    def prune(self, keep: int) -> int:
        """Forget all but the newest `keep` runs of each system; how many went."""
