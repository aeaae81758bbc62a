"""Telling what answers at a web address before it is declared: few requests, little time, no errors."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from nabe.adapting.json_http.stream import Broken, decode
from nabe.errors import NabeError
from nabe.outbound import Client
from nabe.ports.source import AdapterContext

_SNIFF_S, _MOST_BYTES = 10.0, 4_000_000
#: Names of files on the web, which the `file` adapter reads.
FILES = frozenset(
    ".csv .tsv .txt .tab .xlsx .xlsm .xls .ods .json .jsonl .ndjson .geojson .parquet .geoparquet .pq .gpkg .shp .fgb"
    " .zip .gz".split()
)


def interface_at(source: str) -> tuple[str, str] | None:
    """(address without path, path) of an http(s) address that may be an interface: no file by its name, no log-in."""
    parts = urlsplit(source)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.password:
        return None
    if PurePosixPath(parts.path.lower()).suffix in FILES or "${" in source:
        return None
    return urlunsplit((parts.scheme, parts.netloc, "", "", "")), parts.path


def peek(url: str, context: AdapterContext, headers: Mapping[str, str] | None = None) -> Any:
    """The JSON at an address; None if there is none, or it is large, slow, refused or anything else."""
    client = Client(
        "interface", allow_hosts=context.allow_hosts, most_bytes=_MOST_BYTES, timeout_s=_SNIFF_S, packed=True
    )
    try:
        with contextlib.closing(client.ask(url, headers={"Accept": "application/json", **(headers or {})})) as answer:
            if answer.status != 200 or "html" in answer.headers.get("content-type", ""):
                return None
            return decode(answer.read().removeprefix(b"\xef\xbb\xbf"))
    except (NabeError, Broken):
        return None
    finally:
        client.close()
