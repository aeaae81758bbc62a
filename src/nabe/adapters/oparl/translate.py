"""Objects of OParl as records: deleted ones left out, embedded ones as their id. Pure.

Clauses are those of the specification, version 1.1 (schema.oparl.org).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeGuard

#: What an object says it is: `https://schema.oparl.org/1.1/Paper`.
TYPE = re.compile(r"https?://schema\.oparl\.org/1\.[0-9]{1,2}/([A-Za-z]{1,40})")
#: The member of a body under which a list's address stands (3.4).
LISTS = {
    "organization": "organization",
    "person": "person",
    "meeting": "meeting",
    "paper": "paper",
    "agendaItem": "agendaItem",
    "consultation": "consultation",
    "file": "file",
    "membership": "membership",
    "location": "locationList",
    "legislativeTerm": "legislativeTermList",
}
#: Where objects stand embedded in others, for systems that have no list of them (1.0): list, members, back reference.
INSIDE: dict[str, tuple[tuple[str, tuple[str, ...], str], ...]] = {
    "agendaItem": (("meeting", ("agendaItem",), "meeting"),),
    "consultation": (("paper", ("consultation",), "paper"),),
    "membership": (("person", ("membership",), "person"),),
    "file": (
        ("paper", ("mainFile", "auxiliaryFile"), ""),
        ("meeting", ("invitation", "resultsProtocol", "verbatimProtocol", "auxiliaryFile"), ""),
    ),
    "location": (("organization", ("location",), ""), ("meeting", ("location",), ""), ("paper", ("location",), "")),
    "legislativeTerm": (),
}


def kind_of(document: Any) -> str:
    """`System`, `Body`, `Paper` …; empty if it is no object of OParl."""
    said = document.get("type") if isinstance(document, Mapping) else None
    found = TYPE.fullmatch(said) if isinstance(said, str) else None
    return found[1] if found else ""


def is_deleted(record: Any) -> bool:
    """Has the system deleted it (2.7)?"""
    return isinstance(record, Mapping) and record.get("deleted") is True


def tidied(record: Any, body: str) -> Any:
    """The object with embedded objects as their ids; the objects themselves stand under `embedded`.

    `body`: the id of the body in whose list it was, told where it does not say so itself.
    """
    if not isinstance(record, Mapping):
        return record
    found: dict[str, Any] = {}
    embedded: dict[str, Any] = {}
    for name, value in record.items():
        found[name] = _ids(value)
        if found[name] is not value:
            embedded[name] = value
    if body:
        found.setdefault("body", body)
    found["embedded"] = embedded
    return found


def _ids(value: Any) -> Any:
    """The id of an object, or ids of a list of them; all else as it is."""
    if _is_object(value):
        return value["id"]
    if isinstance(value, list) and any(_is_object(item) for item in value):
        return [item["id"] if _is_object(item) else item for item in value]
    return value


def _is_object(value: Any) -> TypeGuard[Mapping[str, Any]]:
    return isinstance(value, Mapping) and isinstance(value.get("id"), str) and bool(kind_of(value))


def inside(parent: Any, members: Iterable[str], back: str) -> Iterator[dict[str, Any]]:
    """The objects embedded in another, each with the other's id under `back`. Mere ids are no objects."""
    if not isinstance(parent, Mapping):
        return
    for member in members:
        value = parent.get(member)
        for item in value if isinstance(value, list) else [value]:
            if _is_object(item):
                yield {**item, **({back: item.get(back, parent.get("id"))} if back else {})}


def first_point(value: Any) -> tuple[float, float] | None:
    """The first two numbers of a geometry or feature."""
    if not isinstance(value, Mapping):
        return None
    if isinstance(value.get("geometry"), Mapping):
        return first_point(value["geometry"])
    found = value.get("coordinates")
    while isinstance(found, list) and found and isinstance(found[0], list):
        found = found[0]
    if isinstance(found, list) and len(found) >= 2 and all(type(item) in (int, float) for item in found[:2]):
        return found[0], found[1]
    return None


def latitude_first(points: Iterable[tuple[float, float]]) -> bool | None:
    """Do points of Germany have their latitude first? None if they do not agree, or lie elsewhere."""
    said = {
        True if 47 <= x <= 55.2 and 5.5 <= y <= 15.6 else False if 47 <= y <= 55.2 and 5.5 <= x <= 15.6 else None
        for x, y in points
    }
    return said.pop() if len(said) == 1 else None
