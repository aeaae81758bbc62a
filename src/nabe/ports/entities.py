"""The store of what sensors tell about: Things, Datastreams, Locations … (all entities but Observations)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from nabe.model.entities import EntityType, Hop, NewEntity
from nabe.model.term import Ordering, Term

#: Withheld properties: (entity type, path from it), by dataset. They are missing values wherever they are looked at.
Withheld = Mapping[str, frozenset[tuple[EntityType, tuple[str | int, ...]]]]


@dataclass(frozen=True, slots=True)
class EntityScan:
    """Entities wanted from the store; only such as lie in `datasets`, at every step of every path.

    `where` and `order` do not go through Observations (`query.sensing` has resolved that). `parents`: only those that
    the entities (`relation`'s owner type, ids) lead to; then `top` and `skip` count for each parent.
    """

    type: EntityType
    datasets: frozenset[str]
    withheld: Withheld = field(default_factory=dict)
    hops: tuple[Hop, ...] = ()
    ids: tuple[int, ...] | None = None
    parents: tuple[EntityType, str, tuple[int, ...]] | None = None
    where: Term | None = None
    order: tuple[Ordering, ...] = ()
    top: int | None = None
    skip: int = 0


@dataclass(frozen=True, slots=True)
class StoredEntity:
    """`values` by property name as `ValueType` says, those of extents excepted; `parent`: with `EntityScan.parents`.

    `links`: relations to one -> id.
    """

    type: EntityType
    id: int
    dataset: str
    values: Mapping[str, Any]
    links: Mapping[str, int]
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What must be known of a stream to take its observations. `feature`: the FeatureOfInterest of those that name none.

    `types`: for a MultiDatastream, the observation types of its parts; empty for a Datastream.
    """

    id: int
    type: EntityType
    dataset: str
    observation_type: str
    types: tuple[str, ...] = ()
    feature: int | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """What went with an entity: `entities` (type, id, dataset), and streams and features whose observations must go."""

    entities: tuple[tuple[EntityType, int, str], ...]
    streams: tuple[int, ...] = ()
    features: tuple[int, ...] = ()


class Entities(Protocol):
    """Thread-safe; several processes may use one store. Every change is one transaction, durable on return."""

    def find(self, scan: EntityScan) -> list[StoredEntity]:
        """In order (by id last)."""

    def count(self, scan: EntityScan) -> int:
        """Without top and skip."""

    def create(self, entity: NewEntity, dataset: str) -> tuple[int, list[StoredEntity]]:
        """Make an entity with all that comes along; its id, and all that were made (Observations excepted: the caller
        makes those). Keeps HistoricalLocations. `Invalid` for a link that leads nowhere; then nothing is made.
        """

    def update(
        self,
        type: EntityType,
        id: int,
        values: Mapping[str, Any],
        links: Mapping[str, Sequence[int]] | None = None,
        *,
        replace: bool = False,
    ) -> list[StoredEntity]:
        """Change properties given (`replace`: those not given become missing) and links given (to many: in the place of
        those there). The entity itself, then what was made along with it (HistoricalLocations). `Unknown`, `Invalid`.
        """

    def delete(self, type: EntityType, ids: Iterable[int]) -> Removed:
        """Remove entities, and those that cannot be without them."""

    def link(
        self, type: EntityType, id: int, relation: str, target: int, *, remove: bool = False
    ) -> list[StoredEntity]:
        """Add or remove one link of a relation to many (to one: set it). What was made along with it. `Unknown`, `Invalid`."""

    def streams(self, ids: Sequence[int]) -> Mapping[int, StreamFacts]:
        """What is known of these streams (absent: there is none); remembered while no entity changes."""

    def streams_of(self, datasets: frozenset[str]) -> Sequence[int]:
        """Ids of all streams of these datasets, ascending; remembered while no entity changes."""

    def feature_of(self, stream: int) -> tuple[int | None, list[StoredEntity]]:
        """The FeatureOfInterest of a stream's observations that name none: made from the Thing's location (OGC 18-088,
        10.2.2), None if it has none; and that entity, if it was made now. `StreamFacts.feature` is its id when it is there.
        """
