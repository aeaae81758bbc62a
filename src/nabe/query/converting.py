"""Numbers of a silo in the unit that its dataset declares: the one place where values are converted, for all adapters.

A source whose dataset has converted fields is wrapped. The wrapper claims only what the silo can do without looking at a
converted field; every other step it takes off the scan before the silo sees it, and the hub does it on converted values.
So a filter can never compare 1.5 kWh with the silo's 1500 Wh. docs/decisions/0006-units.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from nabe.errors import SourceRefused
from nabe.model.dataset import Dataset, FieldType
from nabe.model.expr import ALL_ROWS, fields_of
from nabe.model.query import SealedScan
from nabe.model.units import Conversion, NotConvertible, conversion
from nabe.ports.source import Batches, CanCount, Capabilities, Source
from nabe.query.needs import left_over, needed_fields


def conversions(dataset: Dataset) -> dict[str, Conversion]:
    """Field -> how its numbers are converted. `SourceRefused` names a field that cannot be."""
    found: dict[str, Conversion] = {}
    for field in dataset.fields:
        if not field.source_unit or field.source_unit == field.unit:
            continue
        try:
            if field.type is not FieldType.NUMBER:
                raise NotConvertible(f"only numbers can be converted, not {field.type.value}")
            how = conversion(field.source_unit, field.unit)
        except NotConvertible as error:
            raise SourceRefused(
                dataset.system, f"field {field.name!r} of {dataset.id!r}: {error}.", hint="Correct unit or source_unit."
            ) from None
        if not how.identity:
            found[field.name] = how
    return found


def converted(source: Source, scan: SealedScan) -> Source:
    """The source itself, or one that converts what this scan's dataset declares."""
    how = conversions(scan.dataset)
    if not how:
        return source
    return (_Counting if isinstance(source, CanCount) else Converting)(source, scan, how)


class Converting:
    """A source for one scan. It has no `mount` and no `run_sql`: there the silo's own numbers would meet the asker's SQL."""

    def __init__(self, source: Source, scan: SealedScan, how: dict[str, Conversion]) -> None:
        self._source = source
        self._how = how
        self.capabilities = _without(source.capabilities, scan, frozenset(how))

    def check(self) -> None:
        """As the source's own."""
        self._source.check()

    def read(self, scan: SealedScan) -> Batches:
        """Rows in declared units; the steps that `capabilities` leave out are not passed on."""
        found = self._source.read(self._passed_on(scan))
        at = {name: found.schema.get_field_index(name) for name in self._how if name in found.schema.names}
        schema = found.schema
        for position in at.values():
            schema = schema.set(position, schema.field(position).with_type(pa.float64()))
        batches = _convert(found.batches, schema, {at[name]: self._how[name] for name in at})
        return Batches(schema, batches, found.close, found.stale_since)

    def estimate(self, scan: SealedScan) -> int:
        """About how many rows the silo delivers."""
        return self._source.estimate(self._passed_on(scan))

    def explain(self, scan: SealedScan) -> str:
        """What the silo is asked, and what is converted."""
        asked: Any = getattr(self._source, "explain", None)
        told = ", ".join(f"{name} from {field.source_unit} to {field.unit}" for name, field in self._fields(scan))
        return f"{asked(self._passed_on(scan)) if asked else 'rows'}; then {told} converted"

    def close(self) -> None:
        """As the source's own."""
        self._source.close()

    def _fields(self, scan: SealedScan) -> list[tuple[str, Any]]:
        return [(field.name, field) for field in scan.dataset.fields if field.name in self._how]

    def _passed_on(self, scan: SealedScan) -> SealedScan:
        """The scan without the steps that are the hub's, for the fields that those need."""
        left = left_over(scan, self.capabilities)
        return replace(
            scan,
            fields=needed_fields(scan, self.capabilities),
            allowed=ALL_ROWS if "allowed" in left else scan.allowed,
            rounding=() if "rounding" in left else scan.rounding,
            floor=None if "floor" in left else scan.floor,
            where=ALL_ROWS if "where" in left else scan.where,
            order=() if "order" in left else scan.order,
            limit=None if "order" in left else scan.limit,
            offset=0 if "order" in left else scan.offset,
        )


class _Counting(Converting):
    """One that can count, too, as long as no converted field is looked at."""

    def count(self, scan: SealedScan) -> int:
        """Exact number of rows without limit and offset."""
        plain = replace(scan, order=(), limit=None, offset=0)
        if not left_over(plain, self.capabilities):
            assert isinstance(self._source, CanCount)
            return self._source.count(plain)
        from nabe.query.evaluate import finish

        found = finish(self.read(plain), plain, self.capabilities)
        try:
            return sum(batch.num_rows for batch in found.batches)
        finally:
            found.close()


def _without(able: Capabilities, scan: SealedScan, changed: frozenset[str]) -> Capabilities:
    """What the silo can still do although it knows these fields in another unit."""
    floor = scan.floor
    grouped = set() if floor is None else {*floor.cells, *floor.measures, floor.subject}
    rounded = {name for name, _ in scan.rounding}
    filtered = {*fields_of(scan.allowed), *fields_of(scan.where)}
    return replace(
        able,
        sql="",
        filter=able.filter and not filtered & changed,
        floor=able.floor and not (grouped | rounded) & changed,
        order=able.order and not {order.field for order in scan.order} & changed,
    )


def _convert(
    batches: Iterator[pa.RecordBatch], schema: pa.Schema, how: dict[int, Conversion]
) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        columns = [convert(column, how[at]) if at in how else column for at, column in enumerate(batch.columns)]
        yield pa.RecordBatch.from_arrays(columns, schema=schema) if columns else batch


def convert(values: pa.Array, how: Conversion) -> pa.Array:
    """Numbers in another unit, rounded as few times as floating point allows; missing ones stay missing."""
    numbers = pc.cast(values, pa.float64())
    top, bottom = how.factor.numerator, how.factor.denominator
    if max(top, bottom) < 2**53:
        if top != 1:
            numbers = pc.multiply(numbers, float(top))
        if bottom != 1:
            numbers = pc.divide(numbers, float(bottom))
    else:
        numbers = pc.multiply(numbers, float(how.factor))
    return pc.add(numbers, float(how.offset)) if how.offset != Fraction(0) else numbers
