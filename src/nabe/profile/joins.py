"""Which fields of all known datasets may join: candidates from sketches alone, judged with their values.

Comparing every field with every other is quadratic; looking the few hashes of each possible target up in one sorted list
of all hashes is not. So candidates of hundreds of datasets take seconds, and only theirs are read. docs/linking.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import pyarrow as pa

from nabe.model.dataset import Dataset, Field, FieldType
from nabe.ports.source import Column
from nabe.profile.column import ColumnProfile
from nabe.profile.distinct import Budget
from nabe.profile.hashing import Hashes
from nabe.profile.keys import key_rank
from nabe.profile.municipal import Recognised, is_code_header, recognise
from nabe.profile.propose import sketch_of
from nabe.profile.references import (
    ENOUGH,
    FEW,
    NOTABLE,
    Hidden,
    Match,
    alike,
    can_refer,
    find_references,
    hidden_prefix,
    is_bare,
    is_running,
    meaning,
)
from nabe.profile.sketch import KeySketch, containment
from nabe.profile.titles import tokens

#: Kinds of keys that mean the same wherever they stand; a district's number does so within one city.
_KINDS_TO_COMPARE = ("ags", "ars", "kreis", "plz", "lor", "street", "district", "deveui", "nuts", "parcel", "alkis")
#: Fields of which a join by name alone is worth reading the values.
_WORTH_READING = 60


@dataclass(frozen=True, slots=True)
class Candidate:
    """Values of `inner` seem to occur in `outer`. `same`: both hold the same kind of key; `alike`: called alike."""

    inner: KeySketch
    outer: KeySketch
    found: int
    compared: int
    same: bool
    alike: bool

    @property
    def share(self) -> float:
        return self.found / self.compared if self.compared else 0.0


@dataclass(frozen=True, slots=True)
class Judged:
    """What a closer look says. `good`: a reference is proposed; `chance`: numbers that may agree by chance."""

    good: bool
    chance: bool
    kind: str = ""
    missing: tuple[str, ...] = ()


def candidates(sketches: Sequence[KeySketch], dataset: str = "") -> list[Candidate]:
    """Pairs of fields of different datasets that may join, most promising first; only those of `dataset` if named."""
    able = [item for item in sketches if item.type in (FieldType.STRING, FieldType.INTEGER) and len(item.hashes)]
    overlaps = _overlaps(able)
    running = [is_running(item) if item.unique else False for item in able]
    found: dict[tuple[int, int], Candidate] = {}
    for (inner, outer), hits in overlaps.items():
        if dataset and dataset not in (able[inner].dataset, able[outer].dataset):
            continue
        if (candidate := _by_values(able[inner], able[outer], hits, running[outer])) is not None:
            found[inner, outer] = candidate
    for inner, outer in _by_meaning(able, dataset):
        if (inner, outer) not in found:
            hits = overlaps.get((inner, outer), 0)
            found[inner, outer] = _candidate(able[inner], able[outer], hits, True, True)
    return sorted(_one_way(found), key=_worth)


def _overlaps(sketches: Sequence[KeySketch]) -> dict[tuple[int, int], int]:
    """(inner, outer) -> hashes in both, for all outer ones without repeats or whose kind or name says key."""
    if not sketches:
        return {}
    owners = np.repeat(np.arange(len(sketches)), [len(item.hashes) for item in sketches])
    hashes = np.concatenate([item.hashes for item in sketches])
    order = np.argsort(hashes, kind="stable")
    hashes, owners = hashes[order], owners[order]
    found: dict[tuple[int, int], int] = {}
    for outer, target in enumerate(sketches):
        if not (target.unique or target.kind or is_code_header(target.column or target.field)):
            continue
        for inner, hits in _owning(target.hashes, hashes, owners, len(sketches)):
            if sketches[inner].dataset != target.dataset:
                found[inner, outer] = hits
    return found


def _owning(wanted: Hashes, hashes: Hashes, owners: np.ndarray, count: int) -> Iterator[tuple[int, int]]:
    """Who has how many of the wanted hashes."""
    first = np.searchsorted(hashes, wanted, "left")
    length = np.searchsorted(hashes, wanted, "right") - first
    total = int(length.sum())
    starts = np.repeat(first - np.concatenate([[0], np.cumsum(length)[:-1]]), length)
    hits = np.bincount(owners[starts + np.arange(total)], minlength=count)
    for inner in np.flatnonzero(hits):
        yield int(inner), int(hits[inner])


def _by_values(inner: KeySketch, outer: KeySketch, hits: int, running: bool) -> Candidate | None:
    compared = _compared(inner, outer)
    covers = outer.complete and hits == outer.distinct > 1
    if not compared or (hits / compared < NOTABLE and not covers) or hits < min(FEW, inner.distinct):
        return None
    same, named = _same_kind(inner, outer), alike(_name(inner), outer)
    if inner.kind and outer.kind and not same:
        return None
    if not (same or named) and (inner.width == 0 or inner.type is not FieldType.STRING) and running:
        return None
    if not (outer.unique or same or (named and is_code_header(inner.column or inner.field))):
        return None
    return _candidate(inner, outer, hits, same, named)


def _compared(inner: KeySketch, outer: KeySketch) -> int:
    """How many hashes of the inner sketch can be looked for in the outer one (`sketch.containment`)."""
    limit = np.uint64(0xFFFFFFFFFFFFFFFF)
    if not outer.complete and len(outer.hashes):
        limit = outer.hashes[-1]
    return int(np.searchsorted(inner.hashes, limit, "right"))


def _by_meaning(sketches: Sequence[KeySketch], dataset: str) -> Iterator[tuple[int, int]]:
    """Pairs whose kinds or names say the same although their values do not agree: written another way, perhaps."""
    pairs = (
        (inner, outer)
        for inner, outer in dict.fromkeys((*_of_one_kind(sketches), *_called_alike(sketches)))
        if (names := (sketches[inner].dataset, sketches[outer].dataset))[0] != names[1]
        and (not dataset or dataset in names)
    )
    yield from islice(pairs, _WORTH_READING)


def _of_one_kind(sketches: Sequence[KeySketch]) -> Iterator[tuple[int, int]]:
    by_kind: dict[str, list[int]] = {}
    for at, item in enumerate(sketches):
        if item.kind in _KINDS_TO_COMPARE:
            by_kind.setdefault(item.kind, []).append(at)
    for members in by_kind.values():
        for outer in (at for at in members if sketches[at].unique):
            yield from ((inner, outer) for inner in members if not sketches[inner].unique)


def _called_alike(sketches: Sequence[KeySketch]) -> Iterator[tuple[int, int]]:
    """Texts that repeat, called like a text without repeats. Looked up by the first letters of their words."""
    targets: dict[str, list[int]] = {}
    for at, item in enumerate(sketches):
        if item.unique and not item.kind and item.type is FieldType.STRING and not item.width:
            for word in meaning(tokens(f"{item.field} {item.column} {item.dataset}")):
                targets.setdefault(word[:4], []).append(at)
    for inner, item in enumerate(sketches):
        if item.unique or item.kind or item.type is not FieldType.STRING or item.width:
            continue
        for word in meaning(tokens(item.field)):
            for outer in targets.get(word[:4], ()):
                if alike(item.field, sketches[outer]):
                    yield inner, outer


def _candidate(inner: KeySketch, outer: KeySketch, hits: int, same: bool, named: bool) -> Candidate:
    return Candidate(inner, outer, hits, _compared(inner, outer), same, named)


def _one_way(found: dict[tuple[int, int], Candidate]) -> Iterator[Candidate]:
    """Of two fields that hold each other's values only the better way round: towards the register."""
    for (inner, outer), candidate in found.items():
        back = found.get((outer, inner))
        if back is None or _rank(candidate) > _rank(back) or (_rank(candidate) == _rank(back) and inner < outer):
            yield candidate


