"""An OGC API Features: its collections, what they may be filtered by, and features page by page.

OGC 17-069r4 (Part 1), 18-058r1 (Part 2: reference systems), 19-079r2 (Part 3: queryables, filter), 21-065r2 (CQL2).
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

from nabe.adapters.ogc_features.cql import written_cql
from nabe.adapters.ogc_features.features import Features
from nabe.adapters.ogc_features.repeats import Repeats
from nabe.adapters.ogc_features.settings import ConnectionSettings, SourceSettings
from nabe.adapters.ogc_features.translate import Property, plain_text
from nabe.adapting.axes import crs_of
from nabe.adapting.geometry import CRS84
from nabe.adapting.json_http.interface import Interface, Page
from nabe.adapting.json_http.paths import parse, walk
from nabe.adapting.json_http.settings import TableSettings
from nabe.adapting.json_http.stream import Broken, decode, utf8
from nabe.errors import SourceRefused
from nabe.model.dataset import FieldType
from nabe.model.expr import And, BBox, Compare, Expr, Op, conjuncts

#: Seconds for which it is believed what a service says of itself.
_KEPT_S = 3_600.0
_MOST_DOCUMENT = 16_000_000
_NEXT = "links[rel=next].href"
_LONGEST_FILTER = 2_000
#: Parameters of the standards' parts and of servers that are no property filters.
_NOT_PROPERTIES = frozenset(
    "limit offset startindex bbox bbox-crs crs datetime f lang filter filter-lang filter-crs properties sortby sortdesc "
    "sortasc skipGeometry skipgeometry resulttype resultType q ids vendorSpecificParameters profile".split()
)
_FORMATS = {"date": FieldType.DATE, "date-time": FieldType.DATETIME}
_KINDS = {
    "string": FieldType.STRING,
    "integer": FieldType.INTEGER,
    "number": FieldType.NUMBER,
    "boolean": FieldType.BOOLEAN,
}
_LOG = logging.getLogger("nabe")


class ApiInterface(Interface):
    """Asks for GeoJSON."""

    accept = "application/geo+json, application/json;q=0.9, */*;q=0.1"

    def document(self, path: str) -> Any:
        """A JSON document below the address. Raises as `whole` does."""
        body, _ = self.whole(TableSettings(path=path), _MOST_DOCUMENT)
        try:
            return decode(b"".join(utf8([body], "utf-8")))
        except Broken as error:
            raise SourceRefused(
                self.system,
                f"{path or 'its address'}: {error}.",
                hint="Check the url; it should be the landing page of an OGC API.",
            ) from None


@dataclass(slots=True)
class ApiReading:
    """One question to a collection; goes from page to page (`read_rows` takes it for an interface).

    Pages that repeat, leave rows out or come in another reference system than the one asked for are refused.
    """

    interface: ApiInterface
    source: SourceSettings
    system: str = field(init=False)
    features: Features = field(init=False)

    def __post_init__(self) -> None:
        self.system = self.interface.system
        self.features = Features(self.system, crs=self.source.crs, axes=self.source.axes)

    def pages(self, settings: TableSettings, pushed: list[tuple[str, str]], size: int = 0) -> Iterator[Page]:
        """The pages of a collection's items, places in degrees."""
        repeats, number = Repeats(), 0
        for page in self.interface.pages(settings, pushed, size):
            self._judge_system(page.body.headers.get("content-crs", ""))
            page.rows = repeats.watched(page.rows)
            if self.source.crs:
                page.rows = self.features.placed(page.rows, uri_of(self.source.crs), api=True)
            yield page
            number += 1
            document = page.envelope.document if isinstance(page.envelope.document, dict) else {}
            if repeats.repeated:
                raise self._refused(f"it gives the same {repeats.page:,} rows again and again")
            matched = document.get("numberMatched")
            more = walk(document, parse(_NEXT).steps)
            if isinstance(more, str) or not isinstance(matched, int) or matched <= repeats.rows:
                continue
            why = f"it says that there are {matched:,} rows, gives {repeats.rows:,} and no next page"
            if number == 1:
                raise self._refused(why)
            _LOG.warning("system %s: %s; they changed meanwhile, or it counts otherwise", self.system, why)

    def _judge_system(self, header: str) -> None:
        said = header.strip().strip("<>")
        wanted = self.source.crs or CRS84
        found = crs_of(said) if said else CRS84
        if found == wanted or (not said and not self.source.crs):
            return
        what = f"answers in {found or said[:60]!r}" if said else "does not say in which reference system it answers"
        raise SourceRefused(
            self.system,
            f"collection {self.source.collection!r} {what}, not in {wanted}.",
            hint="Set source.crs to one that the collection lists, or leave it out.",
            field="crs",
        )

    def _refused(self, why: str) -> SourceRefused:
        return SourceRefused(
            self.system,
            f"{self.source.collection}: {why}.",
            hint="Set another page_size, or ask its operator.",
            field="page_size",
        )


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as the server describes it. `filters`: properties that are parameters."""

    id: str
    title: str = ""
    description: str = ""
    keywords: tuple[str, ...] = ()
    crs: tuple[str, ...] = ()
    storage: str = ""
    properties: Mapping[str, Property] = field(default_factory=dict)
    place: str = ""
    time: str = ""  # property that is the primary instant
    filters: frozenset[str] = frozenset()
    cql: bool = False
    like: bool = False


class Api:
    """One service, used by several threads; what it says of a collection is asked once an hour."""

    def __init__(self, interface: ApiInterface, settings: ConnectionSettings) -> None:
        self.interface, self.settings, self.system = interface, settings, interface.system
        self._collections: dict[str, Collection] = {}
        self._conforms: frozenset[str] | None = None
        self._openapi: Any = None
        self._until = 0.0
        self._lock = threading.RLock()

    def collections(self) -> dict[str, Mapping[str, Any]]:
        """Id -> document of every collection that has features."""
        found: dict[str, Mapping[str, Any]] = {}
        document = self.interface.document("collections")
        items = document.get("collections") if isinstance(document, dict) else None
        if not isinstance(items, list):
            raise SourceRefused(
                self.system, "its address has no collections.", hint="Check the url; it is an OGC API's landing page."
            )
        for item in items:
            if isinstance(item, dict) and item.get("id") and item.get("itemType", "feature") in ("feature", "record"):
                found[str(item["id"])] = item
        return found

    def collection(self, id: str) -> Collection:
        """What the server says of a collection; asked once an hour."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._collections, self._conforms, self._openapi = {}, None, None
                self._until = time.monotonic() + _KEPT_S
            if id not in self._collections:
                document = self.interface.document(_path(id))
                self._collections[id] = self._described(id, document if isinstance(document, dict) else {})
            return self._collections[id]

    def _described(self, id: str, document: Mapping[str, Any]) -> Collection:
        conforms = self._conformance()
        queryables = self._optional(f"{_path(id)}/queryables")
        properties, place, time = schema_of(queryables)
        if not properties:
            properties, place, time = schema_of(self._optional(f"{_path(id)}/schema"))
        named = bool(queryables) and _any(conforms, "/conf/queryables-query-parameters")
        parameters = {} if named else self._parameters(id)
        filters = set(properties) if named else set(parameters)
        if not properties:
            properties, _, _ = schema_of({"properties": parameters})
        cql = _any(conforms, "/conf/cql2-text") and _any(conforms, "/conf/filter", "/conf/features-filter")
        return Collection(
            id,
            _text(document.get("title")),
            _text(document.get("description")),
            tuple(str(word) for word in _list(document.get("keywords"))),
            tuple(str(item) for item in _list(document.get("crs"))),
            _text(document.get("storageCrs")),
            properties,
            place,
            time,
            frozenset(filters & set(properties)),
            cql and bool(queryables),
            _any(conforms, "/conf/advanced-comparison-operators"),
        )

    def _conformance(self) -> frozenset[str]:
        if self._conforms is None:
            document = self._optional("conformance")
            self._conforms = frozenset(str(item) for item in _list(document.get("conformsTo")))
        return self._conforms

    def _parameters(self, id: str) -> dict[str, Any]:
        """Query parameters of the items that filter by a property, by the API's own description (OpenAPI): name, schema."""
        if self._openapi is None:
            landing = self._optional("")
            links = [item for item in _list(landing.get("links")) if isinstance(item, dict)]
            url = next((str(item.get("href")) for item in links if item.get("rel") == "service-desc"), "")
            self._openapi = self._elsewhere(url) if url else {}
        paths = self._openapi.get("paths")
        found: dict[str, Any] = {}
        for path, item in (paths if isinstance(paths, dict) else {}).items():
            if str(path).endswith(f"/collections/{id}/items") and isinstance(item, dict):
                get = item.get("get")
                for parameter in _list(get.get("parameters") if isinstance(get, dict) else None):
                    own = isinstance(parameter, dict) and parameter.get("in") == "query"
                    if own and str(parameter.get("name")) not in _NOT_PROPERTIES:
                        found[str(parameter.get("name"))] = parameter.get("schema")
        return found

    def _elsewhere(self, url: str) -> Mapping[str, Any]:
        """A document at an address that the landing page gives, if it lies below the service's own."""
        base = self.settings.url.rstrip("/") + "/"
        target, here = urlsplit(urljoin(base, url)), urlsplit(base)
        if target.hostname != here.hostname or not target.path.startswith(here.path):
            return {}
        path = target.path.removeprefix(here.path) + (f"?{target.query}" if target.query else "")
        return self._optional(path)

    def _optional(self, path: str) -> Mapping[str, Any]:
        """A document that need not be there."""
        try:
            document = self.interface.document(path)
        except SourceRefused:
            return {}
        return document if isinstance(document, dict) else {}


