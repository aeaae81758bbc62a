"""Car parks and parking spaces, and their states, as records: the parking model of versions 2 (extension) and 3, and the
older parkingFacility extension. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nabe.adapters.datex2.location import geometry
from nabe.adapters.datex2.texts import child, chosen, every, first, joined, kind, language, spoken, value, within
from nabe.adapting.xml.markup import Node
from nabe.model.dataset import FieldType

SITE_COLUMNS: dict[str, FieldType] = {
    "id": FieldType.STRING,
    "version": FieldType.STRING,
    "type": FieldType.STRING,
    "name": FieldType.STRING,
    "names": FieldType.STRING,
    "description": FieldType.STRING,
    "spaces": FieldType.INTEGER,
    "site_type": FieldType.STRING,
    "layout": FieldType.STRING,
    "assigned_users": FieldType.STRING,
    "assigned_spaces": FieldType.STRING,
    "operator": FieldType.STRING,
    "max_height_m": FieldType.NUMBER,
    "table_id": FieldType.STRING,
    "updated": FieldType.DATETIME,
    "published": FieldType.DATETIME,
    "location": FieldType.GEOMETRY,
}
STATUS_COLUMNS: dict[str, FieldType] = {
    "id": FieldType.STRING,
    "version": FieldType.STRING,
    "time": FieldType.DATETIME,
    "spaces": FieldType.INTEGER,
    "vacant": FieldType.INTEGER,
    "occupied": FieldType.INTEGER,
    "vehicles": FieldType.INTEGER,
    "occupancy_percent": FieldType.NUMBER,
    "trend": FieldType.STRING,
    "status": FieldType.STRING,
    "opening_status": FieldType.STRING,
    "published": FieldType.DATETIME,
}
#: States of the older model say both in one element.
_OPENING = ("open", "closed", "openingTimesInForce", "closedPermanently", "closedAbnormal", "openAbnormal", "unknown")


def site(node: Node, around: Mapping[str, str | None], wanted: str, crs: str, order: str) -> dict[str, Any]:
    """A parkingRecord or parkingFacility."""
    said = language(around.get("lang"))
    name = child(node, "parkingName") or child(node, "parkingFacilityName")
    place = child(node, "parkingLocation") or child(node, "facilityLocation") or child(node, "locationReference")
    if place is None:
        place = child(node, "parkingAccess")
    names = spoken(name, said)
    description = child(node, "parkingDescription") or child(node, "parkingFacilityDescription")
    return {
        "id": node.attributes.get("id"),
        "version": node.attributes.get("version"),
        "type": kind(node) or node.name[:1].upper() + node.name[1:],
        "name": chosen(names, wanted) or (name.value if name is not None else None),
        "names": names or None,
        "description": chosen(spoken(description, said), wanted),
        "spaces": value(node, "parkingNumberOfSpaces") or value(node, "totalParkingCapacity"),
        "site_type": joined([item.value for item in node.children if item.name.endswith("ParkingSiteType")]),
        "layout": value(node, "parkingLayout") or value(node, "parkingFacilityLayout"),
        "assigned_users": joined(
            [
                item.value
                for name in ("applicableForUser", "personTypeForWhichSpacesAssigned", "userType")
                for item in within(node, name)
            ]
        ),
        "assigned_spaces": _assigned(node) or None,
        "operator": _operator(node, said, wanted),
        "max_height_m": first(node, "vehicleHeight"),
        "table_id": around.get("id"),
        "updated": value(node, "parkingRecordVersionTime") or value(node, "parkingFacilityRecordVersionTime"),
        "published": around.get("publicationTime"),
        "location": geometry(place, crs, order),
    }


def _assigned(node: Node) -> list[dict[str, Any]]:
    """Spaces kept for some: how many, for which persons or vehicles."""
    found = []
    for item in every(node, "assignedParkingSpaces"):
        users = [held.value for name in _WHO for held in within(item, name) if held.value]
        count = first(item, "numberOfAssignedParkingSpaces")
        if count is not None:
            found.append({"spaces": int(count) if count.isdecimal() else count, "for": users})
    return found


_WHO = ("personTypeForWhichSpacesAssigned", "applicableForUser", "fuelType", "vehicleType", "parkingDuration")


def _operator(node: Node, said: str, wanted: str) -> str | None:
    for name in ("operator", "owner", "parkingOwner", "parkingOperator"):
        holder = child(node, name)
        for inner in ("contactName", "contactOrganisationName", "organisationName", "name"):
            found = next(within(holder, inner), None)
            if found is not None and (text := chosen(spoken(found, said), wanted) or found.value):
                return text
    return None


def status(node: Node, around: Mapping[str, str | None], wanted: str, crs: str, order: str) -> dict[str, Any]:
    """A parkingRecordStatus or (older) parkingFacilityStatus."""
    named = child(node, "parkingRecordReference") or child(node, "parkingFacilityReference")
    occupancy = child(node, "parkingOccupancy") or node
    words = [item.value for item in every(node, "parkingFacilityStatus") if item.value]
    return {
        "id": named.attributes.get("id") if named is not None else None,
        "version": named.attributes.get("version") if named is not None else None,
        "time": value(node, "parkingStatusOriginTime") or value(node, "parkingFacilityStatusTime"),
        "spaces": value(occupancy, "parkingNumberOfSpacesOverride") or value(node, "totalParkingCapacityOverride"),
        "vacant": value(occupancy, "parkingNumberOfVacantSpaces") or value(node, "totalNumberOfVacantParkingSpaces"),
        "occupied": value(occupancy, "parkingNumberOfOccupiedSpaces")
        or value(node, "totalNumberOfOccupiedParkingSpaces"),
        "vehicles": value(occupancy, "parkingNumberOfVehicles"),
        "occupancy_percent": value(occupancy, "parkingOccupancy") or _percent(value(node, "parkingFacilityOccupancy")),
        "trend": value(occupancy, "parkingOccupancyTrend") or value(node, "parkingFacilityOccupancyTrend"),
        "status": value(node, "parkingSiteStatus")
        or value(node, "parkingSpaceOccupied")
        or joined([word for word in words if word not in _OPENING]),
        "opening_status": value(node, "parkingSiteOpeningStatus")
        or joined([word for word in words if word in _OPENING]),
        "published": around.get("publicationTime"),
    }


def _percent(share: str | None) -> str | None:
    """The older model writes a share of 1."""
    try:
        return f"{float(share) * 100:.10g}" if share is not None else None
    except ValueError:
        return share