def _rank(candidate: Candidate) -> tuple[bool, bool, bool, bool, float, int]:
    outer = candidate.outer
    # `stadtteil.stt_name` is the register's own name, `schueler.stadtteil` speaks of another thing than pupils.
    register = alike(candidate.inner.field, replace(outer, field="", column=""))
    share = round(candidate.share, 2)
    return (outer.unique, not candidate.inner.unique, share >= ENOUGH, register, share, outer.distinct)


def _worth(candidate: Candidate) -> tuple[bool, float, bool, str, str, str]:
    sure = candidate.outer.unique and candidate.share >= ENOUGH
    inner, outer = candidate.inner, candidate.outer
    return (not sure, -round(candidate.share, 2), not candidate.same, inner.dataset, inner.field, outer.dataset)


def _same_kind(inner: KeySketch, outer: KeySketch) -> bool:
    return bool(inner.kind) and inner.kind == outer.kind and inner.kind in _KINDS_TO_COMPARE


def _name(sketch: KeySketch) -> str:
    header = sketch.column or sketch.field
    return f"{sketch.dataset} {header}" if is_bare(header) else header


def judge(candidate: Candidate, inner: pa.Array, outer: pa.Array, *, outer_unique: bool) -> Judged:
    """Look at the distinct values themselves: with the same rules as `nabe connect`."""
    column = profile_of(candidate.inner.column or candidate.inner.field, candidate.inner.type, inner)
    target = profile_of(candidate.outer.field, candidate.outer.type, outer)
    known = replace(
        candidate.outer,
        hashes=target.sample.hashes,
        distinct=target.distinct,
        rows=target.distinct if outer_unique else target.distinct + 1,
        exact=True,
    )
    kind = recognise(column, candidate.inner.dataset)
    matches: list[Match] = find_references(column, kind, [known], candidate.inner.dataset)
    found = containment(column.sample.hashes, column.sample.complete, known)
    shown = _kind_word(kind, candidate)
    if not matches:
        return Judged(
            False, found.share >= NOTABLE and found.found >= FEW and not (candidate.same or candidate.alike), shown
        )
    return Judged(matches[0].good, False, shown, matches[0].missing)


