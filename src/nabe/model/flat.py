"""A stream dataset as a flat table: one row per observation; `column` of a field is a path from the Observation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from nabe.model.dataset import Field, FieldType
from nabe.model.entities import ENTITIES, EntityType, Property, ValueType
from nabe.model.text import Text

_MOST_STEPS = 12
_TIMES = (FieldType.DATETIME, FieldType.DATE)
_KEYED = (ValueType.JSON, ValueType.RESULT, ValueType.GEOMETRY)
_FITTING: Final = {
    ValueType.TEXT: (FieldType.STRING,),
    ValueType.INSTANT: _TIMES,
    ValueType.TIME: (*_TIMES, FieldType.STRING),
    ValueType.INTERVAL: (FieldType.STRING,),
    ValueType.GEOMETRY: (FieldType.GEOMETRY,),
    ValueType.JSON: tuple(kind for kind in FieldType if kind is not FieldType.GEOMETRY),
    ValueType.RESULT: tuple(kind for kind in FieldType if kind is not FieldType.GEOMETRY),
}


class NoPath(ValueError):
    """Not a path; the message says why, `known` what could stand where `wrong` does."""

    def __init__(self, message: str, known: tuple[str, ...] = (), wrong: str = "") -> None:
        super().__init__(message)
        self.known, self.wrong = known, wrong


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: `relations` from the Observation to an entity of `type`, there the property `keys[0]` (or `id`)
    and keys inside it. `property` None: the id.

    A path through `Datastream` means the stream of an observation, be it a Datastream or a MultiDatastream.
    """

    relations: tuple[str, ...]
    type: EntityType
    keys: tuple[str | int, ...]
    property: Property | None


def place(path: str) -> Place:
    """`Datastream/Thing/properties/street_key` -> where that is. Raises `NoPath`."""
    steps = path.split("/")
    if len(steps) > _MOST_STEPS:
        raise NoPath(f"{path[:60]!r} has more than {_MOST_STEPS} steps")
    kind, relations = ENTITIES[EntityType.OBSERVATION], []
    while steps and steps[0] in kind.relations:
        relations.append(steps.pop(0))
        kind = ENTITIES[kind.relations[relations[-1]].target]
    known = (*kind.properties, *kind.relations, "id")
    if not steps or not steps[0]:
        raise NoPath(f"{path!r} names no property of {kind.type.value}", known)
    name, rest = steps[0], tuple(int(step) if step.isdecimal() else step for step in steps[1:])
    if name in ("id", "@iot.id"):
        if rest:
            raise NoPath(f"there is nothing inside the id of {kind.type.value}")
        return Place(tuple(relations), kind.type, ("id",), None)
    found = kind.properties.get(name)
    if found is None:
        raise NoPath(f"{kind.type.value} has no property {name!r}", known, name)
    if rest and found.type in (ValueType.TIME, ValueType.INTERVAL):
        if rest not in (("start",), ("end",)):
            raise NoPath(f"{name!r} has a start and an end, nothing else", ("start", "end"))
    elif rest and (found.type not in _KEYED or not all(step != "" for step in rest)):
        raise NoPath(f"there is no {rest[0]!r} inside {name!r}")
    return Place(tuple(relations), kind.type, (name, *rest), found)


def fitting(place: Place) -> tuple[FieldType, ...]:
    """The types that a field of this column may have."""
    if place.property is None:
        return (FieldType.INTEGER, FieldType.STRING)
    if len(place.keys) > 1 and place.property.type in (ValueType.TIME, ValueType.INTERVAL):
        return _TIMES
    if len(place.keys) > 1 and place.property.type is ValueType.GEOMETRY:
        return _FITTING[ValueType.JSON]
    return _FITTING[place.property.type]


def _field(name: str, type: FieldType, column: str, de: str, en: str) -> Field:
    return Field(name, type, Text(de, en), column=column)


#: Fields of a stream dataset that declares none.
STREAM_FIELDS: Final = (
    _field("id", FieldType.INTEGER, "id", "Beobachtung", "Observation"),
    _field("time", FieldType.DATETIME, "phenomenonTime", "Zeitpunkt", "Time"),
    _field("result", FieldType.NUMBER, "result", "Wert", "Value"),
    _field("unit", FieldType.STRING, "Datastream/unitOfMeasurement/symbol", "Einheit", "Unit"),
    _field("observed_property", FieldType.STRING, "Datastream/ObservedProperty/name", "Messgröße", "Observed property"),
    _field("stream_id", FieldType.INTEGER, "Datastream/id", "Datenstrom (Nummer)", "Stream (number)"),
    _field("stream", FieldType.STRING, "Datastream/name", "Datenstrom", "Stream"),
    _field("thing_id", FieldType.INTEGER, "Datastream/Thing/id", "Gerät oder Ort (Nummer)", "Thing (number)"),
    _field("thing", FieldType.STRING, "Datastream/Thing/name", "Gerät oder Ort", "Thing"),
    _field("place", FieldType.GEOMETRY, "Datastream/Thing/Locations/location", "Standort", "Place"),
)
