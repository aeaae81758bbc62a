"""Looking into a portal before it is declared: its catalogue as tables, tables of its datastore; files are named."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

from nabe.adapters.ckan.source import ACTION, PortalReader
from nabe.adapting.json_http.interface import Interface
from nabe.adapting.json_http.looking import dataset_of, first_rows, sample, typed_column
from nabe.adapting.json_http.paths import Row, written
from nabe.adapting.json_http.settings import TableSettings
from nabe.adapting.json_http.sniffing import interface_at, peek
from nabe.errors import SourceRefused, Unknown
from nabe.model.dataset import FieldType
from nabe.model.names import hub_name
from nabe.ports.source import AdapterContext, Batches, Column, Table

_CATALOGUE = ("packages", "resources", "organizations")
_BELOW = re.compile(r"(.*?)/(?:api/(?:3/)?action|api/3|dataset|organization|group)(?:/.*)?$")
_MOST_BYTES, _MOST_FILES, _MOST_PACKAGES = 4_000_000, 20, 2_000
#: Types of PostgreSQL, as a datastore names them -> the hub's.
_KINDS = {
    **dict.fromkeys(("int", "int2", "int4", "int8", "integer", "bigint", "smallint", "serial"), FieldType.INTEGER),
    **dict.fromkeys(("float4", "float8", "numeric", "float", "double precision", "number"), FieldType.NUMBER),
    **dict.fromkeys(("bool", "boolean"), FieldType.BOOLEAN),
    **dict.fromkeys(("timestamp", "timestamptz", "datetime"), FieldType.DATETIME),
    "date": FieldType.DATE,
}
_TEXTS = frozenset({"text", "varchar", "string"})


def sniffed(source: str, context: AdapterContext) -> dict[str, Any] | None:
    """The root of the portal that an address belongs to, if it is one. At most two requests."""
    parts = interface_at(source)
    if parts is None:
        return None
    host, path = parts
    below = _BELOW.match(path)
    if below is None and path.count("/") > 1 and not path.endswith("/"):
        return None
    root = (host + (below[1] if below else path)).rstrip("/")
    if _answer(peek(f"{root}/{ACTION}/status_show", context), dict):
        return {"url": root}
    named = below is not None and _answer(peek(f"{root}/{ACTION}/package_list", context), list)
    return {"url": root} if named else None


def _answer(document: Any, kind: type) -> bool:
    """Is it an answer of the action API (`help`, `success`, `result`)?"""
    return (
        isinstance(document, dict)
        and document.get("success") is True
        and "help" in document
        and isinstance(document.get("result"), kind)
    )


class CkanProbe:
    """A look into the portal of a connection."""

    def __init__(self, interface: Interface) -> None:
        self._interface = interface
        self._listed = "search"
        self._resources: dict[str, tuple[str, str]] = {}  # table -> (id, what it is)
        self._files: list[str] = []

    def discover(self) -> list[str]:
        """The catalogue's tables, and each resource that is a table in the datastore: `package/resource`."""
        try:
            packages = self._packages()
        except SourceRefused:
            self._listed = "current"
            packages = self._packages()
        self._resources, self._files = {}, []
        for package in packages:
            for resource in package.get("resources") or () if isinstance(package, dict) else ():
                if isinstance(resource, dict):
                    self._add(package, resource)
        return [*_CATALOGUE, *self._resources]

    def describe(self, table: str, progress: Callable[[float], None] = lambda _: None) -> Table:
        """Columns of a table, told from its entries, or as the datastore describes them."""
        progress(0.0)
        if table in _CATALOGUE:
            found = self._catalogue(table)
        else:
            if table not in self._resources:
                self.discover()
            if table not in self._resources:
                raise Unknown(f"There is no table {table!r}.", hint="packages, resources, organizations …", table=table)
            found = self._datastore(table)
        progress(1.0)
        return found

    def sample(self, table: Table, columns: tuple[str, ...] = ()) -> Batches:
        """All rows of these columns, streamed."""
        return sample(self._interface, PortalReader, table, columns)

    def _packages(self) -> list[Any]:
        reader = PortalReader(self._interface.system, dataset_of({"table": "packages", "listed": self._listed}))
        return [row.value for row in first_rows(self._interface, reader, most=_MOST_PACKAGES)[0]]

    def _add(self, package: dict[str, Any], resource: dict[str, Any]) -> None:
        id, title = str(resource.get("id") or ""), str(resource.get("name") or resource.get("title") or "")
        if resource.get("datastore_active") is True and re.fullmatch(r"[A-Za-z0-9_-]{1,100}", id):
            name = f"{package.get('name') or 'package'}/{hub_name(title or id)}"
            name = name if name not in self._resources else f"{name}_{id[:8]}"
            self._resources[name] = (id, title)
            return
        url = str(resource.get("url") or resource.get("file_url") or "")
        if re.fullmatch(r"https?://[^\s'\"]+", url) and len(self._files) < _MOST_FILES:
            kind = str(resource.get("format") or "").strip()
            self._files.append(f"{title or id} is a file{f' ({kind})' if kind else ''}: nabe connect '{url}' --as …")

    def _catalogue(self, table: str) -> Table:
        source: dict[str, Any] = {"table": table} | ({"listed": "current"} if self._listed == "current" else {})
        if table == "organizations":
            source.pop("listed", None)
        rows, whole = first_rows(self._interface, PortalReader(self._interface.system, dataset_of(source)))
        if not rows:
            raise SourceRefused(self._interface.system, f"{table} is empty.", hint="There is nothing to learn from.")
        columns, own = _entries(table, rows)
        if own:
            source["columns"] = own
        notes = [] if whole else [f"Types are told from the first {len(rows):,} entries."]
        if table == "resources":
            notes += self._files
        key = tuple(column.name for column in columns if column.name == "id")
        return Table(table, tuple(columns), source, key, rows=len(rows) if whole else None, notes=tuple(notes))

    def _datastore(self, table: str) -> Table:
        id, title = self._resources[table]
        settings = TableSettings(path=f"{ACTION}/datastore_search", params={"resource_id": id, "limit": 0})
        body, _ = self._interface.whole(settings, _MOST_BYTES)
        try:
            result = json.loads(body)["result"]
            described = [item for item in result["fields"] if isinstance(item, dict) and isinstance(item["id"], str)]
        except (ValueError, TypeError, KeyError, RecursionError):
            raise SourceRefused(
                self._interface.system, f"{table!r} has no list of fields.", hint="Is it in the datastore?"
            ) from None
        columns = [_column(item) for item in described if item["id"] != "_id"]
        source: dict[str, Any] = {"resource": id}
        filterable = [column.name for column in columns if column.native in _TEXTS]
        if filterable:
            source["filterable"] = filterable
        total = result.get("total")
        return Table(table, tuple(columns), source, comment=title, rows=total if isinstance(total, int) else None)


