"""What a database cannot do itself is done when its rows arrive: geometry into degrees, local times into UTC."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from nabe.adapters.sql.crs import srid_of, wkb_to_lonlat
from nabe.adapters.sql.databases.base import Database
from nabe.adapters.sql.translate import Kind, Native
from nabe.adapters.sql.zones import shifted
from nabe.model.dataset import Field, FieldType


@dataclass(frozen=True, slots=True)
class Left:
    """What is left to do: geometry columns with the number of their CRS, columns of local times with their zone."""

    systems: Mapping[str, int] = field(default_factory=dict)
    zones: Mapping[str, str] = field(default_factory=dict)

    def done(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The batches, finished."""
        for batch in batches:
            for name, srid in self.systems.items():
                position = batch.schema.get_field_index(name)
                moved = wkb_to_lonlat(batch.column(position), srid)
                batch = batch.set_column(position, batch.schema.field(position), moved)
            for name, zone in self.zones.items():
                position = batch.schema.get_field_index(name)
                utc = shifted(batch.column(position), zone)
                batch = batch.set_column(position, batch.schema.field(position), utc)
            yield batch


def left_of(database: Database, columns: Iterable[tuple[Native, Field]], zone: str, crs: str) -> Left:
    """What this database leaves to us of these columns. `zone`: of times without one; `crs`: of geometry without one."""
    systems, zones = {}, {}
    for native, item in columns:
        if item.type is FieldType.GEOMETRY and not database.moves_geometry:
            srid = native.srid or srid_of(crs)
            if srid != 4326:
                systems[item.name] = srid
        local = native.kind in (Kind.TIMESTAMP, Kind.DATE)
        if item.type is FieldType.DATETIME and local and not database.moves_times:
            zones[item.name] = zone
    return Left(systems, zones)
