"""Opening files: from a dataset's `source` to parts that can be read, found again while the files stay the same."""

from __future__ import annotations

import datetime as dt
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin, urlsplit

from nabe.adapters.file.columnar import open_parquet
from nabe.adapters.file.delimited import open_delimited
from nabe.adapters.file.desk import Desk
from nabe.adapters.file.part import Part
from nabe.adapters.file.records import open_json, open_ndjson
from nabe.adapters.file.remote.copies import Copies, Telling
from nabe.adapters.file.remote.opening import open_remote
from nabe.adapters.file.settings import SystemSettings, TableSettings, format_of, is_url
from nabe.adapters.file.store import FileStore
from nabe.adapters.file.unpack import Unpacker
from nabe.adapters.file.vector import DRIVERS, open_vector
from nabe.adapters.file.workbook import open_workbook
from nabe.adapters.file.xmltable import open_xml
from nabe.adapting.json_http.paging import with_params
from nabe.adapting.places import Folder, Place
from nabe.adapting.settings import parsed
from nabe.errors import SourceRefused
from nabe.ports.source import AdapterContext

_GEOJSON_HEAD = 4096
#: A document that is GeoJSON as a whole: its first object, or one after simple members, says so; not one deep inside.
_FEATURES = re.compile(
    rb'^(\xef\xbb\xbf)?\s*\{(\s*"[^"]*"\s*:\s*("[^"]*"|[-+.\w]+|\{[^{}[\]]*(\{[^{}[\]]*\}[^{}[\]]*)?\}|\[[^{}[\]]*\])\s*,)*?'
    rb'\s*"(type"\s*:\s*"Feature(Collection)?"|features"\s*:\s*\[\s*\{[^{}]*"type"\s*:\s*"Feature")'
)


@dataclass(frozen=True, slots=True)
class Files:
    """The files of a table. `version` changes when one of them does."""

    places: tuple[Place, ...]
    version: tuple[Any, ...]
    stale_since: dt.datetime | None


