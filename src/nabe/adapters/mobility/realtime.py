"""From a GTFS Realtime message to plain records. Pure; the bindings are loaded when first needed."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nabe.adapters.mobility.translate import language_of, point

Record = dict[str, Any]

_FEED: dict[str, str] = {
    "vehicle_positions": "vehicle",
    "trip_updates": "trip_update",
    "stop_time_updates": "trip_update",
    "alerts": "alert",
    "alert_entities": "alert",
}


#: Largest entity: one trip, vehicle or alert.
MOST_ENTITY = 1_000_000
_HEADER, _ENTITY = 1, 2
_NONE = "it is no GTFS Realtime message, or is cut off"


class NotRealtime(ValueError):
    """No GTFS Realtime message; says what is wrong."""


@dataclass(frozen=True, slots=True)
class Message:
    """A message whose parts are all sound. `entities` reads them one by one: unpacked as a whole, a message of many
    empty parts would take fifty times its size."""

    header: Any
    body: bytes

    def entities(self) -> Iterator[Any]:
        """Its entities."""
        from google.protobuf.message import DecodeError
        from google.transit import gtfs_realtime_pb2

        for field, start, end in _parts(self.body):
            if field != _ENTITY:
                continue
            if end - start > MOST_ENTITY:
                raise NotRealtime(f"it has an entity of more than {MOST_ENTITY // 1_000_000} MB")
            entity = gtfs_realtime_pb2.FeedEntity()
            try:
                entity.ParseFromString(self.body[start:end])
            except (DecodeError, RecursionError, ValueError):
                raise NotRealtime(_NONE) from None
            if not entity.IsInitialized():
                raise NotRealtime("it has an entity that lacks what every one has, such as its id")
            yield entity


def parse(body: bytes) -> Message:
    """The message, its header read. Raises `NotRealtime` if it is none."""
    from google.protobuf.message import DecodeError
    from google.transit import gtfs_realtime_pb2

    if not body:
        raise NotRealtime("it is empty")
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):
        raise NotRealtime("it is JSON, not protobuf")
    header = gtfs_realtime_pb2.FeedHeader()
    for field, start, end in _parts(body):
        if field == _HEADER:
            try:
                header.MergeFromString(body[start : min(end, start + 65_536)])
            except (DecodeError, RecursionError, ValueError):
                raise NotRealtime(_NONE) from None
    if not header.IsInitialized() or not _plain(header.gtfs_realtime_version)[:1].isdigit():
        raise NotRealtime("it is no GTFS Realtime message: it has no header with a version")
    return Message(header, body)


def check(message: Message) -> None:
    """Raises `NotRealtime` if a part of it cannot be read."""
    for _ in message.entities():
        pass


def _parts(body: bytes) -> Iterator[tuple[int, int, int]]:
    """Number, begin and end of the fields of a message that have a length (protobuf encoding, wire types)."""
    at, size = 0, len(body)
    while at < size:
        tag, at = _varint(body, at)
        field, wire = tag >> 3, tag & 7
        if wire == 2:
            length, at = _varint(body, at)
            yield field, at, at + length
            at += length
        elif wire == 0:
            _, at = _varint(body, at)
        elif wire in (1, 5):
            at += 8 if wire == 1 else 4
        else:
            raise NotRealtime(_NONE)
        if at > size or not field:
            raise NotRealtime(_NONE)


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(body):
            raise NotRealtime(_NONE)
        byte = body[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise NotRealtime(_NONE)


def stamp(message: Message) -> dt.datetime | None:
    """When the feed was made, by its own word."""
    found = _moment(message.header, "timestamp")
    return dt.datetime.fromisoformat(found) if found is not None else None


def incremental(message: Message) -> bool:
    """Does it hold only what changed? Such messages make sense in a stream only, not when asked for."""
    return bool(message.header.incrementality == 1)


def tables(message: Message) -> list[str]:
    """Which tables can be made of this message."""
    wanted, kinds = set(_FEED.values()), set[str]()
    for entity in message.entities():
        kinds |= {name for name in wanted - kinds if entity.HasField(name)}
        if kinds == wanted:
            break
    return [table for table, name in _FEED.items() if name in kinds]


def rows(message: Message, table: str, language: str) -> Iterator[Record]:
    """The records of a table. Entities that are marked as deleted are left out: they say that there is nothing."""
    made, name = _moment(message.header, "timestamp"), _FEED[table]
    make = {
        "vehicle_positions": lambda item: iter((_vehicle(item),)),
        "trip_updates": lambda item: iter((_trip_update(item),)),
        "stop_time_updates": _stop_time_updates,
        "alerts": lambda item: iter((_alert(item, language),)),
        "alert_entities": _alert_entities,
    }[table]
    for entity in message.entities():
        if entity.is_deleted or not entity.HasField(name):
            continue
        for record in make(getattr(entity, name)):
            yield {"entity_id": _plain(entity.id), "feed_timestamp": made, **record}


def _vehicle(item: Any) -> Record:
    found = {**_trip(item), **_unit(item)}
    if item.HasField("position"):
        place = item.position
        found |= {
            "latitude": _short(place.latitude),
            "longitude": _short(place.longitude),
            "geometry": point(_short(place.latitude), _short(place.longitude)),
            "bearing": _short(place.bearing) if place.HasField("bearing") else None,
            "odometer": place.odometer if place.HasField("odometer") else None,
            "speed": _short(place.speed) if place.HasField("speed") else None,
        }
    return found | {
        "current_stop_sequence": _value(item, "current_stop_sequence"),
        "stop_id": _value(item, "stop_id"),
        # Without a word it is "in transit to" (the proto's default), which is an answer, not a gap.
        "current_status": _enum(item, "current_status", always=True),
        "timestamp": _moment(item, "timestamp"),
        "congestion_level": _enum(item, "congestion_level"),
        "occupancy_status": _enum(item, "occupancy_status"),
        "occupancy_percentage": _value(item, "occupancy_percentage"),
    }


def _trip_update(item: Any) -> Record:
    return {
        **_trip(item),
        **_unit(item),
        "timestamp": _moment(item, "timestamp"),
        "delay": _value(item, "delay"),
        "stop_time_updates": len(item.stop_time_update),
    }


def _stop_time_updates(item: Any) -> Iterator[Record]:
    trip = _trip(item)
    moment = _moment(item, "timestamp")
    for number, update in enumerate(item.stop_time_update):
        found = {**trip, "update": number, "timestamp": moment}
        found["stop_sequence"] = _value(update, "stop_sequence")
        found["stop_id"] = _value(update, "stop_id")
        for name in ("arrival", "departure"):
            event = getattr(update, name) if update.HasField(name) else None
            found[f"{name}_time"] = _moment(event, "time") if event is not None else None
            found[f"{name}_delay"] = _value(event, "delay") if event is not None else None
            found[f"{name}_uncertainty"] = _value(event, "uncertainty") if event is not None else None
        found["schedule_relationship"] = _enum(update, "schedule_relationship", always=True)
        found["departure_occupancy_status"] = _enum(update, "departure_occupancy_status")
        yield found


def _alert(item: Any, language: str) -> Record:
    periods = [{"start": _moment(period, "start"), "end": _moment(period, "end")} for period in item.active_period]
    starts, ends = ([period[side] or "" for period in periods] for side in ("start", "end"))
    return {
        "cause": _enum(item, "cause", always=True),
        "effect": _enum(item, "effect", always=True),
        "severity_level": _enum(item, "severity_level"),
        # From its first period's begin to its last one's end; missing where a period is open on that side.
        "start": min(starts) if all(starts) and starts else None,
        "end": max(ends) if all(ends) and ends else None,
        "active_periods": json.dumps(periods) if periods else None,
        "header": _text(item.header_text, language),
        "description": _text(item.description_text, language),
        "url": _text(item.url, language),
        "informed_entities": len(item.informed_entity),
    }


def _alert_entities(item: Any) -> Iterator[Record]:
    for number, informed in enumerate(item.informed_entity):
        trip = informed.trip if informed.HasField("trip") else None
        yield {
            "informed": number,
            "agency_id": _value(informed, "agency_id"),
            "route_id": _value(informed, "route_id") or (_value(trip, "route_id") if trip is not None else None),
            "route_type": _value(informed, "route_type"),
            "direction_id": _value(informed, "direction_id"),
            "trip_id": _value(trip, "trip_id") if trip is not None else None,
            "stop_id": _value(informed, "stop_id"),
        }


def _trip(item: Any) -> Record:
    trip = item.trip
    day = _value(trip, "start_date") if item.HasField("trip") else None
    return {
        "trip_id": _value(trip, "trip_id"),
        "route_id": _value(trip, "route_id"),
        "direction_id": _value(trip, "direction_id"),
        "start_time": _value(trip, "start_time"),
        "start_date": day,
        "schedule_relationship": _enum(trip, "schedule_relationship"),
    }


def _unit(item: Any) -> Record:
    unit = item.vehicle
    names = {"vehicle_id": "id", "vehicle_label": "label", "license_plate": "license_plate"}
    return {name: _value(unit, field) for name, field in names.items()}


def _value(item: Any, name: str) -> Any:
    return _plain(getattr(item, name)) if item.HasField(name) else None


def _plain(value: Any) -> Any:
    """A text that is not written in UTF-8 comes out of the bindings as bytes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _enum(item: Any, name: str, *, always: bool = False) -> str | None:
    """The name of an enumeration's value; its number if the bindings do not know it."""
    if not always and not item.HasField(name):
        return None
    number = getattr(item, name)
    known = item.DESCRIPTOR.fields_by_name[name].enum_type.values_by_number.get(number)
    return str(known.name) if known is not None else str(number)


def _moment(item: Any, name: str) -> str | None:
    """Seconds since 1970 as RFC 3339 in UTC; 0 and what lies beyond the calendar is none."""
    seconds = getattr(item, name) if item.HasField(name) else 0
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat() if 0 < seconds < 253_402_300_800 else None


def _short(value: float) -> float:
    """A 32-bit number with the digits it was written with: 48.4 instead of 48.400001525878906."""
    import numpy as np

    return float(str(np.float32(value)))


def _text(translated: Any, language: str) -> str | None:
    """A text in the wanted language; one without a language stands for all that are not named."""
    texts = {_plain(item.language) or "": _plain(item.text) for item in translated.translation}
    if not texts:
        return None
    chosen = language_of([name for name in texts if name], language)
    same = chosen.lower().partition("-")[0] == language.lower().partition("-")[0]
    if "" in texts and not same:
        return str(texts[""])
    return str(texts[chosen])
