"""All rows of opened files: streamed in the types that were declared, or loaded as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pyarrow as pa

from nabe.adapters.file.desk import BATCH_ROWS
from nabe.adapters.file.direct import WIDE, exact_column, read_directly
from nabe.adapters.file.plan import Plan, make_plan
from nabe.adapters.file.silo import Silo, table_settings
from nabe.adapters.file.translate import name
from nabe.errors import SourceRefused
from nabe.model.dataset import Field, FieldType
from nabe.model.schema import arrow_schema
from nabe.ports.source import Batches
from nabe.query.memory import TABLE_LIMIT


def stream_all(silo: Silo, plan: Plan) -> Batches:
    """All rows of a plan's dataset, streamed, without the fields whose column is gone."""
    there = [field for field in plan.dataset.fields if all(field.name in found for found in plan.sources)]
    found = read_directly(silo, plan, there)
    if found is not None:
        return found
    if len(there) <= WIDE or sum(part.size for part in plan.parts) > TABLE_LIMIT:
        return _stream_fields(silo, plan, there)
    groups = (_stream_fields(silo, plan, there[at : at + WIDE]) for at in range(0, len(there), WIDE))
    tables = (pa.Table.from_batches(list(group.batches), group.schema) for group in groups)
    columns = [column for table in tables for column in table.columns]
    whole = pa.Table.from_arrays(columns, schema=arrow_schema(there))
    return Batches(whole.schema, iter(whole.to_batches(max_chunksize=BATCH_ROWS)))


def _stream_fields(silo: Silo, plan: Plan, fields: list[Field]) -> Batches:
    schema = arrow_schema(fields)

    def sql(cursor: Any) -> str:
        relation, columns = plan.relation(cursor, schema.names)
        shown = ", ".join(f"{columns[item]} AS {name(item)}" for item in schema.names) or "1 AS nabe_one"
        return f"SELECT {shown} FROM {relation}"

    return streamed(silo, plan, schema, sql)


def load(silo: Silo, plan: Plan) -> pa.Table:
    """All rows of a plan's dataset; fields whose column is gone are empty (asking for them is refused)."""
    batches = stream_all(silo, plan)
    schema = batches.schema
    table = pa.Table.from_batches(list(batches.batches), schema)
    _refuse_unfit(silo, plan, table)
    whole = arrow_schema(plan.dataset.fields)
    columns = [table[item.name] if item.name in schema.names else pa.nulls(table.num_rows, item.type) for item in whole]
    return pa.Table.from_arrays(columns, schema=whole)


def _refuse_unfit(silo: Silo, plan: Plan, table: pa.Table) -> None:
    """A column of which no value fits its declared type was declared wrongly: say so instead of showing nothing."""
    for field in plan.dataset.fields:
        if (
            field.type in (FieldType.STRING, FieldType.GEOMETRY)
            or field.name not in table.schema.names
            or not table.num_rows
        ):
            continue
        if table[field.name].null_count < table.num_rows:
            continue
        as_text = replace(plan.dataset, fields=(Field(field.name, FieldType.STRING, column=field.column),))
        settings = table_settings(silo, plan.dataset.source)
        texts = make_plan(silo.system, as_text, settings, plan.parts)
        if not all(part.rescan for part in plan.parts) or not all(texts.sources):
            continue

        def sql(cursor: Any, texts: Plan = texts, item: str = field.name) -> str:
            relation, columns = texts.relation(cursor, (item,))
            return f"SELECT {columns[item]} AS {name(item)} FROM {relation} WHERE {columns[item]} IS NOT NULL LIMIT 1"

        schema = arrow_schema(as_text.fields)
        if any(batch.num_rows for batch in streamed(silo, texts, schema, sql).batches):
            raise SourceRefused(
                silo.system,
                f"{plan.parts[0].shown!r}: no value of column {field.source_column!r} is of type {field.type.value} "
                f"(field {field.name!r} of dataset {plan.dataset.id!r}).",
                hint="Correct the field's type, or source.decimal, thousands, date_format or nulls.",
                field=field.name,
                dataset=plan.dataset.id,
            )


def streamed(silo: Silo, plan: Plan, schema: pa.Schema, sql: Any) -> Batches:
    """Batches of an SQL over the plan's relation, with geometry made and types exact."""
    _, raw, close = silo.desk.stream(sql, plan.parts[0].shown)

    def exact() -> Iterator[pa.RecordBatch]:
        for batch in raw:
            columns = [exact_column(plan, field, batch.column(field.name)) for field in schema]
            if columns:
                yield pa.RecordBatch.from_arrays(columns, schema=schema)
            else:
                yield pa.RecordBatch.from_struct_array(pa.array([{}] * batch.num_rows, pa.struct([])))

    return Batches(schema, exact(), close)
