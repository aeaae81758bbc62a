"""XLSX, written row by row; a workbook is a ZIP, so its bytes come when the last row is in."""

from __future__ import annotations

import contextlib
import math
import tempfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from nabe.errors import LimitExceeded
from nabe.formats.values import pieces, texts, wkt
from nabe.model.result import Result
from nabe.model.schema import is_geometry

#: Rows of a sheet, less the header.
MOST_ROWS = 1_048_575
MOST_COLUMNS = 16_384
_LONGEST = 32_767
#: Spreadsheets keep 15 digits of a number; a longer key would change.
_EXACT = 10**15
#: Days that spreadsheets count; before and after, a date is text.
_FIRST_YEAR, _LAST_YEAR = 1900, 9999


def xlsx(result: Result, title: str = "") -> Iterator[bytes]:
    """One sheet. Text stays text, also where it looks like a formula. Moments are written in UTC.

    Raises `LimitExceeded` for more rows or columns than a sheet holds, before any byte is handed out.
    """
    if len(result.schema) > MOST_COLUMNS or (result.total or 0) > MOST_ROWS:
        raise _too_much()
    from openpyxl import Workbook  # loaded when first needed: 20 MB

    book = Workbook(write_only=True)
    sheet: Any = book.create_sheet(_sheet_name(title))
    try:
        sheet.append([_cell(sheet, name) for name in result.schema.names])
        rows = 0
        for batch in pieces(result):
            rows += batch.num_rows
            if rows > MOST_ROWS:
                raise _too_much()
            columns = (_column(batch.column(i), field) for i, field in enumerate(result.schema))
            for values in zip(*columns, strict=True):
                sheet.append([_cell(sheet, value) for value in values])
        with tempfile.TemporaryFile() as file:
            book.save(file)
            file.seek(0)
            while part := file.read(65_536):
                yield part
    finally:
        _tidy(sheet)


def _tidy(sheet: Any) -> None:
    """Remove the sheet's temporary file where the book was not saved (openpyxl itself does so when the process ends)."""
    writer = sheet._writer
    if writer is not None:
        with contextlib.suppress(Exception):
            sheet.close()
        with contextlib.suppress(Exception):
            writer.cleanup()


def _too_much() -> LimitExceeded:
    return LimitExceeded(
        f"A sheet holds {MOST_ROWS:,} rows of {MOST_COLUMNS:,} columns; this answer has more.",
        hint="Filter, or take CSV or Parquet.",
        code="too-many-rows",
    )


def _column(array: Any, field: pa.Field) -> list[Any]:
    if is_geometry(field):
        return wkt(array)
    if pa.types.is_temporal(array.type):
        return _moments(array)
    values: list[Any] = array.to_pylist()
    if pa.types.is_floating(array.type):
        return [value if value is None or math.isfinite(value) else None for value in values]
    if pa.types.is_integer(array.type):
        return [value if value is None or abs(value) < _EXACT else str(value) for value in values]
    return [value.hex() if isinstance(value, bytes) else value for value in values]


def _moments(array: Any) -> list[Any]:
    written = texts(array)
    if not (pa.types.is_date(array.type) or pa.types.is_timestamp(array.type)):
        return written
    fits = [text is not None and text[4:5] == "-" and _FIRST_YEAR < int(text[:4]) <= _LAST_YEAR for text in written]
    values = array.filter(pa.array(fits)).to_pylist()
    plain = iter([value.replace(tzinfo=None) if hasattr(value, "hour") else value for value in values])
    return [next(plain) if fit else text for fit, text in zip(fits, written, strict=True)]


def _cell(sheet: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, WriteOnlyCell

    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value)[:_LONGEST])
    cell.data_type = "s"  # "=1+1" is text, not a formula
    return cell


def _sheet_name(title: str) -> str:
    plain = "".join(sign for sign in title if sign not in r"[]:*?/\\" and sign.isprintable())
    return plain.strip("' ")[:31] or "Nabe"
