"""From the records of GBFS and MDS to plain ones: points made, languages chosen, times of 2.x written out. Pure.

Nothing is taken away but names that later versions changed; what is not understood stays as it is.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Record = dict[str, Any]

#: Times that GBFS 2.x gives as seconds since 1970 and 3.x as texts (RFC 3339).
_TIMES = frozenset({"last_reported", "last_updated", "start", "end", "available_until"})
_MOST_SECONDS = 253_402_300_800  # the year 10000
#: Seconds that are so many are milliseconds: providers mix them up, and the year 5138 is not meant.
_MILLIS = 100_000_000_000
#: Members that a city has no business with: number plates, chassis numbers, who changed or used something.
_NOT_FOR_CITIES = re.compile(
    r"(^|[_.])(vin|fin|(licen[cs]e|number)_?plate|plate_?number|plates?|kennzeichen|fahrgestellnummer)($|[_.])"
    r"|numberplate|licen[cs]eplate|chassis"
    r"|(created|modified|updated|changed)_?by($|[_.])"
    r"|(^|[_.])(user|rider|driver|customer|member|account)s?(_?(id|name|email|phone))?($|[.])|rfid",
    re.IGNORECASE,
)


def withheld_from_cities(way: str) -> bool:
    """Is this a member that describes a person or a registered vehicle and no task of a city needs?"""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", way)
    return bool(_NOT_FOR_CITIES.search(snake) or _NOT_FOR_CITIES.search(way))


def language_of(languages: Iterable[str], wanted: str) -> str:
    """The language to take: the wanted one, a variant of it (de-AT), German, English, the first; empty if none."""
    known = [item for item in languages if isinstance(item, str)]
    for choice in (wanted, "de", "en"):
        for item in known:
            if item.lower() == choice.lower():
                return item
        for item in known:
            if item.lower().partition("-")[0] == choice.lower().partition("-")[0]:
                return item
    return known[0] if known else ""


def is_localized(value: Any) -> bool:
    """Texts with their languages, as GBFS 3.x writes them?"""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and {"text", "language"} == item.keys() for item in value)
    )


def localized(value: Any, wanted: str) -> Any:
    """The text in the wanted language; within lists and objects, too."""
    if is_localized(value):
        chosen = language_of([item["language"] for item in value], wanted)
        return next((item["text"] for item in value if item["language"] == chosen), value[0]["text"])
    if isinstance(value, list):
        return [localized(item, wanted) for item in value]
    if isinstance(value, dict):
        return {name: localized(item, wanted) for name, item in value.items()}
    return value


def moment(value: Any) -> Any:
    """Seconds (or milliseconds) since 1970 as RFC 3339 in UTC; anything else as it is."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{9,13}", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return value
    seconds = value / 1000 if abs(value) >= _MILLIS else value
    if not 0 <= seconds < _MOST_SECONDS:
        return value
    return (dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(seconds=seconds)).isoformat()


def instant(value: Any) -> dt.datetime | None:
    """A time in either form as a moment; None if it is none."""
    text = moment(value)
    if not isinstance(text, str):
        return None
    try:
        found = dt.datetime.fromisoformat(text)
        return found.astimezone(dt.UTC) if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        return None


def point(lat: Any, lon: Any) -> Record | None:
    """A GeoJSON point of two coordinates; nothing if one is missing or is no number on the earth."""
    numbers = []
    for value in (lon, lat):
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            return None
        try:
            numbers.append(float(value))
        except ValueError:
            return None
    if not all(math.isfinite(item) for item in numbers) or abs(numbers[0]) > 180 or abs(numbers[1]) > 90:
        return None
    return {"type": "Point", "coordinates": numbers}


def gbfs_record(record: Any, renamed: Mapping[str, str], language: str) -> Record:
    """A station, vehicle, plan ... of any version, as 3.x names it."""
    if not isinstance(record, dict):
        return {}
    found: Record = {}
    for name, value in record.items():
        name = renamed.get(name, name) if renamed.get(name) not in record else name
        if isinstance(value, (list, dict)):
            value = localized(value, language)
        if name == "times" and isinstance(value, list):
            value = [_period(item) for item in value]
        found[name] = moment(value) if name in _TIMES else value
    if "geometry" not in found and ("lat" in found or "lon" in found):
        found["geometry"] = point(found.get("lat"), found.get("lon"))
    return found


def _period(value: Any) -> Any:
    """When an alert holds: both ends written out."""
    if not isinstance(value, dict):
        return value
    return {name: moment(item) if name in _TIMES else item for name, item in value.items()}


def zone(feature: Any, number: int, language: str) -> Record:
    """A geofencing zone: the feature's properties beside its geometry. `zone`: its position, for it has no id."""
    inner = feature.get("properties") if isinstance(feature, dict) else None
    record = gbfs_record(inner if isinstance(inner, dict) else {}, {}, language)
    shape = feature.get("geometry") if isinstance(feature, dict) else None
    return {**record, "zone": number, "rules": record.get("rules"), "geometry": shape}


