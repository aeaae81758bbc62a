"""Foreign keys to datasets already known, by how many values of the new field occur there.

Overlap alone is no proof: the numbers 1 to 20 occur in every running number. So what could be chance must also be
named alike, and what cannot be a key (years, measurements, flags) is not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from nabe.model.dataset import FieldType
from nabe.profile.column import ColumnProfile, is_number
from nabe.profile.hashing import hash_values
from nabe.profile.keys import is_day, is_temporal, is_year
from nabe.profile.municipal import Recognised, is_code_header
from nabe.profile.sketch import Containment, KeySketch, containment
from nabe.profile.titles import tokens

#: From here on proposed as a reference.
ENOUGH = 0.9
#: From here on told, but not proposed.
NOTABLE = 0.5
#: Fewer different values prove nothing, unless they are all that the other field has.
FEW = 5
#: Where more than this share of the numbers around the values occurs in the other field, too, overlap may be chance.
_NEIGHBOURS = 0.25
_RUNNING_WORDS = frozenset({"id", "objectid", "fid", "gid", "oid", "uuid", "lfd", "lfdnr", "index", "row", "zeile"})
_EMPTY_WORDS = frozenset({"id", "nr", "nummer", "no", "key", "code", "schluessel", "schlüssel", "kennung", "number"})
_EMPTY_WORDS |= _RUNNING_WORDS | {"sch", "kz", "num", "ogc", "name", "bezeichnung", "titel", "title"}


@dataclass(frozen=True, slots=True)
class Match:
    """The new column's values occur in `known`. `good`: propose it. `as_text`: the number must be read as text.

    `echo`: another field of the table refers to the same dataset by its key."""

    known: KeySketch
    overlap: Containment
    alike: bool
    good: bool
    as_text: bool
    missing: tuple[str, ...]
    echo: bool = False


def can_refer(column: ColumnProfile) -> bool:
    """May this column hold keys of another dataset at all?"""
    if column.type not in (FieldType.STRING, FieldType.INTEGER) or not column.filled or column.free_text:
        return False
    if (
        is_temporal(column)
        or is_year(column)
        or is_day(column)
        or (column.type is FieldType.INTEGER and not column.whole)
    ):
        return False
    return not set(tokens(column.name)) & {"jahr", "year", "monat", "month", "anzahl", "count", "zahl"}


def find_references(
    column: ColumnProfile, kind: Recognised | None, known: Sequence[KeySketch], table: str = ""
) -> list[Match]:
    """All datasets in whose field the values occur, the best first. `table`: its name helps headers like `Nr.`"""
    if not can_refer(column):
        return []
    matches = [match for sketch in known if (match := _match(column, kind, sketch, table))]
    return sorted(matches, key=_worth, reverse=True)


def without_echoes(references: dict[str, list[Match]]) -> dict[str, list[Match]]:
    """Where a key refers to a dataset, the name beside it need not: it stays a finding, not a reference."""
    by_code = {found[0].known.dataset for found in references.values() if found[0].good and _coded(found[0])}
    kept: dict[str, list[Match]] = {}
    for name, found in references.items():
        best = found[0]
        echo = best.good and best.known.dataset in by_code and not _coded(best)
        kept[name] = [replace(match, good=False, echo=True) for match in found] if echo else found
    return kept


def _coded(match: Match) -> bool:
    return is_code_header(match.known.column or match.known.field)


def _worth(match: Match) -> tuple[bool, bool, float, bool, int]:
    # Of equal ones the field that has least besides: a street belongs to the register, not to all addresses.
    return (match.good, match.known.unique, round(match.overlap.share, 2), match.alike, -match.known.distinct)


def _match(column: ColumnProfile, kind: Recognised | None, known: KeySketch, table: str) -> Match | None:
    if known.type not in (FieldType.STRING, FieldType.INTEGER):
        return None
    overlap = containment(column.sample.hashes, column.sample.complete, known)
    if overlap.found < min(FEW, column.distinct_so_far) or overlap.share < NOTABLE:
        return None
    named = alike(f"{table} {column.name}" if is_bare(column.name) else column.name, known)
    covers = overlap.found == known.distinct and known.distinct > 1
    if overlap.found < FEW and not (covers and named):
        return None
    if not named and (_chance(column, kind, known) or (overlap.share < ENOUGH and _numeric(column))):
        return None
    compared = [column.texts[at] for at in overlap.missing]
    return Match(
        known=known,
        overlap=overlap,
        alike=named,
        good=known.unique and overlap.share >= ENOUGH and (named or not _only_names(column, known)),
        as_text=column.type is FieldType.INTEGER and known.type is FieldType.STRING,
        missing=tuple(text[:40] for text in compared[:3]),
    )


def _chance(column: ColumnProfile, kind: Recognised | None, known: KeySketch) -> bool:
    """Could so many values agree by chance? Marks of a letter or two may, and numbers whose neighbours do, too."""
    if kind is not None and kind.kind.id in ("ags", "ars", "kreis", "lor", "deveui"):
        return False
    if column.max_length <= 2 and column.type is FieldType.STRING:
        return True
    if column.leading_zeros:
        return False
    if not _numeric(column):
        return False
    numbers = sorted({int(text) for text in column.texts if text.isdigit() and len(text) <= 15})
    if not numbers or numbers[-1] < 100 or is_running(known):
        return True
    low, high = numbers[0], numbers[-1]
    between = _others(numbers, low, high)
    around = _others(numbers, max(0, low - 100), high + 100)
    return max(_found(between, known) if len(between) >= 10 else 0.0, _found(around, known)) > _NEIGHBOURS


@dataclass(frozen=True, slots=True)
class Hidden:
    """The first `width` characters of a longer key are keys of `known`: street and house number in one number."""

    known: KeySketch
    width: int
    overlap: Containment


def hidden_prefix(column: ColumnProfile, known: Sequence[KeySketch]) -> Hidden | None:
    """The field whose keys begin all values of `column`, with as little doubt as possible, or None.

    Only digits of one width with leading zeros are looked at, and only where few of all possible numbers are keys, so
    that agreement is no chance.
    """
    if column.type is not FieldType.STRING or not column.leading_zeros or len(column.texts) < 20:
        return None
    found = []
    for sketch in known:
        dense = sketch.distinct > 0.3 * 10**sketch.width if sketch.width else True
        if dense or not 3 < sketch.width < min(map(len, column.texts)):
            continue
        prefixes = sorted({text[: sketch.width] for text in column.texts})
        overlap = containment(np.sort(hash_values(pa.array(prefixes, pa.string()))), True, sketch)
        if overlap.found >= 20 and overlap.share >= 0.98:
            found.append(Hidden(sketch, sketch.width, overlap))
    return max(found, key=lambda item: (item.known.unique, item.width, item.overlap.share), default=None)


def is_running(known: KeySketch) -> bool:
    """A running number from 1 on, which holds every count."""
    return _found(range(1, 21), known) >= 0.5


def _numeric(column: ColumnProfile) -> bool:
    """Numbers, perhaps with a few letters between: house numbers are numbers, too."""
    return not column.leading_zeros and column.share(is_number) >= 0.5


def _only_names(column: ColumnProfile, known: KeySketch) -> bool:
    """Do names agree and not keys? Bus stops are called like streets and are none."""
    named = not (is_code_header(known.column or known.field) or is_code_header(column.name))
    return named and column.type is FieldType.STRING and column.share(str.isalpha) + column.share(_words) > 0.5


def _words(text: str) -> bool:
    return not text.isalpha() and not any(char.isdigit() for char in text)


def _others(numbers: list[int], low: int, high: int) -> Sequence[int]:
    """Numbers of the range that are not among these: the control of the test."""
    step = max(1, (high - low) // 5000)
    others: list[int] = np.setdiff1d(np.arange(low, high + 1, step), np.asarray(numbers)).tolist()
    return others


def _found(numbers: Sequence[int], known: KeySketch) -> float:
    """The share of these numbers that occur in `known`."""
    hashes = np.sort(hash_values(pa.array(numbers, pa.int64())))
    return containment(hashes, True, known).share


def alike(name: str, known: KeySketch) -> bool:
    """Do the headers mean the same thing? `stadtteil_nr` and `stadtteile.nummer`, `PLR_ID` and `plr_id`."""
    mine = meaning(tokens(name))
    fields = meaning([*tokens(known.column), *tokens(known.field)])
    theirs = fields | meaning(tokens(f"{known.dataset} {known.table} {known.title}"))
    if mine & fields:
        return True
    return any(_same(one, other) for one in mine for other in theirs)


def meaning(parts: list[str]) -> set[str]:
    """Words that say of what, without those that only say number or key."""
    found = set()
    for part in parts:
        for ending in sorted(_EMPTY_WORDS, key=len, reverse=True):
            if len(ending) > 3 and part.endswith(ending) and part != ending:
                part = part.removesuffix(ending)
        if part not in _EMPTY_WORDS and not part.isdigit() and len(part) > 1:
            found.add(part)
    return found


def is_bare(header: str) -> bool:
    """Does the header say number or key, and not of what (`Nr.`)?"""
    words = tokens(header)
    return not meaning(words) and not set(words) & _RUNNING_WORDS


def _same(one: str, other: str) -> bool:
    """Equal but for the ending: `bezirk` and `bezirke`."""
    short, long = sorted((one, other), key=len)
    return len(short) >= 4 and long.startswith(short) and len(long) - len(short) <= 2
