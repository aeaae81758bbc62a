"""Documents of OGC API Features as plain data, and the fast path to GeoJSON."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
import pyarrow as pa

from nabe.apis.ogc.extent import Extent
from nabe.apis.ogc.parse import CRS84
from nabe.formats.text import features
from nabe.formats.values import texts
from nabe.hub import Found
from nabe.model.catalogue import City
from nabe.model.dataset import Dataset
from nabe.model.expr import ALL_ROWS
from nabe.model.query import Scan
from nabe.model.result import Result

CONFORMANCE = tuple(
    f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}" for name in ("core", "oas30", "html", "geojson")
)
GEOJSON, HTML, JSON = "application/geo+json", "text/html", "application/json"
OPENAPI = "application/vnd.oai.openapi+json;version=3.0"
GREGORIAN = "http://www.opengis.net/def/uom/ISO-8601/0/Gregorian"
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


def collection(found: Found, base: str, lang: str, extent: Extent | None = None) -> dict[str, Any]:
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
    parts: dict[str, Any] = {}
    if extent is not None and extent.box is not None:
        parts["spatial"] = {"bbox": [extent.box], "crs": CRS84}
    if extent is not None and extent.times is not None:
        parts["temporal"] = {"interval": [list(extent.times)], "trs": GREGORIAN}
    return body | ({"extent": parts} if parts else {})


def page(
    result: Result, dataset: Dataset, url: str, query: Mapping[str, str], scan: Scan, *, now: dt.datetime
) -> bytes:
    """/req/core/fc-response: a page of features. Reads the result to its end and closes it."""
    table = result.table()
    # A filtered page does not know the numbers of its rows.
    numbered = scan.where == ALL_ROWS
    made = rows(table, dataset, scan.offset if numbered else None)
    body: dict[str, Any] = {
        "type": "FeatureCollection",
        "timeStamp": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "numberReturned": len(made),
        "features": made,
        "links": _page_links(dataset, url, query, scan, len(made), result.total),
    }
    if result.total is not None:
        body["numberMatched"] = result.total
    return _ENCODER.encode(body)


def rows(table: pa.Table, dataset: Dataset, offset: int | None) -> list[Any]:
    """Features with their ids; `offset` is the number of the first row, None if it is not known."""
    made: list[Any] = []
    for batch in table.to_batches():
        start = None if offset is None else offset + len(made)
        made += features(batch, table.schema, ids(batch, dataset, start))
    return made


def ids(batch: pa.RecordBatch, dataset: Dataset, offset: int | None) -> list[str] | None:
    """Feature ids: key values joined by `.`, or row numbers, or none; see `parse.feature`."""
    if not dataset.key or any(name not in batch.schema.names for name in dataset.key):
        return None if offset is None else [str(offset + number) for number in range(batch.num_rows)]
    columns = [_texts(batch.column(name)) for name in dataset.key]
    if len(columns) == 1:
        return columns[0]
    return [".".join(quote(value, safe="").replace(".", "%2E") for value in row) for row in zip(*columns, strict=True)]


def _texts(array: Any) -> list[str]:
    """Values as they stand in a URL."""
    if pa.types.is_temporal(array.type):
        return [value or "" for value in texts(array)]
    values = array.to_pylist()
    if pa.types.is_string(array.type):
        return ["" if value is None else value for value in values]
    return ["" if value is None else str(value) for value in values]


def _page_links(
    dataset: Dataset, url: str, query: Mapping[str, str], scan: Scan, returned: int, total: int | None
) -> list[dict[str, str]]:
    rest = {key: value for key, value in query.items() if key not in ("f", "offset")}
    start = f"{url}?{urlencode(rest)}&" if rest else f"{url}?"
    offset, limit = scan.offset, scan.limit or 0
    here = f"{start}offset={offset}&" if offset else start
    links = [
        link(f"{here}f=json", "self", GEOJSON),
        link(f"{here}f=html", "alternate", HTML),
        link(url.removesuffix("/items"), "collection", JSON, dataset.id),
    ]
    if returned == limit and (total is None or offset + returned < total):
        links.append(link(f"{start}offset={offset + limit}&f=json", "next", GEOJSON))
    if offset > 0:
        links.append(link(f"{start}offset={max(0, offset - limit)}&f=json", "prev", GEOJSON))
    return links


def one(table: pa.Table, dataset: Dataset, url: str, id: str) -> dict[str, Any]:
    """/req/core/f-success: one feature. `url` is that of /items."""
    made = {"id": id, **msgspec.json.decode(_ENCODER.encode(rows(table, dataset, None)[0]))}
    here = f"{url}/{quote(made['id'], safe='')}"
    made["links"] = [*both_ways(here, GEOJSON), link(url.removesuffix("/items"), "collection", JSON, dataset.id)]
    return made
