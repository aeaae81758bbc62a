"""What a WFS says of itself: capabilities, schemas of feature types, exceptions. Pure.

WFS 2.0: OGC 09-025r2, clauses 8 and 9; WFS 1.1: OGC 04-094; exceptions: OGC 06-121r3, clause 8.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from nabe.adapters.ogc_features.translate import Property
from nabe.adapting.xml.markup import Node, Records, XmlStream
from nabe.errors import NabeError
from nabe.model.dataset import FieldType

_TYPES = {
    FieldType.STRING: "string normalizedString token anyURI ID NCName Name language QName CodeType CodeWithAuthorityType "
    "StringOrRefType",
    FieldType.INTEGER: "integer int long short byte nonNegativeInteger positiveInteger negativeInteger unsignedInt "
    "unsignedLong unsignedShort unsignedByte nonPositiveInteger",
    FieldType.NUMBER: "decimal double float MeasureType LengthType AreaType AngleType",
    FieldType.BOOLEAN: "boolean",
    FieldType.DATE: "date",
    FieldType.DATETIME: "dateTime",
}
_BY_NAME = {name: kind for kind, names in _TYPES.items() for name in names.split()}
_GEOMETRY = re.compile(
    r"^(Multi)?(Point|LineString|Curve|Polygon|Surface|Geometry|Solid|CompositeCurve|CompositeSurface|GeometricPrimitive"
    r"|GeometricComplex|GeometryArray)(PropertyType|Property|Type)?$"
)
#: Properties that every feature of GML has and nobody fills.
_OF_GML = frozenset({"boundedBy", "metaDataProperty", "descriptionReference", "location"})
_MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class FeatureType:
    """A feature type as the capabilities list it. `crs`: as they spell it, the usual one first."""

    name: str
    title: str = ""
    abstract: str = ""
    keywords: tuple[str, ...] = ()
    crs: tuple[str, ...] = ()

    @property
    def local(self) -> str:
        return self.name.rpartition(":")[2]

    @property
    def prefix(self) -> str:
        return self.name.rpartition(":")[0]


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a server can do. `formats`: of GetFeature. `pages`, `sorts`: None where it does not say."""

    version: str
    types: Mapping[str, FeatureType] = field(default_factory=dict)
    spaces: Mapping[str, str] = field(default_factory=dict)
    formats: tuple[str, ...] = ()
    operators: frozenset[str] = frozenset()
    pages: bool | None = None
    sorts: bool | None = None

    def find(self, name: str) -> FeatureType | None:
        """The feature type of this name; its prefix may be left out, or be another, where only one fits."""
        if name in self.types:
            return self.types[name]
        local = name.rpartition(":")[2]
        found = [item for item in self.types.values() if item.local == local]
        return found[0] if len(found) == 1 else None


def tree(system: str, shown: str, chunks: Iterable[bytes]) -> tuple[Node, dict[str, str]]:
    """A small document whole, and the prefixes it declares. Raises `SourceRefused`."""
    reader = Records(system, XmlStream(iter(chunks), shown), lambda path: len(path) == 1)
    root = next((node for node, _ in reader), Node(""))
    return root, reader.spaces


def within(node: Node, *names: str) -> Iterator[Node]:
    """The elements at this way below a node."""
    if not names:
        yield node
        return
    for child in node.children:
        if child.name == names[0]:
            yield from within(child, *names[1:])


def everywhere(node: Node, name: str) -> Iterator[Node]:
    """All elements of a name, however deep."""
    for child in node.children:
        if child.name == name:
            yield child
        yield from everywhere(child, name)


def value(node: Node, *names: str) -> str:
    """The text of the first element at this way; empty if there is none."""
    return next((found.value or "" for found in within(node, *names)), "")


