"""What an asker sees of the sensing datasets: which of them, and which properties are missing values to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from nabe.model.dataset import Dataset
from nabe.model.entities import ENTITIES, STREAMS, EntityType
from nabe.model.flat import NoPath, place
from nabe.model.term import Path, Term, paths_of
from nabe.ports.entities import Withheld

#: A property and keys inside it, of one kind of entity.
Spot = tuple[EntityType, tuple[str | int, ...]]

_T = EntityType
#: What tells the same as a property does: hidden along with it.
_TELLING: Final[Mapping[Spot, tuple[Spot, ...]]] = {
    (_T.LOCATION, ("location",)): ((_T.FEATURE_OF_INTEREST, ("feature",)),),
    (_T.LOCATION, ("name",)): ((_T.FEATURE_OF_INTEREST, ("name",)),),
    (_T.LOCATION, ("description",)): ((_T.FEATURE_OF_INTEREST, ("description",)),),
    (_T.FEATURE_OF_INTEREST, ("feature",)): tuple((stream, ("observedArea",)) for stream in STREAMS),
    (_T.OBSERVATION, ("phenomenonTime",)): tuple((stream, ("phenomenonTime",)) for stream in STREAMS),
    (_T.OBSERVATION, ("resultTime",)): tuple((stream, ("resultTime",)) for stream in STREAMS),
    (_T.DATASTREAM, ("unitOfMeasurement",)): ((_T.MULTI_DATASTREAM, ("unitOfMeasurements",)),),
}


class Sight(Enum):
    """How much of a property is seen."""

    ALL = 1
    PART = 2
    NOTHING = 3


@dataclass(frozen=True, slots=True)
class DatasetView:
    """One dataset. `closed`: what is read of it must be noted before it is handed out.

    `hidden`: not seen, nor what lies inside. `shown` None: all else is seen; else only this, and what lies inside.
    `fields`: the fields of the flat table that are seen, for the ledger.
    """

    dataset: str
    decision: str = ""
    closed: bool = False
    hidden: frozenset[Spot] = frozenset()
    shown: frozenset[Spot] | None = None
    fields: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Is nothing withheld?"""
        return self.shown is None and not self.hidden

    def sees(self, type: EntityType, keys: tuple[str | int, ...]) -> Sight:
        """How much of a property, or of what lies at keys inside it. Ids are always seen."""
        if self.whole or keys == ("id",):
            return Sight.ALL
        inside = False
        for kind, hidden in self.hidden:
            if kind is type:
                if hidden == keys[: len(hidden)]:
                    return Sight.NOTHING
                inside = inside or hidden[: len(keys)] == keys
        if self.shown is None:
            return Sight.PART if inside else Sight.ALL
        shown = [spot for kind, spot in self.shown if kind is type]
        if any(spot == keys[: len(spot)] for spot in shown):
            return Sight.PART if inside else Sight.ALL
        return Sight.PART if any(spot[: len(keys)] == keys for spot in shown) else Sight.NOTHING

    def prune(self, type: EntityType, values: dict[str, Any]) -> dict[str, Any]:
        """The values that are seen; a JSON value that is seen in part is copied without the rest."""
        if self.whole:
            return values
        seen: dict[str, Any] = {}
        for name, value in values.items():
            match self.sees(type, (name,)):
                case Sight.ALL:
                    seen[name] = value
                case Sight.PART:
                    seen[name] = self._part(type, (name,), value)
        return seen

    def _part(self, type: EntityType, keys: tuple[str | int, ...], value: Any) -> Any:
        if isinstance(value, Mapping):
            items: Iterable[tuple[str | int, Any]] = value.items()
        elif isinstance(value, list):
            items = enumerate(value)
        else:
            return None  # a path leads inside, so it is no plain value that was meant
        kept: dict[str | int, Any] = {}
        for key, item in items:
            match self.sees(type, (*keys, key)):
                case Sight.ALL:
                    kept[key] = item
                case Sight.PART:
                    kept[key] = self._part(type, (*keys, key), item)
        return kept if isinstance(value, Mapping) else [kept.get(at) for at in range(len(value))]


