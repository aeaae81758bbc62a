"""Answers as cells of a table for people: numbers with a decimal comma, dates as written here, gaps named as gaps."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import shapely
from babel.numbers import format_decimal

from nabe import i18n
from nabe.model.dataset import Field, FieldType
from nabe.model.result import Result
from nabe.portal.wording import Wording

_HERE = ZoneInfo("Europe/Berlin")
_NUMERIC = (FieldType.INTEGER, FieldType.NUMBER)
_LONGEST = 160
#: Numbers that name things are not counted and get no thousands separators.
_NAMES_THINGS = ("id", "key", "nr", "nummer", "number", "plz", "postcode", "ags", "year", "jahr")


@dataclass(frozen=True, slots=True)
class Column:
    """A column's heading; `numeric` ones stand right."""

    name: str
    title: str
    unit: str
    numeric: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """A value as text. `missing`: there is none (or it is suppressed)."""

    text: str
    missing: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows for people. `more`: there are rows beyond these."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    more: bool


def table_of(result: Result, lang: str, most: int) -> tuple[Table, pa.Table]:
    """The first `most` rows as text, and as Arrow for a chart. Reads one batch after the other until there are enough."""
    batches: list[pa.RecordBatch] = []
    rows = 0
    try:
        for batch in result.batches:
            batches.append(batch)
            rows += batch.num_rows
            if rows > most:
                break
    finally:
        result.close()
    shown = pa.Table.from_batches(batches, result.schema).slice(0, most)
    return rows_of(shown, result.fields, lang, more=rows > most), shown


def rows_of(shown: pa.Table, fields: Sequence[Field], lang: str, *, more: bool) -> Table:
    """Rows as text; `fields` describe the columns."""
    columns, cells = [], []
    for index, field in enumerate(fields):
        values = shown.column(index).to_pylist()
        if field.type is FieldType.GEOMETRY and len(fields) > 1 and not any(map(_is_point, values)):
            continue  # outlines say nothing as text; the map shows them
        places = places_of(values) if field.type is FieldType.NUMBER else 0
        columns.append(_column(field, lang))
        cells.append([_cell(value, field, lang, places) for value in values])
    return Table(tuple(columns), tuple(zip(*cells, strict=True)) if cells else (), more)


def places_of(values: Sequence[Any]) -> int:
    """How many decimals a column of numbers is written with, so that they stand below each other: at most two,
    more only for numbers that would vanish."""
    numbers = [abs(value) for value in values if isinstance(value, float) and math.isfinite(value) and value]
    if not numbers:
        return 0
    if max(numbers) < 0.1:
        return 6
    return next((places for places in (0, 1) if all(round(value, places) == round(value, 6) for value in numbers)), 2)


def _column(field: Field, lang: str) -> Column:
    numeric = field.type in _NUMERIC
    return Column(field.name, field.title.in_(lang) or field.name, Wording(lang).unit(field), numeric)


def _cell(value: Any, field: Field, lang: str, places: int) -> Cell:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return Cell(i18n.t("portal.value.missing", lang), missing=True)
    if isinstance(value, bool):
        return Cell(i18n.t("portal.value.yes" if value else "portal.value.no", lang))
    if isinstance(value, (int, float)):
        return Cell(number(value, field, lang, places))
    if isinstance(value, dt.datetime):
        return Cell(i18n.date(value.astimezone(_HERE) if value.tzinfo else value, lang))
    if isinstance(value, dt.date):
        return Cell(i18n.date(value, lang))
    if isinstance(value, bytes):
        return Cell(_shape(value, lang) if field.type is FieldType.GEOMETRY else i18n.t("portal.value.bytes", lang))
    text = str(value)
    return Cell(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def number(value: float | int, field: Field, lang: str, places: int = 0) -> str:
    """Counted numbers with separators and the decimals of their column; numbers that name things as they are."""
    if isinstance(value, int):
        return str(value) if _names_things(field) else i18n.number(value, lang, decimals=0)
    return format_decimal(value, format=f"#,##0.{'0' * places}" if places else "#,##0", locale=lang)


def counts(field: Field) -> bool:
    """Does the field hold numbers that count or measure, rather than name things?"""
    return field.type in _NUMERIC and not _names_things(field)


def _names_things(field: Field) -> bool:
    return field.name.rsplit("_", 1)[-1] in _NAMES_THINGS


def _is_point(value: Any) -> bool:
    shape = shapely.from_wkb(value, on_invalid="ignore") if value is not None else None
    return shape is not None and shape.geom_type == "Point"


def _shape(value: bytes, lang: str) -> str:
    shape = shapely.from_wkb(value, on_invalid="ignore")
    if shape is None:
        return i18n.t("portal.value.missing", lang)
    if shape.geom_type == "Point":
        north, east = (format_decimal(part, format="0.00000", locale=lang) for part in (shape.y, shape.x))
        return f"{north}° N, {east}° O" if lang == "de" else f"{north}° N, {east}° E"
    return i18n.t(f"portal.shape.{shape.geom_type.removeprefix('Multi').lower()}", lang)


def category_and_measure(fields: Sequence[Field]) -> tuple[int, int] | None:
    """The columns for a bar chart: the most readable category and the last measure that is no key; None if unfit."""
    texts = [i for i, field in enumerate(fields) if field.type is FieldType.STRING]
    measures = [i for i, field in enumerate(fields) if counts(field)]
    if not texts or not measures:
        return None
    named = [i for i in texts if fields[i].name.endswith(("name", "title", "titel"))]
    return (named or texts)[0], measures[-1]
