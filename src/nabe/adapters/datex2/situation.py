"""One situationRecord as a record: what happens, where, when, why, and what it does to traffic. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nabe.adapters.datex2.location import geometry
from nabe.adapters.datex2.texts import child, chosen, every, first, joined, kind, language, spoken, value, within
from nabe.adapting.xml.markup import Node
from nabe.model.dataset import FieldType

#: Columns of a row; all members are there in every record, also those without a value.
COLUMNS: dict[str, FieldType] = {
    "situation_id": FieldType.STRING,
    "situation_version": FieldType.STRING,
    "id": FieldType.STRING,
    "version": FieldType.STRING,
    "type": FieldType.STRING,
    "detail": FieldType.STRING,
    "status": FieldType.STRING,
    "start": FieldType.DATETIME,
    "end": FieldType.DATETIME,
    "periods": FieldType.STRING,
    "severity": FieldType.STRING,
    "overall_severity": FieldType.STRING,
    "probability": FieldType.STRING,
    "cause": FieldType.STRING,
    "cause_record": FieldType.STRING,
    "comment": FieldType.STRING,
    "comments": FieldType.STRING,
    "road_number": FieldType.STRING,
    "road_name": FieldType.STRING,
    "direction": FieldType.STRING,
    "carriageway": FieldType.STRING,
    "lanes": FieldType.STRING,
    "place_name": FieldType.STRING,
    "length_m": FieldType.NUMBER,
    "linear_references": FieldType.STRING,
    "lanes_restricted": FieldType.INTEGER,
    "capacity_remaining": FieldType.NUMBER,
    "delay_s": FieldType.NUMBER,
    "speed_limit_kmh": FieldType.NUMBER,
    "source": FieldType.STRING,
    "created": FieldType.DATETIME,
    "updated": FieldType.DATETIME,
    "published": FieldType.DATETIME,
    "location": FieldType.GEOMETRY,
}
_LOCATIONS = ("groupOfLocations", "locationReference")
_DIRECTIONS = (
    "directionRelativeOnLinearSection",
    "directionRelative",
    "directionBoundOnLinearSection",
    "directionBound",
    "directionOnLinearSection",
    "alertCDirectionCoded",
)
#: Endings of elements that say more exactly what a record of its type is: `roadMaintenanceType`, `accidentType` …
_DETAIL = ("Type", "Type2")
_NO_DETAIL = ("commentType", "commentType2", "mobilityType", "referentType", "causeType")


def record(node: Node, around: Mapping[str, str | None], wanted: str, crs: str, order: str) -> dict[str, Any]:
    """The record's members. `around`: of its situation and publication. `wanted`: the language of texts."""
    spec = child(node, "validity", "validityTimeSpecification")
    places = [item for name in _LOCATIONS for item in every(node, name)]
    place = places[0] if places else None
    spoken_in = language(around.get("lang"))
    comments = _comments(node, spoken_in)
    cause = child(node, "cause")
    return {
        "situation_id": around.get("id"),
        "situation_version": around.get("version"),
        "id": node.attributes.get("id"),
        "version": node.attributes.get("version"),
        "type": kind(node),
        "detail": _detail(node),
        "status": value(node, "validity", "validityStatus"),
        "start": value(spec, "overallStartTime"),
        "end": value(spec, "overallEndTime"),
        "periods": _periods(spec, wanted) or None,
        "severity": value(node, "severity"),
        "overall_severity": around.get("overallSeverity"),
        "probability": value(node, "probabilityOfOccurrence"),
        "cause": value(cause, "causeType") or chosen(spoken(child(cause, "causeDescription"), spoken_in), wanted),
        "cause_record": _cause_record(cause),
        "comment": joined([chosen(texts, wanted) for _, texts in comments]),
        "comments": [{**({"kind": what} if what else {}), **texts} for what, texts in comments] or None,
        "road_number": joined([item.value for item in within(place, "roadNumber")]),
        "road_name": chosen(spoken(_first_node(place, "roadName"), spoken_in), wanted) or _plain_name(place),
        "direction": joined([item.value for name in _DIRECTIONS for item in within(place, name)]),
        "carriageway": joined([item.value for item in within(place, "carriageway")]),
        "lanes": joined([item.value for item in within(node, "lane")]),
        "place_name": _place_name(place, spoken_in, wanted),
        "length_m": first(place, "lengthAffected"),
        "linear_references": [_between(item) for item in within(place, "linearWithinLinearElement")] or None,
        "lanes_restricted": value(node, "impact", "numberOfLanesRestricted"),
        "capacity_remaining": value(node, "impact", "capacityRemaining"),
        "delay_s": first(child(node, "impact", "delays"), "delayTimeValue"),
        "speed_limit_kmh": first(node, "temporarySpeedLimit"),
        "source": chosen(spoken(child(node, "source", "sourceName"), spoken_in), wanted)
        or value(node, "source", "sourceIdentification"),
        "created": value(node, "situationRecordCreationTime"),
        "updated": value(node, "situationRecordVersionTime"),
        "published": around.get("publicationTime"),
        "location": geometry(place, crs, order),
    }


