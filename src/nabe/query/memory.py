"""Small tables kept parsed in memory, and sealed scans answered from them: the hot path of the web interfaces."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nabe.model.expr import AllRows, And, BBox, Expr, Not, Or, both, conjuncts, fields_of
from nabe.model.query import Order, SealedScan
from nabe.ports.source import Batches, Capabilities
from nabe.query.evaluate import Bounds, finish, matches, scan_schema
from nabe.query.lookup import Lookup

#: A table larger than this is not kept (bytes of Arrow), and all together no more than that.
TABLE_LIMIT = 64 * 1024 * 1024
TOTAL_LIMIT = 256 * 1024 * 1024
_FIRST_SLICE = 16_384
_SLICE = 65_536


class MemoryTable:
    """A dataset's rows in exactly the types of its schema, with the bounding boxes of its geometries."""

    def __init__(self, table: pa.Table) -> None:
        batches = table.combine_chunks().to_batches()
        self.rows: pa.RecordBatch = batches[0] if batches else pa.RecordBatch.from_pylist([], schema=table.schema)
        self.nbytes = table.nbytes
        self._lookup = Lookup(self.rows)
        self._pages = Pages()

    def answer(self, scan: SealedScan) -> Batches:
        """The scan's rows, in its order of evaluation."""
        if scan.rounding or scan.floor is not None:
            return finish(Batches(self.rows.schema, iter([self.rows])), scan, Capabilities())
        schema = scan_schema(scan)
        where = both(scan.allowed, scan.where)
        if scan.order:
            return Batches(schema, iter([self._taken(self._ordered(scan, where), schema)]))
        return Batches(schema, self._walk(scan, where, schema))

    def count(self, scan: SealedScan) -> int:
        """Exact number of rows without limit and offset."""
        where = both(scan.allowed, scan.where)
        if scan.rounding or scan.floor is not None:
            whole = finish(Batches(self.rows.schema, iter([self.rows])), _unlimited(scan), Capabilities())
            return sum(batch.num_rows for batch in whole.batches)
        return self.rows.num_rows if isinstance(where, AllRows) else len(self._all_found(where))

    def _walk(self, scan: SealedScan, where: Expr, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Slice after slice until the limit is reached: a page of a large table looks at little of it."""
        skip, left = scan.offset, scan.limit
        known = self._looked_up(where)
        if known is not None:
            page = known[skip : None if left is None else skip + left]
            for first in range(0, len(page), _SLICE):
                yield self._taken(page[first : first + _SLICE], schema)
            return
        start, size = 0, _FIRST_SLICE
        if isinstance(where, AllRows):
            start, skip = min(skip, self.rows.num_rows), 0
        while start < self.rows.num_rows and (left is None or left > 0):
            if isinstance(where, AllRows):
                length = min(_SLICE, self.rows.num_rows - start, _SLICE if left is None else left)
                part = self._shaped(self.rows.slice(start, length), schema)
                start += length
            else:
                length = min(size, self.rows.num_rows - start)
                found = self._found(where, start, length)
                start, size = start + length, _SLICE
                if skip >= len(found):
                    skip -= len(found)
                    continue
                part = self._taken(found[skip : None if left is None else skip + left], schema)
                skip = 0
            if left is not None:
                left -= part.num_rows
            if part.num_rows:
                yield part

    def _all_found(self, where: Expr) -> Any:
        """Positions of all rows that the filter wants."""
        found = self._looked_up(where)
        if found is None:
            found = self._found(where, 0, self.rows.num_rows)
            self._pages.put(where, found)
        return found

    def _looked_up(self, where: Expr) -> Any:
        """Positions of all rows that the filter wants where there is a short way to them, else None."""
        if isinstance(where, AllRows):
            return None
        known = self._pages.get(where)
        if known is not None:
            return known
        parts = list(conjuncts(where))
        best = self._lookup.best(parts)
        if best is None:
            return None
        positions, used = best
        parts.remove(used)
        found = self._remaining(And(tuple(parts)), positions)
        self._pages.put(where, found)
        return found

    def _remaining(self, rest: And, positions: Any) -> Any:
        """Those of the rows at `positions` that the rest of a filter wants, too."""
        if not rest.parts or not len(positions):
            return positions
        chosen = self.rows.select(list(dict.fromkeys(fields_of(rest)))).take(pa.array(positions))
        mask = pc.fill_null(matches(rest, chosen), False)
        return positions[mask.to_numpy(zero_copy_only=False)]

    def _found(self, where: Expr, start: int, length: int) -> Any:
        """Positions of the rows that the filter wants within a slice. Boxes first: they are cheap and leave few rows."""
        boxes = [part for part in conjuncts(where) if isinstance(part, BBox)]
        rest = And(tuple(part for part in conjuncts(where) if not isinstance(part, BBox)))
        if not boxes:
            return self._matching(where, self.rows.slice(start, length), start, length) + start
        inside = np.ones(length, dtype=bool)
        for box in boxes:
            inside &= self._sides(box.field, start, length).touches(box)
        return self._remaining(rest, np.flatnonzero(inside) + start)

    def _matching(self, where: Expr, part: pa.RecordBatch, start: int, length: int) -> Any:
        bounds = {field: self._sides(field, start, length) for field in _box_fields(where)}
        mask = pc.fill_null(matches(where, part, bounds), False)
        return np.flatnonzero(mask.to_numpy(zero_copy_only=False))

    def _sides(self, field: str, start: int, length: int) -> Bounds:
        """The bounding boxes of a slice of a geometry field; computed once for all rows."""
        view = Bounds.__new__(Bounds)
        view.sides = self._lookup.bounds(field).sides[:, start : start + length]
        return view

    def _ordered(self, scan: SealedScan, where: Expr) -> Any:
        order: dict[str, Order] = {}
        for item in scan.order:
            order.setdefault(item.field, item)
        keys = self.rows.select(list(order))
        found = None if isinstance(where, AllRows) else self._all_found(where)
        if found is not None:
            keys = keys.take(pa.array(found))
        sort_keys = [
            (field, "descending" if item.descending else "ascending", "at_end") for field, item in order.items()
        ]
        sorted_ = pc.sort_indices(keys, sort_keys=sort_keys).to_numpy()
        stop = None if scan.limit is None else scan.offset + scan.limit
        page = sorted_[scan.offset : stop]
        return page if found is None else found[page]

    def _taken(self, positions: Any, schema: pa.Schema) -> pa.RecordBatch:
        taken = pa.array(positions)
        if not schema.names:
            return _no_columns(len(positions))
        return pa.RecordBatch.from_arrays([self.rows.column(name).take(taken) for name in schema.names], schema=schema)

    def _shaped(self, part: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        if not schema.names:
            return _no_columns(part.num_rows)
        return pa.RecordBatch.from_arrays([part.column(name) for name in schema.names], schema=schema)


class Pages:
    """Positions that filters found, the latest few: a question is counted and then paged through.

    Filters are told apart by how they are written, not by `==`, for which 1, 1.0 and True are one value.
    """

    _MOST = 16
    _BYTES = 4 * 1024 * 1024

    def __init__(self) -> None:
        self._kept: OrderedDict[str, Any] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, where: Expr) -> Any:
        """The positions, or None if they are not known any more."""
        if not self._kept:
            return None
        key = repr(where)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, where: Expr, found: Any) -> None:
        """Keep them, if they are not too many, in place of older ones."""
        if found.nbytes > self._BYTES // 2:
            return
        with self._lock:
            self._kept[repr(where)] = found
            while len(self._kept) > self._MOST or sum(item.nbytes for item in self._kept.values()) > self._BYTES:
                self._kept.popitem(last=False)


def _no_columns(rows: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_struct_array(pa.array([{}] * rows, pa.struct([])))


def _unlimited(scan: SealedScan) -> SealedScan:
    return replace(scan, limit=None, offset=0, order=())


def _box_fields(where: Expr) -> set[str]:
    """Geometry fields that a filter looks at through a box."""
    match where:
        case And(parts) | Or(parts):
            return {field for part in parts for field in _box_fields(part)}
        case Not(part):
            return _box_fields(part)
        case BBox(field):
            return {field}
    return set()


class TableCache:
    """Tables by key, the least recently used forgotten first; a key is loaded by one thread while others wait."""

    def __init__(self, total: int = TOTAL_LIMIT) -> None:
        self._total = total
        self._tables: OrderedDict[Hashable, MemoryTable] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> MemoryTable | None:
        """The table, now the most recently used."""
        with self._lock:
            table = self._tables.get(key)
            if table is not None:
                self._tables.move_to_end(key)
            return table

    def put(self, key: Hashable, table: MemoryTable) -> None:
        """Keep a table, forgetting others where there is no room."""
        with self._lock:
            self._tables[key] = table
            while len(self._tables) > 1 and sum(item.nbytes for item in self._tables.values()) > self._total:
                self._tables.popitem(last=False)

    def drop(self, key: Hashable) -> None:
        """Forget a table that has been replaced."""
        with self._lock:
            self._tables.pop(key, None)

    def forget(self, owner: Hashable) -> None:
        """Drop the tables of an owner (the first part of their keys)."""
        with self._lock:
            for key in [key for key in self._tables if isinstance(key, tuple) and key[0] == owner]:
                del self._tables[key]
