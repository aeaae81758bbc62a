"""The small table that every source under test must hold: all field types, gaps, umlauts, keys with leading zeros."""

from __future__ import annotations

import datetime as dt
import struct
from typing import Any

import pyarrow as pa

from nabe.model.dataset import Field, FieldType
from nabe.model.schema import arrow_schema

#: The content's fields; an adapter may store them under other columns (`Field.column`).
FIELDS: tuple[Field, ...] = (
    Field("key", FieldType.STRING),
    Field("name", FieldType.STRING),
    Field("quarter", FieldType.STRING),
    Field("household", FieldType.STRING),
    Field("note", FieldType.STRING),
    Field("count", FieldType.INTEGER),
    Field("share", FieldType.NUMBER),
    Field("open", FieldType.BOOLEAN),
    Field("opened", FieldType.DATE),
    Field("seen", FieldType.DATETIME),
    Field("place", FieldType.GEOMETRY),
)


def point(lon: float, lat: float) -> bytes:
    """A point as WKB (little endian)."""
    return struct.pack("<BIdd", 1, 1, lon, lat)


def _utc(*parts: int) -> dt.datetime:
    return dt.datetime(*parts, tzinfo=dt.UTC)  # type: ignore[arg-type,misc]


_: Any = None
_HARD = 'O\'Brien; -- "x"'
# Quarters by rows / households: Nord 5/4, Süd 3/3, Ost 2/1, West 1/1, missing 1/1. No number lies on a rounding tie.
_TUPLES: tuple[tuple[Any, ...], ...] = (
    ("01", "Köln-Süd", "Nord", "h1", "frei", 5 + 3, 1234.5, True, dt.date(2026, 11, 24), _utc(2026, 3, 29, 1), point(6.95, 50.94)),
    ("02", "Altstadt", "Nord", "h2", _, 12, -0.3, False, dt.date(1999, 12, 31), _utc(2026, 3, 29, 0, 59, 59), point(6.96, 50.93)),
    ("03", "köln-nord", "Nord", "h3", "FREI", 9, 0.1, _, _, _utc(2026, 10, 25, 1, 30), point(7.6, 51.96)),
    ("04", "Ärztehaus", "Nord", "h4", "100 %", 11, 3.7, True, dt.date(2024, 2, 29), _, _),
    ("05", "Straße „Groß“", "Nord", "h4", _HARD, 2, _, False, dt.date(2026, 1, 1), _utc(1970, 1, 1), point(-8.5, 41.1)),
    ("06", "Zoo", "Süd", "h5", "frei", _, 1e6, True, dt.date(2026, 11, 24), _utc(2026, 11, 24, 12), point(6.95, 50.94)),
    ("07", "zoo", "Süd", "h6", "a\nb", 0, 0.0, _, dt.date(1900, 1, 1), _, point(13.4, 52.52)),
    ("08", _, "Süd", "h7", "-", -3, -1234.56, True, _, _utc(2026, 7, 1, 10, 15, 30), point(179.5, -16.5)),
    ("09", "Ort; mit, Zeichen\t|", "Ost", "h8", _, 7, 2.2, False, dt.date(2025, 6, 30), _utc(2025, 6, 30, 22), point(0.0, 0.0)),
    ("10", "Ost", "Ost", "h8", "NULL", 13, 99.99, True, dt.date(2025, 6, 30), _utc(2025, 6, 30, 22), _),
    ("011", "100_%", "West", "h9", "n. a.", 2_000_000_000_00, 1e-7, _, _, _, point(6.9, 51.0)),
    ("A", "Ünlü", _, "h10", "*", 1, 4.4, False, dt.date(2030, 12, 31), _utc(2030, 12, 31, 23, 59, 59), point(10.0, 53.55)),
)  # fmt: skip

#: The rows as dicts, and by their key.
ROWS: list[dict[str, Any]] = [dict(zip((f.name for f in FIELDS), row, strict=True)) for row in _TUPLES]
BY_KEY: dict[str, dict[str, Any]] = {row["key"]: row for row in ROWS}

#: The rows as the Arrow table that a source delivers for all of them.
CONTENT: pa.Table = pa.Table.from_pylist(ROWS, arrow_schema(FIELDS))
