"""Is an entity what its kind may be? Whoever it comes from: interfaces check, too, and devices speak by other ways."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from nabe.errors import Invalid, LimitExceeded
from nabe.model.entities import ENTITIES, EntityKind, EntityRef, EntityType, NewEntity, ValueType
from nabe.query.sensing.rows import json_text, moment, span

#: Entities of one deep insert, how deep they may hang, bytes of one value.
MOST: Final = 100_000
DEEPEST: Final = 12
LARGEST: Final = 10_000_000
_FREE = frozenset({ValueType.JSON, ValueType.RESULT, ValueType.GEOMETRY})


def walk(entity: NewEntity) -> Iterator[NewEntity]:
    """The entity and all that come along, parents before children, in the order given. Bounded."""
    left: list[tuple[NewEntity, int]] = [(entity, 1)]
    seen = 0
    while left:
        one, depth = left.pop()
        seen += 1
        if seen > MOST:
            raise LimitExceeded(f"More than {MOST} entities in one insert.", hint="Send them in parts.", limit=MOST)
        if depth > DEEPEST:
            raise Invalid(f"Entities hang more than {DEEPEST} deep in each other.", hint="Link them by @iot.id.")
        yield one
        inner = [item for items in one.links.values() for item in items if isinstance(item, NewEntity)]
        left.extend((item, depth + 1) for item in reversed(inner))


def tidied(entity: NewEntity, *, placed: bool = False, given: str = "") -> NewEntity:
    """The same without what Nabe keeps itself. `Invalid` naming the property.

    `given`: the relation by which the entity is linked already, since it comes along with another. `placed`: an observation
    needs no link to its stream.
    """
    kind = ENTITIES[entity.type]
    values = {name: value for name, value in entity.values.items() if not (kind.properties.get(name) or _NONE).kept}
    check_values(kind, values)
    for name, wanted in kind.properties.items():
        missing = name not in values or (values[name] is None and wanted.type is not ValueType.RESULT)
        if wanted.required and missing:
            raise Invalid(f"{kind.type.value} lacks {name!r}.", hint=f"It needs {_needed(kind)}.", field=name)
    links: dict[str, tuple[EntityRef | NewEntity, ...]] = {}
    for name, items in entity.links.items():
        relation = kind.relations.get(name)
        if relation is None:
            raise Invalid(
                f"{kind.type.value} has no relation {name!r}.", hint=f"It has {', '.join(kind.relations)}.", field=name
            )
        if not relation.many and len(items) != 1:
            raise Invalid(f"{kind.type.value} has one {name}, not {len(items)}.", field=name)
        made: list[EntityRef | NewEntity] = []
        for item in items:
            if isinstance(item, NewEntity):
                if item.type is not relation.target:
                    raise Invalid(f"{name!r} leads to {relation.target.value}.", field=name)
                made.append(tidied(item, placed=placed, given=relation.inverse))
            else:
                made.append(item)
        links[name] = tuple(made)
    for name, relation in kind.relations.items():
        if relation.required and not links.get(name) and name != given:
            raise Invalid(
                f"{kind.type.value} lacks its {name}.", hint="A link by @iot.id, or the entity itself.", field=name
            )
    return NewEntity(entity.type, values, links)


def check_values(kind: EntityKind, values: Mapping[str, Any]) -> None:
    """`Invalid` for a property that the kind does not have, or a value that it cannot be."""
    for name, value in values.items():
        wanted = kind.properties.get(name)
        if wanted is None:
            hint = f"It has {', '.join(kind.properties)}; further things belong into properties."
            raise Invalid(f"{kind.type.value} has no property {str(name)[:60]!r}.", hint=hint, field=str(name)[:60])
        if value is None:
            continue
        match wanted.type:
            case ValueType.TEXT:
                if not isinstance(value, str):
                    raise Invalid(f"{name!r} is text.", field=name)
                _text(value, name)
            case ValueType.INSTANT:
                moment(value, name)
            case ValueType.INTERVAL:
                span(value, name)
            case ValueType.TIME:
                span(value, name) if isinstance(value, tuple | list) else moment(value, name)
            case _:
                _text(json_text(value, name) or "", name)
    if kind.type is EntityType.MULTI_DATASTREAM:
        _several(values)


def _text(value: str, name: str) -> None:
    if len(value) > LARGEST:
        raise LimitExceeded(f"{name!r} has more than {LARGEST} characters.", limit=LARGEST, field=name)
    if "\0" in value:
        raise Invalid(f"{name!r} holds a NUL character.", field=name)
    if not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
        raise Invalid(f"{name!r} holds half a character.", hint="Send UTF-8.", field=name)


def _several(values: Mapping[str, Any]) -> None:
    """A MultiDatastream has as many types as units."""
    types, units = values.get("multiObservationDataTypes"), values.get("unitOfMeasurements")
    for name, given in (("multiObservationDataTypes", types), ("unitOfMeasurements", units)):
        if given is not None and not isinstance(given, list):
            raise Invalid(f"{name!r} is a list.", field=name)
    if isinstance(types, list) and not all(isinstance(item, str) for item in types):
        raise Invalid("'multiObservationDataTypes' is a list of texts.", field="multiObservationDataTypes")
    if isinstance(types, list) and isinstance(units, list) and len(types) != len(units):
        raise Invalid(
            f"There are {len(types)} multiObservationDataTypes and {len(units)} unitOfMeasurements.",
            hint="One for each observed property.",
            field="unitOfMeasurements",
        )


def _needed(kind: EntityKind) -> str:
    return ", ".join(name for name, wanted in kind.properties.items() if wanted.required)


class _None:
    kept = False


_NONE = _None()
