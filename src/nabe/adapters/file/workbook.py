"""Excel and OpenDocument sheets: cells as text in the file's dialect, so that they are typed as those of a CSV are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

import pyarrow as pa
from python_calamine import CalamineError, CalamineWorkbook, PasswordError

from nabe.adapters.file.headers import numbered
from nabe.adapters.file.layout import blocks, find_layout, first_cell, kept, said_of, with_below
from nabe.adapters.file.part import Part, RawColumn, check_width
from nabe.adapters.file.settings import TableSettings, cut
from nabe.adapting.places import Place
from nabe.errors import SourceRefused

_HEAD_ROWS = 60
_WHOLE = (0, None, 0, None)


def sheets(system: str, place: Place) -> list[dict[str, str]]:
    """Settings of each table of a workbook: sheets that hold something, and ranges of those that hold several tables."""
    book = _book(system, place)
    found: list[dict[str, str]] = []
    for sheet in book.sheet_names:
        rows = _rows(book, sheet, ".")
        parts = [{"sheet": sheet, "range": f"{first + 1}:{last + 1}"} for first, last in blocks(rows)]
        if any(cell for row in rows for cell in row):
            found += parts or [{"sheet": sheet}]
    return found or [{"sheet": name} for name in book.sheet_names[:1]]


def open_workbook(system: str, place: Place, settings: TableSettings, guess: bool = False) -> Part:
    """Open a sheet, or a range of it. Empty rows are left out.

    `guess`: find footnotes and totals below the table, and propose the settings that leave them out.
    """
    book = _book(system, place)
    sheet = settings.sheet or book.sheet_names[0]
    if sheet not in book.sheet_names:
        raise SourceRefused(
            system, f"{place.shown!r} has no sheet {sheet!r}.", hint=f"Its sheets: {', '.join(book.sheet_names)}."
        )
    rows = _rows(book, sheet, settings.decimal or ".", settings.range)
    if not any(cell for row in rows for cell in row):
        raise SourceRefused(
            system,
            f"{place.shown!r}: {'the range ' + settings.range + ' of ' if settings.range else ''}the sheet {sheet!r} is empty.",
            hint="Set source.sheet or source.range.",
        )
    check_width(system, place.shown, max(len(row) for row in rows))
    layout = find_layout(_with_merged(book, sheet, rows, settings)[:_HEAD_ROWS], settings)
    if max(layout.header, layout.data - 1) >= len(rows):
        raise SourceRefused(
            system,
            f"{place.shown!r} has no row {max(layout.header + 1, layout.data)}.",
            hint="Correct source.header_row, header_rows or data_row.",
        )
    width = max((_width(row) for row in rows[max(layout.header, 0) :]), default=0)
    names = (*layout.names, *numbered(width)[len(layout.names) :])[:width]
    body = [(number, row) for number, row in enumerate(rows[layout.data :], layout.data + 1) if _width(row)]
    facts: dict[str, Any] = dict(layout.facts)
    if guess and not settings.until and not settings.drop_rows:
        settings, said = with_below(
            settings, [row for _, row in body], width, lambda: (first_cell(row) for _, row in body)
        )
        facts |= said
    left = [0, 0]
    chosen = [row for _, row in kept(body, settings, left)]
    del rows
    table = pa.table(
        {f"c{index}": pa.array([row[index] or None for row in chosen], pa.string()) for index in range(width)}
    )
    columns = tuple(RawColumn(name, f"c{index}") for index, name in enumerate(names))
    if len(book.sheet_names) > 1:
        facts["sheet"] = sheet
    notes = (*layout.notes, *said_of(left, settings))
    return table_part(place.shown, table, columns, facts=facts, notes=notes)


def _rows(book: CalamineWorkbook, sheet: str, point: str, part: str = "") -> list[list[str]]:
    """The cells of a sheet, or of a range of it, as text."""
    rows = book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    first, last, left, right = cut(part) or _WHOLE
    stop = None if last is None else last + 1
    end = None if right is None else right + 1
    return [[cell_text(cell, point) for cell in row[left:end]] for row in rows[first:stop]]


def _with_merged(book: CalamineWorkbook, sheet: str, rows: list[list[str]], settings: TableSettings) -> list[list[str]]:
    """The first rows, cells merged downwards filled: `Stadtgebiet` over two rows names its column in both."""
    found = [list(row) for row in rows[:_HEAD_ROWS]]
    top, _, left, _ = cut(settings.range) or _WHOLE
    for (first, start), (last, end) in book.get_sheet_by_name(sheet).merged_cell_ranges or ():
        row, column = first - top, start - left
        if last > first and start == end and 0 <= row < len(found) and 0 <= column < len(found[row]):
            for below in found[row + 1 : last - top + 1]:
                below[column] = below[column] or found[row][column]
    return found


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


def _width(row: Sequence[str]) -> int:
    return next((index for index in range(len(row), 0, -1) if row[index - 1].strip()), 0)


def _book(system: str, place: Place) -> CalamineWorkbook:
    try:
        return CalamineWorkbook.from_path(str(place.path))
    except PasswordError:
        raise SourceRefused(
            system, f"{place.shown!r} is protected by a password.", hint="Deliver it without one."
        ) from None
    except (CalamineError, OSError, ValueError):
        raise SourceRefused(system, f"{place.shown!r} is not a readable workbook.", hint="Deliver it anew.") from None
