"""Where the results of quality checks are kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from nabe.model.quality import Result


class QualityHistory(Protocol):
    """Results hold counts and keys, never other values of rows."""

    def add(self, results: Sequence[Result], *, keep: int) -> None:
        """Keep these, and of each rule at most `keep` results that say something and `keep` that do not (the newest)."""

    def results(self, datasets: Sequence[str], *, limit: int) -> list[Result]:
        """The newest `limit` results of each rule of these datasets, newest first; the newest that says something is always
        among them, however long its silo has not answered since."""


class NoHistory:
    """Keeps nothing."""

    def add(self, results: Sequence[Result], *, keep: int) -> None:
        """Forget them."""

    def results(self, datasets: Sequence[str], *, limit: int) -> list[Result]:
        """None."""
        return []
