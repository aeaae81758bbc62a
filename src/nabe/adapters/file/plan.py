"""From declared fields to SQL over opened files: which expression gives which field."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from nabe.adapters.file.part import Part, RawColumn
from nabe.adapters.file.settings import Dialect, TableSettings, path_pattern
from nabe.adapters.file.tidy import Tidy, tidy
from nabe.adapters.file.translate import TYPED_TEXT, cell, decoded, edges, mark, name, quick, text, trimmed, typed
from nabe.adapting.geometry import CRS84
from nabe.errors import SourceRefused
from nabe.model.dataset import Dataset, Field, FieldType
from nabe.model.names import hub_name

#: The raw column that holds the file's own name.
FILE_COLUMN = "_file"
#: Ending of the raw column that tells the code of a value whose meaning is shown: `rechtscharakter (code)`.
CODE = " (code)"
#: Ending of the raw column that tells what stands instead of a value, or after it: `Einwohner (mark)`.
MARK = " (mark)"


@dataclass(frozen=True, slots=True)
class Source:
    """How one part gives one field: an SQL expression, the raw columns it needs, and (name, SQL) of trimmed texts in it.

    Those are computed once, in a step of their own: an expression looks at its text many times. `tidy` says the same as
    `sql` of the one needed column, or nothing.
    """

    sql: str
    needs: tuple[str, ...]
    trimmed: tuple[tuple[str, str], ...] = ()
    tidy: Tidy | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """How the parts give a dataset's fields.

    `sources`: per part, field name -> how; fields whose column is gone are absent. `geometry`: geometry field ->
    (kind, crs), see `geometry.to_wkb`.
    """

    dataset: Dataset
    parts: tuple[Part, ...]
    sources: tuple[dict[str, Source], ...]
    geometry: dict[str, tuple[str, str]]

    def check(self, system: str, fields: Collection[str]) -> None:
        """`SourceRefused` naming file and column, if one of these fields' columns is gone."""
        for part, sources in zip(self.parts, self.sources, strict=True):
            for field_name in fields:
                if field_name not in sources:
                    raise _gone(system, part, self.dataset, field_name)

    def relation(self, cursor: Any, fields: Sequence[str]) -> tuple[str, dict[str, str]]:
        """SQL of the relation, and of each of these fields in it. Registers on `cursor` what must be."""
        if len(self.parts) == 1:
            sources = self.sources[0]
            relation = _relation(cursor, self.parts[0], sources, fields)
            return relation, {item: sources[item].sql for item in fields}
        selects = []
        for part, sources in zip(self.parts, self.sources, strict=True):
            columns = ", ".join(f"{sources[item].sql} AS {name(item)}" for item in fields) or "1 AS nabe_one"
            selects.append(f"SELECT {columns} FROM {_relation(cursor, part, sources, fields)}")
        return f"({' UNION ALL '.join(selects)}) AS files", {item: name(item) for item in fields}


def make_plan(system: str, dataset: Dataset, settings: TableSettings, parts: Sequence[Part]) -> Plan:
    """Match fields to columns. Missing columns are reported when they are asked for."""
    sources: list[dict[str, Source]] = []
    geometry: dict[str, tuple[str, str]] = {}
    first = dataset.geometry
    for part in parts:
        found: dict[str, Source] = {}
        for field in dataset.fields:
            if field.type is FieldType.GEOMETRY:
                place = _geometry(field, field is first, part, settings)
                if place is None:
                    continue
                kind, crs, found[field.name] = place
                if geometry.setdefault(field.name, (kind, crs)) != (kind, crs):
                    raise SourceRefused(
                        system,
                        f"{part.shown!r} has another reference system or form of geometry than {parts[0].shown!r}.",
                        hint="Declare them as datasets of their own.",
                    )
            elif (marked := _marked(field, part)) is not None:
                found[field.name] = Source(mark(marked.sql, settings.dialect(marked.name)), (marked.sql,))
            elif (coded := _coded(field, part, settings)) is not None:
                found[field.name] = _value(field, coded, settings, decode=False)
            elif field.source_column == FILE_COLUMN and part.column(FILE_COLUMN) is None:
                found[field.name] = Source(text(part.shown.rpartition("/")[2]), ())
            elif (column := column_of(field, part)) is not None:
                found[field.name] = _value(field, column, settings)
            elif (told := path_values(system, part, settings).get(field.source_column)) is not None:
                found[field.name] = Source(
                    typed(text(told), "VARCHAR", field.type, settings.dialect(field.source_column), settings.timezone),
                    (),
                )
            elif settings.missing == "empty" and any(column_of(field, other) is not None for other in parts):
                found[field.name] = Source("NULL", ())
        sources.append(found)
    return Plan(dataset, tuple(parts), tuple(sources), geometry)


