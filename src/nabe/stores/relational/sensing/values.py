"""Values of entities as columns and back; what no store can keep is refused."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import shapely

from nabe.errors import Invalid
from nabe.model.entities import ENTITIES, EntityType, Property, ValueType
from nabe.stores.relational.sensing.tables import BOX, TABLES

#: Encodings whose value is GeoJSON.
GEOJSON: Final = frozenset({"application/geo+json", "application/vnd.geo+json"})
_LONG_NUMBER = re.compile(r"[0-9]{300}")
_LEAST, _GREATEST = -62_135_596_800_000_000, 253_402_300_799_999_999


def columns(type: EntityType, values: Mapping[str, Any], *, encoding: str = "") -> dict[str, Any]:
    """Values of properties as values of columns; properties that Nabe keeps itself are left out.

    `encoding`: of the geometry, where `values` do not say it. `Invalid` for unknown properties and values of a wrong type.
    """
    kind, found = ENTITIES[type], {}
    for name, value in values.items():
        property = kind.properties.get(name)
        if property is None:
            hint = f"It has {', '.join(kind.properties)}."
            raise Invalid(f"{type.value} has no property {name[:60]!r}.", hint=hint, field=name[:60])
        if property.kept or name not in TABLES[type].c:
            continue
        found[name] = None if value is None else _written(type, name, property, value)
        if property.type is ValueType.GEOMETRY:
            found |= _shape(value, str(values.get("encodingType") or encoding))
    return found


def _written(type: EntityType, name: str, property: Property, value: Any) -> Any:
    match property.type:
        case ValueType.TEXT:
            if not isinstance(value, str):
                raise Invalid(f"{name!r} of {type.value} is a text.", field=name)
            return sound(value, name)
        case ValueType.INSTANT:
            if isinstance(value, bool) or not isinstance(value, int) or not _LEAST <= value <= _GREATEST:
                raise Invalid(f"{name!r} of {type.value} is a moment of the years 1 to 9999.", field=name)
            return value
    return written(value, name)


def written(value: Any, name: str) -> str:
    """A JSON value as text; `Invalid` if databases cannot keep or compare it."""
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError, RecursionError):
        raise Invalid(
            f"{name!r} cannot be kept as JSON.", hint="NaN, Infinity and endless nesting cannot.", field=name
        ) from None
    if "\\u0000" in text or _LONG_NUMBER.search(text):
        _look(value, name)
    return sound(text, name)


def sound(text: str, name: str) -> str:
    """The text itself; `Invalid` if it holds what no database keeps."""
    if "\0" in text or (not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text)):
        raise Invalid(f"{name!r} holds characters that cannot be kept (NUL or half a character).", field=name)
    return text


def _look(value: Any, name: str) -> None:
    """`Invalid` for NUL characters and numbers that no database compares, anywhere inside."""
    left = [value]
    while left:
        part = left.pop()
        if isinstance(part, str):
            sound(part, name)
        elif isinstance(part, Mapping):
            left.extend(part)
            left.extend(part.values())
        elif isinstance(part, list | tuple):
            left.extend(part)
        elif isinstance(part, int) and abs(part) > 10**308:
            raise Invalid(f"{name!r} holds a number that is too large.", hint="At most 1e308.", field=name)


def _shape(value: Any, encoding: str) -> dict[str, Any]:
    """WKB and box of a GeoJSON value; all missing where it is none, or none that can be drawn."""
    nothing = dict.fromkeys(("shape", *BOX))
    if encoding not in GEOJSON or not isinstance(value, Mapping):
        return nothing
    geometry = value.get("geometry") if value.get("type") == "Feature" else value
    if not isinstance(geometry, Mapping):
        return nothing
    try:
        shape = shapely.force_2d(shapely.from_geojson(json.dumps(geometry)))
    except (shapely.errors.ShapelyError, ValueError, TypeError):
        return nothing
    bounds = [float(side) for side in shape.bounds]
    if shape.is_empty or not all(math.isfinite(side) for side in bounds):
        return nothing
    return {"shape": shapely.to_wkb(shape), **dict(zip(BOX, bounds, strict=True))}


def missing(type: EntityType, values: Mapping[str, Any]) -> list[str]:
    """Names of required properties that are not given."""
    return [
        name for name, property in ENTITIES[type].properties.items() if property.required and values.get(name) is None
    ]


#: Names of the columns of each kind that hold properties, and how they are read.
READERS: Final[dict[EntityType, tuple[tuple[str, bool], ...]]] = {
    type: tuple(
        (name, property.type in (ValueType.JSON, ValueType.GEOMETRY))
        for name, property in ENTITIES[type].properties.items()
        if name in table.c
    )
    for type, table in TABLES.items()
}
_decode = msgspec.json.Decoder().decode


def read(text: str) -> Any:
    """A JSON text that was written here."""
    try:
        return _decode(text)
    except msgspec.DecodeError:
        return json.loads(text)
