"""Sketches of key fields: compare values of two silos without reading the other one again.

A bottom-k sketch (Cohen & Kaplan 2007) keeps the k smallest hashes of the distinct values. Two sketches tell which share
of the one's values occurs in the other: exactly while both hold all their values, else from a uniform sample of them.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field as attribute
from pathlib import Path
from typing import Any

import numpy as np

from nabe.errors import Invalid
from nabe.model.dataset import FieldType
from nabe.profile.hashing import Hashes

#: Hashes kept per field.
K = 2048
FILE = "sketches.json"
_VERSION = 1


@dataclass(frozen=True, slots=True, eq=False)
class KeySketch:
    """What is remembered of one field of a declared dataset.

    `hashes`: the smallest hashes of its distinct values, sorted. `distinct`: how many there are (`exact`: counted, not
    estimated), `rows`: values that are not missing.
    `system` and `table` (the silo's own name) let foreign keys declared in a database find their dataset.
    `kind`: the official key it holds (`profile.municipal`), `width`: digits of each value if all have equally many.
    """

    dataset: str
    field: str
    type: FieldType
    distinct: int
    rows: int
    hashes: Hashes = attribute(repr=False)
    exact: bool = True
    title: str = ""
    system: str = ""
    table: str = ""
    column: str = ""
    kind: str = ""
    width: int = 0

    @property
    def unique(self) -> bool:
        """Does no value occur twice?"""
        return self.exact and self.distinct == self.rows > 0

    @property
    def complete(self) -> bool:
        """Are all distinct values in the sketch?"""
        return self.exact and len(self.hashes) == self.distinct


@dataclass(frozen=True, slots=True)
class Containment:
    """`found` of `compared` distinct values of one field occur in the other; `exact` if all were compared."""

    found: int
    compared: int
    exact: bool
    missing: tuple[int, ...] = ()

    @property
    def share(self) -> float:
        return self.found / self.compared if self.compared else 0.0


def containment(inner: Hashes, inner_complete: bool, outer: KeySketch) -> Containment:
    """How many values of `inner` (sorted smallest hashes) occur in `outer`. `missing` are positions in `inner`."""
    limit = np.uint64(0xFFFFFFFFFFFFFFFF)
    if not inner_complete and len(inner):
        limit = min(limit, inner[-1])
    if not outer.complete and len(outer.hashes):
        limit = min(limit, outer.hashes[-1])
    comparable = inner[inner <= limit]
    hit = np.isin(comparable, outer.hashes)
    exact = inner_complete and len(comparable) == len(inner)
    return Containment(int(hit.sum()), len(comparable), exact, tuple(int(at) for at in np.flatnonzero(~hit)[:64]))


def read_sketches(state: Path) -> list[KeySketch]:
    """All sketches of a workspace's state folder; none if there are none yet. `Invalid` names a damaged file."""
    path = state / FILE
    if not path.exists():
        return []
    try:
        document = json.loads(path.read_text("utf-8"))
        if document["version"] != _VERSION:
            return []
        return [
            _read(name, column, entry)
            for name, fields in document["datasets"].items()
            for column, entry in fields.items()
        ]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Invalid(
            f"{FILE} in the workspace's state folder cannot be read ({type(error).__name__}).",
            hint="Delete it; connecting the datasets again writes it anew.",
            file=FILE,
        ) from error


def write_sketches(state: Path, sketches: Iterable[KeySketch], *, dataset: str) -> None:
    """Replace the sketches of `dataset` by these (none: forget it) and keep the others. Whole or not at all."""
    kept = [item for item in read_sketches(state) if item.dataset != dataset]
    datasets: dict[str, dict[str, Any]] = {}
    for item in [*kept, *sketches]:
        datasets.setdefault(item.dataset, {})[item.field] = _written(item)
    state.mkdir(parents=True, exist_ok=True)
    draft = state / f"{FILE}.{os.getpid()}.tmp"
    draft.write_text(
        json.dumps({"version": _VERSION, "datasets": datasets}, ensure_ascii=False, sort_keys=True), "utf-8"
    )
    draft.replace(state / FILE)


_PLAIN = ("distinct", "rows", "exact", "title", "system", "table", "column")
#: Came later: files written before have none.
_SINCE = ("kind", "width")


def _written(item: KeySketch) -> dict[str, Any]:
    plain = {name: getattr(item, name) for name in (*_PLAIN, *_SINCE)}
    return {
        **plain,
        "type": str(item.type),
        "hashes": base64.b64encode(item.hashes.astype("<u8").tobytes()).decode("ascii"),
    }


def _read(dataset: str, name: str, entry: dict[str, Any]) -> KeySketch:
    hashes = np.frombuffer(base64.b64decode(entry["hashes"], validate=True), "<u8").astype(np.uint64)
    plain = {key: entry[key] for key in _PLAIN} | {key: entry[key] for key in _SINCE if key in entry}
    return KeySketch(dataset, name, FieldType(entry["type"]), hashes=hashes, **plain)
