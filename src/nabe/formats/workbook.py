"""XLSX, written row by row; a workbook is a ZIP, so its bytes come when the last row is in."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE, WriteOnlyCell

from nabe.errors import LimitExceeded
from nabe.formats.values import wkt
from nabe.model.result import Result
from nabe.model.schema import is_geometry

#: Rows of a sheet, less the header.
MOST_ROWS = 1_048_575
_LONGEST = 32_767


def xlsx(result: Result, title: str = "") -> Iterator[bytes]:
    """One sheet. Text stays text, also where it looks like a formula. Moments are written in UTC."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(_sheet_name(title))
    sheet.append([_cell(sheet, name) for name in result.schema.names])
    rows = 0
    for batch in result.batches:
        rows += batch.num_rows
        if rows > MOST_ROWS:
            raise LimitExceeded(
                f"A sheet holds {MOST_ROWS:,} rows; this answer has more.",
                hint="Filter, or take CSV or Parquet.",
                code="too-many-rows",
            )
        for values in zip(*(_column(batch.column(i), field) for i, field in enumerate(result.schema)), strict=True):
            sheet.append([_cell(sheet, value) for value in values])
    with tempfile.TemporaryFile() as file:
        book.save(file)
        file.seek(0)
        while part := file.read(65_536):
            yield part


def _column(array: Any, field: pa.Field) -> list[Any]:
    if is_geometry(field):
        return wkt(array)
    if pa.types.is_timestamp(array.type):
        return [None if value is None else value.replace(tzinfo=None) for value in array.to_pylist()]
    values: list[Any] = array.to_pylist()
    return [value.hex() if isinstance(value, bytes) else value for value in values]


def _cell(sheet: Any, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("", value)[:_LONGEST])
    cell.data_type = "s"  # "=1+1" is text, not a formula
    return cell


def _sheet_name(title: str) -> str:
    return "".join(sign for sign in title if sign not in r"[]:*?/\\")[:31] or "Nabe"
