"""The OpenAPI 3.0 document of this API, for the datasets that the asker may know of (/req/oas30/oas-definition-1)."""

from __future__ import annotations

from typing import Any

from nabe import __version__
from nabe.apis.ogc.parse import LIMIT, MOST
from nabe.hub import Found
from nabe.model.catalogue import City
from nabe.model.dataset import FieldType

_TYPES = {
    FieldType.STRING: {"type": "string"},
    FieldType.INTEGER: {"type": "integer", "format": "int64"},
    FieldType.NUMBER: {"type": "number", "format": "double"},
    FieldType.BOOLEAN: {"type": "boolean"},
    FieldType.DATE: {"type": "string", "format": "date"},
    FieldType.DATETIME: {"type": "string", "format": "date-time"},
}
_PROBLEM = {"description": "problem", "content": {"application/problem+json": {"schema": {"type": "object"}}}}
_ERRORS = {code: _PROBLEM for code in ("400", "401", "403", "404", "413", "429", "500", "502", "503", "504")}


def document(city: City, found: list[Found], server: str, lang: str) -> dict[str, Any]:
    """The whole document."""
    paths: dict[str, Any] = {
        "/": _get("landing page", "getLandingPage", "application/json"),
        "/api": _get("this document", "getApi", "application/vnd.oai.openapi+json;version=3.0"),
        "/conformance": _get("conformance classes", "getConformance", "application/json"),
        "/collections": _get("collections", "getCollections", "application/json"),
    }
    for item in found:
        paths |= _collection(item, lang)
    return {
        "openapi": "3.0.3",
        "info": {
            "title": f"{city.title.in_(lang)}: OGC API Features",
            "version": __version__,
            "license": {"name": "EUPL-1.2"},
        },
        "servers": [{"url": server}],
        "paths": paths,
        "components": {
            "parameters": _PARAMETERS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _get(summary: str, id: str, media: str, parameters: list[Any] | None = None) -> dict[str, Any]:
    answer = {"description": summary, "content": {media: {"schema": {"type": "object"}}}}
    common = [{"$ref": "#/components/parameters/f"}, {"$ref": "#/components/parameters/lang"}]
    common.append({"$ref": "#/components/parameters/use-case"})
    return {
        "get": {
            "summary": summary,
            "operationId": id,
            "parameters": [*(parameters or []), *common],
            "responses": {"200": answer} | _ERRORS,
        }
    }


def _collection(found: Found, lang: str) -> dict[str, Any]:
    dataset = found.dataset
    path, name = f"/collections/{dataset.id}", "".join(part.capitalize() for part in dataset.id.split("_"))
    title = dataset.title.in_(lang) or dataset.id
    filters: list[Any] = [{"$ref": f"#/components/parameters/{key}"} for key in ("limit", "bbox", "datetime", "offset")]
    for field in dataset.fields:
        if field.name in found.readable and field.type in _TYPES and field.name not in _PARAMETERS:
            filters.append(
                {
                    "name": field.name,
                    "in": "query",
                    "required": False,
                    "description": field.title.in_(lang) or field.name,
                    "schema": _TYPES[field.type],
                    "style": "form",
                    "explode": False,
                }
            )
    id = {"name": "featureId", "in": "path", "required": True, "schema": {"type": "string"}}
    return {
        path: _get(title, f"describe{name}", "application/json"),
        f"{path}/items": _get(f"features of {title}", f"get{name}", "application/geo+json", filters),
        f"{path}/items/{{featureId}}": _get(f"one of {title}", f"getOne{name}", "application/geo+json", [id]),
    }


def _query(name: str, schema: dict[str, Any], description: str, *, explode: bool = False) -> dict[str, Any]:
    return {
        "name": name,
        "in": "query",
        "required": False,
        "description": description,
        "schema": schema,
        "style": "form",
        "explode": explode,
    }


_PARAMETERS: dict[str, Any] = {
    "limit": _query(
        "limit", {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}, "features on a page"
    ),
    "bbox": _query(
        "bbox",
        {
            "type": "array",
            "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
            "items": {"type": "number"},
        },
        "west,south,east,north in degrees (CRS84)",
    ),
    "datetime": _query("datetime", {"type": "string"}, "RFC 3339 instant or interval"),
    "offset": _query("offset", {"type": "integer", "minimum": 0, "default": 0}, "features before the page"),
    "f": _query("f", {"type": "string", "enum": ["json", "html"]}, "format"),
    "lang": _query("lang", {"type": "string", "enum": ["de", "en"]}, "language"),
    "use-case": _query("use-case", {"type": "string"}, "use case for which the data are needed"),
}
