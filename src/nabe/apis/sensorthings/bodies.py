"""Bodies of requests (OGC 18-088, 10) -> entities to make and changes, checked against the entity model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import shapely

from nabe.apis.sensorthings import times
from nabe.errors import Invalid
from nabe.model.entities import ENTITIES, SETS, STREAMS, EntityRef, EntityType, Hop, NewEntity, Property, ValueType

#: How deep entities stand in one another, and how many one request makes.
DEEPEST = 12
_MOST = 20_000
ID = "@iot.id"
GEOJSON: Final = frozenset({"application/geo+json", "application/vnd.geo+json"})
_SHAPES: Final = frozenset(
    {"Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon", "GeometryCollection"}
    | {"Feature", "FeatureCollection"}
)
_OBJECTS: Final = frozenset({"properties", "parameters", "unitOfMeasurement", "taskingParameters"})
_LISTS: Final = frozenset({"multiObservationDataTypes", "unitOfMeasurements"})
_LINK = re.compile(r"(?:.*/)?([A-Za-z]+)\((-?[0-9]{1,19})\)/?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Changes:
    """What a PATCH or PUT sets: properties, and links by relation."""

    values: Mapping[str, Any]
    links: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def decode(body: bytes) -> Any:
    """JSON. `Invalid` for what is none, for NaN and infinities, and for texts with NUL, which no database keeps."""
    if not body:
        raise Invalid("The body is empty.", hint="It is a JSON object.", field="body")
    try:
        data = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        why = "it nests too deep" if isinstance(error, RecursionError) else str(error)
        raise Invalid(f"The body is not JSON: {why}.", field="body") from None
    if b"\\u0000" in body:
        _no_nul(data)
    return data


def _no_nul(data: Any) -> None:
    rest = [data]
    while rest:
        item = rest.pop()
        if isinstance(item, str) and "\x00" in item:
            raise Invalid("A text holds no NUL character.", field="body")
        if isinstance(item, dict):
            rest += [*item, *item.values()]
        elif isinstance(item, list):
            rest += item


class Reading:
    """Makes `NewEntity`s of JSON objects. `now`: the phenomenon time of Observations that name none."""

    def __init__(self, now: int) -> None:
        self._now = now
        self._made = 0

    def entity(self, data: Any, type: EntityType, within: Sequence[Hop] = ()) -> NewEntity:
        """The entity that a POST to a set makes; `within`: the address of that set."""
        known: dict[str, int | None] = {}
        if within:
            relation, id = ENTITIES[within[-1].type].relations[within[-1].relation], within[-1].id
            known[relation.inverse] = id if id is not None else _ANYONE
        return self._entity(data, type, type.value, known, 1)

    def _entity(self, data: Any, type: EntityType, at: str, known: Mapping[str, int | None], depth: int) -> NewEntity:
        """`known`: relations that are given by where it stands, with the id they lead to.

        None: to one that is being made; `_ANYONE`: the hub finds out where an address such as `Observations(1)/Datastream` leads.
        """
        if not isinstance(data, dict):
            raise Invalid(f"{at} is a JSON object, not {times.short(data)}.", field=at)
        self._made += 1
        if depth > DEEPEST or self._made > _MOST:
            raise Invalid(f"At most {_MOST} entities in one another, {DEEPEST} deep.", field=at)
        kind = ENTITIES[type]
        values: dict[str, Any] = {}
        links: dict[str, tuple[EntityRef | NewEntity, ...]] = {}
        for name, value in data.items():
            if name in kind.properties:
                if not kind.properties[name].kept:
                    values[name] = typed(value, kind.properties[name], name, f"{at}/{name}")
            elif name in kind.relations:
                found = self._related(value, type, name, f"{at}/{name}", depth)
                if name in known:
                    _same(found, known[name], name, at)
                elif found:
                    links[name] = found
            else:
                _control(name, kind.type, at)
        _complete(type, values, set(links) | set(known), at)
        if type is EntityType.OBSERVATION:
            values["phenomenonTime"] = self._now if values.get("phenomenonTime") is None else values["phenomenonTime"]
        _checked_place(type, values, at)
        return NewEntity(type, values, links)

    def _related(
        self, value: Any, type: EntityType, name: str, at: str, depth: int
    ) -> tuple[EntityRef | NewEntity, ...]:
        relation = ENTITIES[type].relations[name]
        if value is None:
            return ()
        if relation.many != isinstance(value, list):
            what = "a list of entities" if relation.many else "one entity"
            raise Invalid(f"{at} is {what}.", hint=f'For example {{"{ID}": 1}}.', field=at)
        found: list[EntityRef | NewEntity] = []
        for item in value if relation.many else [value]:
            if isinstance(item, dict) and item.get(ID) is not None:
                found.append(EntityRef(identity(item[ID], at)))
            else:
                back: dict[str, int | None] = {relation.inverse: None}
                found.append(self._entity(item, relation.target, at, back, depth + 1))
        return tuple(found)


_ANYONE = -(2**63)


def _same(found: Sequence[EntityRef | NewEntity], id: int | None, name: str, at: str) -> None:
    """What an entity says of where it stands must be so."""
    if not found or (len(found) == 1 and isinstance(found[0], EntityRef) and id in (found[0].id, _ANYONE)):
        return
    raise Invalid(f"{at} stands in another {name} than it says.", field=f"{at}/{name}")


def _control(name: str, type: EntityType, at: str) -> None:
    """Control information may be sent back as it came; other names are mistakes."""
    if "@" in name and not name.endswith(".bind"):
        return
    names = ", ".join([*ENTITIES[type].properties, *ENTITIES[type].relations])
    raise Invalid(f"{at}: {type.value} has no {name[:60]!r}.", hint=f"It has {names}.", field=f"{at}/{name[:60]}")


def _complete(type: EntityType, values: Mapping[str, Any], related: set[str], at: str) -> None:
    kind = ENTITIES[type]
    for name, item in kind.properties.items():
        absent = name not in values or (values[name] is None and item.type is not ValueType.RESULT)
        if item.required and absent and not item.kept:
            raise Invalid(f"{at}: {name} is missing.", field=f"{at}/{name}")
    for name, relation in kind.relations.items():
        if relation.required and name not in related:
            raise Invalid(f"{at}: {name} is missing.", hint=f'For example {{"{ID}": 1}}.', field=f"{at}/{name}")
    if type is EntityType.OBSERVATION and len(related & {item.value for item in STREAMS}) != 1:
        raise Invalid(f"{at} belongs to a Datastream or to a MultiDatastream.", field=f"{at}/Datastream")
    if type is EntityType.MULTI_DATASTREAM and len(values["multiObservationDataTypes"]) != len(
        values["unitOfMeasurements"]
    ):
        raise Invalid(f"{at}: there is one unit for each type.", field=f"{at}/unitOfMeasurements")


def identity(value: Any, at: str) -> int:
    """An id as JSON."""
    if isinstance(value, bool) or not isinstance(value, int) or not -(2**63) <= value < 2**63:
        raise Invalid(f"{at}: {ID} is a whole number, not {times.short(value)}.", field=f"{at}/{ID}")
    return value


def typed(value: Any, item: Property, name: str, at: str) -> Any:
    """A property's value as the model keeps it (`ValueType`)."""
    if value is None:
        return None
    return _TYPED[item.type](value, name, at)


