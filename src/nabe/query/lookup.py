"""Ways to rows of a table in memory that spare looking at each of them: by a text's value, by a box.

Each way is made when it is first asked for and means exactly what `query.evaluate.matches` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from nabe.model.expr import BBox, Compare, Expr, In, Op
from nabe.query.evaluate import Bounds

#: A column with more different values than this is searched instead: a way to each would cost more than it saves.
_MOST_VALUES = 10_000

Positions = Any  # np.ndarray of row numbers, ascending


class Lookup:
    """Ways into one table, which never changes."""

    def __init__(self, rows: pa.RecordBatch) -> None:
        self._rows = rows
        self._bounds: dict[str, Bounds] = {}
        self._boxes: dict[str, _ByWest] = {}
        self._values: dict[str, _ByValue | None] = {}

    def bounds(self, field: str) -> Bounds:
        """The bounding boxes of a geometry field."""
        if field not in self._bounds:
            self._bounds[field] = Bounds(self._rows.column(field))
        return self._bounds[field]

    def best(self, parts: Sequence[Expr]) -> tuple[Positions, Expr] | None:
        """Rows that one of these conditions wants, and that condition; None if there is no way for any of them."""
        found = [(positions, part) for part in parts if (positions := self._positions(part)) is not None]
        return min(found, key=lambda item: len(item[0]), default=None)

    def _positions(self, part: Expr) -> Positions | None:
        match part:
            case Compare(field, Op.EQ, str(value)):
                way = self._by_value(field)
                return None if way is None else way.positions(value)
            case In(field, values) if all(isinstance(value, str) for value in values):
                way = self._by_value(field)
                if way is None:
                    return None
                found = [way.positions(str(value)) for value in dict.fromkeys(values)]
                return np.sort(np.concatenate(found)) if found else np.empty(0, np.int64)
            case BBox(field) if part.west <= part.east:
                if field not in self._boxes:
                    self._boxes[field] = _ByWest(self.bounds(field))
                return self._boxes[field].positions(part)
        return None

    def _by_value(self, field: str) -> _ByValue | None:
        if field not in self._values:
            column = self._rows.column(field)
            way = _ByValue.of(column) if pa.types.is_string(column.type) else None
            self._values[field] = way
        return self._values[field]


class _ByValue:
    """Rows by the value of a column of texts."""

    def __init__(self, codes: dict[str, int], order: Positions, starts: Positions) -> None:
        self._codes, self._order, self._starts = codes, order, starts

    @classmethod
    def of(cls, column: pa.Array) -> _ByValue | None:
        encoded = column.dictionary_encode()
        count = len(encoded.dictionary)
        if count > _MOST_VALUES:
            return None
        codes = encoded.indices.fill_null(count).to_numpy(zero_copy_only=False)
        # Stable, so that the rows of one value keep their order.
        order = np.argsort(codes, kind="stable")
        starts = np.searchsorted(codes[order], np.arange(count + 1))
        return cls({value: code for code, value in enumerate(encoded.dictionary.to_pylist())}, order, starts)

    def positions(self, value: str) -> Positions:
        code = self._codes.get(value)
        return self._order[self._starts[code] : self._starts[code + 1]] if code is not None else self._order[:0]


class _ByWest:
    """Rows by the western side of their box: what a box may touch lies in one stretch of them."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        west, _, east, _ = bounds.sides
        there = np.flatnonzero(~np.isnan(west))
        self._order = there[np.argsort(west[there], kind="stable")]
        self._sides = bounds.sides[:, self._order]
        widths = east[there] - west[there]
        self._widest = float(widths.max(initial=0.0))

    def positions(self, box: BBox) -> Positions:
        west, south, east, north = self._sides
        # Sums of rounded numbers may be off by a little: the four comparisons below decide, this only narrows.
        first = np.searchsorted(west, np.nextafter(box.west - self._widest, -np.inf) - 1e-9)
        last = np.searchsorted(west, box.east, side="right")
        if 8 * (last - first) > len(west):  # so much is looked at that sorting it costs more than looking at all
            return np.flatnonzero(self._bounds.touches(box))
        part = slice(int(first), int(last))
        inside = (east[part] >= box.west) & (north[part] >= box.south) & (south[part] <= box.north)
        return np.sort(self._order[part][inside])
