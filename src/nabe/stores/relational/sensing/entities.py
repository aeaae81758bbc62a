"""The store of entities in a relational database: SQLite or PostgreSQL."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from nabe.errors import Unknown
from nabe.model.entities import EntityType, NewEntity
from nabe.ports.entities import EntityScan, Removed, StoredEntity, StreamFacts
from nabe.stores.relational.database import writing
from nabe.stores.relational.sensing import changing, making, reading, removing
from nabe.stores.relational.sensing.tables import CHANGE, COUNTER, TABLES
from nabe.stores.relational.sensing.values import GEOJSON, read
from nabe.stores.relational.sensing.writing import Change

_T = EntityType
_LOCATIONS = TABLES[_T.LOCATION]
_STAMP = f"SELECT value FROM {COUNTER.name} WHERE name = '{CHANGE}'"
_Made = tuple[EntityType, int]


class RelationalEntities:
    """Things, Datastreams and so on. Writers take turns; readers never wait."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._reader = reading.Reader(engine)
        self._lock = threading.Lock()
        self._seen = -1
        self._facts: dict[int, StreamFacts | None] = {}
        self._of: dict[frozenset[str], list[int]] = {}

    # --- questions ---

    def find(self, scan: EntityScan) -> list[StoredEntity]:
        """In order (by id last)."""
        return reading.find(self._reader, scan, _now())

    def count(self, scan: EntityScan) -> int:
        """Without top and skip."""
        return reading.count(self._reader, scan, _now())

    # --- changes ---

    def create(self, entity: NewEntity, dataset: str) -> tuple[int, list[StoredEntity]]:
        """Make an entity with all that comes along; its id, and all that were made."""
        counts = making.check(entity)
        with writing(self._engine) as connection:
            change = Change(connection, _now(), dataset)
            change.reserve({type: count for type, count in counts.items() if type in TABLES})
            id = making.make(change, entity)
            change.note()
        return id, self._stored(change.made)

    def update(
        self,
        type: EntityType,
        id: int,
        values: Mapping[str, Any],
        links: Mapping[str, Sequence[int]] | None = None,
        *,
        replace: bool = False,
    ) -> list[StoredEntity]:
        """Change properties and links given; the entity itself, then what was made along with it."""
        with writing(self._engine) as connection:
            change = Change(connection, _now())
            changing.update(change, type, id, values, links or {}, replace=replace)
            change.note()
        return self._stored([(type, id), *change.made])

    def delete(self, type: EntityType, ids: Iterable[int]) -> Removed:
        """Remove entities, and those that cannot be without them."""
        with writing(self._engine) as connection:
            change = Change(connection, _now())
            removed = removing.delete(change, type, ids)
            change.note()
        return removed

    def link(
        self, type: EntityType, id: int, relation: str, target: int, *, remove: bool = False
    ) -> list[StoredEntity]:
        """Add or remove one link of a relation to many; what was made along with it."""
        with writing(self._engine) as connection:
            change = Change(connection, _now())
            (changing.remove_link if remove else changing.add_link)(change, type, id, relation, target)
            change.note()
        return self._stored(change.made)

    def _stored(self, made: Sequence[_Made]) -> list[StoredEntity]:
        """Entities just made, in order."""
        found: dict[_Made, StoredEntity] = {}
        for type in {type for type, _ in made}:
            ids = tuple(id for kind, id in made if kind is type)
            found |= {(type, entity.id): entity for entity in reading.everywhere(self._reader, type, ids)}
        return [found[key] for key in made if key in found]

    # --- what is remembered of streams ---

    def streams(self, ids: Sequence[int]) -> Mapping[int, StreamFacts]:
        """What is known of these streams."""
        self._refresh()
        facts = self._facts
        unknown = [id for id in dict.fromkeys(ids) if id not in facts]
        if unknown:
            # What others change while this is read goes into a memory that is no longer asked.
            found = self._read_facts(unknown)
            facts.update({id: found.get(id) for id in unknown})
        return {id: fact for id in ids if (fact := facts[id]) is not None}

    def streams_of(self, datasets: frozenset[str]) -> Sequence[int]:
        """Ids of all streams of these datasets, ascending."""
        self._refresh()
        of = self._of
        if datasets not in of:
            of[datasets] = self._read_streams_of(datasets)
        return of[datasets]

    def _refresh(self) -> None:
        """Forget when anything was changed, here or elsewhere."""
        stamp = int(self._reader.rows(_STAMP)[0][0])
        with self._lock:
            if stamp != self._seen:
                self._seen, self._facts, self._of = stamp, {}, {}

    def _read_facts(self, ids: Sequence[int]) -> dict[int, StreamFacts]:
        found: dict[int, StreamFacts] = {}
        listed = ", ".join(str(id) for id in ids if 0 <= id < 2**63) or "NULL"
        features = _features(self._reader, listed)
        for type, types in ((_T.DATASTREAM, "NULL"), (_T.MULTI_DATASTREAM, '"multiObservationDataTypes"')):
            sql = f'SELECT id, dataset, "observationType", {types} FROM {TABLES[type].name} WHERE id IN ({listed})'
            for id, dataset, observation_type, parts in self._reader.rows(sql):
                kinds = tuple(str(part) for part in read(parts)) if parts else ()
                found[id] = StreamFacts(id, type, dataset, observation_type or "", kinds, features.get(id))
        return found

    def _read_streams_of(self, datasets: frozenset[str]) -> list[int]:
        listed = ", ".join(self._reader.dialect.text(name) for name in sorted(datasets)) or "NULL"
        tables = (TABLES[_T.DATASTREAM].name, TABLES[_T.MULTI_DATASTREAM].name)
        sql = " UNION ALL ".join(f"SELECT id FROM {name} WHERE dataset IN ({listed})" for name in tables)
        return sorted(row[0] for row in self._reader.rows(sql))

    def feature_of(self, stream: int) -> tuple[int | None, list[StoredEntity]]:
        """The FeatureOfInterest of a stream's observations that name none; and that entity, if it was made now."""
        facts = self.streams([stream]).get(stream)
        if facts is None:
            raise Unknown(f"There is no stream with the id {stream}.", id=stream)
        if facts.feature is not None:
            return facts.feature, []
        with writing(self._engine) as connection:
            change = Change(connection, _now())
            row = _location_of(connection, stream)
            if row is None:
                return None, []
            if row.feature_id is not None:
                return int(row.feature_id), []
            change.dataset = row.dataset
            copied = {name: getattr(row, name) for name in ("name", "description", "encodingType", "shape", *_BOX)}
            id = change.insert(_T.FEATURE_OF_INTEREST, {**copied, "feature": row.location})
            connection.execute(sa.update(_LOCATIONS).where(_LOCATIONS.c.id == row.id).values(feature_id=id))
            change.note()
        return id, self._stored(change.made)


