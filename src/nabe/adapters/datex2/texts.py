"""Words of a publication: texts by language, kinds, numbers, lists of an element's children. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from nabe.adapting.xml.markup import Node

#: Three letters as some suppliers write them (ISO 639-2), and the two that the standard asks for.
_TWO = {"ger": "de", "deu": "de", "eng": "en", "fre": "fr", "fra": "fr", "dut": "nl", "nld": "nl"}


def child(node: Node | None, *way: str) -> Node | None:
    """The first element on the way of these names."""
    for name in way:
        if node is None:
            return None
        node = next((item for item in node.children if item.name == name), None)
    return node


def value(node: Node | None, *way: str) -> str | None:
    """The text of the first element on the way."""
    found = child(node, *way)
    return found.value if found is not None else None


def every(node: Node | None, name: str) -> Iterator[Node]:
    """All elements of this name directly inside."""
    if node is not None:
        yield from (item for item in node.children if item.name == name)


def within(node: Node | None, name: str) -> Iterator[Node]:
    """All elements of this name at any depth, in their order."""
    if node is not None:
        for item in node.children:
            if item.name == name:
                yield item
            else:
                yield from within(item, name)


def first(node: Node | None, name: str) -> str | None:
    """The text of the first element of this name at any depth."""
    return next((item.value for item in within(node, name) if item.value is not None), None)


def kind(node: Node | None) -> str | None:
    """What an element is by its `xsi:type`, without prefix: `sit:MaintenanceWorks` -> `MaintenanceWorks`."""
    said = node.attributes.get("type", "") if node is not None else ""
    return said.rpartition(":")[2] or None


def spoken(node: Node | None, otherwise: str = "") -> dict[str, str]:
    """Texts of a MultilingualString by language; those without one are in the publication's language."""
    found: dict[str, str] = {}
    if node is None:
        return found
    for item in within(node, "value"):
        if item.value is not None:
            found.setdefault(language(item.attributes.get("lang", "") or otherwise), item.value)
    return found


def language(said: str | None) -> str:
    """`DE`, `ger`, `de-DE` -> `de`."""
    short = (said or "").lower().partition("-")[0]
    return _TWO.get(short, short)


def chosen(texts: dict[str, str], wanted: str) -> str | None:
    """The text in the language wanted, else the first there is."""
    return texts.get(language(wanted)) or next(iter(texts.values()), None)


def joined(values: list[str | None]) -> str | None:
    """Different values as one text."""
    there = dict.fromkeys(item for item in values if item)
    return "; ".join(there) or None
