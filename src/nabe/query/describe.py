"""The fields of a product, from its SQL: names, types, and what can be inherited from the inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.annotate_types import annotate_types

from nabe.errors import Unknown
from nabe.model.dataset import Dataset, Field, FieldType
from nabe.model.names import hub_name
from nabe.model.text import Text
from nabe.query.lineage import lineage
from nabe.query.text import DIALECT, Known, qualified

_TYPES = {
    FieldType.BOOLEAN: {exp.DataType.Type.BOOLEAN},
    FieldType.DATE: {exp.DataType.Type.DATE},
    FieldType.DATETIME: {exp.DataType.Type.TIMESTAMP, exp.DataType.Type.TIMESTAMPTZ, exp.DataType.Type.DATETIME},
    FieldType.GEOMETRY: {exp.DataType.Type.GEOMETRY},
    FieldType.INTEGER: set(exp.DataType.INTEGER_TYPES),
    FieldType.NUMBER: set(exp.DataType.FLOAT_TYPES) | {exp.DataType.Type.DECIMAL},
}
_SPATIAL_RESULT = (
    "st_centroid st_buffer st_union st_union_agg st_intersection st_difference st_transform st_point st_makepoint st_envelope "
    "st_convexhull st_simplify st_collect st_makevalid st_geomfromtext st_pointonsurface st_extent_agg"
).split()


def describe(sql: str, datasets: Mapping[str, Dataset]) -> tuple[Field, ...]:
    """Fields of the SELECT's answer. Raises `Invalid` or `Unknown` for SQL that is not possible."""

    def resolve(name: str) -> Known:
        dataset = datasets.get(name)
        if dataset is None:
            raise Unknown(f"There is no dataset {name!r}.", dataset=name)
        return Known(dataset, tuple(field.name for field in dataset.fields))

    tree, placed = qualified(sql, resolve)
    schema: dict[str, object] = {alias: {name: _SQL[kind] for name, kind in table.fields} for alias, table in placed}
    typed: Any = annotate_types(tree.copy(), schema=schema, dialect=DIALECT)
    fields = []
    for item, line in zip(typed.selects, lineage(sql, resolve), strict=True):
        name = hub_name(line.field)
        column = "" if name == line.field.lower() else line.field
        inherited = _inherited(line.inputs, datasets) if line.unchanged else None
        if inherited is not None:
            fields.append(replace(inherited, name=name, column=column, source_unit=""))
        else:
            fields.append(Field(name, _type(item), Text(line.field, line.field), column=column))
    return tuple(fields)


_SQL = {
    FieldType.STRING: "TEXT",
    FieldType.INTEGER: "BIGINT",
    FieldType.NUMBER: "DOUBLE",
    FieldType.BOOLEAN: "BOOLEAN",
    FieldType.DATE: "DATE",
    FieldType.DATETIME: "TIMESTAMPTZ",
    FieldType.GEOMETRY: "GEOMETRY",
}


def _inherited(inputs: tuple[tuple[str, str], ...], datasets: Mapping[str, Dataset]) -> Field | None:
    dataset, name = inputs[0]
    return datasets[dataset].field(name)


def _type(item: Any) -> FieldType:
    bare = item.this if isinstance(item, exp.Alias) else item
    if isinstance(bare, exp.Anonymous) and bare.name.lower() in _SPATIAL_RESULT:
        return FieldType.GEOMETRY
    if isinstance(bare, exp.Anonymous) and bare.name.lower().startswith("st_"):
        return FieldType.NUMBER
    kind = bare.type.this if bare.type is not None else None
    return next((ours for ours, theirs in _TYPES.items() if kind in theirs), FieldType.STRING)