def _text(value: Any, name: str, at: str) -> str:
    if not isinstance(value, str):
        raise Invalid(f"{at} is a text, not {times.short(value)}.", field=at)
    return value


def _json(value: Any, name: str, at: str) -> Any:
    if name in _OBJECTS and not isinstance(value, dict):
        raise Invalid(f"{at} is a JSON object, not {times.short(value)}.", field=at)
    if name in _LISTS and not isinstance(value, list):
        raise Invalid(f"{at} is a list, not {times.short(value)}.", field=at)
    return value


_TYPED: Final[Mapping[ValueType, Callable[[Any, str, str], Any]]] = {
    ValueType.TEXT: _text,
    ValueType.JSON: _json,
    ValueType.GEOMETRY: _json,
    ValueType.RESULT: _json,
    ValueType.INSTANT: lambda value, name, at: times.moment(value, at),
    ValueType.INTERVAL: lambda value, name, at: times.interval(value, at),
    ValueType.TIME: lambda value, name, at: times.time(value, at),
}


def _checked_place(type: EntityType, values: Mapping[str, Any], at: str) -> None:
    """What is said to be GeoJSON, or looks like it where nothing is said, is."""
    name = {EntityType.LOCATION: "location", EntityType.FEATURE_OF_INTEREST: "feature"}.get(type)
    place = values.get(name) if name is not None else None
    if place is None:
        return
    coded = values.get("encodingType")
    known = coded in GEOJSON if coded is not None else isinstance(place, dict) and place.get("type") in _SHAPES
    if not known:
        return
    try:
        if not isinstance(place, dict) or place.get("type") not in _SHAPES:
            raise ValueError("its type is no type of GeoJSON")
        shapely.from_geojson(msgspec.json.encode(place).decode())
    except (shapely.errors.ShapelyError, ValueError, RecursionError) as error:
        hint = 'For example {"type": "Point", "coordinates": [9.9, 51.5]}, longitude first.'
        raise Invalid(f"{at}/{name} is not GeoJSON: {str(error)[:100]}.", hint=hint, field=f"{at}/{name}") from None


