"""CSV and its kin: delimiter, header and shape are found out; then DuckDB streams the file, every cell as text."""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from nabe.adapters.file.headers import numbered, unique_names
from nabe.adapters.file.layout import find_layout, first_cell, kept, said_of, with_below
from nabe.adapters.file.lines import Lines
from nabe.adapters.file.part import Part, RawColumn, check_width
from nabe.adapters.file.prepare import Prepared, decoded, prepared
from nabe.adapters.file.settings import TableSettings, cut
from nabe.adapters.file.store import FileStore
from nabe.adapters.file.translate import text
from nabe.adapting.places import Place
from nabe.errors import SourceRefused

_DELIMITERS = (";", ",", "\t", "|")
_NAMES = {"\t": "tab"}
_HEAD_CHARS = 256 * 1024
_HEAD_ROWS = 60
_TAIL_BYTES = 64 * 1024
_LONGEST_LINE = 2_000_000

csv.field_size_limit(_LONGEST_LINE)


@dataclass(frozen=True, slots=True)
class Shape:
    """How the text is divided. `data`: index of the first record of data; `simple`: DuckDB can read it."""

    delimiter: str
    data: int
    names: tuple[str, ...]
    simple: bool
    facts: tuple[tuple[str, Any], ...] = ()
    notes: tuple[str, ...] = ()


def open_delimited(
    system: str,
    place: Place,
    settings: TableSettings,
    store: FileStore,
    cursor: Any,
    within_s: float,
    guess: bool = False,
) -> Part:
    """Open a CSV or TSV file. `SourceRefused` names file and line of a row that does not fit.

    `within_s`: how long its rows may be counted. `guess`: find footnotes and totals below the table, and propose the settings that leave them out.
    """
    ready = prepared(system, place, store, settings.encoding)
    shape = find_shape(system, ready, place, settings)
    check_width(system, place.shown, len(shape.names))
    facts: dict[str, Any] = {"encoding": ready.encoding.removesuffix("-sig"), "delimiter": shape.delimiter}
    facts |= shape.facts
    if guess and not settings.until and not settings.drop_rows:
        whole = _Orderly(system, place, ready, shape, settings)
        settings, said = with_below(settings, _tail(ready, shape.delimiter), len(shape.names), whole.begins)
        facts |= said
    rows = lines = None
    path, skip = ready.path, shape.data
    width, notes = len(shape.names), list(shape.notes)
    if shape.simple and not settings.until and not settings.drop_rows and not settings.range:
        lines = Lines(path, shape.delimiter, width, skip)
        rows = lines.count(within_s)
        if rows is None:
            lines = None
            rows = _count(cursor, _function(path, shape.delimiter, width, skip))
    if rows is None:
        # Ragged rows, stray quotes, a preamble: put in order once, with every cell kept.
        order = _Orderly(system, place, ready, shape, settings)
        asked = (settings.ragged, settings.until, settings.drop_rows, settings.range)
        path = store.made(f"{place.path}:{shape}:{asked}", place.version, ".csv", order.write)
        (width, found), skip = order.about(path), 1
        rows = _count(cursor, _function(path, shape.delimiter, width, skip))
        notes += found
        if rows is None:
            raise SourceRefused(system, f"{place.shown!r} cannot be divided into rows.", hint="Check its quotes.")
    names = (*shape.names, *(f"extra_{number}" for number in range(1, width - len(shape.names) + 1)))
    columns = tuple(RawColumn(name, f"c{number}") for number, name in enumerate(names))
    function = _function(path, shape.delimiter, width, skip)

    def relation(_cursor: Any, _columns: Collection[str]) -> str:
        return function

    size = int(path.stat().st_size * 1.3)
    return Part(place.shown, columns, relation, rows, size, facts=facts, notes=tuple(notes), lines=lines)