@dataclass(frozen=True, slots=True)
class View:
    """All datasets that the asker may read here, by id. Others are absent."""

    datasets: Mapping[str, DatasetView]
    ids: frozenset[str] = field(init=False)
    whole: bool = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", frozenset(self.datasets))
        object.__setattr__(self, "whole", all(view.whole for view in self.datasets.values()))

    def withheld(self, base: EntityType, *terms: Term | None) -> Withheld:
        """What the stores must take for missing, of all that these terms look at."""
        if self.whole:
            return {}
        spots = {spot for term in terms if term is not None for path in _rooted(base, term) for spot in path}
        found = {
            view.dataset: frozenset(spot for spot in spots if view.sees(*spot) is not Sight.ALL)
            for view in self.datasets.values()
            if not view.whole
        }
        return {dataset: hidden for dataset, hidden in found.items() if hidden}

    def seeing(self, type: EntityType, keys: tuple[str | int, ...]) -> frozenset[str]:
        """The datasets of which a property is seen in full."""
        if self.whole:
            return self.ids
        return frozenset(id for id, view in self.datasets.items() if view.sees(type, keys) is Sight.ALL)


def dataset_view(dataset: Dataset, readable: Iterable[str], decision: str, closed: bool) -> DatasetView:
    """What of a dataset is seen by whom its fields `readable` are left.

    Who sees all fields that are not personal sees also what no field describes; who is left only some sees only those.
    """
    left = frozenset(readable)
    spots = {item.name: _spots(item.source_column) for item in dataset.fields}
    shown = {spot for name in left for spot in spots.get(name, ())}
    shown |= {more for spot in shown if spot[0] is not EntityType.LOCATION for more in _TELLING.get(spot, ())}
    hidden = {spot for name, found in spots.items() if name not in left for spot in found}
    partly = any(not item.personal and item.name not in left for item in dataset.fields)
    return DatasetView(
        dataset.id, decision, closed, _telling(hidden), frozenset(shown) if partly else None, tuple(sorted(left))
    )


def _spots(column: str) -> tuple[Spot, ...]:
    """Where a column of the flat table lies; a stream is of either kind."""
    try:
        at = place(column)
    except NoPath:
        return ()
    keys = at.keys
    if at.property is not None and keys[-1] in ("start", "end"):
        keys = keys[:1]
    types = STREAMS if at.type in STREAMS else (at.type,)
    return tuple((type, keys) for type in types if at.property is not None)


def _telling(hidden: set[Spot]) -> frozenset[Spot]:
    left, found = list(hidden), set(hidden)
    while left:
        type, keys = left.pop()
        for more in _TELLING.get((type, keys[:1]), ()):
            if more not in found:
                found.add(more)
                left.append(more)
    return frozenset(found)


def spot_of(base: EntityType, path: Path) -> Spot | None:
    """The kind of entity and the property that a path leads to; None if it ends at a relation or nowhere."""
    kind, at = ENTITIES[base], 0
    while at < len(path.steps) and path.steps[at] in kind.relations:
        kind = ENTITIES[kind.relations[str(path.steps[at])].target]
        at += 1
    return (kind.type, path.steps[at:]) if at < len(path.steps) else None


def _rooted(base: EntityType, term: Term) -> Iterable[tuple[Spot, ...]]:
    """The spots of all paths of a term; a variable's path may start at any kind (conditions are small: all are taken)."""
    for path in paths_of(term):
        if str(path.steps[0]).startswith("$"):
            found = {spot_of(type, Path(path.steps[1:])) for type in ENTITIES} if len(path.steps) > 1 else set()
        else:
            found = {spot_of(base, path)}
        yield tuple(spot for spot in found if spot is not None)
