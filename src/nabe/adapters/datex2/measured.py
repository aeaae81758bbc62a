"""Measurements of sites on the road as records: one row per value; and the sites themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nabe.adapters.datex2.location import geometry
from nabe.adapters.datex2.texts import child, chosen, every, first, kind, language, spoken, value, within
from nabe.adapting.xml.markup import Node
from nabe.model.dataset import FieldType

COLUMNS: dict[str, FieldType] = {
    "site_id": FieldType.STRING,
    "site_version": FieldType.STRING,
    "time": FieldType.DATETIME,
    "index": FieldType.INTEGER,
    "quantity": FieldType.STRING,
    "measure": FieldType.STRING,
    "value": FieldType.NUMBER,
    "text": FieldType.STRING,
    "unit": FieldType.STRING,
    "inputs": FieldType.INTEGER,
    "data_error": FieldType.BOOLEAN,
    "published": FieldType.DATETIME,
}
SITE_COLUMNS: dict[str, FieldType] = {
    "id": FieldType.STRING,
    "version": FieldType.STRING,
    "name": FieldType.STRING,
    "equipment": FieldType.STRING,
    "road_number": FieldType.STRING,
    "direction": FieldType.STRING,
    "side": FieldType.STRING,
    "lanes": FieldType.INTEGER,
    "quantities": FieldType.STRING,
    "table_id": FieldType.STRING,
    "updated": FieldType.DATETIME,
    "published": FieldType.DATETIME,
    "location": FieldType.GEOMETRY,
}
#: Elements that hold a value, as the standard's data types name them, with their unit (UCUM).
_VALUES = {
    "vehicleFlowRate": "/h",
    "flowRate": "/h",
    "vehicleFlow": "/h",
    "speed": "km/h",
    "kilometresPerHour": "km/h",
    "percentage": "%",
    "duration": "s",
    "seconds": "s",
    "axleFlowRate": "/h",
    "pcuFlowRate": "/h",
    "concentrationOfVehicles": "/km",
    "temperature": "Cel",
    "distance": "m",
    "millimetresPerHourIntensity": "mm/h",
    "precipitationIntensity": "mm/h",
    "speedPercentile": "km/h",
    "windSpeed": "km/h",
    "directionBearing": "deg",
    "microgramsConcentration": "ug/m3",
    "integerMetreDistance": "m",
    "floatingPointMetreDistance": "m",
}


def rows(node: Node, around: Mapping[str, str | None], wanted: str, crs: str, order: str) -> Iterator[dict[str, Any]]:
    """The values of one siteMeasurements, each as a record."""
    named = child(node, "measurementSiteReference")
    default = child(node, "measurementTimeDefault")
    time = (default.value or first(default, "timeValue")) if default is not None else None
    shared = {
        "site_id": named.attributes.get("id") if named is not None else None,
        "site_version": named.attributes.get("version") if named is not None else None,
        "published": around.get("publicationTime"),
    }
    for name in ("measuredValue", "physicalQuantity"):
        for item in every(node, name):
            basic = next(within(item, "basicData"), None)
            made = _value(basic)
            yield {
                **dict.fromkeys(COLUMNS),
                **shared,
                "time": first(basic, "measurementOrCalculationTime") or time,
                "index": item.attributes.get("index"),
                "quantity": kind(basic),
                **made,
            }


def _value(basic: Node | None) -> dict[str, Any]:
    """The value in a basicData, by the first element that holds one."""
    found: dict[str, Any] = {}
    for holder in basic.children if basic is not None else ():
        inner = next((item for item in (*holder.children, holder) if item.name in _VALUES and item.value), None)
        word = next((item for item in (holder, *holder.children) if item.value and "Time" not in item.name), None)
        if inner is None and word is not None and word.name != "dataError":
            found.setdefault("text", word.value)  # a state in words: freeFlow, congested
            found.setdefault("measure", holder.name)
        if inner is not None and "value" not in found:
            found |= {"value": inner.value, "unit": _VALUES[inner.name], "measure": holder.name}
            found["inputs"] = holder.attributes.get("numberOfInputValuesUsed") or value(
                holder, "numberOfInputValuesUsed"
            )
            found["data_error"] = value(holder, "dataError")
    return found


def site(node: Node, around: Mapping[str, str | None], wanted: str, crs: str, order: str) -> dict[str, Any]:
    """A measurementSiteRecord (version 2) or measurementSite (version 3)."""
    said = language(around.get("lang"))
    place = child(node, "measurementSiteLocation") or child(node, "locationReference")
    names = child(node, "measurementSiteName")
    return {
        "id": node.attributes.get("id"),
        "version": node.attributes.get("version"),
        "name": chosen(spoken(names, said), wanted) or (names.value if names is not None else None),
        "equipment": chosen(spoken(child(node, "measurementEquipmentTypeUsed"), said), wanted),
        "road_number": first(place, "roadNumber"),
        "direction": first(place, "directionRelative") or first(place, "alertCDirectionCoded"),
        "side": value(node, "measurementSide"),
        "lanes": value(node, "measurementSiteNumberOfLanes"),
        "quantities": [
            {"index": item.attributes.get("index"), "type": first(item, "specificMeasurementValueType")}
            for item in every(node, "measurementSpecificCharacteristics")
        ]
        or None,
        "table_id": around.get("id"),
        "updated": value(node, "measurementSiteRecordVersionTime") or value(node, "versionTime"),
        "published": around.get("publicationTime"),
        "location": geometry(place, crs, order),
    }