_BOX = ("west", "south", "east", "north")
#: The Location of a Thing that a FeatureOfInterest is made from: one in GeoJSON before others, then the oldest.
_CHOICE = f"""(CASE WHEN l."encodingType" IN ({", ".join(f"'{name}'" for name in sorted(GEOJSON))}) THEN 0 ELSE 1 END), l.id"""
_STREAM_LOCATIONS = f"""
SELECT s.id AS stream, l.id, l.feature_id, row_number() OVER (PARTITION BY s.id ORDER BY {_CHOICE}) AS place
FROM {{streams}} s JOIN sensing_thing_location t ON t.thing_id = s.thing_id JOIN sensing_location l ON l.id = t.location_id
WHERE s.id IN ({{ids}})"""


def _places(ids: str) -> str:
    return " UNION ALL ".join(
        f"SELECT * FROM ({_STREAM_LOCATIONS.format(streams=TABLES[type].name, ids=ids)}) AS {type.lower()}s WHERE place = 1"
        for type in (_T.DATASTREAM, _T.MULTI_DATASTREAM)
    )


def _features(reader: reading.Reader, ids: str) -> dict[int, int]:
    """Streams -> the FeatureOfInterest that was made from where their Things are."""
    return {row[0]: row[2] for row in reader.rows(_places(ids)) if row[2] is not None}


def _location_of(connection: sa.Connection, stream: int) -> Any:
    """The Location that the stream's observations are at."""
    rows = connection.exec_driver_sql(_places(str(int(stream)))).all()
    if not rows:
        return None
    return connection.execute(sa.select(_LOCATIONS).where(_LOCATIONS.c.id == rows[0][1])).one()


def _now() -> int:
    return time.time_ns() // 1_000
