"""Rows of the hub -> JSON as SensorThings writes it (OGC 18-088, 9.2 and 9.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import msgspec

from nabe.apis.sensorthings import times
from nabe.apis.sensorthings.expanding import Shown
from nabe.apis.sensorthings.options import Question, pages_by
from nabe.apis.sensorthings.writing import write_shown
from nabe.model.entities import ENTITIES, EntityPage, EntityQuery, EntityRow, EntityType, ValueType

ID, SELF, NAVIGATION = "@iot.id", "@iot.selfLink", "@iot.navigationLink"
NEXT, COUNT = "@iot.nextLink", "@iot.count"
#: Whole numbers up to here are written without a point.
_EXACT: Final = 2**53
#: Shown even if they are null (OGC 18-088, 8.2.7: a mandatory property of every Observation).
_ALWAYS: Final = frozenset({"resultTime", "result"})
#: What stands in an address as it is.
_SAFE: Final = "$,()'/:;=@*!~."
encode = msgspec.json.Encoder().encode


def number(item: Any) -> Any:
    """A whole number loses its point."""
    return int(item) if item.__class__ is float and item.is_integer() and -_EXACT <= item <= _EXACT else item


_WRITTEN: Final[Mapping[ValueType, Callable[[Any], Any]]] = {
    ValueType.INSTANT: times.write_time,
    ValueType.INTERVAL: times.write_time,
    ValueType.TIME: times.write_time,
    ValueType.RESULT: number,
}


def value(item: Any, type: ValueType) -> Any:
    """A property's value as JSON has it."""
    write = _WRITTEN.get(type)
    return item if item is None or write is None else write(item)


class _Plan(NamedTuple):
    """How entities of a type are written: the name of their set, properties with what writes them, names of links."""

    plural: str
    properties: tuple[tuple[str, Callable[[Any], Any] | None], ...]
    links: tuple[tuple[str, str], ...]


_PLANS: Final = {
    type: _Plan(
        kind.plural,
        tuple((name, _WRITTEN.get(item.type)) for name, item in kind.properties.items()),
        tuple((name + NAVIGATION, f"/{name}") for name in kind.relations),
    )
    for type, kind in ENTITIES.items()
}


