"""Pages as data arrays (OGC 18-088, 12.1), CSV and GeoJSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from nabe.apis.sensorthings.expanding import Shown
from nabe.apis.sensorthings.options import Question
from nabe.apis.sensorthings.render import COUNT, NAVIGATION, NEXT, Renderer, encode, inside
from nabe.errors import Invalid
from nabe.model.entities import ENTITIES, EntityPage, EntityQuery, EntityRow, EntityType, Expansion
from nabe.model.observation import stream_of

_T = EntityType
#: Where entities of a type are: a property, or a property of one that is brought along.
_PLACES: Final = {
    _T.LOCATION: ("", "location"),
    _T.FEATURE_OF_INTEREST: ("", "feature"),
    _T.DATASTREAM: ("", "observedArea"),
    _T.MULTI_DATASTREAM: ("", "observedArea"),
    _T.THING: ("Locations", "location"),
    _T.OBSERVATION: ("FeatureOfInterest", "feature"),
    _T.HISTORICAL_LOCATION: ("Locations", "location"),
}
_COMPONENTS: Final = ("id", "phenomenonTime", "result", "resultTime", "resultQuality", "validTime", "parameters")
_SHAPES: Final = frozenset({"Feature", "FeatureCollection"})


def prepared(asked: Question) -> EntityQuery:
    """The question with what the format needs besides: where things are."""
    query, format = asked.query, asked.format
    if format == "dataArray":
        if query.type is not _T.OBSERVATION:
            raise Invalid("Data arrays are of Observations.", field="$resultFormat")
        return query
    if format == "CSV":
        _flat(asked.shown, query.type)
    if format == "GeoJSON" and query.type in _PLACES:
        along, name = _PLACES[query.type]
        if not along:
            return replace(query, select=_with(query.select, name))
        target = ENTITIES[query.type].relations[along]
        return _along(query, along, EntityQuery(target.target, select=(name,), top=1 if target.many else None))
    return query


def _along(query: EntityQuery, relation: str, more: EntityQuery) -> EntityQuery:
    there = {item.relation: item for item in query.expand}
    if relation in there:
        inner = there[relation].query
        more = replace(inner, select=_with(inner.select, *(more.select or ())))
    return replace(query, expand=(*(there | {relation: Expansion(relation, more)}).values(),))


def _with(select: tuple[str, ...] | None, *names: str) -> tuple[str, ...] | None:
    return None if select is None else tuple(dict.fromkeys((*select, *names)))


def _flat(shown: Shown, type: EntityType) -> None:
    for name, inner in shown.expand.items():
        relation = ENTITIES[type].relations[name]
        if relation.many:
            raise Invalid(f"A line of CSV has no room for several {name}.", field="$expand")
        _flat(inner, relation.target)


def data_arrays(page: EntityPage, asked: Question, path: str, renderer: Renderer) -> dict[str, Any]:
    """Observations by stream."""
    paths = asked.shown.select if asked.shown.select is not None else tuple((name,) for name in _COMPONENTS)
    paths = tuple(path for path in paths if path[0] == "id" or path[0] in ENTITIES[_T.OBSERVATION].properties)
    components = ["/".join(map(str, path)) for path in paths]
    groups: dict[str, dict[str, Any]] = {}
    for row in page.rows:
        type = _T.MULTI_DATASTREAM if "Datastream" in row.absent else _T.DATASTREAM
        link = renderer.self_link(type, stream_of(row.id))
        if link not in groups:
            groups[link] = {
                f"{type.value}{NAVIGATION}": link,
                "components": components,
                "dataArray@iot.count": 0,
                "dataArray": [],
            }
        groups[link]["dataArray"].append([inside(row, path) for path in paths])
    for group in groups.values():
        group["dataArray@iot.count"] = len(group["dataArray"])
    made: dict[str, Any] = {COUNT: page.total} if asked.query.count and page.total is not None else {}
    if page.more:
        made[NEXT] = renderer.next_link(page, asked, path)
    return made | {"value": list(groups.values())}


def table(rows: Iterable[EntityRow], shown: Shown, type: EntityType) -> str:
    """CSV with a header; entities brought along are columns such as `Datastream/name`."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    columns = list(_columns(shown, type, ()))
    writer.writerow(["/".join(map(str, (*way, *path))) for way, path in columns])
    for row in rows:
        writer.writerow([_cell(_found(row, way, path)) for way, path in columns])
    return out.getvalue()


def _columns(
    shown: Shown, type: EntityType, way: tuple[str, ...]
) -> Iterable[tuple[tuple[str, ...], tuple[str | int, ...]]]:
    names = ENTITIES[type].properties
    paths = (("id",), *((name,) for name in names)) if shown.select is None else shown.select
    for path in paths:
        if path[0] == "id" or path[0] in names:
            yield way, path
    for name, inner in shown.expand.items():
        yield from _columns(inner, ENTITIES[type].relations[name].target, (*way, name))


def _found(row: EntityRow, way: tuple[str, ...], path: tuple[str | int, ...]) -> Any:
    for name in way:
        further = row.expanded.get(name)
        if not isinstance(further, EntityRow):
            return None
        row = further
    return inside(row, path)


def _cell(item: Any) -> str:
    if item is None:
        return ""
    return item if isinstance(item, str) else encode(item).decode()


def features(page: EntityPage, asked: Question, path: str, renderer: Renderer) -> dict[str, Any]:
    """A GeoJSON FeatureCollection; what is brought along stands in the properties as `Datastream/name`."""
    type = asked.query.type
    made: dict[str, Any] = {"type": "FeatureCollection"}
    if asked.query.count and page.total is not None:
        made["numberMatched"] = page.total
    if page.more:
        made["links"] = [{"rel": "next", "href": renderer.next_link(page, asked, path)}]
    made["features"] = [
        {
            "type": "Feature",
            "id": row.id,
            "geometry": _geometry(row, type),
            "properties": dict(_properties(row, asked.shown, type, "")),
        }
        for row in page.rows
    ]
    return made


def _geometry(row: EntityRow, type: EntityType) -> Any:
    along, name = _PLACES.get(type, ("", ""))
    if along:
        further = row.expanded.get(along)
        further = (further.rows[0] if further.rows else None) if isinstance(further, EntityPage) else further
        if not isinstance(further, EntityRow):
            return None
        row = further
    place = row.values.get(name)
    while isinstance(place, dict) and place.get("type") in _SHAPES:
        if place["type"] == "Feature":
            place = place.get("geometry")
        else:
            shapes = [item.get("geometry") for item in place.get("features", ()) if isinstance(item, dict)]
            place = {"type": "GeometryCollection", "geometries": shapes}
    known = isinstance(place, dict) and ("coordinates" in place or "geometries" in place)
    return place if known else None


def _properties(row: EntityRow, shown: Shown, type: EntityType, before: str) -> Iterable[tuple[str, Any]]:
    _, place = _PLACES.get(type, ("", ""))
    names = ENTITIES[type].properties
    paths = (("id",), *((name,) for name in names)) if shown.select is None else shown.select
    for path in paths:
        if path[0] == "id" or (path[0] in names and path[0] != place):
            found = inside(row, path)
            if found is not None:
                yield before + "/".join(map(str, path)), found
    for name, inner in shown.expand.items():
        further = row.expanded.get(name)
        target = ENTITIES[type].relations[name].target
        if isinstance(further, EntityRow):
            yield from _properties(further, inner, target, f"{before}{name}/")
        elif isinstance(further, EntityPage):
            for at, item in enumerate(further.rows):
                yield from _properties(item, inner, target, f"{before}{name}/{at}/")