def changes(data: Any, type: EntityType) -> Changes:
    """What a PATCH changes. Related entities may be linked by their ids, not made (10.3)."""
    at, kind = type.value, ENTITIES[type]
    if not isinstance(data, dict):
        raise Invalid(f"{at} is a JSON object, not {times.short(data)}.", field="body")
    values: dict[str, Any] = {}
    links: dict[str, tuple[int, ...]] = {}
    for name, value in data.items():
        if name in kind.properties:
            item = kind.properties[name]
            if value is None and item.required and item.type is not ValueType.RESULT:
                raise Invalid(f"{at}: {name} cannot be without a value.", field=name)
            if not item.kept:
                values[name] = typed(value, item, name, f"{at}/{name}")
        elif name in kind.relations:
            links[name] = _linked(value, type, name)
        else:
            _control(name, type, at)
    _checked_place(type, values, at)
    return Changes(values, links)


def _linked(value: Any, type: EntityType, name: str) -> tuple[int, ...]:
    at = f"{type.value}/{name}"
    many = ENTITIES[type].relations[name].many
    items = value if isinstance(value, list) else [value]
    if many != isinstance(value, list) or not all(
        isinstance(item, dict) and item.get(ID) is not None for item in items
    ):
        raise Invalid(
            f"{at}: related entities are named by their ids here, not made.", hint=f'{{"{ID}": 1}}', field=name
        )
    return tuple(identity(item[ID], at) for item in items)


def replacement(data: Any, type: EntityType) -> Changes:
    """What a PUT sets: all required properties must be there; what is not given becomes missing (10.3)."""
    found = changes(data, type)
    for name, item in ENTITIES[type].properties.items():
        if item.required and not item.kept and name not in found.values:
            raise Invalid(f"{type.value}: {name} is missing.", field=name)
    return found


def reference(data: Any, type: EntityType) -> int:
    """The entity that the body of a `$ref` names: by id, or by its address."""
    if isinstance(data, dict) and data.get(ID) is not None:
        return identity(data[ID], "body")
    link = (
        next((data[key] for key in ("@odata.id", "@iot.selfLink", "url", "@id") if data.get(key)), None)
        if isinstance(data, dict)
        else None
    )
    return link_id(link, type, "body")


def link_id(link: Any, type: EntityType, at: str) -> int:
    """The id in an address of an entity of this type."""
    found = _LINK.fullmatch(link) if isinstance(link, str) and len(link) < 2_000 else None
    if found is None or found[1] not in SETS or SETS[found[1]].type is not type:
        hint = f'{{"{ID}": 1}} or {{"@odata.id": "…/{ENTITIES[type].plural}(1)"}}'
        raise Invalid(f"{at} names no {type.value}.", hint=hint, field=at)
    return identity(int(found[2]), at)
