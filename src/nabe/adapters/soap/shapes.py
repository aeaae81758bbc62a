"""What a WSDL says of an operation: what it takes, which elements of its answer repeat, and their members."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nabe.model.dataset import FieldType

_DEEPEST = 8
_MOST_COLUMNS = 1_000


@dataclass(frozen=True, slots=True)
class Member:
    """A parameter, or a column. `needed`: the operation cannot be called without it."""

    name: str
    type: FieldType | None  # None: it has members of its own
    native: str
    needed: bool = False
    several: bool = False


@dataclass(slots=True)
class Rows:
    """A repeated element of an answer: the way to it, and its members."""

    path: str
    columns: list[Member] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Shape:
    """One operation. `known`: every way of names in its answer; empty if the WSDL leaves it open."""

    name: str
    parameters: tuple[Member, ...]
    rows: tuple[Rows, ...]
    known: frozenset[str]
    open: bool

    def has(self, rows_path: str) -> bool:
        """Can there be such elements?"""
        return self.open or not rows_path or any(f"/{way}".endswith(f"/{rows_path}") for way in self.known)

    def told(self) -> str:
        """The parameters in words: `district (string, needed), since (date)`."""
        return ", ".join(f"{item.name} ({item.native}{', needed' if item.needed else ''})" for item in self.parameters)


def shape(name: str, operation: Any) -> Shape:
    """The shape of an operation as zeep has parsed it."""
    taken = getattr(operation.input, "body", None)
    parameters = tuple(_members(getattr(taken, "type", None))) if taken is not None else ()
    rows: list[Rows] = []
    known: set[str] = set()
    given = getattr(operation.output, "body", None) if operation.output is not None else None
    opened = [given is None]
    if given is not None:
        _walk(given, (), rows, known, opened, ())
    found = tuple(rows) or ((Rows("", list(_columns(given.type, "", ()))),) if given is not None else ())
    return Shape(name, parameters, found, frozenset(known), opened[0])


def _elements(kind: Any) -> Iterator[tuple[str, Any]]:
    """(name, element) of a type's elements; nothing for a simple type."""
    yield from getattr(kind, "elements", None) or ()


def _walk(
    element: Any, way: tuple[str, ...], rows: list[Rows], known: set[str], opened: list[bool], seen: tuple[Any, ...]
) -> None:
    """Every way of names below an element; where one repeats first, its members are columns."""
    name, kind = _local(element), element.type
    if not name or kind is None or kind in seen or len(way) > _DEEPEST or len(known) > _MOST_COLUMNS:
        opened[0] = opened[0] or not name
        return
    way = (*way, name)
    known.add("/".join(way))
    inner = list(_elements(kind))
    if _repeats(element) and len(way) > 1 and not any("/".join(way).startswith(f"{item.path}/") for item in rows):
        rows.append(Rows("/".join(way), list(_columns(kind, "", ()))))
    for _, child in inner:
        if not hasattr(child, "attr_name") or type(child).__name__ == "Any":
            opened[0] = True
            continue
        _walk(child, way, rows, known, opened, (*seen, kind))


def _members(kind: Any) -> Iterator[Member]:
    for name, element in _elements(kind):
        if type(element).__name__ == "Any":
            continue
        inner = list(_elements(element.type))
        needed = element.min_occurs != 0 and element.default is None and not element.nillable
        yield Member(name, None if inner else _type(element.type), _native(element.type), needed, _repeats(element))


def _columns(kind: Any, before: str, seen: tuple[Any, ...]) -> Iterator[Member]:
    """Members of a row: attributes, simple elements, and those of nested elements; what repeats is one column."""
    if kind in seen or len(seen) > _DEEPEST:
        return
    for _, attribute in getattr(kind, "attributes", None) or ():
        name = getattr(getattr(attribute, "qname", None), "localname", None)
        if name:
            yield Member(f"{before}{name}", _type(attribute.type), _native(attribute.type))
    inner = [(name, child) for name, child in _elements(kind) if type(child).__name__ != "Any"]
    if not list(_elements(kind)) and not before:
        yield Member("@value", _type(kind), _native(kind))
    for _, child in inner:
        name = _local(child)
        if not name or child.type is None:
            continue
        if _repeats(child):
            yield Member(f"{before}{name}", FieldType.STRING, f"{_native(child.type)} list", several=True)
        elif list(_elements(child.type)):
            yield from _columns(child.type, f"{before}{name}.", (*seen, kind))
        else:
            yield Member(f"{before}{name}", _type(child.type), _native(child.type))


def _local(element: Any) -> str:
    return getattr(getattr(element, "qname", None), "localname", None) or str(getattr(element, "name", None) or "")


def _repeats(element: Any) -> bool:
    most = getattr(element, "max_occurs", 1)
    return most == "unbounded" or (isinstance(most, int) and most > 1)


def _native(kind: Any) -> str:
    return str(getattr(kind, "name", None) or "anyType")


def _type(kind: Any) -> FieldType:
    """The hub's type of an XSD type; a restriction is of the type that it restricts."""
    from zeep.xsd.types import builtins as xsd

    kinds = (
        (FieldType.BOOLEAN, (xsd.Boolean,)),
        (FieldType.INTEGER, (xsd.Integer,)),
        (FieldType.NUMBER, (xsd.Decimal, xsd.Float, xsd.Double)),
        (FieldType.DATETIME, (xsd.DateTime,)),
        (FieldType.DATE, (xsd.Date,)),
    )
    return next((type for type, classes in kinds if isinstance(kind, classes)), FieldType.STRING)
