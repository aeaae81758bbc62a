"""Excel and OpenDocument sheets: cells as text in the file's dialect, so that they are typed as those of a CSV are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from nabe.adapters.file.headers import header_index, numbered, unique_names
from nabe.adapters.file.part import Part, RawColumn, check_width
from nabe.adapters.file.places import Place
from nabe.adapters.file.settings import TableSettings
from nabe.errors import SourceRefused

_HEAD_ROWS = 60


def sheets(system: str, place: Place) -> list[str]:
    """Names of the sheets that hold something."""
    book = _book(system, place)
    return [name for name in book.sheet_names if book.get_sheet_by_name(name).total_height > 0] or book.sheet_names[:1]


def open_workbook(system: str, place: Place, settings: TableSettings) -> Part:
    """Open a sheet. Empty rows are left out; rows below the header are data."""
    book = _book(system, place)
    sheet = settings.sheet or book.sheet_names[0]
    if sheet not in book.sheet_names:
        raise SourceRefused(
            system, f"{place.shown!r} has no sheet {sheet!r}.", hint=f"Its sheets: {', '.join(book.sheet_names)}."
        )
    rows = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    if not rows:
        raise SourceRefused(system, f"{place.shown!r}: the sheet {sheet!r} is empty.", hint="Set source.sheet.")
    check_width(system, place.shown, len(rows[0]))
    point = settings.decimal or "."
    head = [[cell_text(cell, point) for cell in row] for row in rows[:_HEAD_ROWS]]
    header = header_index(head) if settings.header_row is None else settings.header_row - 1
    header = -1 if header is None else header
    if header >= len(rows):
        raise SourceRefused(system, f"{place.shown!r} has no row {header + 1}.", hint="Correct source.header_row.")
    width = max((_width(row) for row in rows[max(header, 0) :]), default=0)
    given = [cell_text(cell, ".") for cell in rows[header][:width]] if header >= 0 else []
    names = unique_names(given) if given else numbered(width)
    body = [row for row in rows[header + 1 :] if _width(row)]
    del rows
    table = pa.table(
        {
            f"c{index}": pa.array([cell_text(row[index], point) or None for row in body], pa.string())
            for index in range(width)
        }
    )
    columns = tuple(RawColumn(name, f"c{index}") for index, name in enumerate(names))
    facts = {"sheet": sheet} if len(book.sheet_names) > 1 else {}
    if header != 0:
        facts["header_row"] = header + 1  # type: ignore[assignment]
    return table_part(place.shown, table, columns, facts=facts)


def table_part(shown: str, table: pa.Table, columns: tuple[RawColumn, ...], **about: Any) -> Part:
    """A part whose content is in memory."""

    def relation(cursor: Any, _columns: Collection[str]) -> str:
        view = f"nabe_{id(table):x}"
        cursor.register(view, table)
        return view

    return Part(shown, columns, relation, table.num_rows, table.nbytes, **about)


def cell_text(cell: Any, point: str) -> str:
    """A cell as text: `12.5` with the file's decimal sign, days in ISO, times of day as they are."""
    match cell:
        case str():
            return cell
        case bool():
            return "true" if cell else "false"
        case int():
            return str(cell)
        case float():
            return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell).replace(".", point)
        case dt.datetime():
            midnight = cell.time() == dt.time(0)
            return cell.date().isoformat() if midnight else cell.isoformat(" ")
        case dt.date() | dt.time():
            return cell.isoformat()
        case None:
            return ""
    return str(cell)


def _width(row: Sequence[Any]) -> int:
    return next((index for index in range(len(row), 0, -1) if row[index - 1] not in ("", None)), 0)


def _book(system: str, place: Place) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(str(place.path))
    except PasswordError:
        raise SourceRefused(
            system, f"{place.shown!r} is protected by a password.", hint="Deliver it without one."
        ) from None
    except (CalamineError, OSError, ValueError):
        raise SourceRefused(system, f"{place.shown!r} is not a readable workbook.", hint="Deliver it anew.") from None
