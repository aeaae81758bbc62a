"""What the standards say of their tables: fields, types, keys, and what is about persons. Read from TOML when first used."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from nabe.model.dataset import FieldType

#: Words of the TOML files -> the hub's types. `list` and `json` are written into a text.
_TYPES = {
    "id": FieldType.STRING,
    "text": FieldType.STRING,
    "list": FieldType.STRING,
    "json": FieldType.STRING,
    "colour": FieldType.STRING,
    "clock": FieldType.STRING,
    "enum": FieldType.INTEGER,
    "integer": FieldType.INTEGER,
    "number": FieldType.NUMBER,
    "boolean": FieldType.BOOLEAN,
    "date": FieldType.DATE,
    "time": FieldType.DATETIME,
    "geometry": FieldType.GEOMETRY,
}


@dataclass(frozen=True, slots=True)
class SpecField:
    """A field of a standard. `word`: its type there; `refers`: (table, field) of a foreign key; `needed`: every feed
    has it."""

    name: str
    word: str
    personal: bool = False
    needed: bool = False
    refers: tuple[str, str] | None = None

    @property
    def type(self) -> FieldType:
        return _TYPES[self.word]


@dataclass(frozen=True, slots=True)
class SpecTable:
    """A table of a standard. `more`: what its kind says besides (`feeds`, `rows`, `path`, `hour` ...)."""

    name: str
    fields: Mapping[str, SpecField]
    key: tuple[str, ...]
    more: Mapping[str, Any]


@lru_cache(maxsize=8)
def tables(kind: str) -> Mapping[str, SpecTable]:
    """The tables of `gbfs`, `mds`, `gtfs` or `gtfs_rt`, by name."""
    document = tomllib.loads((files(__name__) / f"{kind}.toml").read_text("utf-8"))
    return {name: _table(name, dict(given)) for name, given in document.items()}


def _table(name: str, given: dict[str, Any]) -> SpecTable:
    fields = [_field(line) for line in given.pop("fields").strip().splitlines()]
    return SpecTable(name, {item.name: item for item in fields}, tuple(given.pop("key", ())), given)


def _field(line: str) -> SpecField:
    name, word, *marks = line.split()
    word, _, target = word.partition(">")
    table, _, field = target.partition(".")
    return SpecField(name, word, "!" in marks, "*" in marks, (table, field) if target else None)
