"""Resource paths (OGC 18-088, 9.2): `Things(1)/Datastreams(2)/Observations` -> what it leads to."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nabe.apis.sensorthings.kinds import STRUCTURED
from nabe.apis.sensorthings.problems import NO_ID, no_such
from nabe.errors import Invalid, Unknown
from nabe.model.entities import ENTITIES, SETS, EntityKind, EntityType, Hop

_SEGMENT = re.compile(r"([A-Za-z]{1,40})(?:\((.{0,200})\))?", re.DOTALL)
_ID = re.compile(r"-?[0-9]{1,19}")
_PROPERTY = re.compile(r"([^\[\]]{1,500})((?:\[[0-9]{1,9}\]){0,20})", re.DOTALL)
_MOST_PARTS = 50
_ENDS = ("$value", "$ref", "$count")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a path leads: along `hops` to the entities of `type`, to `id` among them, to a property `inside` it.

    `many`: a set. `label`: the property's name as the path writes it. `end`: `$value`, `$ref`, `$count` or nothing.
    """

    type: EntityType
    hops: tuple[Hop, ...] = ()
    id: int | None = None
    many: bool = False
    inside: tuple[str | int, ...] = ()
    label: str = ""
    end: str = ""


def address(path: str) -> Address:
    """Where a path below the service's root leads (percent-encoding undone, without its query).

    `Unknown` if it leads nowhere by the entity model, or names an id that is none.
    """
    parts = path.strip("/").split("/")
    if len(parts) > _MOST_PARTS:
        raise Invalid(f"A path has at most {_MOST_PARTS} parts.", field="path")
    end = parts.pop() if parts[-1] in _ENDS else ""
    found = _first(parts[0]) if parts else None
    if found is None:
        raise _nowhere(path)
    place = 1
    while place < len(parts):
        further = _further(found, parts[place])
        if further is None:
            break
        found = further
        place += 1
    if place < len(parts):
        found = _property(found, parts[place:])
    if found is None or not _possible(found, end):
        raise _nowhere(path)
    return Address(found.type, found.hops, found.id, found.many, found.inside, found.label, end)


def _first(part: str) -> Address | None:
    name, id = _segment(part)
    kind: EntityKind | None = SETS.get(name)
    return Address(kind.type, (), id, many=id is None) if kind is not None else None


def _further(at: Address, part: str) -> Address | None:
    """One relation on."""
    name, id = _segment(part)
    relation = ENTITIES[at.type].relations.get(name)
    if relation is None:
        return None
    if at.many or (id is not None and not relation.many):
        raise no_such()
    hop = Hop(at.type, at.id, name)
    return Address(relation.target, (*at.hops, hop), id, many=relation.many and id is None)


def _segment(part: str) -> tuple[str, int | None]:
    found = _SEGMENT.fullmatch(part)
    if not found:
        return part, None
    if found[2] is None:
        return found[1], None
    return found[1], entity_id(found[2])


def entity_id(text: str) -> int:
    """An id as it stands in an address. `Unknown` for what is none: there is no such entity."""
    if not _ID.fullmatch(text) or not -(2**63) <= int(text) < 2**63:
        raise Unknown(NO_ID, field="id")
    return int(text)


def _property(at: Address, parts: list[str]) -> Address | None:
    if at.many:
        return None
    steps: list[str | int] = []
    label = ""
    for part in parts:
        found = _PROPERTY.fullmatch(part)
        if not found:
            return None
        label = part
        steps.append(found[1])
        steps += [int(digits) for digits in re.findall(r"[0-9]+", found[2])]
    if steps == ["id"] or steps == ["@iot.id"]:
        return Address(at.type, at.hops, at.id, inside=("id",), label="@iot.id")
    found_property = ENTITIES[at.type].properties.get(str(steps[0]))
    if found_property is None or (len(steps) > 1 and found_property.type not in STRUCTURED):
        return None
    return Address(at.type, at.hops, at.id, inside=tuple(steps), label=label)


def _possible(at: Address, end: str) -> bool:
    match end:
        case "$value":
            return bool(at.inside)
        case "$count":
            return at.many
        case "$ref":
            return not at.inside
    return True


def _nowhere(path: str) -> Unknown:
    names = ", ".join(SETS)
    return Unknown(f"There is nothing at {path[:100]!r}.", hint=f"Entity sets: {names}.", field="path")
