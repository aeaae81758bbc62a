"""Documents of OGC API Features as plain data, and the fast path to GeoJSON."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pyarrow as pa

from nabe.apis.ogc.parse import CRS84
from nabe.formats.text import features
from nabe.hub import Found
from nabe.model.catalogue import City
from nabe.model.dataset import Dataset
from nabe.model.result import Result

CONFORMANCE = tuple(
    f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}" for name in ("core", "oas30", "html", "geojson")
)
GEOJSON, HTML, JSON = "application/geo+json", "text/html", "application/json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
_ENCODER = msgspec.json.Encoder()


def link(href: str, rel: str, type: str = JSON, title: str = "") -> dict[str, str]:
    """A link object (RFC 8288 in JSON)."""
    return {"href": href, "rel": rel, "type": type} | ({"title": title} if title else {})


def both_ways(url: str, json_type: str, *, html: bool = False) -> list[dict[str, str]]:
    """self and alternate of a document that exists as JSON and HTML."""
    as_json, as_html = with_f(url, "json"), with_f(url, "html")
    if html:
        return [link(as_html, "self", HTML), link(as_json, "alternate", json_type)]
    return [link(as_json, "self", json_type), link(as_html, "alternate", HTML)]


def with_f(url: str, format: str) -> str:
    """The URL with the format named."""
    return f"{url}{'&' if '?' in url else '?'}f={format}"


def landing(city: City, base: str, lang: str) -> dict[str, Any]:
    """/req/core/root-success."""
    return {
        "title": f"{city.title.in_(lang)} · Nabe",
        "description": city.description.in_(lang),
        "links": [
            *both_ways(base + "/", JSON),
            link(f"{base}/api", "service-desc", OPENAPI, "OpenAPI 3.0"),
            link(f"{base}/api?f=html", "service-doc", HTML, "API"),
            link(f"{base}/conformance", "conformance", JSON),
            link(f"{base}/collections", "data", JSON),
        ],
    }


def conformance(base: str) -> dict[str, Any]:
    """/req/core/conformance-success."""
    return {"conformsTo": list(CONFORMANCE), "links": [link(f"{base}/conformance", "self", JSON)]}


def collections(found: list[Found], base: str, lang: str) -> dict[str, Any]:
    """/req/core/fc-md-success."""
    items = [collection(item, base, lang) for item in found]
    return {"links": both_ways(f"{base}/collections", JSON), "collections": items}


def collection(found: Found, base: str, lang: str, extent: list[float] | None = None) -> dict[str, Any]:
    """/req/core/sfc-md-success."""
    dataset = found.dataset
    url = f"{base}/collections/{dataset.id}"
    links = [
        *both_ways(url, JSON),
        link(f"{url}/items?f=json", "items", GEOJSON, "GeoJSON"),
        link(f"{url}/items?f=html", "items", HTML, "HTML"),
    ]
    if dataset.licence:
        links.append({"href": f"{base.removesuffix('/ogc')}/datasets/{dataset.id}", "rel": "license", "type": HTML})
    body: dict[str, Any] = {
        "id": dataset.id,
        "title": dataset.title.in_(lang) or dataset.id,
        "description": dataset.description.in_(lang),
        "itemType": "feature",
        "crs": [CRS84],
        "links": links,
        "keywords": list(dataset.keywords),
        "access": dataset.access.value,
        "readable": found.decision.permit,
    }
    if extent is not None:
        body["extent"] = {"spatial": {"bbox": [extent], "crs": CRS84}}
    return body


def page(result: Result, dataset: Dataset, url: str, query: dict[str, str], limit: int, offset: int) -> bytes:
    """/req/core/fc-response: a page of features. Reads the result to its end."""
    table = result.table()
    links = _page_links(dataset, url, query, limit, offset, table.num_rows, result.total)
    head: dict[str, Any] = {
        "type": "FeatureCollection",
        "timeStamp": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "numberReturned": table.num_rows,
    }
    if result.total is not None:
        head["numberMatched"] = result.total
    made = rows(table, dataset, offset)
    return _ENCODER.encode(head | {"features": made, "links": links})


def rows(table: pa.Table, dataset: Dataset, offset: int = 0) -> list[dict[str, Any]]:
    """Features with their ids."""
    made: list[dict[str, Any]] = []
    for batch in table.to_batches():
        made += features(batch, table.schema, ids(batch, dataset, offset + len(made)))
    return made


def ids(batch: pa.RecordBatch, dataset: Dataset, offset: int) -> list[str]:
    """Feature ids: key values joined by `.`, or row numbers."""
    if not dataset.key or any(name not in batch.schema.names for name in dataset.key):
        return [str(offset + number) for number in range(batch.num_rows)]
    columns = [batch.column(name).to_pylist() for name in dataset.key]
    if len(columns) == 1:
        return [_text(value) for value in columns[0]]
    return [
        ".".join(quote(_text(value), safe="").replace(".", "%2E") for value in row)
        for row in zip(*columns, strict=True)
    ]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ("" if value is None else str(value))


def _page_links(
    dataset: Dataset, url: str, query: dict[str, str], limit: int, offset: int, returned: int, total: int | None
) -> list[dict[str, str]]:
    rest = {key: value for key, value in query.items() if key not in ("f", "offset")}
    here = f"{url}?{urlencode(rest | {'offset': str(offset)})}" if rest or offset else url
    links = both_ways(here, GEOJSON)
    links.append(link(url.removesuffix("/items"), "collection", JSON, dataset.id))
    if returned == limit and (total is None or offset + returned < total):
        more = urlencode(rest | {"offset": str(offset + limit), "f": "json"})
        links.append(link(f"{url}?{more}", "next", GEOJSON))
    if offset > 0:
        before = urlencode(rest | {"offset": str(max(0, offset - limit)), "f": "json"})
        links.append(link(f"{url}?{before}", "prev", GEOJSON))
    return links


def one(table: pa.Table, dataset: Dataset, url: str, id: str) -> dict[str, Any]:
    """/req/core/f-success: one feature."""
    made = rows(table, dataset)[0]
    made["id"] = id if not dataset.key else made["id"]
    collection_url = url.rsplit("/items/", 1)[0]
    made["links"] = [*both_ways(url, GEOJSON), link(collection_url, "collection", JSON)]
    return made
