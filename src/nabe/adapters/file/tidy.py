"""Whole columns of tidy cells from text to values at once, by Arrow. Pure.

Says exactly what `translate.typed` says, or nothing: then that has to look at the cells one by one. Tidy are plain numbers
with the declared decimal sign, whole numbers of up to 18 digits, full dates with fixed places, and all text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from nabe.adapters.file.settings import Dialect
from nabe.adapters.file.translate import BLANKS
from nabe.adapting.times import strptime_format
from nabe.model.dataset import FieldType

#: Values of a column of text without gaps in it, or None where a cell is not tidy.
Tidy = Callable[[pa.StringArray], pa.Array | None]

_MOST_DIGITS, _LONGEST_NUMBER = 18, 200
#: How long the parts of a date are.
_WIDTHS = {"%d": 2, "%m": 2, "%Y": 4}
_FORMS = ("%Y-%m-%d", "%d.%m.%Y")
#: First bytes of cells that may consist of blanks only: ASCII blanks and control characters, and those that begin a
#: no-break space.
_DOUBTFUL = np.zeros(256, bool)
_DOUBTFUL[:0x21] = True
_DOUBTFUL[[sign.encode()[0] for sign in BLANKS]] = True


def tidy(kind: FieldType, dialect: Dialect) -> Tidy | None:
    """How columns of this type are turned at once; None if they cannot be."""
    marks = [mark.strip(BLANKS) for mark in dialect.gaps]
    if kind is FieldType.STRING:
        return lambda cells: _texts(cells, marks)
    found: Tidy
    match kind:
        case FieldType.NUMBER:
            letters = _letters(dialect.decimal or ".")
            found = lambda cells: _cast(cells, letters, _LONGEST_NUMBER, pa.float64())  # noqa: E731
        case FieldType.INTEGER:
            digits = _letters("")
            found = lambda cells: _cast(cells, digits, _MOST_DIGITS, pa.int64())  # noqa: E731
        case FieldType.DATE:
            forms = tuple(strptime_format(item) for item in dialect.date_formats[:1]) or _FORMS
            if len(dialect.date_formats) > 1 or not all(_places(form) for form in forms):
                return None
            found = lambda cells: _days(cells, forms)  # noqa: E731
        case _:
            return None
    # What looks like a value may say that there is none.
    tried = (found(pa.array([mark], pa.string())) for mark in marks if mark)
    return None if any(values is not None for values in tried) else found


def _letters(decimal: str) -> bytes:
    """A table of bytes: what a number is made of, with a point for the decimal sign; all else what no number has (a letter might: `0x1`)."""
    table = bytearray(b"?" * 256)
    for sign in b"-0123456789":
        table[sign] = sign
    if decimal:
        table[ord(decimal)] = ord(".")
    return bytes(table)


def _bytes(cells: pa.StringArray) -> tuple[np.ndarray[Any, Any], pa.Buffer]:
    """Where each cell begins in the bytes (and, last, where they end), and the bytes."""
    _, offsets, data = cells.buffers()
    first = np.frombuffer(offsets, np.int32)[cells.offset : cells.offset + len(cells) + 1] if offsets else np.zeros(1)
    begin, end = int(first[0]), int(first[-1])
    return first - begin if begin else first, data.slice(begin, end - begin) if data else pa.py_buffer(b"")


def _present(lengths: np.ndarray[Any, Any]) -> pa.Buffer | None:
    """The bitmap of cells that are not empty; None if all are."""
    return None if lengths.all() else pa.array(lengths > 0).buffers()[1]


def _cast(cells: pa.StringArray, letters: bytes, longest: int, kind: pa.DataType) -> pa.Array | None:
    starts, data = _bytes(cells)
    lengths = np.diff(starts)
    if len(lengths) and lengths.max() > longest:
        return None
    written = pa.py_buffer(data.to_pybytes().translate(letters))
    buffers = [_present(lengths), pa.py_buffer(np.ascontiguousarray(starts, np.int32)), written]
    try:
        return pc.cast(pa.Array.from_buffers(pa.string(), len(lengths), buffers), kind)
    except pa.ArrowInvalid:
        return None


def _places(form: str) -> dict[str, int]:
    """Where day, month and year stand; empty if the form has other parts or not all of these."""
    places, at, rest = {}, 0, form
    while rest:
        width = _WIDTHS.get(rest[:2])
        if width is None and (rest[0] in "%0123456789" or not rest[0].isascii()):
            return {}
        if width is not None:
            if rest[:2] in places:
                return {}
            places[rest[:2]] = at
        at, rest = at + (width or 1), rest[2 if width else 1 :]
    return places if len(places) == len(_WIDTHS) else {}


def _days(cells: pa.StringArray, forms: tuple[str, ...]) -> pa.Array | None:
    starts, data = _bytes(cells)
    lengths = np.diff(starts)
    for form in forms:
        width = len(form) + 2  # `%Y` is four signs long
        if not (len(data) == width * np.count_nonzero(lengths) and (not len(lengths) or lengths.max() <= width)):
            continue
        written = _iso(np.frombuffer(data, np.uint8).reshape(-1, width), form)
        if written is None:
            continue
        begins = np.minimum(np.cumsum(lengths > 0, dtype=np.int32) * 10, written.size)
        buffers = [
            _present(lengths),
            pa.py_buffer(np.concatenate(([0], begins), dtype=np.int32)),
            pa.py_buffer(written),
        ]
        try:
            return pc.cast(pa.Array.from_buffers(pa.string(), len(lengths), buffers), pa.date32())
        except pa.ArrowInvalid:
            continue
    return None


def _iso(signs: np.ndarray[Any, Any], form: str) -> np.ndarray[Any, Any] | None:
    """Dates of this form, a row of bytes each, as they are written by ISO; None if one is of another form."""
    places = _places(form)
    for at, sign in enumerate(form.replace("%Y", "0000").replace("%m", "00").replace("%d", "00").encode()):
        if sign != ord("0") and not (signs[:, at] == sign).all():
            return None
    year, month, day = (places[part] for part in ("%Y", "%m", "%d"))
    if not (signs[:, year] > ord("0")).all():  # what is before the year 1000 is left to those who know calendars
        return None
    written = np.full((len(signs), 10), ord("-"), np.uint8)
    written[:, 0:4] = signs[:, year : year + 4]
    written[:, 5:7] = signs[:, month : month + 2]
    written[:, 8:10] = signs[:, day : day + 2]
    return written


def _texts(cells: pa.StringArray, marks: list[str]) -> pa.Array:
    """All text is tidy: blank cells and marks of gaps have no value."""
    starts, data = _bytes(cells)
    lengths = np.diff(starts)
    if marks:
        blank = pc.is_in(pc.utf8_trim(cells, BLANKS), pa.array(["", *marks]))
        return pc.if_else(blank, None, cells)
    full = lengths > 0
    first = np.frombuffer(data, np.uint8)[starts[:-1][full]]
    doubtful = np.flatnonzero(full)[_DOUBTFUL[first]]
    if len(doubtful):
        trimmed = pc.utf8_trim(cells.take(pa.array(doubtful)), BLANKS)
        full[doubtful[np.asarray(pc.equal(trimmed, ""))]] = False
    if full.all():
        return cells
    buffers = [pa.array(full).buffers()[1], pa.py_buffer(np.ascontiguousarray(starts, np.int32)), data]
    return pa.Array.from_buffers(pa.string(), len(cells), buffers)