def find_shape(system: str, ready: Prepared, place: Place, settings: TableSettings) -> Shape:
    """Delimiter and header of the text."""
    head = _head(ready, system, place)
    delimiter = settings.delimiter or ("\t" if settings.format == "tsv" else _delimiter(head))
    reader = csv.reader(head.splitlines(keepends=True), delimiter=delimiter)
    first, last, _, _ = cut(settings.range) or (0, None, 0, None)
    records = list(itertools.islice(reader, first, None if last is None else last + 1))[:_HEAD_ROWS]
    if not records and settings.header_row is None:  # a byte order mark alone is not a row
        raise SourceRefused(system, f"{place.shown!r} has no rows.", hint="Deliver it anew.")
    layout = find_layout(records, settings)
    if max(layout.header, layout.data - 1) >= len(records):
        wrong = max(layout.header + 1, layout.data)
        raise SourceRefused(
            system,
            f"{place.shown!r} has no row {wrong}.",
            hint="Correct source.header_row, header_rows or data_row.",
            field="header_row",
        )
    names = layout.names
    if layout.header >= 0 and layout.headers == 1:
        cells = records[layout.header]
        widest = Counter(len(row) for row in records[layout.data :] if row).most_common(1)
        usual = widest[0][0] if widest else len(cells)
        if len(cells) <= usual or any(cell.strip() for cell in cells[usual:]):
            usual = len(cells)  # else: delimiters after the last name, as some exports write them
        names = unique_names(cells[:usual])
    elif layout.header < 0:
        names = numbered(max((len(row) for row in records[layout.data :]), default=1))
    broken = any("\n" in cell or "\r" in cell for row in records[: layout.data] for cell in row)
    top = records[0] if records and layout.header == 0 else names
    simple = layout.data <= 1 and not broken and len(names) == len(top)
    return Shape(delimiter, first + layout.data, names, simple, tuple(layout.facts.items()), layout.notes)


def _head(ready: Prepared, system: str, place: Place) -> str:
    encoding = "utf-8-sig" if ready.copied or ready.encoding.startswith("utf-8") else ready.encoding
    found = ""
    for part in decoded(ready.path, encoding, system, place.shown):
        found += part
        if len(found) >= _HEAD_CHARS:
            return found[: max(found.rfind("\n") + 1, 1)]
    return found.replace("\x1a", "")


def _tail(ready: Prepared, delimiter: str) -> list[list[str]]:
    """The last rows of the text: where footnotes and totals would stand."""
    with ready.path.open("rb") as file:
        file.seek(max(ready.path.stat().st_size - _TAIL_BYTES, 0))
        text = file.read().decode("utf-8", "replace")
    lines = text.splitlines(keepends=True)
    try:
        return list(csv.reader(lines[1:], delimiter=delimiter))
    except csv.Error:
        return []


def _delimiter(head: str) -> str:
    """The sign that divides most rows into equally many cells."""
    lines = head.splitlines(keepends=True)

    def score(sign: str) -> tuple[float, int]:
        try:
            widths = [len(row) for row in itertools.islice(csv.reader(lines, delimiter=sign), _HEAD_ROWS) if row]
        except csv.Error:
            return (0.0, 0)
        usual, times = Counter(widths).most_common(1)[0] if widths else (1, 0)
        return (times / len(widths), usual) if usual > 1 else (0.0, 0)

    scores = {sign: score(sign) for sign in _DELIMITERS}
    best = max(
        scores, key=lambda sign: (scores[sign][0] > 0.8, scores[sign][0] * min(scores[sign][1], 3), scores[sign])
    )
    return best if scores[best][0] > 0 else ","


def _function(path: Path, delimiter: str, width: int, skip: int) -> str:
    columns = ", ".join(f"'c{number}': 'VARCHAR'" for number in range(width))
    return (
        f"read_csv({text(str(path))}, auto_detect=false, header=false, skip={max(skip, 0)}, delim={text(delimiter)}, "
        f"quote='\"', escape='\"', strict_mode=true, max_line_size={_LONGEST_LINE}, "
        f"buffer_size={_LONGEST_LINE}, columns={{{columns}}})"
    )


def _count(cursor: Any, function: str) -> int | None:
    """Number of rows if every one has the right width; reads the whole file."""
    try:
        (rows,) = cursor.execute(f"SELECT count(*) FROM {function}").fetchone()
    except (duckdb.InterruptException, duckdb.OutOfMemoryException):
        raise
    except duckdb.Error:
        return None
    return int(rows)