class Silo:
    """The files of one system."""

    def __init__(
        self,
        system: str,
        settings: SystemSettings,
        context: AdapterContext,
        secrets: Callable[[str], str],
        timeout_s: float,
    ) -> None:
        self.system, self.settings, self.context = system, settings, context
        self.store = FileStore(system, context.cache)
        self.desk = Desk(system, context.cache, timeout_s)
        self.unpacker = Unpacker(system, self.store, settings.max_mb * 1_000_000)
        self.folder = None if settings.at else Folder(system, context.root, settings.location)
        self._secrets, self._timeout_s = secrets, timeout_s
        self._copies: Copies | None = None
        self._lock = threading.Lock()

    def files(self, settings: TableSettings) -> Files:
        """The files that a dataset's `path`, `params` and `pick` stand for, as they are now."""
        path = settings.path or self.settings.path
        kind = self.settings.at.kind if self.settings.at else ""
        newest = settings.pick == "newest" or (settings.pick is None and kind in ("imaps", "maildir"))
        if kind in ("", "http") and (is_url(path) or kind):
            asked = [
                (name, str(value).lower() if isinstance(value, bool) else str(value))
                for name, value in settings.params.items()
            ]
            url = self._url(path)
            places = self.copies().places(with_params(url, asked) if asked else url)
        elif self.folder is None:
            places = self.copies().places(path, newest=newest)
        else:
            places = self.folder.find(path)
            if newest:
                places = [max(places, key=lambda place: (place.modified, place.name))]
        stale = min((place.stale_since for place in places if place.stale_since), default=None)
        return Files(tuple(places), tuple((place.path, place.version) for place in places), stale)

    def open_all(self, files: Files, settings: TableSettings, guess: bool = False) -> list[Part]:
        """Open the files of a table. `guess`: look for rows that are no data, too, in the first; it stands for all."""
        parts: list[Part] = []
        for packed in files.places:
            for place in self.unpacker.unpack_all(packed, settings.member):
                part = self._open(place, settings, guess and not parts)
                if guess and not parts:
                    below = {name: part.facts[name] for name in ("until", "drop_rows") if name in part.facts}
                    settings = settings.model_copy(update={name: _tupled(value) for name, value in below.items()})
                parts.append(_renamed(part, settings.renames))
        return parts

    def _open(self, place: Place, settings: TableSettings, guess: bool) -> Part:
        chosen = self.format(place, settings)
        settings = settings.model_copy(update={"format": chosen})
        if chosen in ("csv", "tsv"):
            with self.desk.working(place.shown) as cursor:
                return open_delimited(self.system, place, settings, self.store, cursor, self.desk.timeout_s, guess)
        if chosen in ("xlsx", "xls", "ods"):
            self.unpacker.check_workbook(place)
            return open_workbook(self.system, place, settings, guess)
        if chosen == "json":
            return open_json(self.system, place, settings, self.store)
        if chosen == "ndjson":
            return open_ndjson(self.system, place, settings, self.store)
        if chosen == "xml":
            return open_xml(self.system, place, settings, self.store)
        if chosen == "parquet":
            return open_parquet(self.system, place)
        assert chosen in DRIVERS
        return open_vector(self.system, place, settings)

    def format(self, place: Place, settings: TableSettings) -> str:
        """The format: declared, told by the name, or (JSON) by the content."""
        found = settings.format or format_of(place.name)
        if place.path.stat().st_size == 0:
            raise SourceRefused(self.system, f"{place.shown!r} is empty.", hint="Deliver it anew.")
        if found == "json" and settings.format is None and not settings.rows_path:
            with place.path.open("rb") as file:
                head = file.read(_GEOJSON_HEAD)
            if b'"fieldAliases"' in head or b'"esriGeometry' in head:
                return "esrijson"
            if _FEATURES.search(head):
                return "geojson"
        if found is None:
            raise SourceRefused(
                self.system, f"{place.shown!r} is of no known format.", hint="Set source.format: csv, xlsx, json, ..."
            )
        return found

    def copies(self) -> Copies:
        """The copies of files that lie elsewhere."""
        with self._lock:
            if self._copies is None:
                remote = open_remote(self.system, self.settings, self.context, self._secrets, self._timeout_s)
                self._copies = Copies(
                    self.system,
                    self.store,
                    remote,
                    origin=self.settings.origin,
                    refresh_s=self.settings.refresh_s,
                    most_bytes=self.settings.max_mb * 1_000_000,
                )
            return self._copies

    def notes(self) -> list[str]:
        """What was left out when files were fetched (mails of others, attachments that are too large)."""
        with self._lock:
            remote = self._copies.remote if self._copies is not None else None
        return remote.notes() if isinstance(remote, Telling) else []

    def _url(self, path: str) -> str:
        location = self.settings.location
        if not self.settings.is_url:
            if location:
                raise SourceRefused(
                    self.system, "this system is a folder, not the web.", hint="Declare a system for the web address."
                )
            return path
        base = location if location.endswith("/") or not path else location + "/"
        url = urljoin(base, path) if path else base
        if urlsplit(url)[:2] != urlsplit(base)[:2] or not urlsplit(url).path.startswith(urlsplit(base).path):
            raise SourceRefused(
                self.system, f"path {path!r} leaves the system's location.", hint="Paths stand below the location."
            )
        return url

    def check(self) -> None:
        """Is the folder there, does the server answer?"""
        if self.folder is not None:
            self.folder.check()
        if self.settings.path:
            self.files(TableSettings())
        elif self.folder is None:
            self.copies().check()

    def close(self) -> None:
        """Free what is held."""
        self.desk.close()
        with self._lock:
            if self._copies is not None:
                self._copies.close()
                self._copies = None


def _tupled(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _renamed(part: Part, renames: Mapping[str, str]) -> Part:
    """The part with columns under their declared names; a name that is there already stays as it is."""
    there = {item.name for item in part.columns}
    new = {old: name for old, name in renames.items() if old in there and name not in there}
    if not new:
        return part
    return replace(part, columns=tuple(replace(item, name=new.get(item.name, item.name)) for item in part.columns))


def table_settings(silo: Silo, source: Mapping[str, Any]) -> TableSettings:
    """A dataset's settings as an object."""
    return parsed(TableSettings, source, silo.system, "source")
