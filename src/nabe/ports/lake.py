"""Where copies of datasets are kept, version by version."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from nabe.model.dataset import Dataset
from nabe.model.lake import Standing, Version
from nabe.ports.source import Batches, Source


@dataclass(frozen=True, slots=True)
class Written:
    """What came of writing: the version that holds the rows, and whether it is a new one."""

    version: Version
    fresh: bool


class Lake(Protocol):
    """Versions appear whole or not at all, however the process ends, and are readable by several processes."""

    def write(self, dataset: Dataset, batches: Batches, *, at: dt.datetime) -> Written:
        """Keep all rows (closes `batches`). The same rows as the newest version's make no new one.

        Raises what the batches raise (nothing is kept then), `SourceRefused` for no rows at all after some (unless
        `dataset.snapshots.allow_empty`), and `SourceUnavailable("nabe-lake")` when the disk cannot take them. Versions
        beyond `keep` are removed.
        """

    def versions(self, dataset: str) -> list[Version]:
        """Newest first."""

    def standing(self, dataset: str) -> Standing:
        """How the newest version stands for the silo."""

    def stand(self, dataset: str, standing: Standing) -> None:
        """Remember how it stands."""

    def source(self, as_of: dt.datetime | None = None) -> Source:
        """All versions as a source: of each dataset the newest one, or the one that stood at `as_of`.

        It raises `SourceUnavailable` for a dataset without any, `Invalid` when all are younger, `SourceRefused` for a
        field that was declared after the newest was taken.
        """

    def forget(self, dataset: str, before: dt.datetime | None = None) -> int:
        """Remove versions that were read before this moment (None: all); how many. What is gone cannot come back."""

    def datasets(self) -> list[str]:
        """Ids of the datasets that have versions, declared or not."""
