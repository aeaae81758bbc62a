"""Creating entities with all that comes along (deep insert)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from nabe.errors import Invalid
from nabe.model.entities import ENTITIES, EntityRef, EntityType, NewEntity
from nabe.stores.relational.sensing.tables import LINKS, STREAM_PROPERTY
from nabe.stores.relational.sensing.values import columns, missing
from nabe.stores.relational.sensing.writing import Change

_T = EntityType
#: How deep and how large one deep insert may be.
DEPTH: Final = 20
SIZE: Final = 10_000
#: The observation type of what has several results (OGC 18-088, table 11).
_COMPLEX: Final = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_ComplexObservation"


def check(entity: NewEntity) -> Counter[EntityType]:
    """How many of each kind are to be made; `Invalid` if there is too much of it, or it holds itself."""
    left = [(entity, 1)]
    seen, counts = 0, Counter[EntityType]()
    while left:
        part, depth = left.pop()
        seen += 1
        counts[part.type] += 1
        if part.links.get("Locations") and part.type is _T.THING:
            counts[_T.HISTORICAL_LOCATION] += 1
        if depth > DEPTH:
            raise Invalid(f"Entities are nested more than {DEPTH} deep.", hint="Create them one by one, linked by id.")
        if seen > SIZE:
            raise Invalid(f"More than {SIZE} entities at once.", hint="Create them in several requests.")
        for targets in part.links.values():
            left.extend((target, depth + 1) for target in targets if isinstance(target, NewEntity))
    return counts


def make(change: Change, entity: NewEntity, given: Mapping[str, tuple[int, ...]] | None = None) -> int:
    """Create an entity; its id. `given`: links that the one around it has with it."""
    kind, links = ENTITIES[entity.type], LINKS.get(entity.type)
    if links is None:
        raise Invalid(f"{entity.type.value} cannot be created along with others here.", field=entity.type.value)
    given = dict(given or {})
    for name in entity.links:
        if name not in kind.relations:
            hint = f"It has {', '.join(kind.relations)}."
            raise Invalid(f"{entity.type.value} has no relation {name[:60]!r}.", hint=hint, field=name[:60])
        if name in given and entity.links[name]:
            hint = f"It is the {kind.relations[name].target.value} that it stands in."
            raise Invalid(f"{name!r} of {entity.type.value} is given twice.", hint=hint, field=name)
    row = columns(entity.type, entity.values)
    if absent := missing(entity.type, entity.values):
        raise Invalid(
            f"{entity.type.value} lacks {absent[0]!r}.", hint=f"Required: {', '.join(absent)}.", field=absent[0]
        )
    for name, link in links.items():
        if not link.relation.many:
            row[link.column] = _one(change, entity, name, given)
    _complete(change, entity, row)
    id = change.insert(entity.type, row)
    many = [name for name, link in links.items() if link.relation.many and name in {*entity.links, *given}]
    # Where a Thing is comes before where it was.
    for name in sorted(many, key=lambda name: name == "HistoricalLocations"):
        _many(change, entity, name, id, given.get(name, ()))
    _finish(change, entity, id)
    return id


def _one(change: Change, entity: NewEntity, name: str, given: Mapping[str, tuple[int, ...]]) -> int | None:
    """The target of a relation to one, made before."""
    if name in given:
        return given[name][0]
    relation = ENTITIES[entity.type].relations[name]
    targets = entity.links.get(name, ())
    if len(targets) > 1:
        raise Invalid(f"{name!r} of {entity.type.value} is one, not {len(targets)}.", field=name)
    if not targets:
        if relation.required:
            hint = f'Link one: "{name}": {{"@iot.id": …}}.'
            raise Invalid(f"{entity.type.value} lacks its {name}.", hint=hint, field=name)
        return None
    return _target(change, relation.target, name, targets[0])


def _target(
    change: Change,
    type: EntityType,
    name: str,
    target: EntityRef | NewEntity,
    given: Mapping[str, tuple[int, ...]] | None = None,
) -> int:
    if isinstance(target, EntityRef):
        change.must_be(type, target.id, name)
        return target.id
    if target.type is not type:
        raise Invalid(f"{name!r} leads to {type.value}, not {target.type.value}.", field=name)
    return make(change, target, given)


def _many(change: Change, entity: NewEntity, name: str, id: int, given: tuple[int, ...]) -> None:
    link = LINKS[entity.type][name]
    relation, targets = link.relation, entity.links.get(name, ())
    if (
        relation.target in (_T.DATASTREAM, _T.MULTI_DATASTREAM)
        and entity.type is _T.OBSERVED_PROPERTY
        and link.table is not None
    ):
        if any(isinstance(target, EntityRef) for target in targets):
            raise Invalid("A MultiDatastream that is there cannot observe one property more.", field=name)
    # What is made along with it is linked from its own side where it needs the link.
    inverse = {relation.inverse: (id,)} if link.table is None or link.table is STREAM_PROPERTY else None
    if link.table is STREAM_PROPERTY and entity.type is _T.MULTI_DATASTREAM:
        inverse = None
    ids = [*given, *(_target(change, relation.target, name, target, inverse) for target in targets)]
    if link.table is None:  # those made just now have the link already
        change.relate(entity.type, id, name, [target.id for target in targets if isinstance(target, EntityRef)])
        return
    if not ids:
        return
    if entity.type is _T.THING and name == "Locations":
        change.place(id, ids, new=True)
    elif entity.type is _T.LOCATION and name == "Things":
        for thing in dict.fromkeys(ids):
            change.place(thing, [id])
    elif link.table is STREAM_PROPERTY:
        if entity.type is _T.MULTI_DATASTREAM:
            observe(change, id, ids)
    else:
        change.relate(entity.type, id, name, ids)


def observe(change: Change, stream: int, properties: list[int]) -> None:
    """A MultiDatastream observes these, in this order."""
    rows = [{"stream_id": stream, "place": at, "observed_property_id": id} for at, id in enumerate(properties)]
    change.unlink(STREAM_PROPERTY, "stream_id", [stream])
    change.add(STREAM_PROPERTY, rows)


def fitting(parts: int, units: Any, types: Any) -> None:
    """`Invalid` unless a MultiDatastream has as many units and types as observed properties."""
    for name, value in (("unitOfMeasurements", units), ("multiObservationDataTypes", types)):
        if not isinstance(value, list) or len(value) != parts:
            raise Invalid(f"{name!r} has one entry for each of the {parts} ObservedProperties.", field=name)


def _complete(change: Change, entity: NewEntity, row: dict[str, Any]) -> None:
    """What Nabe fills in itself."""
    if entity.type is _T.TASK:
        row["creationTime"] = change.now
    elif entity.type is _T.MULTI_DATASTREAM:
        row["observationType"] = _COMPLEX


def _finish(change: Change, entity: NewEntity, id: int) -> None:
    if entity.type is _T.MULTI_DATASTREAM:
        parts = len(change.linked(LINKS[entity.type]["ObservedProperties"], id))
        if not parts:
            raise Invalid("MultiDatastream lacks its ObservedProperties.", field="ObservedProperties")
        fitting(parts, entity.values["unitOfMeasurements"], entity.values["multiObservationDataTypes"])
    elif entity.type is _T.HISTORICAL_LOCATION:
        change.follow(id)
