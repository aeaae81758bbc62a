"""Entities in any representation of NGSI-LD and NGSI v2 into one form that the ways of columns can follow. Pure.

In that form every attribute is an object with a plain `value` (of a relationship its target, of a text in several
languages one of them), beside what else the broker says of it (`observedAt`, `unitCode`, sub-attributes, `metadata`),
and `ucum` where the unit is known. `NAME[*]` holds all instances of an attribute (datasetId), the default one first.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from nabe.adapting.json_http.paths import Each, Index, Member, Path, Row, Step, Where, parse
from nabe.model.dataset import FieldType

#: Members of an entity that are no attributes.
PLAIN = {
    "ngsi-ld": frozenset({"id", "type", "scope", "createdAt", "modifiedAt", "deletedAt", "expiresAt", "@context"}),
    "ngsi-v2": frozenset({"id", "type"}),
}
#: Where an attribute's value stands, by the kind of the attribute (ETSI GS CIM 009, 4.5).
_VALUES = ("value", "object", "vocab", "json", "valueList", "objectList", "languageMap")
_NULL = "urn:ngsi-ld:null"
ALL = "[*]"
_TYPED = "@time"
_ZONED = re.compile(r"(Z|[+-]\d\d:?\d\d)$")


@cache
def units() -> Mapping[str, str]:
    """UN/CEFACT code -> UCUM."""
    text = files("nabe.adapters.ngsi_ld").joinpath("units.toml").read_text("utf-8")
    return {str(code): str(ucum) for code, ucum in tomllib.loads(text)["units"].items()}


def steps_of(column: str, api: str = "ngsi-ld") -> tuple[Step, ...]:
    """A column's way in an entity of that form. `ValueError` says what is wrong."""
    path: Path = parse(column)
    first, rest = (path.steps[0], path.steps[1:]) if path.steps else (None, ())
    if path.up or path.key or not isinstance(first, Member):
        raise ValueError("is no attribute; for example temperature, temperature.observedAt or address.value.city")
    if first.name in PLAIN[api]:
        return path.steps
    if not rest:
        return (first, Member("value"))
    if isinstance(rest[0], (Index, Each, Where)):
        return (
            (Member(first.name + ALL), *rest) if len(rest) > 1 else (Member(first.name + ALL), *rest, Member("value"))
        )
    return path.steps


def attribute_of(column: str, api: str = "ngsi-ld") -> str:
    """The attribute that a column is of; empty for `id` and the like."""
    first = steps_of(column, api)[0]
    name = first.name.removesuffix(ALL) if isinstance(first, Member) else ""
    return "" if name in PLAIN[api] else name


@dataclass(frozen=True, slots=True)
class Form:
    """How entities come. `simple`: values only. `strict`: attribute -> type; a value of another kind does not fit.

    `places`: attributes that are read as places: of NGSI v2 values alone do not tell that latitude comes first.
    """

    api: str = "ngsi-ld"
    simple: bool = False
    language: str = "de"
    strict: Mapping[str, FieldType] | None = None
    places: frozenset[str] = frozenset()


def shaped(rows: Iterable[Row], form: Form) -> Iterator[Row]:
    """The entities in one form."""
    for row in rows:
        yield Row(entity(row.value, form), row.key, row.around)


def entity(value: Any, form: Form) -> Any:
    """One entity in the form above; what is none stays as it is."""
    if not isinstance(value, dict):
        return value
    made: dict[str, Any] = {}
    for name, given in value.items():
        if name in PLAIN[form.api]:
            made[name] = _bare(given)
            continue
        several = _instances(given, form)
        made[name] = several[0]
        if name in form.places and form.simple and form.api == "ngsi-v2" and isinstance(given, str):
            made[name]["value"] = _of_v2("geo:point", given)
        made[name + ALL] = several
        kind = (form.strict or {}).get(name)
        if kind is not None:
            _be_strict(made[name], kind)
    return made


def _instances(given: Any, form: Form) -> list[dict[str, Any]]:
    """All instances of an attribute, that without a datasetId first."""
    if not form.simple and isinstance(given, list) and given and all(_is_attribute(item) for item in given):
        return sorted((_attribute(item, form) for item in given), key=lambda item: "datasetId" in item)
    return [_attribute(given, form)]


def _is_attribute(given: Any) -> bool:
    return isinstance(given, dict) and any(name in given for name in _VALUES)


