"""What can be told of a column's distinct values in one pass and bounded memory."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from nabe.profile.hashing import Hashes
from nabe.profile.sketch import K

Counts = npt.NDArray[np.int64]

#: Longer texts are compared whole and kept by their beginning, so that polygons as text do not fill the memory.
_SHOWN = 200


class Sample:
    """The k distinct values with the smallest hashes, how often each occurs, and the values themselves.

    A uniform sample of the distinct values: complete while there are at most k. Counts are exact.
    """

    def __init__(self, kind: pa.DataType, k: int = K) -> None:
        self.k = k
        self.hashes: Hashes = np.empty(0, np.uint64)
        self.counts: Counts = np.empty(0, np.int64)
        self.values: pa.Array = pa.array([], kind)
        self.complete = True

    def add(self, hashes: Hashes, values: pa.Array, counts: Counts | None = None) -> None:
        """Take in values without missing ones; `counts` says how often each occurs (once each if not given)."""
        wanted = np.arange(len(hashes)) if self.complete else np.flatnonzero(hashes <= self.hashes[-1])
        if not len(wanted):
            return
        unique, first, inverse = np.unique(hashes[wanted], return_index=True, return_inverse=True)
        weights = np.bincount(inverse, None if counts is None else counts[wanted], len(unique)).astype(np.int64)
        at = np.searchsorted(self.hashes, unique)
        known = at < len(self.hashes)
        known[known] = self.hashes[at[known]] == unique[known]
        self.counts[at[known]] += weights[known]
        if not known.all():
            new = ~known
            shown = values.take(pa.array(wanted[first[new]]))
            if pa.types.is_string(shown.type):
                shown = pc.utf8_slice_codeunits(shown, 0, _SHOWN)
            self._merge(unique[new], weights[new], shown)

    def _merge(self, hashes: Hashes, counts: Counts, values: pa.Array) -> None:
        merged = np.concatenate([self.hashes, hashes])
        order = np.argsort(merged, kind="stable")
        if len(order) > self.k:
            order, self.complete = order[: self.k], False
        self.hashes = merged[order]
        self.counts = np.concatenate([self.counts, counts])[order]
        self.values = pa.concat_arrays([self.values, values]).take(pa.array(order))

    @property
    def distinct(self) -> int:
        """Number of distinct values: counted while complete, else estimated (standard error 1/sqrt(k), 2 %)."""
        if self.complete:
            return len(self.hashes)
        return round((self.k - 1) / (float(self.hashes[-1]) / 2.0**64))

    @property
    def repeated(self) -> bool:
        """Does a sampled value occur twice? If not, the column may be unique."""
        return bool((self.counts > 1).any())


class Budget:
    """How many hashes may be held by all exact counts together (8 bytes each)."""

    def __init__(self, hashes: int = 8_000_000) -> None:
        self.left = hashes

    def take(self, count: int) -> bool:
        """Reserve; False if there is not enough left."""
        if count > self.left:
            return False
        self.left -= count
        return True


class Exact:
    """All hashes of a column or of several together, as long as the budget lasts, to count repeated ones exactly."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._parts: list[Hashes] = []
        self.rows = 0
        self.alive = True

    def add(self, hashes: Hashes) -> None:
        """Take in one hash per row."""
        if not self.alive:
            return
        if not self._budget.take(len(hashes)):
            self.drop()
            return
        self._parts.append(hashes)
        self.rows += len(hashes)

    def drop(self) -> None:
        """Give up and free what is held."""
        self._budget.left += self.rows
        self._parts, self.alive, self.rows = [], False, 0

    def distinct(self) -> int | None:
        """The exact number of distinct hashes, or None if the budget did not last. Frees what is held."""
        if not self.alive:
            return None
        joined = np.concatenate(self._parts) if self._parts else np.empty(0, np.uint64)
        self.drop()
        joined.sort()
        return int(1 + np.count_nonzero(joined[1:] != joined[:-1])) if len(joined) else 0
