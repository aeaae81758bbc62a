"""The registry of devices in a relational database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from nabe.model.device import Device, Sighting
from nabe.ports.devices import Key
from nabe.stores.relational.database import reading, writing
from nabe.stores.relational.tables import DEVICE, DEVICE_SHARED, SIGHTING

#: Keys in one statement.
_MANY = 200


class RelationalDevices:
    """See `nabe.ports.devices.Devices`."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def get(self, keys: Sequence[Key]) -> Mapping[Key, Device]:
        """Those that are known."""
        rows = self._rows(DEVICE, keys)
        return {(row.system, row.id): msgspec.json.decode(row.body, type=Device) for row in rows}

    def list(self, *, system: str = "", dataset: str = "") -> list[Device]:
        """By system and id."""
        query = sa.select(DEVICE.c.body).order_by(DEVICE.c.system, DEVICE.c.id)
        if system:
            query = query.where(DEVICE.c.system == system)
        if dataset:
            query = query.where(DEVICE.c.dataset == dataset)
        with reading(self._engine) as connection:
            return [msgspec.json.decode(row.body, type=Device) for row in connection.execute(query)]

    def put(self, devices: Sequence[Device]) -> None:
        """In the place of what was known."""
        if not devices:
            return
        rows = [
            {"system": item.system, "id": item.id, "dataset": item.dataset, "body": msgspec.json.encode(item).decode()}
            for item in devices
        ]
        with writing(self._engine) as connection:
            _delete(connection, DEVICE, [(item.system, item.id) for item in devices])
            connection.execute(sa.insert(DEVICE), rows)

    def remove(self, keys: Sequence[Key]) -> int:
        """Forget."""
        with writing(self._engine) as connection:
            _delete(connection, SIGHTING, keys)
            return _delete(connection, DEVICE, keys)

    def sightings(self, keys: Sequence[Key]) -> Mapping[Key, Sighting]:
        """What was last seen."""
        rows = self._rows(SIGHTING, keys)
        return {(row.system, row.id): msgspec.json.decode(row.body, type=Sighting) for row in rows}

    def saw(self, sightings: Mapping[Key, Sighting]) -> None:
        """Keep what was seen."""
        if not sightings:
            return
        rows = [
            {"system": system, "id": id, "body": msgspec.json.encode(item).decode()}
            for (system, id), item in sightings.items()
        ]
        with writing(self._engine) as connection:
            _delete(connection, SIGHTING, list(sightings))
            connection.execute(sa.insert(SIGHTING), rows)

    def shared(self, dataset: str) -> Mapping[tuple[str, str], int]:
        """Entities in common."""
        query = sa.select(DEVICE_SHARED).where(DEVICE_SHARED.c.dataset == dataset)
        with reading(self._engine) as connection:
            return {(row.kind, row.name): row.entity for row in connection.execute(query)}

    def share(self, dataset: str, kind: str, key: str, entity: int) -> None:
        """The latest counts."""
        place = (DEVICE_SHARED.c.dataset == dataset) & (DEVICE_SHARED.c.kind == kind) & (DEVICE_SHARED.c.name == key)
        with writing(self._engine) as connection:
            connection.execute(sa.delete(DEVICE_SHARED).where(place))
            connection.execute(sa.insert(DEVICE_SHARED).values(dataset=dataset, kind=kind, name=key, entity=entity))

    def unshare(self, dataset: str) -> None:
        """Forget all of a dataset."""
        with writing(self._engine) as connection:
            connection.execute(sa.delete(DEVICE_SHARED).where(DEVICE_SHARED.c.dataset == dataset))

    def _rows(self, table: sa.Table, keys: Sequence[Key]) -> Iterable[Any]:
        found: list[Any] = []
        with reading(self._engine) as connection:
            for some in _parts(keys):
                wanted = sa.tuple_(table.c.system, table.c.id).in_(some)
                found += connection.execute(sa.select(table).where(wanted))
        return found


def _parts(keys: Sequence[Key]) -> Iterable[list[Key]]:
    distinct = list(dict.fromkeys(keys))
    return (distinct[at : at + _MANY] for at in range(0, len(distinct), _MANY))


def _delete(connection: sa.Connection, table: sa.Table, keys: Sequence[Key]) -> int:
    gone = 0
    for some in _parts(keys):
        gone += connection.execute(sa.delete(table).where(sa.tuple_(table.c.system, table.c.id).in_(some))).rowcount
    return gone