def zone_rules(record: Record) -> Iterator[Record]:
    """A row for each rule of a zone. 2.x named what is allowed a little differently."""
    rules = record.get("rules")
    shared = {name: value for name, value in record.items() if name != "rules"}
    for number, rule in enumerate(rules if isinstance(rules, list) else []):
        if not isinstance(rule, dict):
            continue
        found = {**shared, **rule, "rule": number}
        if "ride_start_allowed" not in rule and "ride_allowed" in rule:
            found["ride_start_allowed"] = found["ride_end_allowed"] = rule["ride_allowed"]
        if "vehicle_type_ids" not in rule and "vehicle_type_id" in rule:
            found["vehicle_type_ids"] = rule["vehicle_type_id"]
        yield found


def joined(information: Iterable[Record], status: Iterable[Record]) -> Iterator[Record]:
    """Stations with their status by `station_id`; who is in one feed only is kept, the rest of it missing.

    A member that both feeds have is taken from the information, unless it is missing there.
    """
    now: dict[str, Record] = {}
    for record in status:
        now[_id(record)] = record
    met: set[str] = set()
    for record in information:
        id = _id(record)
        met.add(id)
        given = {name: value for name, value in record.items() if value is not None}
        yield {**record, **now.get(id, {}), **given}
    for id, record in now.items():
        if id not in met:
            yield record


def _id(record: Record) -> str:
    return str(record.get("station_id"))


def mds_record(record: Any) -> Record:
    """A record of MDS: positions (`lat`, `lng`) beside as points. `location` -> `geometry`, `start_location` ->
    `start_geometry`; of a vehicle's status the last telemetry's, else the last event's."""
    if not isinstance(record, dict):
        return {}
    found = dict(record)
    for name, value in record.items():
        if (place := _position(value)) is not None and name.endswith("location"):
            found.setdefault(name.removesuffix("location") + "geometry", place)
    if "geometry" not in found:
        for name in ("last_telemetry", "last_event"):
            inner = record.get(name)
            place = _position(inner.get("location")) if isinstance(inner, dict) else None
            if place is not None:
                found["geometry"] = place
                break
    return found


def _position(value: Any) -> Record | None:
    """A point of MDS 2.0 (`lat`, `lng`) or 1.x (a GeoJSON feature, or telemetry with `gps`)."""
    if not isinstance(value, dict):
        return None
    if "lat" in value and ("lng" in value or "lon" in value):
        return point(value["lat"], value.get("lng", value.get("lon")))
    if isinstance(value.get("gps"), dict):
        return _position(value["gps"])
    shape = value.get("geometry") if value.get("type") == "Feature" else value
    return shape if isinstance(shape, dict) and shape.get("type") == "Point" and "coordinates" in shape else None


def geography(record: Any) -> Record:
    """A geography of MDS with the shapes of its features as one."""
    if not isinstance(record, dict):
        return {}
    shapes = [shape for _, shape in _features(record.get("geography_json"))]
    return {**record, "features": len(shapes), "geometry": together(shapes)}


def geography_features(record: Any) -> Iterator[Record]:
    """A row for each feature of a geography: its properties beside its shape."""
    if not isinstance(record, dict):
        return
    about = {"geography_id": record.get("geography_id"), "geography_name": record.get("name")}
    about["geography_type"] = record.get("geography_type")
    for number, (properties, shape) in enumerate(_features(record.get("geography_json"))):
        yield {**properties, **about, "feature": number, "geometry": shape}


def _features(document: Any) -> list[tuple[Record, Any]]:
    """(properties, geometry) of a FeatureCollection, a Feature or a bare geometry."""
    if not isinstance(document, dict):
        return []
    if document.get("type") == "FeatureCollection":
        inner = document.get("features")
        return [item for feature in (inner if isinstance(inner, list) else []) for item in _features(feature)[:1]]
    if document.get("type") == "Feature":
        properties = document.get("properties")
        return [(properties if isinstance(properties, dict) else {}, document.get("geometry"))]
    return [({}, document)]


def together(shapes: list[Any]) -> Record | None:
    """Several GeoJSON geometries as one: of one kind as its Multi-, else as a collection."""
    there = [shape for shape in shapes if isinstance(shape, dict)]
    if len(there) <= 1:
        return there[0] if there else None
    plain = {str(shape.get("type")).removeprefix("Multi") for shape in there}
    kind = plain.pop() if len(plain) == 1 else ""
    if kind not in ("Point", "LineString", "Polygon"):
        return {"type": "GeometryCollection", "geometries": there}
    parts: list[Any] = []
    for shape in there:
        coordinates = shape.get("coordinates")
        if str(shape.get("type")).startswith("Multi") and isinstance(coordinates, list):
            parts += coordinates
        else:
            parts.append(coordinates)
    return {"type": f"Multi{kind}", "coordinates": parts}