class _Orderly:
    """Writes a file anew with every row as wide as the header; finds rows that are not."""

    def __init__(self, system: str, place: Place, ready: Prepared, shape: Shape, settings: TableSettings) -> None:
        self._system, self._place, self._ready, self._shape = system, place, ready, shape
        self._settings = settings
        self._pad = settings.ragged == "pad"
        self._left = [0, 0]

    def write(self, path: Path) -> None:
        """The orderly copy."""
        quoted = self._survey(csv.QUOTE_MINIMAL)
        bare = self._survey(csv.QUOTE_NONE) if quoted.odd else quoted
        quoting, seen = (csv.QUOTE_NONE, bare) if bare.odd < quoted.odd else (csv.QUOTE_MINIMAL, quoted)
        if seen.long and not self._pad:
            raise SourceRefused(
                self._system,
                f"{self._place.shown!r}, line {seen.long_line}: {seen.widest} cells, but the header has "
                f"{len(self._shape.names)} ({seen.long} such rows).",
                hint="Mend the file, or set source.ragged to pad to keep the extra cells as columns.",
                line=seen.long_line,
            )
        width = max(len(self._shape.names), seen.widest)
        with path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, delimiter=self._shape.delimiter, lineterminator="\n")
            # The copy outlives this process: what was noted stands where the header would be.
            said = [*_notes(seen), *said_of(self._left, self._settings)]
            writer.writerow([json.dumps(said), *(f"c{number}" for number in range(1, width))])
            for _, row in self._rows(quoting):
                writer.writerow((row + [""] * (width - len(row)))[:width])

    def begins(self) -> Iterator[str]:
        """The first cell of every row."""
        with contextlib.suppress(csv.Error):
            for _, row in self._rows(csv.QUOTE_MINIMAL):
                yield first_cell(row)

    def about(self, path: Path) -> tuple[int, list[str]]:
        """Number of columns of the orderly copy, and what was noted when it was made."""
        with path.open(encoding="utf-8", newline="") as file:
            first = next(csv.reader(file, delimiter=self._shape.delimiter))
        return len(first), json.loads(first[0])

    def _survey(self, quoting: int) -> _Survey:
        seen = _Survey(len(self._shape.names))
        try:
            for line, row in self._rows(quoting):
                seen.see(line, row)
        except csv.Error:
            seen.short += 1 << 40  # a quote that never closes: the other way of reading is better
        return seen

    def _rows(self, quoting: int) -> Iterator[tuple[int, list[str]]]:
        encoding = (
            "utf-8-sig" if self._ready.copied or self._ready.encoding.startswith("utf-8") else self._ready.encoding
        )
        with self._ready.path.open(encoding=encoding, newline="") as file:
            reader = csv.reader(file, delimiter=self._shape.delimiter, quoting=quoting)  # type: ignore[arg-type]
            yield from kept(self._numbered(reader), self._settings, self._left)

    def _numbered(self, reader: Any) -> Iterator[tuple[int, list[str]]]:
        _, last, _, _ = cut(self._settings.range) or (0, None, 0, None)
        start = 1
        for number, row in enumerate(reader):
            if last is not None and number > last:
                return
            line, start = start, reader.line_num + 1
            if number >= self._shape.data and (row or len(self._shape.names) == 1) and row != ["\x1a"]:
                yield line, _without_empty_end(row, len(self._shape.names))


@dataclass(slots=True)
class _Survey:
    """Rows that are not as wide as the header."""

    width: int
    short: int = 0
    short_line: int = 0
    long: int = 0
    long_line: int = 0
    widest: int = 0

    def see(self, line: int, row: Sequence[str]) -> None:
        if len(row) > self.width:
            self.long += 1
            self.long_line = self.long_line or line
        elif len(row) < self.width:
            self.short += 1
            self.short_line = self.short_line or line
        self.widest = max(self.widest, len(row))

    @property
    def odd(self) -> int:
        return self.short + self.long


def _notes(seen: _Survey) -> list[str]:
    short = f"{seen.short} rows have fewer cells than the header (first: line {seen.short_line})."
    long = f"{seen.long} rows have more cells than the header (first: line {seen.long_line})."
    return [short] * bool(seen.short) + [long] * bool(seen.long)


def _without_empty_end(row: list[str], width: int) -> list[str]:
    """Extra cells that are empty hold nothing to lose."""
    while len(row) > width and not row[-1].strip():
        row.pop()
    return row
