"""A small OGC API Features that really filters and pages: bbox, datetime, properties as parameters, and `next` links."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import shapely

from nabe.testing.silo import Reply, Request

_CORE = "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core"
_NAMED = "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables-query-parameters"
_PARAMS = ("limit", "offset", "bbox", "datetime", "crs", "f")


@dataclass
class ApiServer:
    """`rows` by property; places as shapely shapes. `schema`: JSON Schema of the properties; `time`: the one of datetime."""

    rows: Sequence[dict[str, Any]]
    schema: dict[str, Any]
    time: str = "seen"
    most: int = 10_000
    links: bool = True
    pages: bool = True
    matched: bool = True
    content_crs: str = ""
    conforms: tuple[str, ...] = (_CORE, _NAMED)
    asked: list[dict[str, str]] = field(default_factory=list)

    def __call__(self, request: Request) -> Reply:
        root = f"http://{request.headers['host']}/api"
        match request.path.removeprefix("/api").strip("/").split("/"):
            case [""]:
                links = [{"rel": rel, "href": f"{root}/{rel}"} for rel in ("conformance", "data", "service-desc")]
                return Reply({"title": "Orte", "links": links})
            case ["conformance"]:
                return Reply({"conformsTo": self.conforms})
            case ["collections"]:
                return Reply(
                    {
                        "links": [{"rel": "self"}],
                        "collections": [self.collection(), {"id": "bild", "itemType": "coverage"}],
                    }
                )
            case ["collections", "orte"]:
                return Reply(self.collection())
            case ["collections", "orte", "queryables"]:
                return Reply({"type": "object", "properties": self.schema})
            case ["collections", "orte", "items"]:
                return self.items(request, root)
        return Reply({"code": "NotFound"}, 404)

    def collection(self) -> dict[str, Any]:
        return {
            "id": "orte",
            "title": "Orte der Stadt",
            "description": "Alle Orte",
            "keywords": ["Ort", "Stadt"],
            "itemType": "feature",
            "links": [{"rel": "items", "href": "items"}],
            "storageCrs": "http://www.opengis.net/def/crs/EPSG/0/25832",
        }

    def items(self, request: Request, root: str) -> Reply:
        given = request.params
        self.asked.append(given)
        if unknown := [name for name in given if name not in (*_PARAMS, *self.schema)]:
            return Reply({"code": "InvalidParameterValue", "description": f"unknown {unknown[0]}"}, 400)
        rows = [row for row in self.rows if self.wanted(row, given)]
        offset, limit = int(given.get("offset", 0)) if self.pages else 0, min(int(given.get("limit", 10)), self.most)
        page = rows[offset : offset + limit]
        links = []
        if self.links and (offset + limit < len(rows) or not self.pages):
            following = {**given, "offset": int(given.get("offset", 0)) + limit}
            links = [
                {
                    "rel": "next",
                    "type": "application/geo+json",
                    "href": f"{root}/collections/orte/items?{urlencode(following)}",
                }
            ]
        body = {
            "type": "FeatureCollection",
            "timeStamp": dt.datetime.now(dt.UTC).isoformat(),
            "numberReturned": len(page),
            "features": [self.feature(row) for row in page],
            "links": links,
        }
        if self.matched:
            body["numberMatched"] = len(rows)
        headers = {"Content_Type": "application/geo+json"}
        if self.content_crs:
            headers["Content_Crs"] = f"<{self.content_crs}>"
        return Reply(body, **headers)

    def wanted(self, row: dict[str, Any], given: dict[str, str]) -> bool:
        if "bbox" in given:
            box = shapely.box(*map(float, given["bbox"].split(",")))
            if row["place"] is not None and not row["place"].intersects(box):
                return False
        if "datetime" in given and row[self.time] is not None:
            low, _, high = given["datetime"].partition("/")
            moment = row[self.time].isoformat()
            if (low != ".." and moment < low) or (high != ".." and moment > high.replace("Z", "+00:00")):
                return False
        return all(row[name] is not None and str(row[name]) == given[name] for name in self.schema if name in given)

    def feature(self, row: dict[str, Any]) -> dict[str, Any]:
        plain = {name: value for name, value in row.items() if name != "place"}
        plain = {name: item.isoformat() if isinstance(item, dt.date) else item for name, item in plain.items()}
        place = json.loads(shapely.to_geojson(row["place"])) if row["place"] is not None else None
        number = next(n for n, item in enumerate(self.rows) if item is row)
        return {"type": "Feature", "id": number, "geometry": place, "properties": plain}
