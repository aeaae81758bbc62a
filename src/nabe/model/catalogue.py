"""What the city has declared, as one immutable snapshot, and the changes that lead to the next."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

from nabe.model.dataset import Dataset, System
from nabe.model.device import Profile
from nabe.model.party import Organisation
from nabe.model.text import Text
from nabe.model.usecase import UseCase


@dataclass(frozen=True, slots=True)
class City:
    """The municipality (`ags`: 8 digits; `land`: ISO 3166-2 without DE-, e.g. `NW`)."""

    id: str
    title: Text
    ags: str = ""
    land: str = ""
    base_uri: str = "http://localhost:8080"
    languages: tuple[str, ...] = ("de", "en")
    description: Text = Text()
    synthetic: bool = False
    contact: str = ""
    allow_hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Code:
    """An entry of a code list; `uri` if it is published elsewhere."""

    value: str
    title: Text
    uri: str = ""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A code list or key register."""

    id: str
    title: Text
    codes: tuple[Code, ...] = ()
    source: str = ""


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal of the city's strategy; `parent` is the id of the goal above."""

    id: str
    title: Text
    description: Text = Text()
    parent: str = ""


Noun = City | Organisation | System | Dataset | UseCase | Vocabulary | Goal | Profile

#: kind in declarations -> class, in the order in which documents are written and applied.
KINDS: Mapping[str, type] = MappingProxyType(
    {
        "city": City,
        "organisation": Organisation,
        "goal": Goal,
        "vocabulary": Vocabulary,
        "profile": Profile,
        "system": System,
        "dataset": Dataset,
        "usecase": UseCase,
    }
)


def kind_of(noun: Noun) -> str:
    """`Dataset(...)` -> `"dataset"`."""
    return next(kind for kind, cls in KINDS.items() if isinstance(noun, cls))


@dataclass(frozen=True, slots=True)
class Change:
    """One document put (`noun`) or removed (`noun` is None)."""

    kind: str
    id: str
    noun: Noun | None


@dataclass(frozen=True, slots=True)
class Revision:
    """A document as it was after a change; `noun` None: it was removed. `version` is the catalogue's."""

    version: int
    kind: str
    id: str
    author: str
    at: dt.datetime
    noun: Noun | None


@dataclass(frozen=True)
class Snapshot:
    """All declarations at one version. Never changed; a new version is a new object (so caches may hang on `version`)."""

    version: int = 0
    city: City | None = None
    organisations: Mapping[str, Organisation] = field(default_factory=dict)
    goals: Mapping[str, Goal] = field(default_factory=dict)
    vocabularies: Mapping[str, Vocabulary] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    systems: Mapping[str, System] = field(default_factory=dict)
    datasets: Mapping[str, Dataset] = field(default_factory=dict)
    usecases: Mapping[str, UseCase] = field(default_factory=dict)

    @classmethod
    def of(cls, nouns: list[Noun], version: int = 0) -> Snapshot:
        """A snapshot of these nouns; a later one of the same kind and id replaces an earlier one."""
        by: dict[str, dict[str, Noun]] = {kind: {} for kind in KINDS}
        for noun in nouns:
            by[kind_of(noun)][noun.id] = noun
        city = next(iter(by["city"].values()), None)
        return cls(
            version,
            city,  # type: ignore[arg-type]
            by["organisation"],  # type: ignore[arg-type]
            by["goal"],  # type: ignore[arg-type]
            by["vocabulary"],  # type: ignore[arg-type]
            by["profile"],  # type: ignore[arg-type]
            by["system"],  # type: ignore[arg-type]
            by["dataset"],  # type: ignore[arg-type]
            by["usecase"],  # type: ignore[arg-type]
        )

    def nouns(self) -> list[Noun]:
        """All documents, ordered by kind as in `KINDS`, then by id."""
        cities: list[Noun] = [self.city] if self.city else []
        rest = (
            self.organisations, self.goals, self.vocabularies, self.profiles, self.systems, self.datasets, self.usecases,
        )  # fmt: skip
        return cities + [table[key] for table in rest for key in sorted(table)]

    def get(self, kind: str, id: str) -> Noun | None:
        """The document of that kind and id, or nothing."""
        return next((noun for noun in self.nouns() if noun.id == id and kind_of(noun) == kind), None)

    @cached_property
    def granting(self) -> Mapping[str, tuple[str, ...]]:
        """Dataset id -> ids of the use cases that hold a grant for it or make it."""
        found: dict[str, list[str]] = {}
        for case in self.usecases.values():
            for grant in case.grants:
                found.setdefault(grant.dataset, []).append(case.id)
        for dataset in self.datasets.values():
            if dataset.product is not None and dataset.product.use_case in self.usecases:
                found.setdefault(dataset.id, []).append(dataset.product.use_case)
        return {dataset: tuple(dict.fromkeys(cases)) for dataset, cases in found.items()}

    def ancestry(self, organisation: str) -> tuple[str, ...]:
        """The organisation and those above it, nearest first. Stops at a cycle."""
        chain: list[str] = []
        while organisation and organisation not in chain:
            chain.append(organisation)
            found = self.organisations.get(organisation)
            organisation = found.parent if found else ""
        return tuple(chain)