def _comments(node: Node, spoken_in: str) -> list[tuple[str | None, dict[str, str]]]:
    """(kind, texts by language) of each public comment."""
    found = []
    for item in every(node, "generalPublicComment"):
        what = value(item, "commentType") or first(item, "commentType2")
        if texts := spoken(child(item, "comment"), spoken_in):
            found.append((what, texts))
    return found


def _detail(node: Node) -> str | None:
    """What kind of its type it is, from the simple elements that only this type has."""
    return joined(
        [
            item.value
            for item in node.children
            if not item.children and item.name.endswith(_DETAIL) and item.name not in _NO_DETAIL
        ]
    )


def _periods(spec: Node | None, wanted: str) -> list[dict[str, Any]]:
    """When within the overall time it holds, and (`except`) when not."""
    found = []
    for name in ("validPeriod", "exceptionPeriod"):
        for item in every(spec, name):
            period: dict[str, Any] = {"except": True} if name == "exceptionPeriod" else {}
            period |= {"start": value(item, "startOfPeriod"), "end": value(item, "endOfPeriod")}
            period["name"] = chosen(spoken(child(item, "periodName")), wanted)
            period["from"] = first(item, "startTimeOfPeriod")
            period["to"] = first(item, "endTimeOfPeriod")
            days = [day.value for day in within(item, "applicableDay") if day.value]
            period["days"] = days or None
            found.append({key: held for key, held in period.items() if held is not None})
    return found


def _cause_record(cause: Node | None) -> str | None:
    """The id of the record that is the cause (ManagedCause)."""
    named = child(cause, "managedCause")
    return named.attributes.get("id") if named is not None else None


def _between(node: Node) -> dict[str, Any]:
    """A stretch by linear references: the road, and how far after which referent it begins and ends."""
    found: dict[str, Any] = {
        "road": value(node, "linearElement", "roadNumber"),
        "direction": value(node, "directionRelativeOnLinearSection") or value(node, "directionOnLinearSection"),
    }
    for name, end in (("fromPoint", "from"), ("toPoint", "to")):
        point = child(node, name)
        found[f"{end}_m"] = value(point, "distanceAlong")
        found[f"{end}_referent"] = value(point, "fromReferent", "referentIdentifier")
        found[f"{end}_towards"] = value(point, "towardsReferent", "referentIdentifier")
    return {key: held for key, held in found.items() if held is not None}


def _place_name(place: Node | None, spoken_in: str, wanted: str) -> str | None:
    names = []
    for name in ("areaName", "locationDescriptor", "alertCLocationName", "tpegLinearLocationName", "descriptor"):
        names += [chosen(spoken(item, spoken_in), wanted) or item.value for item in within(place, name)]
    return joined(names)


def _first_node(node: Node | None, name: str) -> Node | None:
    return next(within(node, name), None)


def _plain_name(place: Node | None) -> str | None:
    found = _first_node(place, "roadName")
    return found.value if found is not None else None
