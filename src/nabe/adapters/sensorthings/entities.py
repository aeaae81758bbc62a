"""The entities of OGC SensorThings 1.1 (18-088, clause 8), and the ways that lead through them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nabe.adapting.json_http.paths import Each, Index, Member, Path, Step, Where, parse

#: Entity set -> name of a link -> (entity set it leads to, several?).
LINKS: dict[str, dict[str, tuple[str, bool]]] = {
    "Things": {
        "Locations": ("Locations", True),
        "HistoricalLocations": ("HistoricalLocations", True),
        "Datastreams": ("Datastreams", True),
        "MultiDatastreams": ("MultiDatastreams", True),
    },
    "Locations": {"Things": ("Things", True), "HistoricalLocations": ("HistoricalLocations", True)},
    "HistoricalLocations": {"Thing": ("Things", False), "Locations": ("Locations", True)},
    "Datastreams": {
        "Thing": ("Things", False),
        "Sensor": ("Sensors", False),
        "ObservedProperty": ("ObservedProperties", False),
        "Observations": ("Observations", True),
    },
    "MultiDatastreams": {
        "Thing": ("Things", False),
        "Sensor": ("Sensors", False),
        "ObservedProperties": ("ObservedProperties", True),
        "Observations": ("Observations", True),
    },
    "Sensors": {"Datastreams": ("Datastreams", True), "MultiDatastreams": ("MultiDatastreams", True)},
    "ObservedProperties": {"Datastreams": ("Datastreams", True), "MultiDatastreams": ("MultiDatastreams", True)},
    "Observations": {
        "Datastream": ("Datastreams", False),
        "MultiDatastream": ("MultiDatastreams", False),
        "FeatureOfInterest": ("FeaturesOfInterest", False),
    },
    "FeaturesOfInterest": {"Observations": ("Observations", True)},
}
_NAMED = ("name", "description", "properties")
_STREAM = (*_NAMED, "observationType", "observedArea", "phenomenonTime", "resultTime")
#: Entity set -> its own members, but for the id.
MEMBERS: dict[str, tuple[str, ...]] = {
    "Things": _NAMED,
    "Locations": (*_NAMED, "encodingType", "location"),
    "HistoricalLocations": ("time",),
    "Datastreams": (*_STREAM, "unitOfMeasurement"),
    "MultiDatastreams": (*_STREAM, "unitOfMeasurements", "multiObservationDataTypes"),
    "Sensors": (*_NAMED, "encodingType", "metadata"),
    "ObservedProperties": (*_NAMED, "definition"),
    "Observations": ("phenomenonTime", "result", "resultTime", "resultQuality", "validTime", "parameters"),
    "FeaturesOfInterest": (*_NAMED, "encodingType", "feature"),
}
#: Members that are text by the standard, so that a text may be compared with them.
TEXTS = frozenset(
    "name description definition encodingType observationType".split()
    + [f"unitOfMeasurement/{name}" for name in ("name", "symbol", "definition")]
)
#: Members that are an instant or an interval (`2026-11-24T08:00:00Z/2026-11-24T09:00:00Z`).
TIMES = frozenset({"phenomenonTime", "resultTime", "validTime"})
#: Geometries.
PLACES = frozenset({"location", "feature", "observedArea"})
#: Members that an entity may lack.
_OPTIONAL = frozenset(
    {"phenomenonTime", "resultTime", "validTime", "observedArea", "resultQuality", "parameters", "description"}
)
ID = "@iot.id"
_PART = re.compile(r"([A-Za-z]+)(\([^()/?#]{1,200}\))?")


def entity_of(path: str) -> str:
    """The entity set that a resource path (`Things(1)/Datastreams`) leads to. `ValueError` says what is wrong."""
    found = ""
    parts = path.split("/")
    for number, part in enumerate(parts):
        match = _PART.fullmatch(part)
        name, key = (match[1], match[2]) if match else ("", "")
        link = LINKS[found].get(name) if found else ((name, True) if name in LINKS else None)
        if link is None:
            known = ", ".join(LINKS[found] if found else LINKS)
            raise ValueError(f"{part!r} is no entity set{f' of {found}' if found else ''}; known: {known}")
        found = link[0]
        last = number == len(parts) - 1
        if (last and (key or not link[1])) or (not last and link[1] and not key):
            raise ValueError(f"{part!r}: only the last part is a whole set, such as Things(1)/Datastreams")
    return found


@dataclass(frozen=True, slots=True)
class Link:
    """A step to another entity; `at`: which of several (None: there is one only)."""

    name: str
    entity: str
    at: Step | None


@dataclass(frozen=True, slots=True)
class Way:
    """A column: links to follow, then the entity's own member and what lies in it."""

    links: tuple[Link, ...]
    entity: str
    own: tuple[Step, ...]

    @property
    def member(self) -> str:
        """The entity's own member that the way begins with."""
        return self.own[0].name if self.own and isinstance(self.own[0], Member) else ""

    @property
    def time(self) -> str:
        """`begin` or `end` if it leads to one of an instant or interval, else nothing."""
        if self.member not in TIMES or len(self.own) > 2:
            return ""
        last = self.own[1] if len(self.own) == 2 else Member("begin")
        return last.name if isinstance(last, Member) and last.name in ("begin", "end") else ""

    @property
    def holder(self) -> tuple[Step, ...]:
        """Steps to the entity that has the member."""
        return tuple(step for link in self.links for step in (Member(link.name), *((link.at,) if link.at else ())))

    @property
    def steps(self) -> tuple[Step, ...]:
        """Steps in a record as it is read: the times of it taken apart."""
        return (*self.holder, *((Member(self.member), Member(self.time)) if self.time else self.own))

    @property
    def optional(self) -> bool:
        """May it be missing everywhere, by the standard?"""
        return any(link.at is not None for link in self.links) or self.member in _OPTIONAL

    @property
    def slashed(self) -> str:
        """As a path of a filter: `Datastream/Thing/name`; empty if it cannot be written so."""
        own = self.own[:1] if self.time else self.own
        names = [*(Member(link.name) for link in self.links), *own]
        if not own or not all(isinstance(step, Member) for step in names):
            return ""
        found = "/".join(step.name for step in names if isinstance(step, Member)).replace(ID, "id")
        return found if re.fullmatch(r"[A-Za-z_]\w*(/[A-Za-z_]\w*)*", found) else ""


def way_of(column: str, entity: str) -> Way:
    """A column's way, from an entity of this set on. `ValueError` says what is wrong."""
    path: Path = parse(column)
    if path.up or path.key or not path.steps:
        raise ValueError("leads to no member; for example name, Thing.name or Locations[0].location")
    links: list[Link] = []
    steps = list(path.steps)
    while steps and isinstance(steps[0], Member) and steps[0].name in LINKS[entity]:
        name = steps.pop(0).name  # type: ignore[union-attr]
        entity, several = LINKS[entity][name]
        at = None
        if several:
            if not steps or not isinstance(steps[0], (Index, Each, Where)):
                raise ValueError(f"there are several {name}; right would be {name}[0] or {name}[*]")
            at = steps.pop(0)
        links.append(Link(name, entity, at))
    if not steps or not isinstance(steps[0], Member):
        raise ValueError(f"stops at {entity}; it needs one of: id, {', '.join(MEMBERS[entity])}")
    if steps[0].name == "id":
        steps[0] = Member(ID)
    if steps[0].name not in MEMBERS[entity] and not steps[0].name.startswith("@iot."):
        raise ValueError(f"{entity} have no {steps[0].name!r}; they have: id, {', '.join(MEMBERS[entity])}")
    return Way(tuple(links), entity, tuple(steps))
