"""Which entry of a register a record means: by its name, by where it lies, else by likeness, else a person decides.

A wrong link is worse than none: it is handed on silently, while what is unsure lands on a list. So only these are sure:
the same name with one key; the same name with several keys, of which the place leaves one; a name that is alike enough,
with nothing nearly as alike. docs/linking.md says which of the limits were measured.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from rapidfuzz import fuzz, process

from nabe.linking.names import normalised
from nabe.linking.register import Entry, Register

#: Likeness (0..100) from which a name counts as the same one misspelt, and its distance to the next other key.
SURE, MARGIN = 93.0, 5.0
#: The same where postcode or district agree.
SURE_HERE, MARGIN_HERE = 86.0, 4.0
#: Likeness from which an entry is worth showing to a person.
WORTH = 78.0
#: A name may be cut off by the width of its column from this length on.
_CUT = 15
_MOST = 5
_CHUNK = 2048


class Outcome(StrEnum):
    """What came of it."""

    SURE = "sure"
    UNSURE = "unsure"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Record:
    """A street as some silo writes it, and what is known of the place."""

    name: str
    postcode: str = ""
    district: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """A key that may be meant; `score` 0..100."""

    key: str
    name: str
    score: float


@dataclass(frozen=True, slots=True)
class Link:
    """A record with the key it means, if that is sure. `why`: decided, same, place, former, cut, alike; else what lacks."""

    record: Record
    outcome: Outcome
    key: str = ""
    why: str = ""
    candidates: tuple[Candidate, ...] = ()


def match(
    records: Sequence[Record], register: Register, decided: Mapping[tuple[str, str, str], str] | None = None
) -> list[Link]:
    """A link for each record, in their order; it depends on that record alone.

    `decided`: what people decided, by (normalised name, postcode, district); `-` for none.
    """
    decided = decided or {}
    made: list[Link | None] = []
    left: dict[str, list[int]] = {}
    for position, record in enumerate(records):
        spelling = normalised(record.name)
        link = _decided(record, spelling, register, decided) or _same(record, spelling, register)
        made.append(link)
        if link is None:
            left.setdefault(spelling, []).append(position)
    for spelling, alike in _alike(list(left), register):
        for position in left[spelling]:
            made[position] = _judged(records[position], spelling, alike, register)
    return [link for link in made if link is not None]


def _decided(
    record: Record, spelling: str, register: Register, decided: Mapping[tuple[str, str, str], str]
) -> Link | None:
    decision = decided.get((spelling, record.postcode, record.district))
    if decision is None:
        return None
    return (
        Link(record, Outcome.NONE, "", "decided")
        if decision == "-"
        else Link(record, Outcome.SURE, decision, "decided")
    )


def _same(record: Record, spelling: str, register: Register) -> Link | None:
    """The same name: sure if it has one key, or if the place leaves one."""
    found = register.spelt(spelling)
    if not found:
        return None
    keys = register.keys(found)
    if len(keys) == 1:
        former = all((spelling, position) in register.former for position in found)
        return Link(record, Outcome.SURE, keys[0], "former" if former else "same")
    here = register.keys(_in_place(record, found, register))
    if len(here) == 1:
        return Link(record, Outcome.SURE, here[0], "place")
    candidates = tuple(_candidate(key, found, register, 100.0) for key in (here or keys)[:_MOST])
    return Link(record, Outcome.UNSURE, "", "several", candidates)


def _in_place(record: Record, positions: Sequence[int], register: Register) -> list[int]:
    """Those entries that agree with what the record says of its place, as long as any do."""
    left = list(positions)
    district = normalised(record.district)
    said = normalised(record.name[record.name.find("(") + 1 :]) if "(" in record.name else ""
    tests = (
        lambda entry, at: bool(said) and said in (normalised(entry.district), register.hints.get(at, "")),
        lambda entry, at: bool(district) and district in (normalised(entry.district), register.hints.get(at, "")),
        lambda entry, at: bool(record.postcode) and record.postcode == entry.postcode,
        lambda entry, at: bool(entry.has_number(record.number)),
    )
    for test in tests:
        some = [position for position in left if test(register.entries[position], position)]
        left = some or left
    return left if len(left) < len(positions) else list(positions)


def _alike(spellings: list[str], register: Register) -> Iterator[tuple[str, list[tuple[str, float]]]]:
    """Each spelling with those of the register that are worth showing, most alike first."""
    names = register.spellings
    for start in range(0, len(spellings), _CHUNK):
        asked = spellings[start : start + _CHUNK]
        if not names:
            yield from ((spelling, []) for spelling in asked)
            continue
        scores = process.cdist(asked, names, scorer=fuzz.ratio, score_cutoff=WORTH, dtype=np.float32, workers=-1)
        for row, spelling in enumerate(asked):
            hits = np.flatnonzero(scores[row])
            best = hits[np.argsort(-scores[row][hits], kind="stable")][:20]
            found = [(names[hit], float(scores[row][hit])) for hit in best if _digits(names[hit]) == _digits(spelling)]
            yield spelling, found


def _judged(record: Record, spelling: str, alike: list[tuple[str, float]], register: Register) -> Link:
    if cut := _cut_off(record, spelling, register):
        return cut
    best: dict[str, Candidate] = {}
    local: set[str] = set()
    for name, score in alike:
        positions = register.spelt(name)
        near = _in_place(record, positions, register)
        agrees = any(_agrees(record, register.entries[position]) for position in near)
        for key in register.keys(near if agrees else positions):
            if key not in best:
                best[key] = _candidate(key, positions, register, score)
                if agrees:
                    local.add(key)
    ranked = sorted(best.values(), key=lambda item: (-item.score, item.key))
    if not ranked:
        return Link(record, Outcome.NONE, "", "unknown")
    first, second = ranked[0], ranked[1].score if len(ranked) > 1 else 0.0
    here = first.key in local
    sure, margin = (SURE_HERE, MARGIN_HERE) if here else (SURE, MARGIN)
    if first.score >= sure and first.score - second >= margin:
        return Link(record, Outcome.SURE, first.key, "alike", (first,))
    return Link(record, Outcome.UNSURE, "", "alike", tuple(ranked[:_MOST]))


def _cut_off(record: Record, spelling: str, register: Register) -> Link | None:
    """`Pescher Weg Pe` for `Pescher Weg (Pesch)`, `Konrad-Adenauer-Stra` for `Konrad-Adenauer-Straße`."""
    found = []
    for length in range(max(len(spelling) - 12, 4), len(spelling)):
        rest = spelling[length:]
        found += [at for at in register.spelt(spelling[:length]) if register.hints.get(at, "").startswith(rest)]
    if not found and len(spelling) >= _CUT:
        found = [at for name in _beginning_with(spelling, register) for at in register.spelt(name)]
    keys = register.keys(found)
    return Link(record, Outcome.SURE, keys[0], "cut") if len(keys) == 1 else None


def _beginning_with(start: str, register: Register) -> list[str]:
    names = register.spellings
    first = bisect_left(names, start)
    found = []
    while first < len(names) and names[first].startswith(start):
        found.append(names[first])
        first += 1
    return found


def _agrees(record: Record, entry: Entry) -> bool:
    same_code = bool(record.postcode) and record.postcode == entry.postcode
    same_district = bool(record.district) and normalised(record.district) == normalised(entry.district)
    return same_code or same_district


def _candidate(key: str, positions: Sequence[int], register: Register, score: float) -> Candidate:
    entry = next(register.entries[at] for at in positions if register.entries[at].key == key)
    return Candidate(key, entry.name, score)


def _digits(name: str) -> list[str]:
    """Numbers in a name make another street: `Straße 12` is not `Straße 13`."""
    return re.findall(r"\d+", name)