def schema_of(document: Mapping[str, Any]) -> tuple[dict[str, Property], str, str]:
    """Properties of a JSON Schema (queryables, schema), the one that is the place, and the one that is the time."""
    found: dict[str, Property] = {}
    place = time = ""
    members = document.get("properties")
    for name, item in (members if isinstance(members, dict) else {}).items():
        if not isinstance(item, dict):
            continue
        role, form = str(item.get("x-ogc-role", "")), str(item.get("format", ""))
        shape = str(item.get("$ref", "")) if "geojson.org/schema" in str(item.get("$ref", "")) else form
        if shape.startswith("geometry") or "geojson.org" in shape:
            place = place or name
            point = shape.lower().endswith(("geometry-point", "/point.json"))
            found[name] = Property(name, FieldType.GEOMETRY, shape, _text(item.get("title")), point)
            continue
        if role == "primary-instant":
            time = time or name
        kind = item.get("type")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), None)
        known = _FORMATS.get(form) if kind == "string" and form in _FORMATS else _KINDS.get(str(kind))
        found[name] = Property(name, known, form or str(kind or ""), _text(item.get("title")))
    return found, place, time


def table_settings(source: SourceSettings, size: int, *, degrees: bool = False) -> TableSettings:
    """How a collection's items are asked for and read. `degrees`: the places come as the hub has them (WFS)."""
    params: dict[str, Any] = dict(source.params)
    if source.crs:
        params["crs"] = uri_of(source.crs)
    if source.properties:
        params["properties"] = ",".join(source.properties)
    page = {"type": "next", "at": _NEXT, "size_param": "limit", "size": size or 1_000}
    axes = "yx" if source.axes == "yx" and not source.crs and not degrees else "xy"
    return source.table(
        path=f"{_path(source.collection)}/items", rows="features[*]", params=params, page=page, axes=axes
    )