def _column(item: dict[str, Any]) -> Column:
    native = str(item.get("type") or "text").lower()
    given = item.get("info")
    info: dict[str, Any] = given if isinstance(given, dict) else {}
    words = [str(info[name]).strip() for name in ("label", "notes") if info.get(name)]
    return Column(item["id"], _KINDS.get(native, FieldType.STRING), native, comment=". ".join(words))


def _entries(table: str, rows: list[Row]) -> tuple[list[Column], dict[str, Any]]:
    """Columns for what is plain in the entries, and for what the standard nests: organisation, tags, package."""
    values: dict[str, list[Any]] = {}
    nested: set[str] = set()
    for row in rows:
        record = row.value if isinstance(row.value, dict) else {}
        for name, value in record.items():
            if isinstance(value, (dict, list)):
                nested.add(name)
            else:
                values.setdefault(written((name,)), []).append(value)
        for way, found in _nested(table, row, record):
            values.setdefault(way, []).append(found)
    columns, own = [], {}
    for way, found in values.items():
        if way in nested:
            continue
        column, settings = typed_column(way, found, len(rows))
        if way == "tags[*].name":
            settings["join"] = ", "
        columns.append(column)
        if settings:
            own[way] = settings
    return columns, own


def _nested(table: str, row: Row, record: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    if table == "packages":
        if isinstance(record.get("organization"), dict):
            yield "organization.title", record["organization"].get("title")
        if isinstance(record.get("tags"), list) and all(isinstance(tag, dict) for tag in record["tags"]):
            yield "tags[*].name", ", ".join(str(tag.get("name")) for tag in record["tags"])
    if table == "resources" and row.around is not None and isinstance(row.around.value, dict):
        for name in ("id", "name", "title"):
            if name in row.around.value:
                yield f"^.{name}", row.around.value[name]