def path_values(system: str, part: Part, settings: TableSettings) -> dict[str, str]:
    """What `name_pattern` reads out of the path of a file. `SourceRefused` if the path does not fit it."""
    pattern = path_pattern(settings.name_pattern) if settings.name_pattern else None
    if pattern is None:
        return {}
    found = pattern.fullmatch(part.shown.replace("!", "/"))
    if found is None:
        raise SourceRefused(
            system,
            f"{part.shown!r} does not fit name_pattern {settings.name_pattern!r}.",
            hint="Correct source.name_pattern, or narrow source.path.",
            field="name_pattern",
        )
    return found.groupdict()


def _marked(field: Field, part: Part) -> RawColumn | None:
    """The column whose marks a field tells: the field's column is called `NAME (mark)`, and there is none of that name."""
    if not field.source_column.endswith(MARK) or part.column(field.source_column) is not None:
        return None
    column = part.column(field.source_column.removesuffix(MARK))
    return column if column is not None and column.native == "VARCHAR" and field.type is FieldType.STRING else None


def _coded(field: Field, part: Part, settings: TableSettings) -> RawColumn | None:
    """The column whose codes a field tells as they are: the field's column is called `NAME (code)`."""
    name = field.source_column.removesuffix(CODE)
    if name == field.source_column or part.column(field.source_column) is not None or name not in settings.columns:
        return None
    return part.column(name) if settings.columns[name].codes else None


def column_of(field: Field, part: Part) -> RawColumn | None:
    """The field's column: the one declared, or (none declared) the one whose header gives the field's name."""
    column = part.column(field.source_column)
    if column is None and not field.column:
        column = next((item for item in part.columns if hub_name(item.name) == field.name), None)
    return column


def _value(
    field: Field, column: RawColumn, settings: TableSettings, kind: FieldType | None = None, *, decode: bool = True
) -> Source:
    kind = kind or field.type
    dialect = settings.dialect(column.name)
    own = settings.columns.get(column.name)
    if kind is FieldType.STRING and decode and own is not None and own.codes:
        sql = typed(column.sql, column.native, kind, dialect, settings.timezone)
        return Source(decoded(sql, own.codes), (column.sql,))
    at_once = tidy(kind, dialect) if column.native == "VARCHAR" else None
    if kind is FieldType.STRING or column.native not in ("VARCHAR", TYPED_TEXT):
        sql = typed(column.sql, column.native, kind, dialect, settings.timezone)
        return Source(sql, (column.sql,), tidy=at_once)
    likely = quick(column.sql, kind, dialect, settings.timezone)
    if likely is not None:
        others = typed(column.sql, column.native, kind, dialect, settings.timezone)
        return Source(f"CASE WHEN {likely[0]} THEN {likely[1]} ELSE {others} END", (column.sql,), tidy=at_once)
    extra = edges(kind)
    alias = name(f"nabe {'date' if extra else 'text'} {column.sql}")
    sql = typed(column.sql, column.native, kind, dialect, settings.timezone, alias)
    return Source(sql, (column.sql,), ((alias, trimmed(column.sql, extra)),), at_once)


def _geometry(field: Field, first: bool, part: Part, settings: TableSettings) -> tuple[str, str, Source] | None:
    """Kind, CRS and expression of a geometry field."""
    own = part.geometry
    crs = settings.crs or (own.crs if own else "") or CRS84
    if first and settings.x:
        x, y = part.column(settings.x), part.column(settings.y)
        if x is None or y is None:
            return None
        east, north = (_value(field, item, settings, FieldType.NUMBER) for item in (x, y))
        sql = f"struct_pack(x := {east.sql}, y := {north.sql})"
        return "xy", crs, Source(sql, (*east.needs, *north.needs), (*east.trimmed, *north.trimmed))
    column = part.column(settings.wkt) if first and settings.wkt else column_of(field, part)
    if column is not None:
        if column.native == "BLOB":
            return "wkb", crs, Source(column.sql, (column.sql,))
        return "text", crs, Source(cell(column.sql, Dialect()), (column.sql,))
    if own is not None and not (first and settings.wkt):
        return "wkb", crs, Source(own.sql, (own.sql,))
    return None


def _relation(cursor: Any, part: Part, sources: dict[str, Source], fields: Collection[str]) -> str:
    """The part's relation with the columns that these fields need, and their trimmed texts."""
    needs = dict.fromkeys(column for item in fields for column in sources[item].needs)
    relation = part.relation(cursor, needs.keys())
    trims = dict(pair for item in fields for pair in sources[item].trimmed)
    if not trims:
        return relation
    shown = ", ".join([*needs, *(f"{sql} AS {alias}" for alias, sql in trims.items())])
    return f"(SELECT {shown} FROM {relation}) AS trimmed"


def _gone(system: str, part: Part, dataset: Dataset, field_name: str) -> SourceRefused:
    field = dataset.field(field_name)
    assert field is not None
    there = [item.name for item in part.columns]
    listed = ", ".join(there[:40]) + (" …" if len(there) > 40 else "")
    return SourceRefused(
        system,
        f"{part.shown!r} has no column {field.source_column!r} (field {field_name!r} of dataset {dataset.id!r}).",
        hint=f"Its columns: {listed}." if there else "It has no columns.",
        field=field_name,
        dataset=dataset.id,
    )
