"""The first rows of an ordered answer: when so many came that no later row can belong to them. Pure."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from nabe.model.expr import ALL_ROWS
from nabe.model.query import SealedScan
from nabe.query.evaluate import keep


def wants_first(scan: SealedScan) -> bool:
    """Does the scan want the first rows by one field, with nothing done to the rows before but filters?"""
    plain = scan.floor is None and not scan.rounding
    return plain and len(scan.order) == 1 and scan.limit is not None and 0 < scan.limit + scan.offset <= 10_000


class First:
    """Counts the rows that the scan wants, as the hub filters them. One per answer.

    Rows without a value come last for the hub, wherever they come here: they do not count. A service that does not
    keep to the order after all is read to its end.
    """

    def __init__(self, scan: SealedScan) -> None:
        assert scan.limit is not None
        self._field, self._descending = scan.order[0].field, scan.order[0].descending
        self._filters = [part for part in (scan.allowed, scan.where) if part != ALL_ROWS]
        self.wanted = scan.limit + scan.offset
        self._left = self.wanted
        self._last: pa.Scalar | None = None
        self._broken = False

    def has_enough(self, batch: pa.RecordBatch) -> bool:
        """After each batch: is every row that comes now behind those that are wanted?"""
        values = batch.column(self._field).drop_null()
        if len(values):
            self._broken |= not self._follows(values)
            self._last = values[-1]
        kept = batch
        for part in self._filters:
            kept = keep(part, kept)
        self._left -= kept.num_rows - kept.column(self._field).null_count
        return self._left <= 0 and not self._broken

    def _follows(self, values: pa.Array) -> bool:
        """Are these in order, and behind the last before?"""
        if self._last is not None:
            values = pa.concat_arrays([pa.array([self._last.as_py()], values.type), values])
        compare = pc.greater_equal if self._descending else pc.less_equal
        return bool(pc.all(compare(values[:-1], values[1:]), min_count=0).as_py())
