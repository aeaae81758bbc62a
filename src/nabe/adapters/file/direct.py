"""All rows of texts that are divided line by line, without DuckDB: columns of tidy cells turned at once, in Arrow.

Columns of which a cell is not tidy are turned by the plan's own SQL, block by block: the values are the same either way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from nabe.adapters.file.geometry import to_wkb
from nabe.adapters.file.part import Part
from nabe.adapters.file.plan import Plan, Source
from nabe.adapters.file.silo import Silo
from nabe.adapters.file.translate import name
from nabe.model.dataset import Field
from nabe.model.schema import arrow_schema
from nabe.ports.source import Batches

#: Columns read at once: each takes up to 3 MB of DuckDB's memory for the steps from text to value, however few its rows.
WIDE = 24
_BLOCK = "nabe_block"


def read_directly(silo: Silo, plan: Plan, fields: Sequence[Field]) -> Batches | None:
    """All rows of a plan's files with these fields; None where DuckDB has to divide them."""
    if not fields or any(part.lines is None for part in plan.parts):
        return None
    schema = arrow_schema(fields)
    stopped = False

    def close() -> None:
        nonlocal stopped
        stopped = True

    def rows() -> Iterator[pa.RecordBatch]:
        shown = plan.parts[0].shown
        cursor = silo.desk.cursor()
        try:
            for part, sources in zip(plan.parts, plan.sources, strict=True):
                shown = part.shown
                needs = {column for field in schema for column in sources[field.name].needs}
                assert part.lines is not None
                for block in part.lines.batches(sorted(needs)):
                    if stopped:
                        return
                    yield _turned(silo, plan, part, sources, block, schema, cursor)
        except (duckdb.Error, pa.ArrowException, OSError) as error:
            raise silo.desk.error(error, shown) from None
        finally:
            cursor.close()

    return Batches(schema, rows(), close)


def _turned(
    silo: Silo,
    plan: Plan,
    part: Part,
    sources: Mapping[str, Source],
    block: pa.RecordBatch,
    schema: pa.Schema,
    cursor: Any,
) -> pa.RecordBatch:
    """A block of text in the fields' types."""
    columns = {item: _at_once(sources[item], block) for item in schema.names}
    left = [item for item, column in columns.items() if column is None]
    if left:
        lines = replace(part, relation=lambda *_: name(_BLOCK))
        one = Plan(plan.dataset, (lines,), (dict(sources),), plan.geometry)
        cursor.register(_BLOCK, pa.Table.from_batches([block]))
        for at in range(0, len(left), WIDE):
            items = left[at : at + WIDE]
            relation, sql = one.relation(cursor, items)
            shown = ", ".join(f"{sql[item]} AS {name(item)}" for item in items)
            with silo.desk.watched(cursor):
                found = cursor.execute(f"SELECT {shown} FROM {relation}").to_arrow_table().combine_chunks()
            columns |= {item: found[item].chunk(0) for item in items}
        cursor.unregister(_BLOCK)
    exact = [exact_column(plan, field, columns[field.name]) for field in schema]
    return pa.RecordBatch.from_arrays(exact, schema=schema)


def _at_once(source: Source, block: pa.RecordBatch) -> pa.Array | None:
    return None if source.tidy is None else source.tidy(block.column(source.needs[0]))


def exact_column(plan: Plan, field: pa.Field, column: pa.Array) -> pa.Array:
    """The column as the field's type, geometry made."""
    if field.name in plan.geometry:
        column = to_wkb(column, *plan.geometry[field.name])
    if column.null_count == len(column):  # a field that these files lack is of no type
        return pa.nulls(len(column), field.type)
    return column if column.type == field.type else pc.cast(column, field.type)