class Renderer:
    """Makes objects for JSON. `base`: the service's root, without a slash at its end; without one, links are relative."""

    def __init__(self, base: str) -> None:
        self._root = f"{base}/" if base else ""
        self._further: dict[int, str] = {}

    def self_link(self, type: EntityType, id: int) -> str:
        """The address of an entity."""
        return f"{self._root}{ENTITIES[type].plural}({id})"

    def entity(self, row: EntityRow, shown: Shown, *, top: bool = True) -> dict[str, Any]:
        """One entity. `top`: not one that was brought along; those have no links to others unless they are selected."""
        plan, values = _PLANS[row.type], row.values
        link = f"{self._root}{plan.plural}({row.id})"
        made: dict[str, Any] = {}
        if shown.select is None:
            made[ID], made[SELF] = row.id, link
            for name, write in plan.properties:
                found = values.get(name)
                if found is not None:
                    made[name] = found if write is None else write(found)
                elif name in _ALWAYS and name in values:
                    made[name] = None
            if top:
                for name, end in plan.links:
                    if not row.absent or end[1:] not in row.absent:
                        made[name] = link + end
        else:
            self._selected(row, shown, link, made)
        for name, inner in shown.expand.items():
            self._expanded(row, name, inner, link, made)
        return made

    def _selected(self, row: EntityRow, shown: Shown, link: str, made: dict[str, Any]) -> None:
        kind = ENTITIES[row.type]
        for path in shown.select or ():
            name = str(path[0])
            if name == "id":
                made[ID] = row.id
            elif name == SELF:
                made[SELF] = link
            elif name in kind.relations:
                made[name + NAVIGATION] = f"{link}/{name}"
            elif name in row.values:
                found = value(row.values[name], kind.properties[name].type)
                if len(path) > 1:
                    found = _part(found, path[1:])
                    if found is not None:
                        made[name] = _merged(made.get(name), found)
                elif found is not None or name in _ALWAYS:
                    made[name] = found

    def _expanded(self, row: EntityRow, name: str, inner: Shown, link: str, made: dict[str, Any]) -> None:
        found = row.expanded.get(name)
        if isinstance(found, EntityPage):
            if found.total is not None and inner.count:
                made[name + COUNT] = found.total
            made[name] = [self.entity(item, inner, top=False) for item in found.rows]
            if found.more and inner.top != 0:
                made[name + NEXT] = f"{link}/{name}?{self._options(inner)}$skip={inner.skip + len(found.rows)}"
        elif isinstance(found, EntityRow):
            made[name] = self.entity(found, inner, top=False)
        elif ENTITIES[row.type].relations[name].many:
            made[name] = []

    def _options(self, shown: Shown) -> str:
        """The options of an expanded set, for the link to its next page; the same for many entities."""
        found = self._further.get(id(shown))
        if found is None:
            given = [(name, text) for name, text in write_shown(shown) if name != "$skip"]
            found = "".join(f"{name}={quote(text, safe=_SAFE)}&" for name, text in given)
            self._further[id(shown)] = found
        return found

    def page(self, page: EntityPage, asked: Question, path: str) -> dict[str, Any]:
        """A set. `path`: the address asked for, below the root, without its query."""
        made: dict[str, Any] = {COUNT: page.total} if asked.query.count and page.total is not None else {}
        if page.more and asked.query.top != 0:  # a page of none would lead to itself
            made[NEXT] = self.next_link(page, asked, path)
        if asked.query.keys:
            made["value"] = [{SELF: self.self_link(row.type, row.id)} for row in page.rows]
        else:
            made["value"] = [self.entity(row, asked.shown) for row in page.rows]
        return made

    def next_link(self, page: EntityPage, asked: Question, path: str, shown: int | None = None) -> str:
        """Where the next page is: after the last row where the order allows, else so many rows further on."""
        options = {name: text for name, text in asked.given.items() if name not in ("$skip", "$skiptoken")}
        token = _token(page.rows[-1], asked.query) if page.rows else None
        if token is not None:
            options["$skiptoken"] = token
        else:
            options["$skip"] = str(asked.query.skip + (len(page.rows) if shown is None else shown))
        query = "&".join(f"{name}={quote(text, safe=_SAFE)}" for name, text in options.items())
        return f"{self._root}{quote(path.strip('/'), safe=_SAFE)}?{query}"


def _token(row: EntityRow, query: EntityQuery) -> str | None:
    """The place of an Observation in its order, for `EntityQuery.after`."""
    name = pages_by(query)
    if name == "id":
        return f"0~{row.id}"
    at = row.values.get(name)
    at = at[0] if isinstance(at, tuple) else at
    return f"{at}~{row.id}" if at is not None else None


def _part(found: Any, steps: tuple[str | int, ...]) -> Any:
    """Only this part of a JSON value, inside what is around it; None if it is not there."""
    inner = found
    for step in steps:
        if isinstance(step, int):
            if not isinstance(inner, list) or step >= len(inner):
                return None
            inner = inner[step]
        else:
            if not isinstance(inner, dict) or step not in inner:
                return None
            inner = inner[step]
    for step in reversed(steps):
        inner = {step: inner} if isinstance(step, str) else [inner]
    return inner


def _merged(one: Any, other: Any) -> Any:
    """Two parts of the same value."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one | {name: _merged(one.get(name), item) for name, item in other.items()}
    if isinstance(one, list) and isinstance(other, list):
        return one + other
    return other


def inside(row: EntityRow, steps: tuple[str | int, ...]) -> Any:
    """A property, or what is inside of it (9.2.5); None if it is not there."""
    name = str(steps[0])
    if name == "id":
        return row.id
    found = value(row.values.get(name), ENTITIES[row.type].properties[name].type)
    for step in steps[1:]:
        if isinstance(step, int):
            found = found[step] if isinstance(found, list) and step < len(found) else None
        else:
            found = found.get(step) if isinstance(found, dict) else None
    return found


def raw(item: Any) -> str:
    """The bare value of `$value`: texts as they are, everything else as JSON."""
    return item if isinstance(item, str) else encode(item).decode()
