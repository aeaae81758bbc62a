"""A file that a data owner delivers for a dataset: looked at first, taken over only when it fits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found in a delivered file. `kind` is a key of `locale/*/delivery.toml`, `params` fill it; no data values."""

    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivered file, as read with the dataset's declared settings.

    `flaws`: why it does not fit (empty: it does, and waits under `id` for its word). `notes`: what to look at.
    `rows_before`: of the file it would replace; None if there is none or it may not be told. `first`: its first rows.
    """

    id: str
    dataset: str
    by: str
    name: str
    size: int
    digest: str
    rows: int = 0
    rows_before: int | None = None
    flaws: tuple[Finding, ...] = ()
    notes: tuple[Finding, ...] = ()
    first: pa.Table | None = None

    @property
    def fits(self) -> bool:
        return not self.flaws


@dataclass(frozen=True, slots=True)
class Reception:
    """May a file be delivered? `why_not`: a key of `locale/*/delivery.toml`; empty if the silo takes one."""

    permit: bool
    why_not: str = ""
