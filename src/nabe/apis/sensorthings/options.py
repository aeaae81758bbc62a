"""Query options (OGC 18-088, 9.3) -> `EntityQuery`, and what of the answer is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote_plus

from nabe.apis.sensorthings import aggregation, grammar
from nabe.apis.sensorthings.address import Address
from nabe.apis.sensorthings.expanding import Shown, expand, expansions, select, wanted
from nabe.apis.sensorthings.lexer import Reader
from nabe.apis.sensorthings.problems import NotOffered
from nabe.errors import Invalid
from nabe.model.entities import EntityQuery, EntityType
from nabe.model.term import Path

#: Entities on a page: unless told otherwise, and at most.
PAGE = 100
MOST = 10_000
_FARTHEST = 10**12
_KNOWN = (
    "$filter",
    "$orderby",
    "$expand",
    "$select",
    "$top",
    "$skip",
    "$count",
    "$resultFormat",
    "$skiptoken",
    "$apply",
    "$id",
)
#: OData's options that SensorThings does not have: 501, not 400 (OGC 18-088, 9.3.1).
_ELSEWHERE = frozenset(
    {
        "$search",
        "$compute",
        "$format",
        "$index",
        "$schemaversion",
        "$deltatoken",
        "$levels",
        "$metadata",
        "$inlinecount",
    }
)
_OF_SETS = ("$filter", "$orderby", "$top", "$skip", "$skiptoken", "$apply", "$resultFormat")
FORMATS: Mapping[str, str] = {"dataarray": "dataArray", "csv": "CSV", "geojson": "GeoJSON", "json": ""}


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the hub (`query`), and how the answer looks.

    `format`: dataArray, CSV, GeoJSON, or nothing for JSON. `given`: the options by name, for the link to the next page.
    """

    query: EntityQuery
    shown: Shown
    format: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    aggregation: aggregation.Aggregation | None = None


def question(address: Address, query_string: str) -> Question:
    """The question of a GET. `Invalid` names the option that is wrong."""
    given = options(query_string)
    if not address.many or address.end == "$count":
        _refuse(given, _OF_SETS if not address.many else _OF_SETS[1:])
    type = address.type
    shown = _shown(given, type)
    top, skip = number(given, "$top", PAGE), number(given, "$skip", 0)
    query = EntityQuery(
        type,
        address.hops,
        address.id,
        where=grammar.condition(given["$filter"], type) if "$filter" in given else None,
        order=grammar.orders(given["$orderby"], type) if "$orderby" in given else (),
        select=wanted(shown, type),
        expand=expansions(shown, type, min(top, MOST) if address.many else 1),
        top=min(top, MOST) if address.many else None,
        skip=skip,
        count=truth(given, "$count"),
        keys=address.end == "$ref",
        after=_after(given),
    )
    query = _paged(query)
    asked = given.get("$resultFormat", "json")
    if asked.lower() not in FORMATS:
        hint = "dataArray, CSV, GeoJSON or JSON."
        raise Invalid(f"There is no format {asked[:40]!r}.", hint=hint, field="$resultFormat")
    if "$apply" in given:
        return _aggregated(query, given, FORMATS[asked.lower()])
    if address.inside:
        query = replace(query, select=(str(address.inside[0]),) if address.inside[0] != "id" else ())
    return Question(query, shown, FORMATS[asked.lower()], given)


def _aggregated(query: EntityQuery, given: Mapping[str, str], format: str) -> Question:
    _refuse(given, ("$expand", "$select", "$orderby", "$skiptoken"))
    if query.type is not EntityType.OBSERVATION:
        raise Invalid("$apply groups Observations.", hint="Datastreams(1)/Observations?$apply=…", field="$apply")
    found, condition = aggregation.apply(given["$apply"])
    query = replace(query, where=condition if query.where is None else aggregation.both(query.where, condition))
    return Question(query, Shown(), format, given, found)


def options(query_string: str) -> dict[str, str]:
    """System options by name, decoded. Others (`use-case`, `dataset` …) are the service's and are left out."""
    found: dict[str, str] = {}
    lower = {name.lower(): name for name in _KNOWN}
    for part in query_string.split("&"):
        name, mark, value = part.partition("=")
        if not mark:  # some clients encode the whole option, its = included
            name, _, value = unquote_plus(name, errors="replace").partition("=")
            value = value.replace("%", "%25").replace("+", "%2B")
        name = unquote_plus(name, errors="replace").strip()
        if f"${name.lower()}" in lower:
            known = lower[f"${name.lower()}"]
            raise Invalid(f"There is no parameter {name!r}.", hint=f"It is written {known}.", field=name)
        if not name.startswith("$"):
            continue
        if name.lower() in _ELSEWHERE:
            raise NotOffered(f"{name} is not offered.", hint=f"Offered: {', '.join(_KNOWN)}.", field=name)
        if name.lower() not in lower:
            hint = f"Options: {', '.join(_KNOWN)}."
            raise Invalid(f"There is no option {name[:40]!r}.", hint=hint, field=name[:40])
        name = lower[name.lower()]
        if name in found:
            raise Invalid(f"{name} is given twice.", field=name)
        found[name] = unquote_plus(value, errors="replace")
    return found


def _shown(given: Mapping[str, str], type: EntityType) -> Shown:
    shown = Shown()
    if "$select" in given:
        reader = Reader(given["$select"], "$select")
        shown.select = select(reader, type)
        reader.done()
    if "$expand" in given:
        reader = Reader(given["$expand"], "$expand")
        expand(reader, type, shown)
        reader.done()
    return shown


def number(given: Mapping[str, str], name: str, unless: int) -> int:
    """A whole number from 0."""
    text = given.get(name, str(unless)).strip()
    if not text.isascii() or not text.isdigit() or len(text) > 400:
        raise Invalid(f"{name} is a whole number from 0, not {text[:40]!r}.", field=name)
    return min(int(text), _FARTHEST)


def truth(given: Mapping[str, str], name: str) -> bool:
    """`true` or `false`."""
    text = given.get(name, "false").strip().lower()
    if text not in ("true", "false"):
        raise Invalid(f"{name} is true or false, not {text[:40]!r}.", field=name)
    return text == "true"


def pages_by(query: EntityQuery) -> str:
    """The property by which pages of Observations follow each other without counting rows; empty if they cannot."""
    if query.type is not EntityType.OBSERVATION:
        return ""
    match [item.term for item in query.order]:
        case [] | [Path(("id",))]:
            return "id"
        case [Path((("phenomenonTime" | "resultTime") as name,))]:
            return str(name)
    return ""


def _paged(query: EntityQuery) -> EntityQuery:
    """With the property that the link to the next page is made of."""
    name = pages_by(query)
    if query.after is not None and not name:
        raise Invalid("$skiptoken goes with the order it was made for.", field="$skiptoken")
    if query.select is None or name in ("", "id", *query.select):
        return query
    return replace(query, select=(*query.select, name))


def _after(given: Mapping[str, str]) -> tuple[int, int] | None:
    text = given.get("$skiptoken")
    if text is None:
        return None
    first, mark, last = text.partition("~")
    if mark and all(part.removeprefix("-").isdigit() and part.isascii() and len(part) < 20 for part in (first, last)):
        at, id = int(first), int(last)
        if abs(at) < 2**63 and abs(id) < 2**63:
            return at, id
    raise Invalid("$skiptoken is what the link to the next page says, nothing else.", field="$skiptoken")


def _refuse(given: Mapping[str, str], names: tuple[str, ...]) -> None:
    for name in names:
        if name in given:
            raise Invalid(f"{name} has no meaning here.", field=name)