def find_hidden(sketches: Sequence[KeySketch], inner: KeySketch, values: pa.Array) -> Hidden | None:
    """Keys of another dataset in the first digits of this field's."""
    column = profile_of(inner.column or inner.field, inner.type, values)
    return hidden_prefix(column, [item for item in sketches if item.dataset != inner.dataset])


def may_hide(sketches: Sequence[KeySketch], inner: KeySketch) -> bool:
    """Are its values digits of one width, longer than keys of other datasets?"""
    return inner.type is FieldType.STRING and any(3 < item.width < inner.width for item in sketches)


def _kind_word(kind: Recognised | None, candidate: Candidate) -> str:
    return kind.kind.id if kind else candidate.outer.kind or candidate.inner.kind


def profile_of(name: str, type: FieldType, values: pa.Array) -> ColumnProfile:
    """A profile of distinct values."""
    column = ColumnProfile(Column(name, type), values.type, Budget(4_000_000))
    column.add(values)
    return column


def sketches_of(dataset: Dataset, fields: Sequence[Field], batches: Iterator[pa.RecordBatch]) -> list[KeySketch]:
    """Sketches of a dataset that was declared by hand, from its rows as they may be read."""
    budget = Budget(4_000_000)
    columns: list[ColumnProfile] = []
    for batch in batches:
        if not columns:
            columns = [
                ColumnProfile(Column(field.source_column, field.type), batch.column(at).type, budget)
                for at, field in enumerate(fields)
            ]
        for at, column in enumerate(columns):
            column.add(batch.column(at))
    made = []
    for field, column in zip(fields, columns, strict=False):
        if not field.personal and can_refer(column) and (key_rank(column) is not None or column.unique):
            made.append(sketch_of(column, dataset, field, dataset.id, recognise(column, dataset.id)))
    return made
