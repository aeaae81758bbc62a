"""CSV and its kin: delimiter, header and shape are found out; then DuckDB streams the file, every cell as text."""

from __future__ import annotations

import csv
import itertools
import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from nabe.adapters.file.headers import header_index, numbered, unique_names
from nabe.adapters.file.part import Part, RawColumn, check_width
from nabe.adapters.file.places import Place
from nabe.adapters.file.prepare import Prepared, decoded, prepared
from nabe.adapters.file.settings import TableSettings
from nabe.adapters.file.store import FileStore
from nabe.adapters.file.translate import text
from nabe.errors import SourceRefused

_DELIMITERS = (";", ",", "\t", "|")
_NAMES = {"\t": "tab"}
_HEAD_CHARS = 256 * 1024
_HEAD_ROWS = 60
_LONGEST_LINE = 2_000_000

csv.field_size_limit(_LONGEST_LINE)


@dataclass(frozen=True, slots=True)
class Shape:
    """How the text is divided. `header`: index of the record with the names (-1: none); `simple`: DuckDB can read it."""

    delimiter: str
    header: int
    names: tuple[str, ...]
    simple: bool


def open_delimited(system: str, place: Place, settings: TableSettings, store: FileStore, cursor: Any) -> Part:
    """Open a CSV or TSV file. `SourceRefused` names file and line of a row that does not fit."""
    ready = prepared(system, place, store, settings.encoding)
    shape = find_shape(system, ready, place, settings)
    check_width(system, place.shown, len(shape.names))
    rows = None
    path, skip = ready.path, shape.header + 1
    width, notes = len(shape.names), []
    if shape.simple:
        rows = _count(cursor, _function(path, shape.delimiter, width, skip))
    if rows is None:
        # Ragged rows, stray quotes, a preamble: put in order once, with every cell kept.
        order = _Orderly(system, place, ready, shape, settings)
        path = store.made(f"{place.path}:{shape}:{settings.ragged}", place.version, ".csv", order.write)
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

    facts: dict[str, Any] = {"encoding": ready.encoding.removesuffix("-sig"), "delimiter": shape.delimiter}
    if shape.header != 0:
        facts["header_row"] = shape.header + 1
    return Part(place.shown, columns, relation, rows, int(path.stat().st_size * 1.3), facts=facts, notes=tuple(notes))


def find_shape(system: str, ready: Prepared, place: Place, settings: TableSettings) -> Shape:
    """Delimiter and header of the text."""
    head = _head(ready, system, place)
    delimiter = settings.delimiter or ("\t" if settings.format == "tsv" else _delimiter(head))
    records = list(itertools.islice(csv.reader(head.splitlines(keepends=True), delimiter=delimiter), _HEAD_ROWS))
    if settings.header_row is None:
        found = header_index(records)
        header = -1 if found is None else found
    else:
        header = settings.header_row - 1
    if header >= len(records):
        raise SourceRefused(
            system, f"{place.shown!r} has no row {header + 1}.", hint="Correct source.header_row.", field="header_row"
        )
    if header >= 0:
        cells = records[header]
        widest = Counter(len(row) for row in records[header + 1 :] if row).most_common(1)
        if widest and len(cells) > widest[0][0] and not any(cell.strip() for cell in cells[widest[0][0] :]):
            cells = cells[: widest[0][0]]  # delimiters after the last name, as some exports write them
        names = unique_names(cells)
    else:
        names = numbered(max((len(row) for row in records), default=1))
    broken = any("\n" in cell or "\r" in cell for row in records[: header + 1] for cell in row)
    return Shape(
        delimiter,
        header,
        names,
        simple=header <= 0 and not broken and len(names) == (len(records[0]) if header == 0 else len(names)),
    )


def _head(ready: Prepared, system: str, place: Place) -> str:
    encoding = "utf-8-sig" if ready.copied or ready.encoding.startswith("utf-8") else ready.encoding
    found = ""
    for part in decoded(ready.path, encoding, system, place.shown):
        found += part
        if len(found) >= _HEAD_CHARS:
            return found[: max(found.rfind("\n") + 1, 1)]
    return found.replace("\x1a", "")


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
        self._pad = settings.ragged == "pad"

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
            writer.writerow([json.dumps(_notes(seen)), *(f"c{number}" for number in range(1, width))])
            for _, row in self._rows(quoting):
                writer.writerow((row + [""] * (width - len(row)))[:width])

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
            start = 1
            for number, row in enumerate(reader):
                line, start = start, reader.line_num + 1
                if number > self._shape.header and (row or len(self._shape.names) == 1) and row != ["\x1a"]:
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
