"""Entities for tests of their stores, in few words."""

from __future__ import annotations

import uuid
from typing import Any

import shapely

from nabe.errors import Invalid
from nabe.model.entities import EntityRef, EntityType, Hop, NewEntity
from nabe.model.term import Call, Literal, Path, Shape, Term
from nabe.ports.entities import EntityScan, StoredEntity

T = EntityType
GEO = "application/geo+json"


_REQUIRED: dict[EntityType, dict[str, Any]] = {
    T.HISTORICAL_LOCATION: {"time": 1},
    T.TASK: {"taskingParameters": {"on": True}},
    T.LOCATION: {"encodingType": GEO, "location": {"type": "Point", "coordinates": [9.9, 53.5]}},
    T.DATASTREAM: {"observationType": "OM_Measurement", "unitOfMeasurement": {"name": "C", "symbol": "°C"}},
    T.MULTI_DATASTREAM: {"unitOfMeasurements": [{}, {}], "multiObservationDataTypes": ["a", "b"]},
    T.SENSOR: {"encodingType": "application/pdf", "metadata": "https://example.org/sensor"},
    T.OBSERVED_PROPERTY: {"definition": "https://example.org/temperature"},
    T.FEATURE_OF_INTEREST: {"encodingType": GEO, "feature": {"type": "Point", "coordinates": [1, 2]}},
    T.ACTUATOR: {"encodingType": "application/pdf", "metadata": "m"},
    T.TASKING_CAPABILITY: {"taskingParameters": {"type": "DataRecord"}},
}


def new(type: EntityType, name: str = "x", **more: Any) -> NewEntity:
    """An entity with what is required; `more`: properties, and relations by names in capitals (ids, new entities)."""
    own = {} if type in (T.HISTORICAL_LOCATION, T.TASK) else {"name": name, "description": "d"}
    values = own | _REQUIRED.get(type, {}) | {key: value for key, value in more.items() if not key[0].isupper()}
    links = {}
    for key, value in more.items():
        if key[0].isupper():
            targets = value if isinstance(value, list | tuple) else [value]
            links[key] = tuple(EntityRef(item) if isinstance(item, int) else item for item in targets)
    return NewEntity(type, values, links)


def stream(name: str = "s", **more: Any) -> NewEntity:
    """A Datastream with all that it needs."""
    needs = {
        "Thing": new(T.THING, f"thing of {name}"),
        "Sensor": new(T.SENSOR),
        "ObservedProperty": new(T.OBSERVED_PROPERTY),
    }
    return new(T.DATASTREAM, name, **(needs | more))


def point(x: float, y: float) -> dict[str, Any]:
    """GeoJSON."""
    return {"type": "Point", "coordinates": [x, y]}


def p(*steps: str | int) -> Path:
    """A path."""
    return Path(steps)


def ask(name: str, *args: Any) -> Call:
    """A call; what is no term is a literal."""
    return Call(name, tuple(arg if isinstance(arg, Call | Path | Literal) else Literal(arg) for arg in args))


def wkt(text: str) -> Literal:
    """A geometry."""
    return Literal(Shape(shapely.to_wkb(shapely.from_wkt(text))))


class World:
    """Shorthand for a store, in one dataset."""

    def __init__(self, store: Any) -> None:
        self.store, self.entities = store, store.entities
        self.dataset = f"sensors-{uuid.uuid4().hex[:12]}"
        self.datasets = frozenset({self.dataset})

    def make(self, entity: NewEntity) -> int:
        return self.entities.create(entity, self.dataset)[0]  # type: ignore[no-any-return]

    def find(self, type: EntityType, where: Term | None = None, **more: Any) -> list[StoredEntity]:
        more.setdefault("datasets", self.datasets)
        return self.entities.find(EntityScan(type, where=where, **more))  # type: ignore[no-any-return]

    def ids(self, type: EntityType, where: Term | None = None, **more: Any) -> list[int]:
        return [entity.id for entity in self.find(type, where, **more)]

    def names(self, type: EntityType, where: Term | None = None, **more: Any) -> list[str]:
        return [entity.values["name"] for entity in self.find(type, where, **more)]

    def related(self, type: EntityType, id: int, relation: str, target: EntityType) -> list[int]:
        return self.ids(target, hops=(Hop(type, id, relation),))


def spatial(world: World, type: EntityType, where: Term, **more: Any) -> list[int] | None:
    """Ids; None where the database has nothing to compare places with, which it must say."""
    try:
        return world.ids(type, where, **more)
    except Invalid as error:
        if "PostGIS" not in str(error):
            raise
        return None
