"""What a JSON answer holds: where its records are, how it goes on, what its members mean. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nabe.adapting.json_http.paging import next_link
from nabe.adapting.json_http.paths import Each, parse, walk, written
from nabe.adapting.json_http.settings import ColumnSettings
from nabe.adapting.json_http.values import UNFIT, converter, text
from nabe.model.dataset import FieldType

_DEEPEST_LIST, _DEEPEST_MEMBER = 4, 6
_MOST_COLUMNS = 1_000
_BESIDE = frozenset({"links", "_links", "fields", "columns", "errors", "@context", "facets", "aggregations"})
_MARKS = frozenset(
    {"-", "--", "n/a", "N/A", "NA", "null", "NULL", "None", "nan", "NaN", "k.A.", "k. A.", "unbekannt", "?"}
)
_TEXT_NAMES = re.compile(
    r"(^|[_.])(plz|postcode|zip|postal_?code|phone|telefon|tel|fax|ags|ars|lor)|(^|[a-z_.])(id|key|nr|no|number|nummer|code|schluessel)$",
    re.IGNORECASE,
)
_TIME_NAMES = re.compile(
    r"time|zeit|date|datum|stamp|created|updated|modified|registration|reported|since|seit|seen|(_|[a-z])(at|ts)$|^ts$|^t$",
    re.IGNORECASE,
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{4}|[12][0-9]{7}$")
_PLACE_NAMES = re.compile(r"coord|koord|location|position|point|punkt|geo|lonlat|lnglat", re.IGNORECASE)

_NEXT = (
    "next",
    "links.next",
    "links.next.href",
    "_links.next.href",
    "_links.next",
    "links[rel=next].href",
    "meta.next",
    "meta.next_page_url",
    "next_page_url",
    "nextPageUrl",
    "nextLink",
    "['@odata.nextLink']",
    "['odata.nextLink']",
    "paging.next",
    "pagination.next",
    "pagination.links.next",
    "result._links.next",
)
_CURSOR = {
    "next_cursor": "cursor",
    "nextCursor": "cursor",
    "meta.next_cursor": "cursor",
    "cursor.next": "cursor",
    "pagination.next_cursor": "cursor",
    "nextPageToken": "pageToken",
    "next_page_token": "page_token",
    "nextToken": "nextToken",
    "continuationToken": "continuationToken",
    "continuation": "continuation",
    "scroll_id": "scroll_id",
}
_TOTAL = (
    "total",
    "totalCount",
    "total_count",
    "totalElements",
    "numberMatched",
    "nhits",
    "count",
    "meta.total",
    "meta.total_count",
    "pagination.total",
    "page.totalElements",
    "result.total",
    "result.count",
    "hits.total",
)
PAGE_PARAMS = ("page", "pageNumber", "page_number", "pageNo", "seite", "p")
OFFSET_PARAMS = ("offset", "startIndex", "start", "skip", "$skip", "resultOffset")
SIZE_PARAMS = ("limit", "per_page", "perPage", "pageSize", "page_size", "size", "rows", "$top", "resultRecordCount")


def tables(document: Any) -> dict[str, str]:
    """Name -> row path of what looks like a table; the document itself, as one record, if nothing does."""
    found = list(_candidates(document, ()))
    if len(found) > 1:
        found = [item for item in found if not (item[0] and item[0][-2 if _each(item[0]) else -1] in _BESIDE)] or found
    named: dict[str, str] = {}
    for way, _ in sorted(found, key=lambda item: -item[1]):
        names = [str(step) for step in way if isinstance(step, str)]
        name = names[-1] if names else ""
        named[".".join(names) if name in named else name] = written(way)
    return named or {"": ""}


def _each(way: Sequence[Any]) -> bool:
    return len(way) > 1 and isinstance(way[-1], Each)


def _candidates(value: Any, way: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], int]]:
    """Lists of objects, and objects keyed by id, with the way to them and their length."""
    if isinstance(value, list):
        if value and all(isinstance(item, dict) for item in value):
            yield way, len(value)
        elif value and not way:
            yield way, len(value)
    elif isinstance(value, dict) and len(way) < _DEEPEST_LIST and not is_geometry(value):
        if _keyed(value):
            yield (*way, Each(members=True)), len(value)
            return
        if len(value) > 1 and all(_DAY.match(name) and isinstance(item, list) for name, item in value.items()):
            yield (*way, Each(members=True), Each()), len(value)
            return
        for name, item in value.items():
            yield from _candidates(item, (*way, name))


def _keyed(value: Mapping[str, Any]) -> bool:
    """Are the members records of one kind, named by their ids?"""
    items = list(value.values())
    if len(items) < 2 or not all(isinstance(item, dict) and len(item) > 1 for item in items):
        return False
    first = set(items[0])
    return all(len(first & set(item)) * 2 >= len(first | set(item)) for item in items[:50])


def crs_of(document: Any) -> str:
    """The reference system that the document names (old GeoJSON, Esri), if it is not longitude and latitude."""
    for way in ("crs.properties.name", "spatialReference.latestWkid", "spatialReference.wkid"):
        found = walk(document, parse(way).steps)
        if isinstance(found, (str, int)) and (code := re.search(r"(?:EPSG\D*|^)(\d{4,6})$", str(found))):
            return f"EPSG:{code[1]}" if code[1] != "4326" else ""
    return ""


def is_geometry(value: Any) -> bool:
    """A geometry of GeoJSON, or a point of Esri?"""
    if not isinstance(value, dict):
        return False
    return value.keys() == {"x", "y"} or (
        isinstance(value.get("type"), str) and bool({"coordinates", "geometries"} & value.keys())
    )


def paging(document: Any, link: str, rows: int, params: Mapping[str, str]) -> tuple[dict[str, Any] | None, list[str]]:
    """`page` settings as far as they can be told, and notes. `params`: what the first page was asked with."""
    if next_link(link):
        return {"type": "link"}, []
    for way in _NEXT:
        found = walk(document, parse(way).steps)
        if isinstance(found, str) and re.match(r"https?://|/|\?", found):
            return {"type": "next", "at": way}, []
    for way, param in _CURSOR.items():
        found = walk(document, parse(way).steps)
        if isinstance(found, (str, int)) and not isinstance(found, bool) and found != "":
            return {"type": "cursor", "at": way, "param": param}, []
    return _counted(document, rows, params)


def _counted(document: Any, rows: int, params: Mapping[str, str]) -> tuple[dict[str, Any] | None, list[str]]:
    """Pages by number or offset, where the address had such a parameter or the answer speaks of one."""
    total_at = next((way for way in _TOTAL if _is_count(walk(document, parse(way).steps))), "")
    total = walk(document, parse(total_at).steps) if total_at else rows
    spoken = {name for holder in _holders(document) for name in holder}
    size_param = next((name for name in SIZE_PARAMS if name in params), "")
    size = int(params[size_param]) if size_param and params[size_param].isdecimal() else 0
    if not size_param and int(total) > rows:
        size_param = next((name for name in SIZE_PARAMS if name in spoken), "")
        size = rows if size_param else 0
    sizes = {"size_param": size_param, "size": size} if size_param and size else {}
    for names, kind in ((PAGE_PARAMS, "page"), (OFFSET_PARAMS, "offset")):
        asked = next((name for name in names if name in params), "")
        told = next((name for name in names if name in spoken), "") if int(total) > rows else ""
        if asked or told:
            found: dict[str, Any] = {"type": kind, "param": asked or told, **sizes}
            first = params.get(asked, "")
            if kind == "page" and first == "0":
                found["first"] = 0
            if total_at and int(total) >= rows:
                found["total"] = total_at
            return found, []
    if int(total) > rows:
        note = f"The interface speaks of {int(total)} rows and gave {rows}: how it goes on was not recognised; set source.page."
        return None, [note]
    return None, []


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _holders(document: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(document, dict):
        yield document
        for name in ("meta", "pagination", "paging", "page", "result"):
            inner = document.get(name)
            if isinstance(inner, dict):
                yield inner


@dataclass(slots=True)
class Found:
    """A member of the records: its values, and in how many records it is."""

    way: str
    values: list[Any] = field(default_factory=list)
    records: int = 0


def members(records: Iterable[Any]) -> tuple[dict[str, Found], int]:
    """Way -> values, of all records; nested objects are taken apart, lists and geometries stay whole."""
    found: dict[str, Found] = {}
    count = 0
    for record in records:
        count += 1
        for way, value in _flat(record, (), 0):
            entry = found.get(way)
            if entry is None:
                if len(found) >= _MOST_COLUMNS:
                    continue
                entry = found[way] = Found(way)
            entry.records += 1
            if value is not None:
                entry.values.append(value)
    inner = {way for way in found if any(other != way and other.startswith((f"{way}.", f"{way}[")) for other in found)}
    for way in inner:  # `null` in one record, an object in another
        if all(isinstance(value, dict) for value in found[way].values):
            del found[way]
    return found, count


def _flat(value: Any, way: tuple[Any, ...], depth: int) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and not is_geometry(value) and depth < _DEEPEST_MEMBER and (value or not way):
        for name, item in value.items():
            if not way and "geometry" in value and name in ("type", "properties", "attributes"):
                if name == "attributes" or value.get("type") == "Feature":
                    continue
            yield from _flat(item, (*way, name), depth + 1)
    else:
        yield (written(way) if way else "@value"), value


def typed(found: Found, rows: int) -> tuple[FieldType, dict[str, Any]]:
    """The type of a member by all its values, and how it is written (settings of its column)."""
    kind, own = _by_values(found)
    if found.records < rows:
        own["optional"] = True
    return kind, own


def _by_values(found: Found) -> tuple[FieldType, dict[str, Any]]:
    values = found.values
    kinds = {type(value) for value in values}
    if not values:
        return FieldType.STRING, {}
    if kinds == {bool}:
        return FieldType.BOOLEAN, {}
    if kinds <= {int, float}:
        return _numeric(found, kinds)
    if kinds == {str}:
        return _written(found)
    if kinds == {dict} and all(is_geometry(value) for value in values):
        return FieldType.GEOMETRY, {}
    if kinds == {list} and _PLACE_NAMES.search(found.way) and all(_is_pair(value) for value in values):
        return FieldType.GEOMETRY, {}
    if kinds == {list} and all(not isinstance(item, (dict, list)) for value in values for item in value):
        if not any("; " in text(item) for value in values for item in value):
            return FieldType.STRING, {"join": "; "}
    return FieldType.STRING, {}


def _is_pair(value: Sequence[Any]) -> bool:
    if len(value) != 2 or not all(isinstance(item, float) for item in value):
        return False
    return bool(abs(value[0]) <= 180 and abs(value[1]) <= 90)


def _numeric(found: Found, kinds: set[type]) -> tuple[FieldType, dict[str, Any]]:
    if _TIME_NAMES.search(found.way):
        for unit, factor in (("unix", 1), ("unix_ms", 1000)):
            if all(631_152_000 * factor <= value < 4_102_444_800 * factor for value in found.values):
                return FieldType.DATETIME, {"date_format": unit}
    if kinds == {int}:
        fits = all(-(2**63) <= value < 2**63 for value in found.values)
        return (FieldType.INTEGER if fits else FieldType.STRING), {}
    return FieldType.NUMBER, {}


def _written(found: Found) -> tuple[FieldType, dict[str, Any]]:
    """Texts: numbers, days, moments, geometry in text; gaps written as `-` or `n/a` aside."""
    texts = [value.strip() for value in found.values if value.strip()]
    marks = sorted({value for value in texts if value in _MARKS})
    plain = [value for value in texts if value not in _MARKS]
    if not plain:
        return FieldType.STRING, {}
    nulls: dict[str, Any] = {"nulls": marks} if marks else {}
    guesses: list[tuple[FieldType, dict[str, Any]]] = [(FieldType.DATE, {}), (FieldType.DATETIME, {})]
    if not _TEXT_NAMES.search(found.way) and not any(re.match(r"[+-]?0[0-9]", value) for value in plain):
        guesses = [
            (FieldType.INTEGER, {}),
            (FieldType.NUMBER, {}),
            (FieldType.NUMBER, {"decimal": ","}),
            (FieldType.NUMBER, {"decimal": ",", "thousands": "."}),
            *guesses,
        ]
    if all(re.fullmatch(r"(19|20)[0-9]{6}", value) for value in plain):
        if _TIME_NAMES.search(found.way) or found.way == "key":
            guesses.insert(0, (FieldType.DATE, {"date_format": "YYYYMMDD"}))
    for kind, own in guesses:
        if not own and kind in (FieldType.DATE, FieldType.DATETIME) and any(value.isdecimal() for value in plain):
            continue
        if kind is FieldType.DATE and any(":" in value for value in plain):
            continue
        convert = converter(kind, ColumnSettings.model_validate(own), "Europe/Berlin")
        if all(convert(value) is not UNFIT for value in plain):
            return kind, {**own, **nulls}
    if all(re.match(r"(SRID=\d+;)?(MULTI)?(POINT|LINESTRING|POLYGON) *(Z|M|ZM)? *\(", value) for value in plain):
        return FieldType.GEOMETRY, {}
    return FieldType.STRING, {}
