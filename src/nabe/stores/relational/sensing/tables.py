"""How entities lie in tables: one per kind, made from `model.entities`; relations to one are columns, the others links.

Property -> column of its name: text and JSON as text, moments as microseconds since the epoch. A geometry is kept as it was
given (JSON) and, where it is GeoJSON, as WKB with its box. What observations tell of a stream is not kept here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from nabe.model.entities import ENTITIES, STREAMS, EntityType, Relation, ValueType
from nabe.stores.relational.tables import METADATA as METADATA

_BIG = sa.BigInteger().with_variant(sa.Integer, "sqlite")
BOX: Final = ("west", "south", "east", "north")
#: Kinds that are kept here.
KEPT: Final[tuple[EntityType, ...]] = tuple(type for type in ENTITIES if type is not EntityType.OBSERVATION)


@dataclass(frozen=True, slots=True)
class Link:
    """How a relation is stored, seen from one of its ends.

    `column`: of this table (to one) or of the target's (to many); or `table` between both, with columns `here` and
    `there`, in the order of `place` if it has one.
    """

    relation: Relation
    column: str = ""
    table: sa.Table | None = None
    here: str = ""
    there: str = ""
    place: bool = False


def _snake(name: str) -> str:
    return "".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in name).lstrip("_")


def _columns(type: EntityType) -> list[sa.Column[object] | sa.Index]:
    name = table_name(type)
    items: list[sa.Column[object] | sa.Index] = [
        sa.Column("id", _BIG, primary_key=True, autoincrement=False),
        sa.Column("dataset", sa.String(200), nullable=False),
    ]
    for property_name, property in ENTITIES[type].properties.items():
        if property.type is ValueType.INTERVAL or property_name == "observedArea":
            continue
        if property.type is ValueType.INSTANT:
            items.append(sa.Column(property_name, sa.BigInteger))
            continue
        items.append(sa.Column(property_name, sa.Text))
        if property.type is ValueType.GEOMETRY:
            items.append(sa.Column("shape", sa.LargeBinary))
            items.extend(sa.Column(side, sa.Double) for side in BOX)
    for relation_name, relation in ENTITIES[type].relations.items():
        if not relation.many:
            column = f"{_snake(relation_name)}_id"
            items.append(sa.Column(column, sa.BigInteger, nullable=not relation.required))
            items.append(sa.Index(f"{name}_{column}", column))
    if type is EntityType.LOCATION:
        # The FeatureOfInterest made from it, as long as it is where it is.
        items.append(sa.Column("feature_id", sa.BigInteger))
    items.append(sa.Index(f"{name}_dataset", "dataset", "id"))
    return items


def table_name(type: EntityType) -> str:
    """Of the table that holds a kind of entities."""
    return f"sensing_{_snake(type.value)}"


TABLES: Final[dict[EntityType, sa.Table]] = {
    type: sa.Table(table_name(type), METADATA, *_columns(type)) for type in KEPT
}


def _between(name: str, first: str, second: str, *, place: bool = False) -> sa.Table:
    columns: list[sa.Column[object]] = [sa.Column(first, sa.BigInteger, primary_key=True)]
    if place:
        columns += [sa.Column("place", sa.Integer, primary_key=True), sa.Column(second, sa.BigInteger, nullable=False)]
    else:
        columns += [sa.Column(second, sa.BigInteger, primary_key=True)]
    return sa.Table(name, METADATA, *columns, sa.Index(f"{name}_{second}", second))


THING_LOCATION: Final = _between("sensing_thing_location", "thing_id", "location_id")
HISTORY_LOCATION: Final = _between("sensing_history_location", "historical_location_id", "location_id")
#: The same property may be observed twice by one stream, at two places of its results.
STREAM_PROPERTY: Final = _between("sensing_stream_property", "stream_id", "observed_property_id", place=True)

#: `change`: grows with every change of any entity. A table's name: the last id given (streams share one).
COUNTER: Final = sa.Table(
    "sensing_counter",
    METADATA,
    sa.Column("name", sa.String(60), primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)
CHANGE: Final = "change"


def counter_of(type: EntityType) -> str:
    """The counter that gives ids to a kind of entities."""
    return "sensing_stream" if type in STREAMS else table_name(type)


COUNTERS: Final = tuple(dict.fromkeys([CHANGE, *(counter_of(type) for type in KEPT)]))

_T = EntityType
_BETWEEN: Final = {
    (_T.THING, "Locations"): (THING_LOCATION, "thing_id", "location_id", False),
    (_T.LOCATION, "Things"): (THING_LOCATION, "location_id", "thing_id", False),
    (_T.HISTORICAL_LOCATION, "Locations"): (HISTORY_LOCATION, "historical_location_id", "location_id", False),
    (_T.LOCATION, "HistoricalLocations"): (HISTORY_LOCATION, "location_id", "historical_location_id", False),
    (_T.MULTI_DATASTREAM, "ObservedProperties"): (STREAM_PROPERTY, "stream_id", "observed_property_id", True),
    (_T.OBSERVED_PROPERTY, "MultiDatastreams"): (STREAM_PROPERTY, "observed_property_id", "stream_id", False),
}


def _link(type: EntityType, name: str, relation: Relation) -> Link:
    if (type, name) in _BETWEEN:
        table, here, there, place = _BETWEEN[type, name]
        return Link(relation, "", table, here, there, place)
    return Link(relation, f"{_snake(relation.inverse if relation.many else name)}_id")


#: Relations of each kind, by name; those that observations have are not here.
LINKS: Final[dict[EntityType, dict[str, Link]]] = {
    type: {
        name: _link(type, name, relation)
        for name, relation in ENTITIES[type].relations.items()
        if relation.target is not _T.OBSERVATION
    }
    for type in KEPT
}