def capabilities(root: Node, spaces: Mapping[str, str]) -> Capabilities:
    """A capabilities document as far as it is of use here."""
    types = {}
    for item in within(root, "FeatureTypeList", "FeatureType"):
        name = value(item, "Name")
        if not name:
            continue
        crs = [
            found.value
            for tag in ("DefaultCRS", "DefaultSRS", "SRS", "OtherCRS", "OtherSRS")
            for found in within(item, tag)
        ]
        words = [found.value for found in everywhere(item, "Keyword")] or [
            word.strip() for found in within(item, "Keywords") for word in (found.value or "").split(",")
        ]
        types[name] = FeatureType(
            name,
            value(item, "Title"),
            value(item, "Abstract"),
            tuple(word for word in words if word),
            tuple(found for found in crs if found),
        )
    facts = {
        item.attributes.get("name", ""): (value(item, "DefaultValue") or value(item, "AllowedValues", "Value")).upper()
        for item in everywhere(root, "Constraint")
    }
    formats = [
        found.value or ""
        for operation in within(root, "OperationsMetadata", "Operation")
        if operation.attributes.get("name") == "GetFeature"
        for parameter in within(operation, "Parameter")
        if parameter.attributes.get("name", "").lower() == "outputformat"
        for found in everywhere(parameter, "Value")
    ]
    filters = next(within(root, "Filter_Capabilities"), Node(""))
    operators = {
        item.attributes.get("name") or item.value or ""
        for tag in ("ComparisonOperator", "SpatialOperator")
        for item in everywhere(filters, tag)
    }
    return Capabilities(
        root.attributes.get("version", ""),
        types,
        spaces,
        tuple(formats),
        frozenset(item.replace("PropertyIs", "") for item in operators),
        _said(facts.get("ImplementsResultPaging", "")),
        _said(facts.get("ImplementsSorting", "")),
    )


def _said(text: str) -> bool | None:
    return {"TRUE": True, "FALSE": False}.get(text)


def schema(root: Node, name: str) -> dict[str, Property]:
    """The properties of a feature type by an XML Schema document; empty where it does not say them."""
    local = name.rpartition(":")[2]
    types = {item.attributes.get("name", ""): item for item in within(root, "complexType")}
    for element in within(root, "element"):
        if element.attributes.get("name") == local:
            inline = next(within(element, "complexType"), None)
            of = inline or types.get(element.attributes.get("type", "").rpartition(":")[2])
            return {item.name: item for item in _properties(of, types, 0)} if of is not None else {}
    return {}


def _properties(node: Node, types: Mapping[str, Node], depth: int) -> Iterator[Property]:
    if depth > 20:
        return
    for child in node.children:
        if child.name == "extension":
            base = types.get(child.attributes.get("base", "").rpartition(":")[2])
            if base is not None and base is not node:
                yield from _properties(base, types, depth + 1)
        if child.name == "element":
            found = _property(child, types)
            if found.name and found.name not in _OF_GML:
                yield found
        elif child.name in ("complexContent", "extension", "restriction", "sequence", "all", "choice"):
            yield from _properties(child, types, depth + 1)


def _property(element: Node, types: Mapping[str, Node]) -> Property:
    ref = element.attributes.get("ref", "").rpartition(":")[2]
    name = element.attributes.get("name") or ref
    native = element.attributes.get("type", "").rpartition(":")[2]
    if not native:
        bases = [item.attributes.get("base", "").rpartition(":")[2] for item in everywhere(element, "restriction")]
        native = bases[0] if bases and any(within(element, "simpleType")) else ref
    title = next((found.value or "" for found in everywhere(element, "documentation")), "")
    if native not in types and _GEOMETRY.match(native[:1].upper() + native[1:]):
        return Property(name, FieldType.GEOMETRY, native, title, native.lower().startswith("point"))
    kind = None if native in types else _BY_NAME.get(native)
    several = element.attributes.get("maxOccurs", "1") not in ("0", "1")
    return Property(name, None if several else kind, native, title)


def exception(root: Node) -> tuple[str, str] | None:
    """Code and text of an exception report (also that of old servers); None if it is none."""
    if root.name not in ("ExceptionReport", "ServiceExceptionReport", "Exception", "truncatedResponse"):
        return None
    nodes = [root, *everywhere(root, "Exception"), *everywhere(root, "ServiceException")]
    code = next(
        (
            text
            for node in nodes
            for text in [node.attributes.get("exceptionCode") or node.attributes.get("code")]
            if text
        ),
        "",
    )
    texts = [node.value for tag in ("ExceptionText", "ServiceException") for node in everywhere(root, tag)]
    return code, shortened(" ".join(text for text in texts if text))


def exception_in(body: bytes) -> tuple[str, str] | None:
    """The same, of a body that may be anything."""
    if not body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return None
    try:
        root, _ = tree("", "answer", [body])
    except NabeError:
        return None
    return exception(root)


def shortened(text: str) -> str:
    """A server's words as one short line."""
    plain = " ".join("".join(sign if sign.isprintable() or sign.isspace() else "?" for sign in text).split())
    return plain if len(plain) <= _MOST_SHOWN else plain[: _MOST_SHOWN - 1] + "…"