def _attribute(given: Any, form: Form) -> dict[str, Any]:
    if form.simple or not _is_attribute(given):
        return {"value": _bare(given)}
    made: dict[str, Any] = dict(given)
    if form.api == "ngsi-v2":
        made["value"] = _of_v2(given.get("type"), given.get("value"))
        made |= _metadata(given.get("metadata"), made)
    else:
        name = next(name for name in _VALUES if name in given)
        made["value"] = _in(given[name], form.language) if name == "languageMap" else _bare(given[name])
        for inner, item in given.items():  # properties of properties
            if inner not in _VALUES and _is_attribute(item):
                made[inner] = _attribute(item, form)
    code = made.get("unitCode")
    code = code.get("value") if isinstance(code, dict) else code
    if isinstance(code, str) and code in units():
        made["ucum"] = units()[code]
    made[_TYPED] = _is_time(given)
    return made


def _metadata(given: Any, attribute: Mapping[str, Any]) -> dict[str, Any]:
    """Metadata of NGSI v2 that NGSI-LD has as members: `unitCode`, `observedAt`."""
    if not isinstance(given, dict):
        return {}
    found = {}
    for ours, theirs in (("unitCode", ("unitCode",)), ("observedAt", ("observedAt", "TimeInstant", "timestamp"))):
        for name in theirs:
            item = given.get(name)
            if ours not in attribute and ours not in found and isinstance(item, dict) and "value" in item:
                found[ours] = item["value"]
    return found


def _bare(value: Any) -> Any:
    """A typed value (`@type`, `@value`) without its type; NGSI-LD's mark for nothing as nothing."""
    if isinstance(value, dict) and "@value" in value:
        value = value["@value"]
    return None if value == _NULL else value


def _in(texts: Any, language: str) -> Any:
    """A text in this language, else without one, else the first there is."""
    if not isinstance(texts, dict):
        return texts
    found = next((texts[name] for name in (language, "@none") if name in texts), next(iter(texts.values()), None))
    return "; ".join(map(str, found)) if isinstance(found, list) else found


def _of_v2(kind: Any, value: Any) -> Any:
    """A value of NGSI v2. Its simple places have latitude first (`geo:point`: "50.9, 6.9")."""
    if not isinstance(kind, str) or not kind.startswith("geo:") or kind == "geo:json":
        return value
    texts = value if isinstance(value, list) else [value]
    pairs = [pair for text in texts if (pair := _lonlat(text)) is not None]
    if len(pairs) != len(texts) or not pairs:
        return value
    match kind:
        case "geo:point":
            return {"type": "Point", "coordinates": pairs[0]}
        case "geo:line":
            return {"type": "LineString", "coordinates": pairs}
        case "geo:polygon":
            return {"type": "Polygon", "coordinates": [pairs]}
        case "geo:box" if len(pairs) == 2:
            (west, south), (east, north) = pairs
            return {"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]}  # fmt: skip
    return value


def _lonlat(text: Any) -> list[float] | None:
    parts = text.split(",") if isinstance(text, str) else []
    try:
        lat, lon = (float(part) for part in parts)
    except ValueError:
        return None
    return [lon, lat]


def _is_time(given: Mapping[str, Any]) -> bool:
    """Does the broker know the value as a time, not as a text?"""
    inner = given.get("value")
    typed = inner.get("@type") if isinstance(inner, dict) else given.get("type")
    return typed in ("DateTime", "https://uri.etsi.org/ngsi-ld/DateTime")


def _be_strict(attribute: dict[str, Any], kind: FieldType) -> None:
    """A value that the broker would compare in another way than the hub reads it is none that fits."""
    value = attribute.get("value")
    match kind:
        case FieldType.STRING:
            fits = True  # a number is no text that is ever sent
        case FieldType.BOOLEAN:
            fits = isinstance(value, bool)
        case FieldType.INTEGER | FieldType.NUMBER:
            fits = isinstance(value, (int, float)) and not isinstance(value, bool)
        case _:
            fits = isinstance(value, str) and bool(attribute.get(_TYPED)) and bool(_ZONED.search(value))
    other = "datasetId" in attribute or any(name in attribute for name in _VALUES if name != "value")
    if value is not None and (other or not fits):
        attribute["value"] = None if kind is FieldType.STRING else {}
