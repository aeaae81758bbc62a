"""Is this address, file or folder a feed of one of the mobility standards? By what it holds, not by its name alone."""

from __future__ import annotations

import contextlib
import re
import struct
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit, urlunsplit

from nabe.adapters.mobility.archive import KNOWN, Archive
from nabe.adapters.mobility.gbfs import feed_list
from nabe.adapters.mobility.spec import tables
from nabe.adapting.json_http.stream import Broken, decode
from nabe.errors import NabeError
from nabe.outbound import Client
from nabe.ports.source import AdapterContext

_SNIFF_S, _HEAD, _MOST_JSON = 10.0, 65_536, 4_000_000
#: Addresses worth one request: all others are left to the adapters of plain files and interfaces.
_HINT = re.compile(
    r"gbfs|gtfs|(^|[/._-])mds([/._-]|$)|\.zip$|\.pbf?$|vehicle[_-]?positions|trip[_-]?updates|(service)?alerts?($|\.)",
    re.IGNORECASE,
)
#: A message of GTFS Realtime begins with its header, and that with its version: field 1 in field 1, three signs.
_REALTIME = re.compile(rb"\x0a[\x05-\x7f]\x0a\x03[12]\.0", re.DOTALL)
_ENOUGH_FILES = 2


def sniffed(source: str, context: AdapterContext) -> dict[str, Any] | None:
    """The connection for a feed of GBFS, MDS, GTFS or GTFS Realtime; None for all else."""
    parts = urlsplit(source)
    if parts.scheme in ("http", "https"):
        return _of_address(source, context)
    return None if "://" in source else _of_path(source, context)


def _of_path(source: str, context: AdapterContext) -> dict[str, Any] | None:
    path = Path(source).expanduser()
    full = path if path.is_absolute() else Path.cwd() / path
    if not full.exists() and not path.is_absolute():
        full = Path(context.root) / path
    try:
        kind = _kind_of_folder(full) if full.is_dir() else _kind_of_file(full) if full.is_file() else ""
    except OSError:
        return None
    return {"kind": kind, "path": _shown(full, context)} if kind else None


def _kind_of_folder(folder: Path) -> str:
    names = {item.name for item in folder.iterdir() if item.is_file()}
    if len(KNOWN & names) >= _ENOUGH_FILES:
        return "gtfs"
    if "gbfs.json" in names and _is_list(folder / "gbfs.json"):
        return "gbfs"
    return ""


def _kind_of_file(file: Path) -> str:
    suffix = file.suffix.lower()
    if suffix == ".zip":
        try:
            found = Archive("mobility", file, file.name, 1).names()
        except NabeError:
            return ""
        return "gtfs" if len(KNOWN.intersection(found)) >= _ENOUGH_FILES else ""
    if suffix in (".pb", ".pbf", ".bin"):
        with file.open("rb") as stream:
            return "gtfs_rt" if _REALTIME.match(stream.read(64)) else ""
    return "gbfs" if file.name == "gbfs.json" and _is_list(file) else ""


def _is_list(file: Path) -> bool:
    if file.stat().st_size > _MOST_JSON:
        return False
    with contextlib.suppress(Broken):
        return bool(feed_list(decode(file.read_bytes().removeprefix(b"\xef\xbb\xbf")), ""))
    return False


def _shown(path: Path, context: AdapterContext) -> str:
    """Relative to the workspace where possible, so that the workspace can be moved."""
    path, root = path.resolve(), Path(context.root).resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _of_address(source: str, context: AdapterContext) -> dict[str, Any] | None:
    parts = urlsplit(source)
    if not parts.hostname or parts.username or parts.password or not _HINT.search(f"{parts.hostname}{parts.path}"):
        return None
    connection: dict[str, Any] = {"url": urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))}
    params = dict(parse_qsl(parts.query, keep_blank_values=True))
    if params:
        connection["params"] = params
    if "${" in parts.query:  # cannot be asked without its secret
        return {"kind": "gbfs", **connection} if parts.path.endswith("gbfs.json") else None
    head = _head(source, context)
    if head.startswith(b"PK\x03\x04"):
        return {"kind": "gtfs", **connection} if _begins_as_gtfs(head) else None
    if _REALTIME.match(head):
        return {"kind": "gtfs_rt", **connection}
    if not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return None
    try:
        document = decode(head.removeprefix(b"\xef\xbb\xbf"))
    except Broken:
        return None
    if feeds := feed_list(document, "de"):
        own = parts.hostname.lower()
        hosts = sorted({(urlsplit(urljoin(source, url)).hostname or own).lower() for url in feeds.values()} - {own})
        return {"kind": "gbfs", **connection, **({"hosts": hosts[:10]} if hosts else {})}
    return _mds(document, connection)


def _mds(document: Any, connection: dict[str, Any]) -> dict[str, Any] | None:
    """An endpoint of MDS: its version, and its records under the endpoint's own name."""
    version = document.get("version") if isinstance(document, dict) else None
    if not isinstance(version, str) or not re.match(r"[12]\.[0-9]", version) or "data" in document:
        return None
    for spec in tables("mds").values():
        path = str(spec.more["path"])
        holds = any(way.partition("[")[0] in document for way in spec.more.get("rows", ()))
        if holds and connection["url"].endswith(f"/{path}"):
            base = connection["url"].removesuffix(path)
            return {**connection, "kind": "mds", "url": base, "version": ".".join(version.split(".")[:2])}
    return None


def _head(url: str, context: AdapterContext) -> bytes:
    """The beginning of an answer; of a JSON document up to 4 MB."""
    client = Client("mobility", allow_hosts=context.allow_hosts, most_bytes=1 << 31, timeout_s=_SNIFF_S, packed=True)
    accept = "application/vnd.mds+json;version=2.0, application/json, */*;q=0.5"
    found = b""
    try:
        with contextlib.closing(client.ask(url, headers={"Accept": accept})) as answer:
            if answer.status != 200:
                return b""
            for chunk in answer.chunks():
                found += chunk
                if len(found) >= (_MOST_JSON if found.lstrip()[:1] == b"{" else _HEAD):
                    break
    except NabeError:
        return b""
    finally:
        client.close()
    return found


def _begins_as_gtfs(head: bytes) -> bool:
    """Is the first file in this archive one of GTFS? By the local file headers (APPNOTE.TXT, 4.3.7)."""
    files = {
        name if name.endswith(".geojson") else f"{name}.txt"
        for name in (str(spec.more.get("file", table)) for table, spec in tables("gtfs").items())
    }
    at = 0
    while head[at : at + 4] == b"PK\x03\x04" and len(head) >= at + 30:
        packed, _, name_size, extra_size = struct.unpack_from("<IIHH", head, at + 18)
        name = head[at + 30 : at + 30 + name_size].decode("utf-8", "replace")
        if not name.endswith("/"):
            return name.rpartition("/")[2] in files
        at += 30 + name_size + extra_size + packed
    return False
