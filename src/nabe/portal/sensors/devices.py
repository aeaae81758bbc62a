"""From entities to what a page shows of a device: place, streams, newest values, and whether it still sends."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nabe.model.entities import EntityPage, EntityQuery, EntityRow, EntityType, Expansion
from nabe.model.pulse import NEWEST, Pulse, pulse
from nabe.model.term import Ordering, Path

_WORST = (Pulse.EMPTY, Pulse.SILENT, Pulse.LATE, Pulse.FRESH)


@dataclass(frozen=True, slots=True)
class StreamView:
    """One series. `value` is the newest result (any JSON value), `at` its time in µs since the epoch (None: none yet)."""

    id: int
    title: str
    measures: str
    unit: str
    value: Any
    at: int | None
    pulse: Pulse
    many: bool = False


@dataclass(frozen=True, slots=True)
class DeviceView:
    """One Thing. `place`: longitude, latitude of (the middle of) its location; None where it is not known."""

    id: int
    title: str
    description: str
    properties: Mapping[str, Any]
    location: str
    place: tuple[float, float] | None
    streams: tuple[StreamView, ...]

    @property
    def pulse(self) -> Pulse:
        """That of the stream that sent last: one dead probe does not make a device silent."""
        return max((stream.pulse for stream in self.streams), key=_WORST.index, default=Pulse.EMPTY)


def question(*, id: int | None = None, top: int | None = None) -> EntityQuery:
    """Things with their locations and streams, and the newest values of each."""
    kind = EntityType
    newest = EntityQuery(
        kind.OBSERVATION,
        order=(Ordering(Path(("phenomenonTime",)), descending=True),),
        select=("phenomenonTime", "result"),
        top=NEWEST,
    )
    single = (
        Expansion("ObservedProperty", EntityQuery(kind.OBSERVED_PROPERTY, select=("name",))),
        Expansion("Observations", newest),
    )
    several = (
        Expansion("ObservedProperties", EntityQuery(kind.OBSERVED_PROPERTY, select=("name",))),
        Expansion("Observations", newest),
    )
    return EntityQuery(
        kind.THING,
        id=id,
        top=top,
        count=id is None,
        expand=(
            Expansion("Locations", EntityQuery(kind.LOCATION, select=("name", "location"), top=1)),
            Expansion("Datastreams", EntityQuery(kind.DATASTREAM, expand=single)),
            Expansion("MultiDatastreams", EntityQuery(kind.MULTI_DATASTREAM, expand=several)),
        ),
    )


def device(row: EntityRow, now: int) -> DeviceView:
    """One Thing as a page shows it. `now` in µs since the epoch."""
    location = next(iter(_rows(row, "Locations")), None)
    streams = [_stream(item, now) for name in ("Datastreams", "MultiDatastreams") for item in _rows(row, name)]
    properties = row.values.get("properties")
    return DeviceView(
        id=row.id,
        title=str(row.values.get("name") or row.id),
        description=str(row.values.get("description") or ""),
        properties=properties if isinstance(properties, Mapping) else {},
        location=str(location.values.get("name") or "") if location else "",
        place=_middle(location.values.get("location")) if location else None,
        streams=tuple(streams),
    )


def _rows(row: EntityRow, relation: str) -> list[EntityRow]:
    page = row.expanded.get(relation)
    return page.rows if isinstance(page, EntityPage) else []


def _stream(row: EntityRow, now: int) -> StreamView:
    many = row.type is EntityType.MULTI_DATASTREAM
    newest = _rows(row, "Observations")
    times = [_start(item.values.get("phenomenonTime")) for item in newest]
    known = [time for time in times if time is not None]
    one = row.expanded.get("ObservedProperty")
    measured = _rows(row, "ObservedProperties") if many else ([one] if isinstance(one, EntityRow) else [])
    return StreamView(
        id=row.id,
        title=str(row.values.get("name") or row.id),
        measures=", ".join(str(item.values.get("name") or "") for item in measured),
        unit=_unit(row.values, many),
        value=newest[0].values.get("result") if newest else None,
        at=known[0] if known else None,
        pulse=pulse(known, now),
        many=many,
    )


def _unit(values: Mapping[str, Any], many: bool) -> str:
    units = values.get("unitOfMeasurements") if many else [values.get("unitOfMeasurement")]
    found = [unit for unit in units or () if isinstance(unit, Mapping)]
    symbols = [str(unit.get("symbol") or "") for unit in found]
    return ", ".join(symbol for symbol in symbols if symbol and symbol != "null")


def _start(time: Any) -> int | None:
    return time[0] if isinstance(time, tuple) else time if isinstance(time, int) else None


def _middle(location: Any) -> tuple[float, float] | None:
    """The middle of the box around a GeoJSON geometry or Feature; None for what is none."""
    if not isinstance(location, Mapping):
        return None
    geometry = location.get("geometry") if location.get("type") == "Feature" else location
    if not isinstance(geometry, Mapping):
        return None
    points = list(_positions(geometry.get("coordinates")))
    if not points:
        return None
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


def _positions(part: Any) -> list[tuple[float, float]]:
    if not isinstance(part, (list, tuple)) or not part:
        return []
    if len(part) >= 2 and all(isinstance(value, (int, float)) for value in part[:2]):
        return [(float(part[0]), float(part[1]))]
    return [point for item in part for point in _positions(item)]
