"""Better readings of text files: what the file writes as a number and means as a moment, a day or nothing.

Only for sources whose cells are text, because only there the adapter reads them anew as told (`source.columns`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from nabe.model.dataset import FieldType
from nabe.profile.column import ColumnProfile
from nabe.profile.keys import is_day, is_period
from nabe.profile.values import is_unix_time, stand_in

_TEXT = ("csv", "tsv", "txt", "tab")


@dataclass(frozen=True, slots=True)
class Reading:
    """Read a column as `type`, with these settings of `source.columns`."""

    type: FieldType
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def temporal(self) -> bool:
        return self.type in (FieldType.DATE, FieldType.DATETIME)


def is_text_file(source: Mapping[str, Any]) -> bool:
    """Are the cells of this source text?"""
    endings = [ending.lstrip(".") for ending in PurePosixPath(str(source.get("path", "")).lower()).suffixes]
    known = source.get("format") or next((ending for ending in reversed(endings) if ending not in ("gz", "zip")), "")
    return known in _TEXT


def find_readings(columns: Sequence[ColumnProfile], source: Mapping[str, Any]) -> dict[str, Reading]:
    """Column -> how to read it better; empty for sources that are typed already."""
    if not is_text_file(source):
        return {}
    return {column.name: reading for column in columns if (reading := _reading(column, source))}


def _reading(column: ColumnProfile, source: Mapping[str, Any]) -> Reading | None:
    if column.type is FieldType.INTEGER and is_period(column):
        if is_day(column):
            return Reading(FieldType.DATE)
        if is_unix_time(column):
            unit = "unix_ms" if column.low > 100_000_000_000 else "unix"
            return Reading(FieldType.DATETIME, {"date_format": unit})
    if (mark := stand_in(column)) is not None:
        given = source.get("nulls", ())
        marks = [given] if isinstance(given, str) else list(given)
        return Reading(column.type, {"nulls": [*marks, *_written(mark)]})
    return None


def _written(mark: float) -> list[str]:
    """The ways a file may write the number: -999, -999.0, -999,0."""
    short = f"{mark:g}"
    forms = [short, short.replace(".", ",")] if "." in short else [short, f"{short}.0", f"{short},0", f"{short}.00"]
    return list(dict.fromkeys(forms))


def with_readings(source: Mapping[str, Any], readings: Mapping[str, Reading]) -> dict[str, Any]:
    """`source` with the settings of these readings."""
    columns = {name: dict(given) for name, given in dict(source.get("columns", {})).items()}
    for name, reading in readings.items():
        if reading.settings:
            columns[name] = {**columns.get(name, {}), **reading.settings}
    return {**source, "columns": columns} if columns else dict(source)
