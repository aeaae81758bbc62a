"""The store of observations: from a few a day to a billion."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from nabe.model.observation import Bucket, ObservationScan, Summary


class Observations(Protocol):
    """Thread-safe; several processes may use one store. Tables have `model.observation.OBSERVATION_SCHEMA`.

    What is appended, replaced or removed is seen by every later read, in this process at once and in others soon.
    Every method may raise `SourceUnavailable` (disk full, database away): then nothing was changed.
    """

    def append(self, incoming: pa.Table, *, key: str = "") -> np.ndarray:
        """Keep rows of `INCOMING_SCHEMA` (absent columns are null); their ids (int64) in order, when they are durable.

        `key`: identifies the delivery; the same key again (within at least a day) adds nothing and gives the ids
        of the first time. Callers on several threads share one commit.
        """

    def read(self, scan: ObservationScan) -> Iterator[pa.RecordBatch]:
        """Rows in order, streamed, only `scan.columns` (None: all)."""

    def count(self, scan: ObservationScan) -> int:
        """How many there are without limit, offset and after. Without `where` and `span` this reads no rows."""

    def aggregate(self, scan: ObservationScan, bucket: Bucket) -> pa.Table:
        """Per stream and bucket, ordered so: stream, time (start of the bucket), count, mean, minimum, maximum, first, last

        of `number` (rows without one are not counted).
        """

    def summaries(self, streams: Sequence[int] | None = None) -> Mapping[int, Summary]:
        """What each stream holds (None: all streams that ever held something)."""

    def replace(self, rows: pa.Table) -> int:
        """Put these (whole rows, by id) in the place of those there; how many were there."""

    def remove(self, scan: ObservationScan) -> int:
        """Remove for good what the scan wants (limit and offset count); how many. After `compact` no file holds it."""

    def compact(self, progress: Callable[[float], None] = lambda _: None, *, whole: bool = False) -> None:
        """Move what is fresh into history, merge, and erase what was removed. `whole`: everything, not only what is due."""


class BulkObservations(Protocol):
    """A store that can be filled past the row path (`nabe load`)."""

    def load(self, tables: Iterator[pa.Table], progress: Callable[[int], None] = lambda _: None) -> int:
        """Keep all rows of `INCOMING_SCHEMA`, all or none; how many."""
