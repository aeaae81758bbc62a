"""A device as SensorThings entities: its Thing, its Datastreams, what it can be told. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from nabe.model.device import Command, Device, Measure, Profile
from nabe.model.entities import EntityRef, EntityType, NewEntity

_OM: Final = "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_"
_TYPES: Final = {
    "number": f"{_OM}Measurement",
    "integer": f"{_OM}CountObservation",
    "boolean": f"{_OM}TruthObservation",
    "text": f"{_OM}CategoryObservation",
    "any": f"{_OM}Observation",
}
#: UCUM code -> (name, symbol) of units that cities meet; others are shown by their code.
_UNITS: Final = {
    "Cel": ("degree Celsius", "°C"),
    "%": ("percent", "%"),
    "mm": ("millimetre", "mm"),
    "cm": ("centimetre", "cm"),
    "m": ("metre", "m"),
    "hPa": ("hectopascal", "hPa"),
    "bar": ("bar", "bar"),
    "ug/m3": ("microgram per cubic metre", "µg/m³"),
    "mg/m3": ("milligram per cubic metre", "mg/m³"),
    "mg/L": ("milligram per litre", "mg/l"),
    "[ppm]": ("parts per million", "ppm"),
    "[ppb]": ("parts per billion", "ppb"),
    "[NTU]": ("nephelometric turbidity unit", "NTU"),
    "uS/cm": ("microsiemens per centimetre", "µS/cm"),
    "lx": ("lux", "lx"),
    "V": ("volt", "V"),
    "A": ("ampere", "A"),
    "A.h": ("ampere hour", "Ah"),
    "kW.h": ("kilowatt hour", "kWh"),
    "W": ("watt", "W"),
    "m3": ("cubic metre", "m³"),
    "m3/h": ("cubic metre per hour", "m³/h"),
    "km/h": ("kilometre per hour", "km/h"),
    "dB": ("decibel", "dB"),
    "deg": ("degree", "°"),
}


def unit(code: str) -> dict[str, Any]:
    """A unit of measurement as SensorThings has it; all null where there is none (OGC 18-088, 8.2.4)."""
    if not code:
        return {"name": None, "symbol": None, "definition": None}
    name, symbol = _UNITS.get(code, (code, code))
    return {"name": name, "symbol": symbol, "definition": f"http://www.opengis.net/def/uom/UCUM/0/{code}"}


def thing(device: Device, profile: Profile) -> NewEntity:
    """The device's Thing, with its Location if it has a place."""
    properties: dict[str, Any] = {
        **device.properties,
        "device_id": device.id,
        "system": device.system,
        "profile": profile.id,
    }
    title = profile.title.in_("en")
    values = {
        "name": device.name or device.id,
        "description": device.description or f"{profile.maker} {profile.model}".strip() or title or device.id,
        "properties": properties,
    }
    links = {"Locations": (location(device, device.place),)} if device.place is not None else {}
    return NewEntity(EntityType.THING, values, links)


def location(device: Device, place: tuple[float, float]) -> NewEntity:
    """Where a device is."""
    values = {
        "name": device.name or device.id,
        "description": f"Place of {device.name or device.id}",
        "encodingType": "application/geo+json",
        "location": {"type": "Point", "coordinates": [place[0], place[1]]},
    }
    return NewEntity(EntityType.LOCATION, values)


def sensor(profile: Profile) -> NewEntity:
    """The kind of device as a Sensor."""
    named = f"{profile.maker} {profile.model}".strip() or profile.title.in_("en") or profile.id
    values = {
        "name": named,
        "description": profile.description.in_("en") or profile.title.in_("en") or named,
        "encodingType": "text/html" if profile.documentation else "text/plain",
        "metadata": profile.documentation or named,
        "properties": {"profile": profile.id},
    }
    return NewEntity(EntityType.SENSOR, values)


def observed_property(measure: Measure) -> NewEntity:
    """What a measure observes."""
    values = {
        "name": measure.property,
        "definition": measure.definition or f"urn:nabe:property:{measure.property.lower().replace(' ', '-')}",
        "description": measure.title.in_("de") or measure.property,
    }
    return NewEntity(EntityType.OBSERVED_PROPERTY, values)


def datastream(device: Device, measure: Measure, thing: int, sensor: int, property: int) -> NewEntity:
    """A measure of a device as its Datastream."""
    values = {
        "name": f"{device.name or device.id}: {measure.property}",
        "description": measure.title.in_("de") or measure.property,
        "observationType": _TYPES.get(measure.kind, _TYPES["any"]),
        "unitOfMeasurement": unit(measure.unit),
        "properties": {"field": measure.field},
    }
    links = {
        "Thing": (EntityRef(thing),),
        "Sensor": (EntityRef(sensor),),
        "ObservedProperty": (EntityRef(property),),
    }
    return NewEntity(EntityType.DATASTREAM, values, links)


def actuator(profile: Profile) -> NewEntity:
    """The kind of device as an Actuator (OGC 17-079r1)."""
    named = f"{profile.maker} {profile.model}".strip() or profile.id
    values = {
        "name": named,
        "description": f"Commands to {named} by downlink",
        "encodingType": "text/plain",
        "metadata": profile.documentation or named,
        "properties": {"profile": profile.id},
    }
    return NewEntity(EntityType.ACTUATOR, values)


def capability(device: Device, command: Command, thing: int, actuator: int) -> NewEntity:
    """A command as a TaskingCapability; its parameters in SWE Common JSON, as Part 2 has them."""
    fields = [{"type": _swe(kind), "name": name, "label": name} for name, kind in command.parameters.items()]
    values = {
        "name": command.name,
        "description": command.title.in_("en") or command.name,
        "taskingParameters": {"type": "DataRecord", "field": fields},
        "properties": {"command": command.name, "device_id": device.id, "system": device.system},
    }
    return NewEntity(
        EntityType.TASKING_CAPABILITY, values, {"Thing": (EntityRef(thing),), "Actuator": (EntityRef(actuator),)}
    )


def _swe(kind: str) -> str:
    return {"number": "Quantity", "integer": "Count", "boolean": "Boolean"}.get(kind, "Text")


def fitting(command: Command, given: Mapping[str, Any]) -> str:
    """What is wrong with a task's parameters; empty if nothing."""
    for name, kind in command.parameters.items():
        if name not in given:
            return f"{name} is missing"
        value = given[name]
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        whole = number and float(value).is_integer()
        fine = {"number": number, "integer": whole, "boolean": isinstance(value, bool)}.get(
            kind, isinstance(value, str)
        )
        if not fine:
            return f"{name} is no {kind}"
    strange = sorted(set(given) - set(command.parameters))
    return f"{strange[0]} is no parameter" if strange else ""
