"""A bar chart as plain SVG: one category, one number, at most fifty bars; the table beside it says the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from nabe import i18n
from nabe.model.dataset import Field
from nabe.portal.cells import category_and_measure, number
from nabe.portal.wording import Wording

MOST_BARS = 50
WIDTH = 760
_LABELS = 230
_VALUES = 90
_ROW = 28


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: label, value as text (empty: suppressed or missing), and where its bar stands in drawing units."""

    label: str
    value: str
    x: float
    y: float
    width: float


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing with its words. `zero` is where the bars begin."""

    title: str
    category: str
    measure: str
    bars: tuple[Bar, ...]
    width: int
    height: int
    zero: float
    row: int = _ROW


def chart_of(rows: pa.Table, fields: Sequence[Field], lang: str, *, more: bool) -> Chart | None:
    """A chart if each row is one category with one number; None where that would mislead or not be readable."""
    chosen = category_and_measure(fields)
    if chosen is None or more or not 2 <= rows.num_rows <= MOST_BARS:
        return None
    names, values = (rows.column(index).to_pylist() for index in chosen)
    if len(set(names)) != len(names) or any(name is None for name in names):
        return None
    numbers = [value if value is not None and math.isfinite(value) else None for value in values]
    present = [value for value in numbers if value is not None]
    if not present:
        return None
    low, high = min(0, *present), max(0, *present)
    scale = (WIDTH - _LABELS - _VALUES) / ((high - low) or 1)
    zero = _LABELS - low * scale
    measure = fields[chosen[1]]
    unit = Wording(lang).unit(measure)
    bars = []
    for row, (name, value) in enumerate(zip(names, numbers, strict=True)):
        long = abs(value or 0) * scale
        start = zero if value is None or value >= 0 else zero - long
        text = "" if value is None else number(value, measure, lang)
        bars.append(Bar(_short(str(name)), text, round(start, 1), row * _ROW, round(long, 1)))
    title = _title(measure, lang) + (f" ({unit})" if unit else "")
    by = _title(fields[chosen[0]], lang)
    heading = i18n.t("portal.chart.title", lang, measure=title, category=by)
    return Chart(heading, by, title, tuple(bars), WIDTH, len(bars) * _ROW + 4, round(zero, 1))


def _title(field: Field, lang: str) -> str:
    return field.title.in_(lang) or field.name


def _short(text: str) -> str:
    return text if len(text) <= 30 else f"{text[:29]}…"
