"""Where the city's declarations are kept."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from nabe.model.catalogue import Change, Revision, Snapshot


class Catalogue(Protocol):
    def snapshot(self) -> Snapshot:
        """The current declarations; the same object as long as nothing changed (also by other processes)."""

    def commit(self, changes: Sequence[Change], *, author: str, at: dt.datetime, expect: int) -> int:
        """All changes or none; the new version. `Conflict` if the current version is not `expect`."""

    def history(self, kind: str = "", id: str = "", limit: int = 100) -> list[Revision]:
        """Revisions, newest first; of one kind or document if named."""
