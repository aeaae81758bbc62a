"""Two directories of the same streets as one register, and what a person must decide.

The key decides where both have it: names that are alike become one street with two names. The same key with quite another
name, or the same name with another key, is a renaming, a mistake or another street: that nobody can know from the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from rapidfuzz import fuzz

from nabe.linking.matching import SURE_HERE
from nabe.linking.names import normalised
from nabe.linking.register import Entry, Register

#: What a person writes: the same street, or not.
SAME, OTHER = "same", "-"
_CUT = 6


@dataclass(frozen=True, slots=True)
class Case:
    """For a person: `why` is `name` (one key, two names that are not alike) or `key` (one name, two keys)."""

    why: str
    key: str
    name: str
    other_key: str
    other_name: str

    @property
    def id(self) -> tuple[str, str]:
        return self.key, self.other_key


@dataclass(frozen=True, slots=True)
class Merged:
    """`entries`: one per key, other names as aliases. `counts`: common, same_name, alike, first_only, second_only."""

    entries: tuple[Entry, ...]
    cases: tuple[Case, ...]
    counts: Mapping[str, int]


def merge(
    first: Sequence[Entry], second: Sequence[Entry], decided: Mapping[tuple[str, str], str] | None = None
) -> Merged:
    """One register of two directories; names of the first stand. `decided`: by (key, other key), `same` or `-`."""
    decided = decided or {}
    one, other = _by_key(first), _by_key(second)
    made: dict[str, Entry] = dict(one)
    cases: list[Case] = []
    counts = dict.fromkeys(("common", "same_name", "alike", "first_only", "second_only"), 0)
    counts["first_only"] = sum(key not in other for key in one)
    index = Register(first)
    for key, entry in other.items():
        mine = one.get(key)
        if mine is None:
            counts["second_only"] += 1
            _lonely(entry, index, made, cases, decided)
            continue
        counts["common"] += 1
        kind = _likeness(mine, entry)
        if kind in ("same_name", "alike"):
            counts[kind] += 1
        if kind == "case" and decided.get((key, key)) != SAME:
            if decided.get((key, key)) != OTHER:
                cases.append(Case("name", key, mine.name, key, entry.name))
            continue
        made[key] = _named(mine, (entry.name, *entry.aliases))
    return Merged(tuple(made.values()), tuple(cases), counts)


def _lonely(
    entry: Entry, index: Register, made: dict[str, Entry], cases: list[Case], decided: Mapping[tuple[str, str], str]
) -> None:
    """A key that only the second has: a street that the first lacks, unless it has the name under another key."""
    keys = index.keys(index.spelt(normalised(entry.name)))
    if not keys:
        made[entry.key] = entry
        return
    decision = decided.get((keys[0], entry.key))
    if decision == SAME:
        made[keys[0]] = _named(made[keys[0]], (entry.name, *entry.aliases))
    elif decision == OTHER:
        made[entry.key] = entry
    else:
        name = next(item.name for item in index.entries if item.key == keys[0])
        cases.append(Case("key", keys[0], name, entry.key, entry.name))


def _by_key(entries: Iterable[Entry]) -> dict[str, Entry]:
    """One entry per key; further names of it are aliases, place only where it is one."""
    made: dict[str, Entry] = {}
    for entry in entries:
        known = made.get(entry.key)
        if known is None:
            made[entry.key] = entry
            continue
        known = _named(known, (entry.name, *entry.aliases))
        made[entry.key] = replace(
            known,
            postcode=known.postcode if known.postcode == entry.postcode else "",
            district=known.district if known.district == entry.district else "",
        )
    return made


def _named(entry: Entry, names: Iterable[str]) -> Entry:
    others = dict.fromkeys((*entry.aliases, *names))
    others.pop(entry.name, None)
    return replace(entry, aliases=tuple(others))


def _likeness(one: Entry, other: Entry) -> str:
    """same_name, alike, or a case for a person. A name cut off by its column is alike."""
    names = [normalised(name) for name in (one.name, *one.aliases)]
    theirs = normalised(other.name)
    if theirs in names:
        return "same_name"
    for name in names:
        short, long = sorted((name, theirs), key=len)
        if (len(short) >= _CUT and long.startswith(short)) or fuzz.ratio(name, theirs) >= SURE_HERE:
            return "alike"
        marked = theirs[:-2]  # `Hauptstr. Po`: the two letters of the district
        if len(marked) >= _CUT and name.startswith(marked):
            return "alike"
    return "case"
