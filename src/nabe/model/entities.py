"""What sensors tell about: Things, Datastreams, Observations … (OGC SensorThings 1.1, OMS), and questions about them.

One description of the entity model; HTTP, MQTT and both stores follow it. SensorThings 2.0 (OGC 23-019) renames sets and
adds properties: a second description beside this one, over the same stores.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from nabe.model.term import Ordering, Term


class EntityType(StrEnum):
    """Kinds of entities; the value is the name of one in SensorThings 1.1."""

    THING = "Thing"
    LOCATION = "Location"
    HISTORICAL_LOCATION = "HistoricalLocation"
    DATASTREAM = "Datastream"
    MULTI_DATASTREAM = "MultiDatastream"
    SENSOR = "Sensor"
    OBSERVED_PROPERTY = "ObservedProperty"
    OBSERVATION = "Observation"
    FEATURE_OF_INTEREST = "FeatureOfInterest"
    ACTUATOR = "Actuator"
    TASKING_CAPABILITY = "TaskingCapability"
    TASK = "Task"


class ValueType(StrEnum):
    """Types of properties, and what Python value stands for one.

    TEXT str · JSON any JSON value · INSTANT int (µs since the epoch, UTC) · INTERVAL (start, end) of such ·
    TIME int or (start, end) · GEOMETRY a GeoJSON geometry or Feature as mapping (any JSON where the encoding is no
    GeoJSON) · RESULT any JSON value, numbers as int or float.
    """

    TEXT = "text"
    JSON = "json"
    INSTANT = "instant"
    INTERVAL = "interval"
    TIME = "time"
    GEOMETRY = "geometry"
    RESULT = "result"


@dataclass(frozen=True, slots=True)
class Property:
    """`required` on creation. `kept`: maintained by Nabe, ignored when a client sends it."""

    type: ValueType
    required: bool = False
    kept: bool = False


@dataclass(frozen=True, slots=True)
class Relation:
    """`many`: leads to a set. `inverse`: the relation back. `required`: an entity cannot be without it."""

    target: EntityType
    inverse: str
    many: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class EntityKind:
    """One kind: `plural` is the name of its set; properties and relations by name, in the standard's order."""

    type: EntityType
    plural: str
    properties: Mapping[str, Property]
    relations: Mapping[str, Relation]


_T, _V = EntityType, ValueType
_NAMED = {"name": Property(_V.TEXT, required=True), "description": Property(_V.TEXT, required=True)}
_PROPERTIES = {"properties": Property(_V.JSON)}
_EXTENT = {
    "observedArea": Property(_V.GEOMETRY, kept=True),
    "phenomenonTime": Property(_V.INTERVAL, kept=True),
    "resultTime": Property(_V.INTERVAL, kept=True),
}


def _kind(type: EntityType, plural: str, properties: dict[str, Property], **relations: Relation) -> EntityKind:
    return EntityKind(type, plural, MappingProxyType(properties), MappingProxyType(relations))


