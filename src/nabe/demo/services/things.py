"""A SensorThings service (OGC 18-088, 1.1): things, places, datastreams, and the observations of the last two days.

Observations are made of the values of one week in the file: those of an hour are always the same, and there are new ones
each hour. `$filter` knows comparisons, not functions.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nabe.demo.services.answering import Asked, Data, Reply, Service, Wrong, as_json, whole
from nabe.demo.services.odata import condition, divided, expansions, ordered

HOURS = 48
_MOST, _USUAL = 1_000, 100
#: Set -> names of what it is linked with, and the set of that; several, or one.
_LINKS: Mapping[str, Mapping[str, tuple[str, bool]]] = {
    "Things": {"Locations": ("Locations", True), "Datastreams": ("Datastreams", True)},
    "Locations": {"Things": ("Things", True)},
    "Datastreams": {
        "Thing": ("Things", False),
        "Sensor": ("Sensors", False),
        "ObservedProperty": ("ObservedProperties", False),
        "Observations": ("Observations", True),
    },
    "Observations": {"Datastream": ("Datastreams", False)},
    "Sensors": {"Datastreams": ("Datastreams", True)},
    "ObservedProperties": {"Datastreams": ("Datastreams", True)},
}
_CONFORMS = (
    "http://www.opengis.net/spec/iot_sensing/1.1/req/datamodel",
    "http://www.opengis.net/spec/iot_sensing/1.1/req/resource-path/resource-path-to-entities",
)
_STEP = re.compile(r"([A-Za-z]+)(?:\((\d+)\))?")


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity. `links`: name of a link -> ids of what it leads to."""

    kind: str
    id: int
    own: Mapping[str, Any]
    links: Mapping[str, tuple[int, ...]]


