"""Back-fill: very many observations at once, past the row path, under the same rules as any other."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import numpy as np
import pyarrow as pa

from nabe.errors import Invalid
from nabe.hub.sensing.booking import Booking
from nabe.hub.sensing.observing import checked
from nabe.hub.sensing.seeing import Seeing
from nabe.hub.sensing.storing import Storing, permission
from nabe.hub.sensing.writing import Rights
from nabe.model.entities import STREAMS
from nabe.ports.entities import Entities, EntityScan
from nabe.ports.observations import BulkObservations, Observations


class Loading:
    """Checked and minimised like single ones; one line in the ledger. Watchers are not told: nothing new has happened."""

    def __init__(
        self, seeing: Seeing, storing: Storing, entities: Entities, observations: Observations, booking: Booking
    ) -> None:
        self._seeing, self._storing, self._entities = seeing, storing, entities
        self._observations, self._booking = observations, booking

    def streams(self, rights: Rights, dataset: str) -> Mapping[str, tuple[int, ...]]:
        """Ids of a dataset's streams by name. `Unknown`, `Denied`."""
        refusal = permission(self._seeing, rights)(dataset)
        if refusal is not None:
            raise refusal
        found: dict[str, tuple[int, ...]] = {}
        for type in sorted(STREAMS):
            for entity in self._entities.find(EntityScan(type, frozenset({dataset}))):
                name = str(entity.values.get("name", ""))
                found[name] = (*found.get(name, ()), entity.id)
        return found

    def load(
        self, rights: Rights, dataset: str, tables: Iterator[pa.Table], progress: Callable[[int], None], interface: str
    ) -> int:
        """All of these observations of streams of one dataset, or none."""
        may = permission(self._seeing, rights)
        refusal = may(dataset)
        if refusal is not None:
            raise refusal
        if not hasattr(self._observations, "load"):
            raise Invalid("The store of observations cannot be filled in bulk.")
        kept = _Kept()
        storing = copy.copy(self._storing)
        storing._observations = cast(Any, kept)
        rows: Counter[str] = Counter()

        def ready() -> Iterator[pa.Table]:
            for incoming in tables:
                found = checked(incoming, self._entities, may)
                strange = [name for name in found.datasets if name != dataset]
                if strange:
                    raise Invalid(f"A stream belongs to {strange[0]!r}, not to {dataset!r}.", field="stream")
                storing._fill(found)
                storing._keep(found, "")
                for table in kept.taken():
                    rows[dataset] += table.num_rows
                    yield table

        count = cast(BulkObservations, self._observations).load(ready(), progress)
        self._booking.at_once(rights.actor, "observed", dataset, count, interface, "loaded")
        return count


class _Kept:
    """Stands where the store does, and holds what would be stored."""

    def __init__(self) -> None:
        self._tables: list[pa.Table] = []

    def append(self, incoming: pa.Table, *, key: str = "") -> np.ndarray:
        self._tables.append(incoming)
        return np.zeros(incoming.num_rows, np.int64)

    def taken(self) -> list[pa.Table]:
        """What has come since."""
        found, self._tables = self._tables, []
        return found