_KINDS = (
    _kind(
        _T.THING,
        "Things",
        {**_NAMED, **_PROPERTIES},
        Locations=Relation(_T.LOCATION, "Things", many=True),
        HistoricalLocations=Relation(_T.HISTORICAL_LOCATION, "Thing", many=True),
        Datastreams=Relation(_T.DATASTREAM, "Thing", many=True),
        MultiDatastreams=Relation(_T.MULTI_DATASTREAM, "Thing", many=True),
        TaskingCapabilities=Relation(_T.TASKING_CAPABILITY, "Thing", many=True),
    ),
    _kind(
        _T.LOCATION,
        "Locations",
        {
            **_NAMED,
            "encodingType": Property(_V.TEXT, required=True),
            "location": Property(_V.GEOMETRY, required=True),
            **_PROPERTIES,
        },
        Things=Relation(_T.THING, "Locations", many=True),
        HistoricalLocations=Relation(_T.HISTORICAL_LOCATION, "Locations", many=True),
    ),
    _kind(
        _T.HISTORICAL_LOCATION,
        "HistoricalLocations",
        {"time": Property(_V.INSTANT, required=True)},
        Thing=Relation(_T.THING, "HistoricalLocations", required=True),
        Locations=Relation(_T.LOCATION, "HistoricalLocations", many=True),
    ),
    _kind(
        _T.DATASTREAM,
        "Datastreams",
        {
            **_NAMED,
            "observationType": Property(_V.TEXT, required=True),
            "unitOfMeasurement": Property(_V.JSON, required=True),
            **_EXTENT,
            **_PROPERTIES,
        },
        Thing=Relation(_T.THING, "Datastreams", required=True),
        Sensor=Relation(_T.SENSOR, "Datastreams", required=True),
        ObservedProperty=Relation(_T.OBSERVED_PROPERTY, "Datastreams", required=True),
        Observations=Relation(_T.OBSERVATION, "Datastream", many=True),
    ),
    _kind(
        _T.MULTI_DATASTREAM,
        "MultiDatastreams",
        {
            **_NAMED,
            "observationType": Property(_V.TEXT, kept=True),
            "multiObservationDataTypes": Property(_V.JSON, required=True),
            "unitOfMeasurements": Property(_V.JSON, required=True),
            **_EXTENT,
            **_PROPERTIES,
        },
        Thing=Relation(_T.THING, "MultiDatastreams", required=True),
        Sensor=Relation(_T.SENSOR, "MultiDatastreams", required=True),
        ObservedProperties=Relation(_T.OBSERVED_PROPERTY, "MultiDatastreams", many=True, required=True),
        Observations=Relation(_T.OBSERVATION, "MultiDatastream", many=True),
    ),
    _kind(
        _T.SENSOR,
        "Sensors",
        {
            **_NAMED,
            "encodingType": Property(_V.TEXT, required=True),
            "metadata": Property(_V.JSON, required=True),
            **_PROPERTIES,
        },
        Datastreams=Relation(_T.DATASTREAM, "Sensor", many=True),
        MultiDatastreams=Relation(_T.MULTI_DATASTREAM, "Sensor", many=True),
    ),
    _kind(
        _T.OBSERVED_PROPERTY,
        "ObservedProperties",
        {
            "name": Property(_V.TEXT, required=True),
            "definition": Property(_V.TEXT, required=True),
            "description": Property(_V.TEXT, required=True),
            **_PROPERTIES,
        },
        Datastreams=Relation(_T.DATASTREAM, "ObservedProperty", many=True),
        MultiDatastreams=Relation(_T.MULTI_DATASTREAM, "ObservedProperties", many=True),
    ),
    _kind(
        _T.OBSERVATION,
        "Observations",
        {
            "phenomenonTime": Property(_V.TIME),
            "resultTime": Property(_V.INSTANT),
            "result": Property(_V.RESULT, required=True),
            "resultQuality": Property(_V.JSON),
            "validTime": Property(_V.INTERVAL),
            "parameters": Property(_V.JSON),
        },
        Datastream=Relation(_T.DATASTREAM, "Observations"),
        MultiDatastream=Relation(_T.MULTI_DATASTREAM, "Observations"),
        FeatureOfInterest=Relation(_T.FEATURE_OF_INTEREST, "Observations"),
    ),
    _kind(
        _T.FEATURE_OF_INTEREST,
        "FeaturesOfInterest",
        {
            **_NAMED,
            "encodingType": Property(_V.TEXT, required=True),
            "feature": Property(_V.GEOMETRY, required=True),
            **_PROPERTIES,
        },
        Observations=Relation(_T.OBSERVATION, "FeatureOfInterest", many=True),
    ),
    _kind(
        _T.ACTUATOR,
        "Actuators",
        {
            **_NAMED,
            "encodingType": Property(_V.TEXT, required=True),
            "metadata": Property(_V.JSON, required=True),
            **_PROPERTIES,
        },
        TaskingCapabilities=Relation(_T.TASKING_CAPABILITY, "Actuator", many=True),
    ),
    _kind(
        _T.TASKING_CAPABILITY,
        "TaskingCapabilities",
        {**_NAMED, "taskingParameters": Property(_V.JSON, required=True), **_PROPERTIES},
        Thing=Relation(_T.THING, "TaskingCapabilities", required=True),
        Actuator=Relation(_T.ACTUATOR, "TaskingCapabilities", required=True),
        Tasks=Relation(_T.TASK, "TaskingCapability", many=True),
    ),
    _kind(
        _T.TASK,
        "Tasks",
        {
            "taskingParameters": Property(_V.JSON, required=True),
            "creationTime": Property(_V.INSTANT, kept=True),
        },
        TaskingCapability=Relation(_T.TASKING_CAPABILITY, "Tasks", required=True),
    ),
)

