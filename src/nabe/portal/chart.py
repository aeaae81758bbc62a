"""A bar chart: one category, one number, at most fifty bars, drawn as SVG; the table beside it says the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from nabe import i18n
from nabe.model.dataset import Field
from nabe.portal.cells import category_and_measure, number, places_of
from nabe.portal.wording import Wording

MOST_BARS = 50


@dataclass(frozen=True, slots=True)
class Bar:
    """One row. `value` is text, empty where there is none (suppressed, missing); `start`, `width` in percent."""

    label: str
    value: str
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class Chart:
    """`zero`: where bars begin, in percent; 0 unless there are negative numbers."""

    title: str
    bars: tuple[Bar, ...]
    zero: float


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
    scale = 100 / ((high - low) or 1)
    measure, category = fields[chosen[1]], fields[chosen[0]]
    places = places_of(present)
    bars = []
    for name, value in zip(names, numbers, strict=True):
        text = "" if value is None else number(value, measure, lang, places)
        start = (min(value or 0, 0) - low) * scale
        bars.append(Bar(str(name), text, round(start, 2), round(abs(value or 0) * scale, 2)))
    unit = Wording(lang).unit(measure)
    title = (measure.title.in_(lang) or measure.name) + (f" ({unit})" if unit else "")
    by = category.title.in_(lang) or category.name
    return Chart(i18n.t("portal.chart.title", lang, measure=title, category=by), tuple(bars), round(-low * scale, 2))
