"""Is an address that of a geodata service? With two requests at most."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from nabe.adapters.ogc_features.settings import divided
from nabe.adapting.json_http.paging import with_params
from nabe.errors import NabeError
from nabe.outbound import Client
from nabe.ports.source import AdapterContext

_SECONDS, _MOST = 10.0, 4_000_000
_ACCEPT = "application/json, application/xml;q=0.6, text/xml;q=0.6, */*;q=0.1"
_RELATIONS = frozenset({"conformance", "data", "items"})
#: Names of files on the web, which are not asked.
_FILES = frozenset(
    ".csv .tsv .txt .xlsx .xlsm .xls .ods .json .jsonl .ndjson .geojson .parquet .pq .gpkg .shp .fgb .zip .gz .xml .gml .pdf"
    " .html".split()
)
_DEFINED = "http://www.opengis.net/def/rel/ogc/1.0/"


def sniffed(source: str, context: AdapterContext) -> Mapping[str, Any] | None:
    """The connection for the address of an OGC API or a WFS, else None."""
    parts = urlsplit(source)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        return None
    query = {name.lower(): value for name, value in parse_qsl(parts.query, keep_blank_values=True)}
    if query.get("request", "GetCapabilities").lower() != "getcapabilities":
        return None  # one answer of a service is a file
    if not query and PurePosixPath(parts.path.lower()).suffix in _FILES:
        return None
    url, params, _ = divided(source)
    connection: dict[str, Any] = {"url": url} | ({"params": params} if params else {})
    if "${" in parts.query:
        return connection | {"type": "wfs"} if query.get("service", "").lower() == "wfs" else None
    client = Client("interface", allow_hosts=context.allow_hosts, most_bytes=_MOST, timeout_s=_SECONDS, packed=True)
    with contextlib.closing(client):
        words = set(parts.path.lower().replace("_", "/").replace("-", "/").split("/"))
        likely = query.get("service", "").lower() == "wfs" or bool(words & {"wfs", "ows"}) or "map" in query
        if not likely:
            for more in ({}, {"f": "json"}):
                body = _answer(client, with_params(url, list({**params, **more}.items())))
                if _is_api(body):
                    own = {"params": {**params, **more}} if more else {}
                    return {**connection, "type": "ogcapi", **own}
                if not body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
                    return None
                if not _is_page(body):
                    break
        if not likely and _is_page(body):
            return None
        asked = {"service": "WFS", "request": "GetCapabilities", "acceptversions": "2.0.0,1.1.0"}
        body = _answer(client, with_params(url, list({**params, **asked}.items())))
        return {**connection, "type": "wfs"} if _is_wfs(body) else None


def _answer(client: Client, url: str) -> bytes:
    """The body, or its beginning; empty if there is none to be had."""
    try:
        with contextlib.closing(client.ask(url, headers={"Accept": _ACCEPT})) as answer:
            if answer.status not in (200, 400):  # a WFS that is asked for nothing answers with an exception
                return b""
            body = b""
            for chunk in answer.chunks():
                body += chunk
                start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
                if start and (start not in b"{<" or (start == b"<" and len(body) > 8_000)):
                    break
            return body
    except NabeError:
        return b""


def _is_api(body: bytes) -> bool:
    """A landing page, a list of collections or one of them: told by the relations of its links (OGC 17-069r4, 7.2)."""
    if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return False
    links = document.get("links")
    if not isinstance(links, list):
        return False
    relations = {str(item.get("rel", "")).removeprefix(_DEFINED) for item in links if isinstance(item, dict)}
    whole = isinstance(document.get("collections"), list) or "conformsTo" in document
    return "stac_version" not in document and (len(relations & _RELATIONS) > 1 or (whole and bool(relations)))


def _is_page(body: bytes) -> bool:
    start = body.lstrip(b"\xef\xbb\xbf \t\r\n")[:200].lower()
    return start.startswith((b"<!doctype html", b"<html"))


def _is_wfs(body: bytes) -> bool:
    head = body[:8_000]
    return b"WFS_Capabilities" in head and head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