#: The entity model: kind by type.
ENTITIES: Final[Mapping[EntityType, EntityKind]] = MappingProxyType({kind.type: kind for kind in _KINDS})
#: Kind by the name of its set.
SETS: Final[Mapping[str, EntityKind]] = MappingProxyType({kind.plural: kind for kind in _KINDS})
#: Whatever has Observations. Both share one sequence of ids.
STREAMS: Final = frozenset({EntityType.DATASTREAM, EntityType.MULTI_DATASTREAM})


@dataclass(frozen=True, slots=True)
class Hop:
    """One step of an address: from the entity `type`(`id`) along `relation`; `id` None: from the one arrived at."""

    type: EntityType
    id: int | None
    relation: str


@dataclass(frozen=True, slots=True)
class Expansion:
    """Related entities to bring along; `query.type` is the relation's target, its `hops` and `id` are empty."""

    relation: str
    query: EntityQuery


@dataclass(frozen=True, slots=True)
class EntityQuery:
    """Entities of one type.

    `hops`: only those reached along this address (`/Things(1)/Datastreams(2)/Observations`). `id`: only this one.
    `select`: names of properties and relations wanted; None: all. `top` None: the server's page. `count`: also say how
    many there are without top, skip and after. `keys`: the answer is asked for ids only (`$ref`). `after`: only what comes
    after the Observation with this time and this id in the order asked for, which is then by `phenomenonTime` or `resultTime`
    and id, or by id alone (the time is not looked at): keyset paging, as quick on the last page as on the first.
    """

    type: EntityType
    hops: tuple[Hop, ...] = ()
    id: int | None = None
    where: Term | None = None
    order: tuple[Ordering, ...] = ()
    select: tuple[str, ...] | None = None
    expand: tuple[Expansion, ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False
    keys: bool = False
    after: tuple[int, int] | None = None


@dataclass(slots=True)
class EntityRow:
    """One entity as the asker may see it: `values` by property name (absent: withheld or not selected).

    `expanded`: relation -> page (many), row or None (one). `absent`: relations to one that are known to lead nowhere.
    """

    type: EntityType
    id: int
    values: dict[str, Any]
    expanded: dict[str, EntityPage | EntityRow | None] = field(default_factory=dict)
    absent: tuple[str, ...] = ()


@dataclass(slots=True)
class EntityPage:
    """Rows in order. `total`: how many there are in all, if asked. `more`: there are more after these."""

    type: EntityType
    rows: list[EntityRow]
    total: int | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class EntityRef:
    """An entity that is there already."""

    id: int


@dataclass(frozen=True, slots=True)
class NewEntity:
    """An entity to make, with what is to be made or linked along with it (deep insert).

    `values` as `ValueType` says, validated against `ENTITIES`. `links`: relation -> references or new entities.
    """

    type: EntityType
    values: Mapping[str, Any]
    links: Mapping[str, tuple[EntityRef | NewEntity, ...]] = field(default_factory=dict)
