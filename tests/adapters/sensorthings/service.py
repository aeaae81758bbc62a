"""A SensorThings service for tests: understands $filter, $select, $expand, $orderby, $top, $skip, $count and pages.

Where servers differ it is as strict as the strictest: an interval is `le` a moment only if it ends by then (FROST), an
unknown member of $select and a filter that cannot be parsed are errors.
"""

from __future__ import annotations

import copy
import datetime as dt
import re
from typing import Any
from urllib.parse import quote

import shapely

from nabe.adapters.sensorthings.entities import LINKS, MEMBERS
from nabe.testing.silo import Reply, Request

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<geo>geography'[^']*')"
    r"|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w/]*)|(?P<sign>[(),]))"
)


class Unreadable(ValueError):
    """A 400."""


def tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        geo = re.compile(r"\s*geography'([^']*)'").match(text, at)
        match = geo or _TOKEN.match(text, at)
        if match is None:
            raise Unreadable(text[at:])
        found.append(("geo", geo[1]) if geo else (match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return found


class Filter:
    """A parsed $filter."""

    def __init__(self, text: str, service: Service) -> None:
        self._tokens, self._at, self._service = tokens(text), 0, service
        self._test = self._or()
        if self._at != len(self._tokens):
            raise Unreadable(text)

    def holds(self, entity: dict[str, Any]) -> bool:
        return self._test(entity)

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("", "")

    def _take(self, *wanted: str) -> str:
        kind, text = self._peek()
        if kind not in wanted and text not in wanted:
            raise Unreadable(f"{text!r} where {wanted} is expected")
        self._at += 1
        return text

    def _or(self) -> Any:
        parts = [self._and()]
        while self._peek() == ("name", "or"):
            self._at += 1
            parts.append(self._and())
        return lambda entity: any(part(entity) for part in parts)

    def _and(self) -> Any:
        parts = [self._one()]
        while self._peek() == ("name", "and"):
            self._at += 1
            parts.append(self._one())
        return lambda entity: all(part(entity) for part in parts)

    def _one(self) -> Any:
        if self._peek()[1] == "(":
            self._take("(")
            inner = self._or()
            self._take(")")
            return inner
        name = self._take("name")
        if name == "st_intersects":
            self._take("(")
            way = self._take("name").split("/")
            self._take(",")
            area = shapely.from_wkt(self._take("geo"))
            self._take(")")
            return lambda entity: any(
                shapely.intersects(_shape(value), area) for value in self._service.values(entity, way)
            )
        op = self._take("eq", "ne", "gt", "ge", "lt", "le")
        kind, text = self._peek()
        self._take("text", "time", "number")
        wanted: Any = text[1:-1].replace("''", "'") if kind == "text" else float(text) if kind == "number" else text
        way = name.split("/")
        return lambda entity: any(_holds(op, value, wanted, kind) for value in self._service.values(entity, way))


def _shape(value: Any) -> Any:
    if value is None:
        return None
    inner = value["geometry"] if value.get("type") == "Feature" else value
    return shapely.geometry.shape(inner)


def _moment(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _holds(op: str, value: Any, wanted: Any, kind: str) -> bool:
    if value is None:
        return False
    if kind == "time":
        begin, _, end = str(value).partition("/")
        start, stop, then = _moment(begin), _moment(end or begin), _moment(wanted)
        return {
            "eq": start == then == stop,
            "gt": start > then,
            "ge": start >= then,
            "lt": stop < then,
            "le": stop <= then,
            "ne": start != then,
        }[op]
    if kind == "number" and (isinstance(value, bool) or not isinstance(value, (int, float))):
        return False
    if kind == "text" and not isinstance(value, str):
        return False
    tests = {"eq": value == wanted, "ne": value != wanted}
    if op in tests:
        return tests[op]
    return {"gt": value > wanted, "ge": value >= wanted, "lt": value < wanted, "le": value <= wanted}[op]


def split(text: str, sign: str) -> list[str]:
    """Parts outside of brackets."""
    found, depth, part = [], 0, ""
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == sign and not depth:
            found.append(part)
            part = ""
        else:
            part += char
    return [*found, part] if part or found else []


class Service:
    """`sets`: entity set -> entities, each `{"@iot.id": …, members, links as id or list of ids}`."""

    def __init__(self, sets: dict[str, list[dict[str, Any]]], most: int = 4) -> None:
        self.sets, self.most = sets, most

    def __call__(self, request: Request) -> Any:
        path = request.path.removeprefix("/api/v1.1").strip("/")
        here = f"http://{request.headers['host']}/api/v1.1"
        if not path:
            return {"value": [{"name": name, "url": f"{here}/{name}"} for name in self.sets]}
        try:
            return self.answer(path, here, request.params)
        except Unreadable as error:
            return Reply({"message": str(error)}, 400)

    def answer(self, path: str, here: str, params: dict[str, str]) -> Any:
        entity, rows = self._resource(path)
        if rows is None:
            return Reply({"message": "Not Found"}, 404)
        if "$filter" in params:
            test = Filter(params["$filter"], self)
            rows = [row for row in rows if test.holds({**row, "@set": entity})]
        body = self._several(entity, rows, params)
        top, skip = min(int(params.get("$top", 100)), self.most), int(params.get("$skip", 0))
        if skip + top < len(body):
            rest = {**params, "$skip": str(skip + top)}
            query = "&".join(f"{name}={quote(value)}" for name, value in rest.items())
            return {"@iot.nextLink": f"{here}/{path}?{query}", "value": body[skip : skip + top]}
        found: dict[str, Any] = {"value": body[skip : skip + top]}
        return {"@iot.count": len(body), **found} if params.get("$count") == "true" else found

    def _resource(self, path: str) -> tuple[str, list[dict[str, Any]] | None]:
        entity, rows = "", None
        for part in path.split("/"):
            name, _, key = part.removesuffix(")").partition("(")
            if entity:
                assert rows is not None and len(rows) == 1
                rows, entity = self._linked(entity, rows[0], name), LINKS[entity][name][0]
            elif name in self.sets:
                rows, entity = self.sets[name], name
            else:
                return "", None
            if key:
                rows = [row for row in rows if str(row["@iot.id"]) == key.strip("'")]
        return entity, rows

    def _linked(self, entity: str, row: dict[str, Any], name: str) -> list[dict[str, Any]]:
        other = LINKS[entity][name][0]
        ids = row.get(name, [])
        ids = ids if isinstance(ids, list) else [ids]
        return [item for item in self.sets.get(other, []) if item["@iot.id"] in ids]

    def values(self, entity: dict[str, Any], way: list[str]) -> list[Any]:
        """Values of a property path, through links to several entities all of them."""
        first, *rest = way
        kind = entity["@set"]
        if first in LINKS[kind]:
            linked = self._linked(kind, entity, first)
            return [value for item in linked for value in self.values({**item, "@set": LINKS[kind][first][0]}, rest)]
        value: Any = entity.get("@iot.id" if first == "id" else first)
        if first != "id" and first not in MEMBERS[kind]:
            raise Unreadable(f"{kind} has no {first}")
        for name in rest:
            value = value.get(name) if isinstance(value, dict) else None
        return [value]

    def _several(self, entity: str, rows: list[dict[str, Any]], params: dict[str, str]) -> list[dict[str, Any]]:
        for order in reversed(split(params.get("$orderby", ""), ",")):
            name, _, direction = order.partition(" ")
            rows = sorted(
                rows, key=lambda row: str(self.values({**row, "@set": entity}, name.split("/"))[0]), reverse=direction == "desc"
            )  # fmt: skip
        return [self._shown(entity, row, params) for row in rows]

    def _shown(self, entity: str, row: dict[str, Any], params: dict[str, str]) -> dict[str, Any]:
        chosen = split(params["$select"], ",") if "$select" in params else None
        if chosen is not None and (unknown := set(chosen) - {"id", *MEMBERS[entity]}):
            raise Unreadable(f"{entity} has no {unknown}")
        names = [name for name in MEMBERS[entity] if name in row and (chosen is None or name in chosen)]
        shown = {name: copy.deepcopy(row[name]) for name in names}
        if chosen is None or "id" in chosen:
            shown["@iot.id"] = row["@iot.id"]
        if chosen is None:
            shown["@iot.selfLink"] = f"http://example/{entity}({row['@iot.id']})"
        for item in split(params.get("$expand", ""), ","):
            name, _, options = item.removesuffix(")").partition("(")
            if name not in LINKS[entity]:
                raise Unreadable(f"{entity} has no link {name}")
            other, several = LINKS[entity][name]
            inner = dict(option.split("=", 1) for option in split(options, ";"))
            linked = self._several(other, self._linked(entity, row, name), inner)
            linked = linked[: int(inner.get("$top", 100))]
            if several:
                shown[name] = linked
            elif linked:
                shown[name] = linked[0]
        return shown
