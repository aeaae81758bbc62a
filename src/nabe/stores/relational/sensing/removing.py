"""Removing entities, and those that cannot be without them (OGC 18-088, clause 10.4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from nabe.model.entities import STREAMS, EntityType
from nabe.ports.entities import Removed
from nabe.stores.relational.sensing.tables import HISTORY_LOCATION, STREAM_PROPERTY, TABLES, THING_LOCATION
from nabe.stores.relational.sensing.writing import Change, chunks

_T = EntityType
#: What goes with an entity: (its type, the column that leads to the entity).
_WITH: Final = {
    _T.THING: (
        (_T.DATASTREAM, "thing_id"),
        (_T.MULTI_DATASTREAM, "thing_id"),
        (_T.HISTORICAL_LOCATION, "thing_id"),
        (_T.TASKING_CAPABILITY, "thing_id"),
    ),
    _T.SENSOR: ((_T.DATASTREAM, "sensor_id"), (_T.MULTI_DATASTREAM, "sensor_id")),
    _T.OBSERVED_PROPERTY: ((_T.DATASTREAM, "observed_property_id"),),
    _T.ACTUATOR: ((_T.TASKING_CAPABILITY, "actuator_id"),),
    _T.TASKING_CAPABILITY: ((_T.TASK, "tasking_capability_id"),),
}
#: Links that end with an entity: table and column.
_LINKED: Final = {
    _T.THING: ((THING_LOCATION, "thing_id"),),
    _T.LOCATION: ((THING_LOCATION, "location_id"), (HISTORY_LOCATION, "location_id")),
    _T.HISTORICAL_LOCATION: ((HISTORY_LOCATION, "historical_location_id"),),
    _T.MULTI_DATASTREAM: ((STREAM_PROPERTY, "stream_id"),),
    _T.OBSERVED_PROPERTY: ((STREAM_PROPERTY, "observed_property_id"),),
}


def delete(change: Change, type: EntityType, ids: Iterable[int]) -> Removed:
    """Remove entities and what goes with them; ids that there are not are passed over."""
    gone: dict[tuple[EntityType, int], str] = {}
    left: list[tuple[EntityType, list[int]]] = [(type, list(ids))]
    while left:
        kind, some = left.pop()
        for part in chunks(dict.fromkeys(some)):
            _one_kind(change, kind, part, gone, left)
    streams = tuple(id for kind, id in gone if kind in STREAMS)
    features = tuple(id for kind, id in gone if kind is _T.FEATURE_OF_INTEREST)
    return Removed(tuple((kind, id, dataset) for (kind, id), dataset in gone.items()), streams, features)


def _one_kind(
    change: Change,
    type: EntityType,
    ids: list[int],
    gone: dict[tuple[EntityType, int], str],
    left: list[tuple[EntityType, list[int]]],
) -> None:
    run, table = change.run, TABLES[type]
    there = run(sa.select(table.c.id, table.c.dataset).where(table.c.id.in_(ids))).all()
    if not there:
        return
    found = [row.id for row in there]
    gone.update({(type, row.id): row.dataset for row in there})
    for other, column in _WITH.get(type, ()):
        with_it = change.column(sa.select(TABLES[other].c.id).where(TABLES[other].c[column].in_(found)))
        left.append((other, with_it))
    if type is _T.OBSERVED_PROPERTY:
        streams = sa.select(STREAM_PROPERTY.c.stream_id).where(STREAM_PROPERTY.c.observed_property_id.in_(found))
        left.append((_T.MULTI_DATASTREAM, change.column(streams)))
    histories: list[int] = []
    if type is _T.LOCATION:
        query = sa.select(HISTORY_LOCATION.c.historical_location_id).where(HISTORY_LOCATION.c.location_id.in_(found))
        histories = change.column(query)
    for between, column in _LINKED.get(type, ()):
        change.unlink(between, column, found)
    if type is _T.FEATURE_OF_INTEREST:
        # The next observation at that Location makes a new one.
        locations = TABLES[_T.LOCATION]
        run(sa.update(locations).where(locations.c.feature_id.in_(found)).values(feature_id=None))
    run(sa.delete(table).where(table.c.id.in_(found)))
    for part in chunks(histories):
        with_some = sa.select(HISTORY_LOCATION.c.historical_location_id).where(
            HISTORY_LOCATION.c.historical_location_id.in_(part)
        )
        kept = set(change.column(with_some))
        left.append((_T.HISTORICAL_LOCATION, [id for id in part if id not in kept]))
