"""Looking into a feed before it is declared: which publications it has, and which of their columns hold something."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from nabe.adapters.datex2.feed import Feed
from nabe.adapters.datex2.settings import TableSettings
from nabe.adapters.datex2.translate import KINDS, records, told
from nabe.adapting.geometry import degrees
from nabe.adapting.json_http.source import made_table, read_rows
from nabe.adapting.settings import parsed
from nabe.adapting.xml.markup import XmlStream
from nabe.errors import NabeError, SourceRefused, Unknown
from nabe.model.dataset import Field
from nabe.outbound import Client
from nabe.ports.source import AdapterContext, Batches, Column, Table

_SNIFF_S, _SNIFF_BYTES = 10.0, 4_096
#: Rows from which it is told which columns hold something.
_MOST_ROWS = 20_000
#: The top element of a publication, whatever its prefix; in version 3 its namespace says that it is one.
_TOP = re.compile(rb"<([\w.-]+:)?(d2LogicalModel|messageContainer|payload)[\s>]")
_SPACE = b"datex2.eu/schema/"
_NO_XML = re.compile(r"\.(csv|tsv|txt|xlsx?|ods|json|geojson|ndjson|parquet|gpkg|shp|fgb|zip|gz|pdf|html?)$", re.I)
#: Reference systems of German cities whose coordinates stand in publications instead of degrees.
_METRES = ("EPSG:25832", "EPSG:25833", "EPSG:31467", "EPSG:31468", "EPSG:31466")
_KEYS = {
    "situation": ("id",),
    "parking": ("id",),
    "parking_status": ("id",),
    "measurement": ("site_id", "index"),
    "measurement_site": ("id",),
}


def sniffed(source: str, context: AdapterContext) -> dict[str, Any] | None:
    """The connection for a file, pattern or address that begins as a publication does; None for all else."""
    parts = urlsplit(source)
    if parts.scheme in ("http", "https"):
        if not parts.hostname or parts.username or parts.password or _NO_XML.search(parts.path) or "${" in source:
            return None
        if not _is_publication(_head(source, context)):
            return None
        params = dict(parse_qsl(parts.query, keep_blank_values=True))
        connection: dict[str, Any] = {"url": urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))}
        return connection | ({"params": params} if params else {})
    if "://" in source:
        return None
    path = Path(source).expanduser()
    full = path if path.is_absolute() else Path.cwd() / path
    if not full.parent.is_dir():
        full = Path(context.root) / path
    try:
        wild = any(sign in full.name for sign in "*?[")
        first = next(iter(sorted(full.parent.glob(full.name))), None) if wild else full
        if first is None or not first.is_file() or first.suffix.lower() != ".xml":
            return None
        with first.open("rb") as file:
            if not _is_publication(file.read(_SNIFF_BYTES)):
                return None
    except (OSError, ValueError):
        return None
    folder, root = full.parent.resolve(), Path(context.root).resolve()
    location = folder.relative_to(root).as_posix() if folder.is_relative_to(root) else folder.as_posix()
    return {"location": location, "path": full.name}


def _is_publication(head: bytes) -> bool:
    found = _TOP.search(head)
    return found is not None and (found[2] == b"d2LogicalModel" or _SPACE in head)


def _head(url: str, context: AdapterContext) -> bytes:
    client = Client("feed", allow_hosts=context.allow_hosts, most_bytes=1 << 30, timeout_s=_SNIFF_S, packed=True)
    try:
        with contextlib.closing(client.ask(url, headers={"Accept": Feed.accept})) as answer:
            media = answer.headers.get("content-type", "").lower()
            if answer.status != 200 or "json" in media or "html" in media:
                return b""
            head = b""
            for chunk in answer.chunks():
                head += chunk[:_SNIFF_BYTES]
                if len(head) >= _SNIFF_BYTES:
                    break
            return head
    except NabeError:
        return b""
    finally:
        client.close()


class Datex2Probe:
    """A look into the feed of a connection."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._tables: dict[str, dict[str, Any]] = {}

    def discover(self) -> list[str]:
        """The publications, by the names of `source.publication`; those of several files with the file's name."""
        found: dict[str, dict[str, Any]] = {}
        if self._feed.folder is None:
            for name in told(self._feed.system, self._feed.document(_at(""))):
                found[str(name)] = {"publication": name}
        else:
            seen: dict[str, list[str]] = {}
            places = self._feed.places("")
            for place in places:
                with contextlib.suppress(SourceRefused):
                    for name in told(self._feed.system, self._feed.document(_at(place.name))):
                        seen.setdefault(name, []).append(place.name)
            for publication, files in seen.items():
                for file in [""] if len(files) == len(places) else files:
                    label = f"{file}#{publication}" if file else publication
                    found[label] = {"publication": publication} | ({"path": file} if file else {})
        if not found:
            raise SourceRefused(self._feed.system, "there is no publication that is read.", hint="See the guide.")
        self._tables = found
        return list(found)

    def describe(self, table: str, progress: Callable[[float], None] = lambda _: None) -> Table:
        """The columns that hold something; what else is in the XML can be declared as `element.…`."""
        if table not in self._tables:
            self.discover()
        if table not in self._tables:
            raise Unknown(f"There is no table {table!r}.", hint=f"Tables: {', '.join(self._tables)}.", table=table)
        progress(0.0)
        source = dict(self._tables[table])
        settings = parsed(TableSettings, source, self._feed.system, "source")
        document = self._feed.document(settings)
        rows = list(itertools.islice(records(self._feed.system, document, settings), _MOST_ROWS + 1))
        if isinstance(document, XmlStream):
            document.pieces.close()  # type: ignore[attr-defined]
        notes = ["Columns without any value are left out; what else the XML holds can be declared as element.…."]
        metres = _metres(rows)
        if metres:
            source["coordinates"] = metres
            notes.append(f"Coordinates are no degrees; they lie in Germany if read as {metres}: check it.")
        kind = KINDS[settings.publication]
        columns = tuple(
            Column(name, type, "element", nullable=any(row[name] is None for row in rows))
            for name, type in kind.columns.items()
            if not rows or any(row[name] is not None for row in rows)
        )
        progress(1.0)
        ids = [tuple(row[name] for name in _KEYS[settings.publication]) for row in rows]
        unique = len(set(ids)) == len(ids)
        crs = (metres or "OGC:CRS84") if "location" in kind.columns else ""
        return Table(
            table,
            columns,
            source,
            key=_KEYS[settings.publication] if unique else (),
            crs=crs,
            rows=len(rows) if self._feed.folder is None and len(rows) <= _MOST_ROWS else None,
            notes=tuple(notes),
        )

    def sample(self, table: Table, columns: tuple[str, ...] = ()) -> Batches:
        """All rows of these columns, streamed."""
        wanted = [column for column in table.columns if not columns or column.name in columns]
        settings = parsed(TableSettings, table.source, self._feed.system, "source")
        fields = [Field(column.name, column.type, column=column.name) for column in wanted]
        made = made_table(self._feed.system, fields, settings)
        rows = read_rows(self._feed, made, settings, [], strict=False)
        return Batches(made.schema, rows, rows.close)


def _at(path: str) -> TableSettings:
    return TableSettings(publication="situation", path=path)


def _metres(rows: list[dict[str, Any]]) -> str:
    """The reference system in which numbers that are no degrees lie in Germany; empty if they are degrees."""
    for row in rows:
        for east, north in _numbers(row.get("element")):
            if abs(east) <= 180 and abs(north) <= 90:
                continue
            for crs in _METRES:
                lon, lat = (float(item) for item in degrees(crs, east, north))
                if 5.5 < lon < 15.6 and 47.0 < lat < 55.5:
                    return crs
    return ""


def _numbers(element: Any) -> list[tuple[float, float]]:
    """Longitudes and latitudes as written, wherever they stand in an element."""
    if isinstance(element, list):
        return [pair for item in element for pair in _numbers(item)]
    if not isinstance(element, dict):
        return []
    found = [pair for item in element.values() for pair in _numbers(item)]
    with contextlib.suppress(KeyError, TypeError, ValueError):
        found.append((float(element["longitude"]), float(element["latitude"])))
    return found
