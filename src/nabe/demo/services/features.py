"""An OGC API Features (OGC 17-069r4; reference systems of 18-058r1; property parameters of 19-079r2).

Coordinates lie in the files in both reference systems, for a small process transforms none.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nabe.demo.services.answering import Asked, Data, Reply, Service, Wrong, as_json, whole

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
UTM = "http://www.opengis.net/def/crs/EPSG/0/25832"
_CONFORMS = (
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-2/1.0/conf/crs",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters",
)
_GEOJSON = "application/geo+json"
_KNOWN = frozenset({"limit", "offset", "bbox", "bbox-crs", "crs", "f"})
_KINDS = {str: "string", int: "integer", float: "number", bool: "boolean"}


def service(folder: Path) -> Service:
    """The collections of `sammlungen.json`, their features in `ID.json`."""
    data = Data(folder)

    def answer(asked: Asked) -> Reply:
        parts = [part for part in asked.path.split("/") if part]
        match parts:
            case []:
                return as_json(_landing(asked))
            case ["conformance"]:
                return as_json({"conformsTo": _CONFORMS})
            case ["collections"]:
                found = [_collection(asked, item) for item in data.json("sammlungen.json")]
                return as_json({"collections": found, "links": [_link(asked.link(), "self")]})
        if parts[0] != "collections":
            raise Wrong(404, "There is nothing at this address.")
        known = {item["id"]: item for item in data.json("sammlungen.json")}
        if parts[1] not in known:
            raise Wrong(404, "There is no such collection.")
        features = data.json(f"{parts[1]}.json")
        match parts[2:]:
            case []:
                return as_json(_collection(asked, known[parts[1]]))
            case ["queryables"]:
                return as_json(_queryables(asked, known[parts[1]], features), "application/schema+json")
            case ["items"]:
                return _items(asked, features)
            case ["items", id]:
                return _item(asked, features, id)
        raise Wrong(404, "There is nothing at this address.")

    return Service(answer, ((b'"art"', b'"baumart"'), (b'"name"', b'"bezeichnung"')))


def _link(href: str, rel: str, media: str = "application/json") -> dict[str, str]:
    return {"href": href, "rel": rel, "type": media}


def _landing(asked: Asked) -> dict[str, Any]:
    links = [_link(f"{asked.base}/", "self")]
    links += [_link(f"{asked.base}/conformance", "conformance"), _link(f"{asked.base}/collections", "data")]
    return {"title": "Geoportal Musterstadt", "description": "Synthetische Daten.", "links": links}


def _collection(asked: Asked, item: Mapping[str, Any]) -> dict[str, Any]:
    here = f"{asked.base}/collections/{item['id']}"
    return {
        **item,
        "itemType": "feature",
        "crs": [CRS84, UTM],
        "storageCrs": UTM,
        "links": [
            _link(here, "self"),
            _link(f"{here}/items", "items", _GEOJSON),
            _link(f"{here}/queryables", "http://www.opengis.net/def/rel/ogc/1.0/queryables", "application/schema+json"),
        ],
    }


def _queryables(asked: Asked, item: Mapping[str, Any], features: list[dict[str, Any]]) -> dict[str, Any]:
    named = {name: {"type": _KINDS[type(value)], "title": name} for name, value in features[0]["properties"].items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"{asked.base}{asked.path}",
        "type": "object",
        "title": item["title"],
        "properties": {**named, "geometry": {"format": "geometry-point"}},
    }


def _items(asked: Asked, features: list[dict[str, Any]]) -> Reply:
    filters = {name: value for name, value in asked.params.items() if name not in _KNOWN}
    for name in filters:
        if name not in features[0]["properties"]:
            raise Wrong(400, f"There is no parameter {name!r}.")
    where = _crs(asked.params.get("crs", CRS84))
    box = _box(asked.params)
    found = [item for item in features if _fits(item, filters) and (box is None or _inside(item, *box))]
    limit, offset = whole(asked.params, "limit", 10, 1, 1_000), whole(asked.params, "offset", 0)
    page = found[offset : offset + limit]
    links = [_link(asked.link(), "self", _GEOJSON)]
    if offset + limit < len(found):
        links.append(_link(asked.link(offset=offset + limit, limit=limit), "next", _GEOJSON))
    body = {
        "type": "FeatureCollection",
        "numberMatched": len(found),
        "numberReturned": len(page),
        "features": [_feature(item, where) for item in page],
        "links": links,
    }
    return as_json(body, _GEOJSON, Content_Crs=f"<{where}>")


def _item(asked: Asked, features: list[dict[str, Any]], id: str) -> Reply:
    where = _crs(asked.params.get("crs", CRS84))
    for item in features:
        if str(item["id"]) == id:
            links = [_link(asked.link(), "self", _GEOJSON)]
            return as_json({**_feature(item, where), "links": links}, _GEOJSON, Content_Crs=f"<{where}>")
    raise Wrong(404, "There is no such feature.")


def _feature(item: Mapping[str, Any], where: str) -> dict[str, Any]:
    place = {"type": "Point", "coordinates": item["utm" if where == UTM else "lonlat"]}
    return {"type": "Feature", "id": item["id"], "geometry": place, "properties": item["properties"]}


def _crs(text: str) -> str:
    if text not in (CRS84, UTM):
        raise Wrong(400, "crs must be one that the collection lists.")
    return text


def _box(params: Mapping[str, str]) -> tuple[str, list[float]] | None:
    if "bbox" not in params:
        return None
    try:
        numbers = [float(part) for part in params["bbox"].split(",")]
    except ValueError:
        numbers = []
    if len(numbers) != 4:
        raise Wrong(400, "bbox must be four numbers.")
    return _crs(params.get("bbox-crs", CRS84)), numbers


def _inside(item: Mapping[str, Any], where: str, box: list[float]) -> bool:
    x, y = item["utm" if where == UTM else "lonlat"]
    return bool(box[0] <= x <= box[2] and box[1] <= y <= box[3])


def _fits(item: Mapping[str, Any], filters: Mapping[str, str]) -> bool:
    return all(_written(item["properties"][name]) == value for name, value in filters.items())


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
