"""An element as JSON: for what has no column of its own. Pure."""

from __future__ import annotations

from typing import Any

from nabe.adapting.xml.gml import Unreadable, geometry, is_geometry
from nabe.adapting.xml.markup import Node


def plain(node: Node) -> Any:
    """Its text, or an object where it has attributes or elements (`value`: the text beside them); geometry as WKT."""
    if is_geometry(node.name, node.space):
        try:
            return geometry(node).wkt
        except Unreadable:
            pass
    if not node.children and not node.attributes:
        return node.value
    found: dict[str, Any] = dict(node.attributes)
    if node.value is not None:
        found["value"] = node.value
    for child in node.children:
        name = child.name if child.name not in node.attributes else f"{child.name}_element"
        if name in found and not (isinstance(found[name], list)):
            found[name] = [found[name]]
        if name in found:
            found[name].append(plain(child))
        else:
            found[name] = plain(child)
    return found