class Stock:
    """All entities but observations, which are made when they are wanted."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._values: dict[int, list[float]] = {}
        self._known: dict[str, dict[int, Entity]] = {kind: {} for kind in _LINKS}
        for kind, items in document.items():
            for item in items:
                own = {name: value for name, value in item.items() if name not in ("id", "links", "values")}
                links = {name: tuple(ids) for name, ids in item["links"].items()}
                self._known[kind][item["id"]] = Entity(kind, item["id"], own, links)
                if "values" in item:
                    self._values[item["id"]] = item["values"]

    def all(self, kind: str) -> list[Entity]:
        """The entities of a set."""
        if kind == "Observations":
            return [made for stream in self._known["Datastreams"].values() for made in self._observed(stream)]
        return list(self._known[kind].values())

    def linked(self, entity: Entity, name: str) -> list[Entity]:
        """What an entity is linked with by that name."""
        if name not in _LINKS[entity.kind]:
            raise Wrong(404, f"{entity.kind} has no link {name!r}.")
        kind = _LINKS[entity.kind][name][0]
        if kind == "Observations":
            return list(self._observed(entity))
        return [self._known[kind][id] for id in entity.links[name]]

    def _observed(self, stream: Entity) -> list[Entity]:
        last = int(dt.datetime.now(dt.UTC).timestamp()) // 3600
        found = []
        for hour in range(last - HOURS, last):
            begin = dt.datetime.fromtimestamp(hour * 3600, dt.UTC).isoformat().replace("+00:00", "Z")
            own = {"phenomenonTime": begin, "resultTime": begin, "result": self._values[stream.id][hour % 168]}
            found.append(Entity("Observations", hour * 1_000 + stream.id, own, {"Datastream": (stream.id,)}))
        return found

    def read(self, entity: Entity, path: str) -> Any:
        """The value at a path such as `Datastream/Thing/name`; None if there is none."""
        name, _, rest = path.partition("/")
        if name in _LINKS[entity.kind]:
            found = self.linked(entity, name)
            return self.read(found[0], rest) if found and rest else None
        if name in ("id", "@iot.id"):
            return entity.id
        value: Any = entity.own
        for step in path.split("/"):
            value = value.get(step) if isinstance(value, Mapping) else None
        return value


def service(folder: Path) -> Service:
    """The entities of `sensoren.json` below `/v1.1`."""
    data = Data(folder)
    kept: dict[int, Stock] = {}

    def answer(asked: Asked) -> Reply:
        document = data.json("sensoren.json")
        if id(document) not in kept:
            kept.clear()
            kept[id(document)] = Stock(document)
        steps = [part for part in asked.path.split("/") if part]
        if not steps or steps[0] != "v1.1":
            raise Wrong(404, "There is nothing at this address.")
        root = f"{asked.base}/v1.1"
        if len(steps) == 1:
            sets = [{"name": name, "url": f"{root}/{name}"} for name in _LINKS]
            return as_json({"value": sets, "serverSettings": {"conformance": _CONFORMS}})
        return _found(kept[id(document)], steps[1:], asked, root)

    return Service(answer, ((b'"result"', b'"messwert"'), (b'"unitOfMeasurement"', b'"einheit"')))


def _found(stock: Stock, steps: list[str], asked: Asked, root: str) -> Reply:
    entities: list[Entity] = []
    single = False
    for number, step in enumerate(steps):
        match = _STEP.fullmatch(step)
        if match is None or (number and not (single and entities)):
            raise Wrong(404, "There is nothing at this address.")
        name, wanted = match.groups()
        if number:
            several = _LINKS[entities[0].kind].get(name, ("", False))[1]
            entities = stock.linked(entities[0], name)
        elif name in _LINKS:
            several, entities = True, stock.all(name)
        else:
            raise Wrong(404, f"There is no set {name!r}.")
        single = not several
        if wanted is not None:
            entities, single = [item for item in entities if item.id == int(wanted)], True
    options = {name: value for name, value in asked.params.items() if name.startswith("$")}
    if not single:
        return as_json(_listed(stock, entities, options, root, asked))
    if not entities:
        raise Wrong(404, "There is no such entity.")
    return as_json(_shown(stock, entities[0], options, root))


def _listed(
    stock: Stock, entities: list[Entity], options: Mapping[str, str], root: str, asked: Asked | None
) -> dict[str, Any]:
    if options.get("$filter"):
        judge = condition(options["$filter"], stock.read)
        entities = [item for item in entities if judge(item)]
    if options.get("$orderby"):
        entities = ordered(entities, options["$orderby"], stock.read)
    top, skip = whole(options, "$top", _USUAL, 0, _MOST), whole(options, "$skip", 0)
    found: dict[str, Any] = {"@iot.count": len(entities)} if options.get("$count") == "true" else {}
    found["value"] = [_shown(stock, item, options, root) for item in entities[skip : skip + top]]
    if asked is not None and top and skip + top < len(entities):
        found["@iot.nextLink"] = asked.link(**{"$skip": skip + top, "$top": top})
    return found


def _shown(stock: Stock, entity: Entity, options: Mapping[str, str], root: str) -> dict[str, Any]:
    here = f"{root}/{entity.kind}({entity.id})"
    expanded = expansions(options.get("$expand", ""))
    wanted = set(divided(options.get("$select", ""), ","))
    found: dict[str, Any] = {"@iot.id": entity.id, "@iot.selfLink": here}
    if wanted and not wanted & {"id", "@iot.id"}:
        found = {}
    found |= {name: value for name, value in entity.own.items() if not wanted or name in wanted}
    for name, (_, several) in _LINKS[entity.kind].items():
        if name not in expanded:
            if not wanted:
                found[f"{name}@iot.navigationLink"] = f"{here}/{name}"
            continue
        linked = stock.linked(entity, name)
        if several:
            found[name] = _listed(stock, linked, expanded[name], root, None)["value"]
        else:
            found[name] = _shown(stock, linked[0], expanded[name], root) if linked else None
    for name in expanded:
        if name not in _LINKS[entity.kind]:
            raise Wrong(400, f"{entity.kind} has no link {name!r}.")
    return found
