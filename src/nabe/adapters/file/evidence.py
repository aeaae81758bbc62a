"""Types of columns by evidence over the whole file: two streaming passes of DuckDB in bounded memory.

A first look at some thousand rows says which columns can only be text; the first pass counts how the cells of the
others look; the second tries the types that follow on every value. A type is proposed only if all values fit.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from nabe.adapters.file.classes import FOOTNOTE, SIGNS, WORDS, Kind, kind_sql, value_sql, without_footnote
from nabe.adapters.file.coordinates import Range, range_counts
from nabe.adapters.file.part import Part, RawColumn
from nabe.adapters.file.propose import Guess, Settled, file_decimal, guesses
from nabe.adapters.file.silo import Silo
from nabe.adapters.file.translate import text, trimmed, typed
from nabe.model.dataset import FieldType

_LOOK_ROWS = 5_000
#: Columns judged at once: more would need more memory than the adapter's DuckDB has, however few their rows.
_WIDE = 24
_LOOKS = ("VARCHAR",)
_ZONE = "Europe/Berlin"

_NATIVE_TYPES = {
    "BOOLEAN": FieldType.BOOLEAN,
    "BIGINT": FieldType.INTEGER,
    "INTEGER": FieldType.INTEGER,
    "DOUBLE": FieldType.NUMBER,
    "FLOAT": FieldType.NUMBER,
    "DECIMAL(38, 9)": FieldType.NUMBER,
    "DATE": FieldType.DATE,
    "TIMESTAMP": FieldType.DATETIME,
    "TIMESTAMP WITH TIME ZONE": FieldType.DATETIME,
}


@dataclass(slots=True)
class Evidence:
    """What the values say. `kinds`: how cells look, by column; `ranges`: counts of numbers by range, see `coordinates`."""

    columns: list[Settled]
    kinds: dict[str, dict[Kind, int]] = field(default_factory=dict)
    ranges: dict[str, dict[Range, int]] = field(default_factory=dict)


def gather(
    silo: Silo, parts: Sequence[Part], columns: Sequence[RawColumn], progress: Callable[[float], None]
) -> Evidence:
    """Look at every value of these columns of these files."""
    texts = [item for item in columns if item.native in _LOOKS]
    with silo.desk.working(parts[0].shown) as cursor:
        groups = [texts[at : at + _WIDE] for at in range(0, len(texts), _WIDE)]
        kinds: dict[str, dict[Kind, int]] = {}
        noted: dict[str, tuple[str, ...]] = {}
        for group in groups:
            kinds |= _kinds(cursor, parts, group, progress)
            noted |= _noted(cursor, parts, group, kinds)
        decimal = file_decimal(list(kinds.values()), str(parts[0].facts.get("delimiter", "")))
        tries = {item.name: guesses(item.name, kinds[item.name], decimal) for item in texts if item.name in kinds}
        for column, marks in noted.items():
            tries[column] = [_with_footnotes(guess, marks) for guess in tries[column]]
        found = _Found()
        for group in groups:
            found.add(_try(cursor, parts, group, tries, kinds, progress))
    settled = []
    for item in columns:
        if item.native in _LOOKS:
            settled.append(found.types.get(item.name) or Settled(item.name, FieldType.STRING))
        else:
            settled.append(Settled(item.name, _NATIVE_TYPES.get(item.native, FieldType.STRING)))
    _share_marks(settled, found)
    evidence = Evidence(settled, kinds)
    with silo.desk.working(parts[0].shown) as cursor:
        evidence.ranges = _ranges(cursor, parts, columns, settled)
    progress(1.0)
    return evidence


def _kinds(
    cursor: Any, parts: Sequence[Part], texts: list[RawColumn], progress: Callable[[float], None]
) -> dict[str, dict[Kind, int]]:
    """How the cells of each column look, counted over all rows; columns that hold free text are left out."""
    if not texts:
        return {}
    look = _histograms(cursor, parts, [(item, ()) for item in texts], _LOOK_ROWS)
    open_: list[tuple[RawColumn, tuple[Kind, ...]]] = []
    for item in texts:
        seen = look[item.name]
        if not seen.get(Kind.TEXT):
            open_.append((item, tuple(kind for kind, count in seen.items() if count)))
    if not open_:
        return {}
    with _ticking(cursor, progress, 0.05, 0.5):
        return _histograms(cursor, parts, open_, None)


def _noted(
    cursor: Any, parts: Sequence[Part], texts: list[RawColumn], kinds: dict[str, dict[Kind, int]]
) -> dict[str, tuple[str, ...]]:
    """Columns that are numbers but for footnotes' marks after some of them, with these marks; told in `kinds`, too.

    Marks that come only after the first thousands of rows are not found: then the column stays text.
    """
    open_ = [(item, ()) for item in texts if item.name not in kinds or kinds[item.name].get(Kind.TEXT)]
    look = _histograms(cursor, parts, list(open_), _LOOK_ROWS, bare=True) if open_ else {}
    likely = [(item, ()) for item, _ in open_ if not look[item.name].get(Kind.TEXT) and _numeric(look[item.name])]
    if not likely:
        return {}
    whole = _histograms(cursor, parts, list(likely), None, bare=True)
    shown = ", ".join(f"list(DISTINCT regexp_extract(v{at}, {text(FOOTNOTE)}, 2))" for at in range(len(likely)))
    values = ", ".join(f"{value_sql(f'k{at}')} AS v{at}" for at in range(len(likely)))
    relation = f"(SELECT {values} FROM {_relation(cursor, parts, [item for item, _ in likely], None)})"
    (row,) = cursor.execute(f"SELECT {shown} FROM {relation}").fetchall()
    found: dict[str, tuple[str, ...]] = {}
    for (item, _), marks in zip(likely, row, strict=True):
        if not whole[item.name].get(Kind.TEXT):
            kinds[item.name] = whole[item.name]
            found[item.name] = tuple(sorted({mark.strip() for mark in marks or () if mark and mark.strip()}))
    return found


def _numeric(counts: dict[Kind, int]) -> bool:
    return bool(counts.keys() & {Kind.INTEGER, Kind.POINT, Kind.COMMA, Kind.POINT_3, Kind.COMMA_3, Kind.POINT_GROUPS})


def _with_footnotes(guess: Guess, marks: tuple[str, ...]) -> Guess:
    return Guess(guess.type, guess.dialect.model_copy(update={"footnotes": marks}))


def _histograms(
    cursor: Any,
    parts: Sequence[Part],
    columns: list[tuple[RawColumn, tuple[Kind, ...]]],
    rows: int | None,
    bare: bool = False,
) -> dict[str, dict[Kind, int]]:
    shown = ", ".join(
        f"histogram(CAST({kind_sql(f'v{index}', likely)} AS UTINYINT)) AS h{index}"
        for index, (_, likely) in enumerate(columns)
    )
    cells = [value_sql(f"k{index}") for index in range(len(columns))]
    values = ", ".join(f"{without_footnote(cell) if bare else cell} AS v{index}" for index, cell in enumerate(cells))
    relation = f"(SELECT {values} FROM {_relation(cursor, parts, [item for item, _ in columns], rows)})"
    (row,) = cursor.execute(f"SELECT {shown} FROM {relation}").fetchall()
    return {
        item.name: {Kind(key): count for key, count in (counts or {}).items()}
        for (item, _), counts in zip(columns, row, strict=True)
    }


@dataclass(slots=True)
class _Found:
    types: dict[str, Settled] = field(default_factory=dict)
    words_in_text: frozenset[str] = frozenset()

    def add(self, other: _Found) -> None:
        """What other columns say."""
        self.types |= other.types
        self.words_in_text |= other.words_in_text


def _try(
    cursor: Any,
    parts: Sequence[Part],
    texts: list[RawColumn],
    tries: dict[str, list[Guess]],
    kinds: dict[str, dict[Kind, int]],
    progress: Callable[[float], None],
) -> _Found:
    """Which guesses hold for all values that are not marks of a gap; which marks there are."""
    marks = ", ".join(text(item) for item in SIGNS + WORDS)
    words = ", ".join(text(item) for item in WORDS)
    values: list[str] = []
    shown: list[str] = []
    wanted: list[tuple[RawColumn, Guess | None]] = []
    for index, item in enumerate(texts):
        options = tries.get(item.name, [])
        # Free text is searched for words as it stands; a column of gaps alone says nothing about words.
        plain = trimmed(f"k{index}", "'\"") if options else f"k{index}"
        values.append(f"{plain} AS v{index}")
        for guess in options:
            fits = typed(f"v{index}", "VARCHAR", guess.type, guess.dialect, _ZONE, f"v{index}")
            shown.append(f"count(*) FILTER (WHERE v{index} NOT IN ('', {marks}) AND ({fits}) IS NULL)")
            wanted.append((item, guess))
        if options or item.name not in kinds or kinds[item.name].get(Kind.TEXT):
            among = marks if options else words
            shown.append(f"list(DISTINCT v{index}) FILTER (WHERE v{index} IN ({among}))")
            wanted.append((item, None))
    if not shown:
        return _Found()
    relation = f"(SELECT {', '.join(values)} FROM {_relation(cursor, parts, texts, None)})"
    with _ticking(cursor, progress, 0.5, 0.95):
        (row,) = cursor.execute(f"SELECT {', '.join(shown)} FROM {relation}").fetchall()
    found = _Found()
    in_text: set[str] = set()
    for (item, tried), value in zip(wanted, row, strict=True):
        if tried is not None:
            if value == 0 and item.name not in found.types:
                found.types[item.name] = Settled(item.name, tried.type, tried.dialect)
        elif item.name in found.types:
            found.types[item.name].marks = tuple(sorted(value or ()))
        else:
            in_text |= set(value or ()) & set(WORDS)
    found.words_in_text = frozenset(in_text)
    return found


def _share_marks(settled: list[Settled], found: _Found) -> None:
    """A word that is a gap among numbers may be a word elsewhere (`x` for yes): there it must stay."""
    for item in settled:
        item.own_nulls = tuple(mark for mark in item.marks if mark in found.words_in_text)
        item.marks = tuple(mark for mark in item.marks if mark not in found.words_in_text)


def _ranges(
    cursor: Any, parts: Sequence[Part], columns: Sequence[RawColumn], settled: list[Settled]
) -> dict[str, dict[Range, int]]:
    """For columns that could hold coordinates by their name: how many values lie in which range."""
    by_name = {item.name: item for item in columns}
    chosen = [
        item for item in settled if item.type in (FieldType.NUMBER, FieldType.INTEGER) and range_counts(item.name, "")
    ]
    if not chosen:
        return {}
    raw = [by_name[item.name] for item in chosen]
    shown, keys, values = [], [], []
    for index, item in enumerate(chosen):
        value = typed(f"k{index}", raw[index].native, FieldType.NUMBER, item.dialect, _ZONE)
        values.append(f"{value} AS v{index}")
        for key, sql in range_counts(item.name, f"v{index}").items():
            shown.append(sql)
            keys.append((item.name, key))
    relation = f"(SELECT {', '.join(values)} FROM {_relation(cursor, parts, raw, None)})"
    (row,) = cursor.execute(f"SELECT {', '.join(shown)} FROM {relation}").fetchall()
    found: dict[str, dict[Range, int]] = {}
    for (column, key), count in zip(keys, row, strict=True):
        found.setdefault(column, {})[key] = count
    return found


def _relation(cursor: Any, parts: Sequence[Part], columns: list[RawColumn], rows: int | None) -> str:
    """The files' columns as k0, k1, ...; only the first `rows` rows if given."""
    selects = []
    for part in parts:
        found = [part.column(item.name) for item in columns]
        needs = {item.sql for item in found if item is not None}
        shown = ", ".join(f"{item.sql if item else 'NULL::VARCHAR'} AS k{index}" for index, item in enumerate(found))
        limit = f" LIMIT {rows}" if rows is not None else ""
        selects.append(f"(SELECT {shown} FROM {part.relation(cursor, needs)}{limit})")
        if rows is not None:
            break
    return f"({' UNION ALL '.join(selects)}) AS files"


@contextmanager
def _ticking(cursor: Any, progress: Callable[[float], None], start: float, end: float) -> Iterator[None]:
    """Tell the share of a long query that is done, a few times a second."""
    done = threading.Event()
    progress(start)

    def tick() -> None:
        while not done.wait(0.25):
            share = cursor.query_progress()
            if share > 0:
                progress(start + (end - start) * min(share, 100.0) / 100.0)

    watcher = threading.Thread(target=tick, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join(1.0)
