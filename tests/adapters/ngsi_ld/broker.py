"""A context broker for tests, NGSI-LD and NGSI v2: understands type, id, q, geo-queries, attrs, options, limit, offset.

Where brokers differ it is as strict as the strictest: values of another type never match, a time matches what is typed
as one, polygons are measured on the sphere, of several instances the one without datasetId is judged.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from itertools import pairwise
from typing import Any

import numpy as np
import shapely

from nabe.testing.silo import Reply, Request

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class Unreadable(ValueError):
    """A 400."""


class Broker:
    """`entities`: normalized, in the form of `api`. `most`: entities of a page, however many are asked for."""

    def __init__(
        self, entities: list[dict[str, Any]], api: str = "ngsi-ld", most: int = 1000, count: bool = True
    ) -> None:
        self.entities, self.api, self.most, self.count = entities, api, most, count

    def __call__(self, request: Request) -> Any:
        path = request.path.removeprefix("/api").strip("/")
        base = "ngsi-ld/v1" if self.api == "ngsi-ld" else "v2"
        types = sorted({item["type"] for item in self.entities})
        if path == "v2" and self.api == "ngsi-v2":
            return {"entities_url": "/v2/entities", "types_url": "/v2/types", "subscriptions_url": "/v2/subscriptions"}
        if path == f"{base}/types":
            if self.api == "ngsi-v2":
                return [{"type": name, "attrs": {}, "count": 1} for name in types]
            return {"id": "urn:ngsi-ld:EntityTypeList:1", "type": "EntityTypeList", "typeList": types}
        if path != f"{base}/entities":
            return Reply({"title": "no"}, 404)
        try:
            found = [item for item in self.entities if self._wanted(item, request.params)]
        except Unreadable as error:
            return Reply({"type": "BadRequestData", "title": str(error)}, 400)
        offset, limit = int(request.params.get("offset", 0)), int(request.params.get("limit", 20))
        if limit > 1000:
            return Reply({"title": "limit"}, 400)
        page = [self._shown(item, request.params) for item in found[offset : offset + min(limit, self.most)]]
        options = request.params.get("options", "").split(",")
        counted = request.params.get("count") == "true" if self.api == "ngsi-ld" else "count" in options
        header = "NGSILD-Results-Count" if self.api == "ngsi-ld" else "Fiware-Total-Count"
        return Reply(page, **({header: str(len(found))} if counted and self.count else {}))

    def _wanted(self, entity: dict[str, Any], params: dict[str, str]) -> bool:
        if entity["type"] not in params["type"].split(","):
            return False
        if "id" in params:
            ids = params["id"].split(",")
            if self.api == "ngsi-ld" and not all(re.match(r"[A-Za-z][\w+.-]*:", id) for id in ids):
                raise Unreadable("id is no URI")
            if entity["id"] not in ids:
                return False
        if "attrs" in params and self.api == "ngsi-ld" and not set(params["attrs"].split(",")) & set(entity):
            return False
        if "q" in params and not all(self._holds(entity, term) for term in params["q"].split(";")):
            return False
        return "georel" not in params or self._near(entity, params)

    def _holds(self, entity: dict[str, Any], term: str) -> bool:
        match = re.fullmatch(r"([A-Za-z_][\w-]*)(==|>=|<=|>|<)(.+)", term)
        if match is None:
            raise Unreadable(term)
        name, op, text = match.groups()
        attribute = entity.get(name)
        if isinstance(attribute, list):
            attribute = next((item for item in attribute if "datasetId" not in item), None)
        if attribute is None:
            return False
        return any(self._compared(attribute, op, one) for one in (text.split(",") if op == "==" else [text]))

    def _compared(self, attribute: dict[str, Any], op: str, text: str) -> bool:
        value = attribute.get("value")
        is_time = attribute.get("type") == "DateTime" or (isinstance(value, dict) and value.get("@type") == "DateTime")
        wanted: Any
        if _TIME.fullmatch(text):
            if not is_time:
                return False
            value = _moment(value["@value"] if isinstance(value, dict) else value)
            wanted = _moment(text)
        elif self.api == "ngsi-ld" and text.startswith('"'):
            wanted = text.strip('"')
            if not isinstance(value, str):
                return False
        elif text in ("true", "false"):
            wanted = text == "true"
            if not isinstance(value, bool):
                return False
        elif re.fullmatch(r"-?\d+(\.\d+)?", text):
            wanted = float(text)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                return False
        elif self.api == "ngsi-v2" and not set(text) & set("<>\"'=;()"):
            wanted = text
            if not isinstance(value, str) or is_time:
                return False
        else:
            raise Unreadable(text)
        if op == "==":
            return bool(value == wanted)
        if isinstance(wanted, (str, bool)):
            raise Unreadable(text)
        return bool({">=": value >= wanted, "<=": value <= wanted, ">": value > wanted, "<": value < wanted}[op])

    def _near(self, entity: dict[str, Any], params: dict[str, str]) -> bool:
        attribute = entity.get(params.get("geoproperty", "location"))
        if attribute is None or attribute.get("value") is None:
            return False
        if self.api == "ngsi-ld":
            if params["georel"] != "within" or params["geometry"] != "Polygon":
                raise Unreadable("georel")
            (ring,) = json.loads(params["coordinates"])
        else:
            if params["georel"] != "coveredBy" or params["geometry"] != "polygon":
                raise Unreadable("georel")
            ring = [[float(x) for x in corner.split(",")][::-1] for corner in params["coords"].split(";")]
        value = attribute["value"]
        place = (
            shapely.Point([float(x) for x in value.split(",")][::-1])
            if isinstance(value, str)
            else shapely.geometry.shape(value)
        )
        return bool(_on_sphere(ring).covers(place))

    def _shown(self, entity: dict[str, Any], params: dict[str, str]) -> dict[str, Any]:
        names = params["attrs"].split(",") if "attrs" in params else None
        shown = {
            name: value for name, value in entity.items() if name in ("id", "type") or names is None or name in names
        }
        options = params.get("options", "").split(",")
        if "keyValues" in options:
            return {name: _simple(value) for name, value in shown.items()}
        if "concise" in options:
            return {name: _concise(value) for name, value in shown.items()}
        return shown


def _simple(attribute: Any) -> Any:
    if isinstance(attribute, list):
        return _simple(next((item for item in attribute if "datasetId" not in item), attribute[0]))
    if not isinstance(attribute, dict):
        return attribute
    return next(attribute[name] for name in ("value", "object", "languageMap", "vocab") if name in attribute)


def _concise(attribute: Any) -> Any:
    if not isinstance(attribute, dict):
        return attribute
    rest = {name: value for name, value in attribute.items() if name != "type"}
    return rest["value"] if rest.keys() == {"value"} and not isinstance(rest["value"], dict) else rest


def _moment(text: str) -> dt.datetime:
    """Without a zone it is UTC; what is no time is long ago."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        return dt.datetime(1, 1, 1, tzinfo=dt.UTC)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _on_sphere(ring: list[list[float]]) -> Any:
    """The polygon whose edges are great circles, as MongoDB's 2dsphere has it."""
    points: list[Any] = []
    for a, b in pairwise(ring):
        lon, lat = np.radians([a[0], b[0]]), np.radians([a[1], b[1]])
        ends = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
        share = np.linspace(0, 1, 100)[:, None]
        line = ends[0] * (1 - share) + ends[1] * share
        line /= np.linalg.norm(line, axis=1)[:, None]
        points += np.degrees(np.stack([np.arctan2(line[:, 1], line[:, 0]), np.arcsin(line[:, 2])], axis=1)).tolist()
    return shapely.Polygon(points)
