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
    whole = pa.Table.from_batches(batches, result.schema)
    shown = whole.slice(0, most)
    columns = tuple(_column(field, lang) for field in result.fields)
    values = [
        [_cell(value, field, lang) for value in shown.column(i).to_pylist()] for i, field in enumerate(result.fields)
    ]
    return Table(columns, tuple(zip(*values, strict=True)) if values else (), rows > most), shown


def _column(field: Field, lang: str) -> Column:
    numeric = field.type in _NUMERIC
    return Column(field.name, field.title.in_(lang) or field.name, Wording(lang).unit(field), numeric)


def _cell(value: Any, field: Field, lang: str) -> Cell:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return Cell(i18n.t("portal.value.missing", lang), missing=True)
    if isinstance(value, bool):
        return Cell(i18n.t("portal.value.yes" if value else "portal.value.no", lang))
    if isinstance(value, (int, float)):
        return Cell(number(value, field, lang))
    if isinstance(value, dt.datetime):
        return Cell(i18n.date(value.astimezone(_HERE) if value.tzinfo else value, lang))
    if isinstance(value, dt.date):
        return Cell(i18n.date(value, lang))
    if isinstance(value, bytes):
        return Cell(_shape(value, lang) if field.type is FieldType.GEOMETRY else i18n.t("portal.value.bytes", lang))
    text = str(value)
    return Cell(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def number(value: float | int, field: Field, lang: str) -> str:
    """Counted numbers with separators; numbers that name things as they are; small ones with the digits that matter."""
    if isinstance(value, int) and field.name.rsplit("_", 1)[-1] in _NAMES_THINGS:
        return str(value)
    small = isinstance(value, float) and 0 < abs(value) < 0.1
    return i18n.number(value, lang, decimals=6 if small else 2)


def _shape(value: bytes, lang: str) -> str:
    shape = shapely.from_wkb(value, on_invalid="ignore")
    if shape is None:
        return i18n.t("portal.value.missing", lang)
    if shape.geom_type == "Point":
        north, east = (i18n.number(part, lang, decimals=5) for part in (shape.y, shape.x))
        return f"{north}° N, {east}° O" if lang == "de" else f"{north}° N, {east}° E"
    return i18n.t(f"portal.shape.{shape.geom_type.removeprefix('Multi').lower()}", lang)


def category_and_measure(fields: Sequence[Field]) -> tuple[int, int] | None:
    """The columns for a bar chart: the most readable category and the last measure that is no key; None if unfit."""
    texts = [i for i, field in enumerate(fields) if field.type is FieldType.STRING]
    measures = [
        i
        for i, field in enumerate(fields)
        if field.type in _NUMERIC and field.name.rsplit("_", 1)[-1] not in _NAMES_THINGS
    ]
    if not texts or not measures:
        return None
    named = [i for i in texts if fields[i].name.endswith(("name", "title", "titel"))]
    return (named or texts)[0], measures[-1]