def uri_of(crs: str) -> str:
    """`EPSG:25832` as OGC APIs spell it."""
    authority, _, code = crs.partition(":")
    if authority == "OGC":
        return f"http://www.opengis.net/def/crs/OGC/1.3/{code}"
    return f"http://www.opengis.net/def/crs/{authority}/0/{code}"


def parameters(conditions: list[Expr], of: Collection, time: str) -> list[tuple[str, str]]:
    """Query parameters for conditions whose fields are named by properties. `time`: the one that `datetime` filters."""
    found: dict[str, str] = {}
    rest: list[Expr] = []
    ends: dict[Op, str] = {}
    for part in (item for whole in conditions for item in conjuncts(whole)):
        match part:
            case BBox(_, west, south, east, north):
                found.setdefault("bbox", f"{west:.6f},{south:.6f},{east:.6f},{north:.6f}")
            case Compare(name, (Op.GE | Op.LE) as op, value) if name == time:
                ends.setdefault(op, _moment(value, last=op is Op.LE))
            case Compare(name, Op.EQ, value) if not of.cql and name in of.filters and _sendable(value):
                found.setdefault(name, str(value))
            case _:
                rest.append(part)
    if ends:
        found["datetime"] = f"{ends.get(Op.GE, '..')}/{ends.get(Op.LE, '..')}"
    text = written_cql([part for part in rest if _known(part, of)], like=of.like) if of.cql else ""
    if text and len(text) <= _LONGEST_FILTER:
        found |= {"filter": text, "filter-lang": "cql2-text"}
    return list(found.items())


def _sendable(value: Any) -> bool:
    """A value that means itself as a parameter; some servers know `*` for any text and `,` for a list."""
    if isinstance(value, str):
        return plain_text(value) and not any(sign in value for sign in "*,%_\\/")
    return isinstance(value, int) and not isinstance(value, bool)


def _known(part: Expr, of: Collection) -> bool:
    match part:
        case And(parts):
            return all(_known(item, of) for item in parts)
        case Compare(name):
            return name in of.properties
    return not isinstance(part, BBox)


def _moment(value: Any, *, last: bool = False) -> str:
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{value.isoformat()}T{'23:59:59' if last else '00:00:00'}Z"


def _any(conforms: frozenset[str], *ends: str) -> bool:
    return any(item.endswith(ends) for item in conforms)


def _path(id: str) -> str:
    return f"collections/{quote(id, safe='')}"


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
