"""From the XML of a SOAP answer to records, and from parameters to what an operation takes. Pure.

Answers are read as a stream and not by their schema: services do not keep to their own, and a row that differs is no
reason to lose the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nabe.adapting.xml.gml import Unreadable, geometry, is_geometry
from nabe.adapting.xml.markup import Document, Node, Path, Records
from nabe.errors import SourceRefused, SourceUnavailable

#: SOAP 1.1 (W3C Note 8 May 2000) and 1.2 (W3C Recommendation 27 April 2007).
ENVELOPES = ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,60}")
_LOGIN = ("FailedAuthentication", "InvalidSecurity", "InvalidSecurityToken", "FailedCheck", "SecurityTokenUnavailable")


class Answer(Records):
    """The rows of one answer. Raises the error of a Fault as soon as it ends."""

    def __init__(self, system: str, document: Document, operation: str, rows_path: str) -> None:
        self._operation = operation
        self._steps = tuple(step for step in rows_path.split("/") if step)
        self.envelope = False
        super().__init__(system, document, self._is_row)

    def _is_row(self, path: Path) -> bool:
        if not self.envelope or len(path) < 3 or path[1] != "Body":
            return False
        if path[2] == "Fault":
            return len(path) == 3
        return path[-len(self._steps) :] == self._steps and len(path) > 2 if self._steps else len(path) == 3

    def opened(self, node: Node) -> None:
        if len(self.path) == 1 and node.name == "Envelope" and node.space in ENVELOPES:
            self.envelope = True
        super().opened(node)

    def rows(self) -> Iterator[Any]:
        """The rows as JSON values. Raises `SourceRefused` or `SourceUnavailable` for a Fault, or what is no SOAP."""
        for node, _ in self:
            if node.name == "Fault" and node.space in ENVELOPES:
                raise self._fault(node)
            yield simple(node)
        if not self.envelope:
            raise SourceRefused(
                self._system,
                f"operation {self._operation!r}: the answer is XML, but no SOAP.",
                hint="Check the address of the service.",
            )

    def _fault(self, node: Node) -> SourceRefused | SourceUnavailable:
        """What a Fault says by its codes. Its words stay out: they may hold what was asked for."""
        codes = [code for code in _codes(node) if _CODE.fullmatch(code)]
        said = f"operation {self._operation!r} is answered with a fault ({', '.join(codes) or 'without a code'})."
        if codes and codes[0] in ("Server", "Receiver") and not any(code in _LOGIN for code in codes):
            return SourceUnavailable(self._system, said, hint="Try again later, or ask its operator.")
        login = any(code in _LOGIN for code in codes)
        hint = "Check auth of the system." if login else "Check source.parameters and filters."
        return SourceRefused(self._system, said, hint=hint)


def _codes(fault: Node) -> Iterator[str]:
    """The codes of a Fault, outer ones first, and the names of the elements in its detail."""
    for child in fault.children:
        if child.name == "faultcode":
            yield from reversed((child.value or "").rpartition(":")[2].split("."))
        elif child.name == "Code":
            yield from _code_values(child)
        elif child.name in ("detail", "Detail"):
            yield from (item.name for item in child.children[:3])


def _code_values(node: Node) -> Iterator[str]:
    for child in node.children:
        if child.name == "Value":
            yield (child.value or "").rpartition(":")[2]
        elif child.name == "Subcode":
            yield from _code_values(child)


def simple(node: Node) -> Any:
    """An element as JSON: its text, or an object of its attributes and elements; lists where they repeat."""
    if is_geometry(node.name, node.space):
        try:
            return geometry(node).wkt
        except Unreadable:
            pass
    if node.attributes.get("nil") in ("true", "1"):
        return None
    found: dict[str, Any] = {name: value for name, value in node.attributes.items() if not _is_mark(name, value)}
    if not node.children and not found:
        return node.value
    if node.value is not None:
        found["value"] = node.value
    several: set[str] = set()
    for child in node.children:
        made = simple(child)
        if child.name in several:
            found[child.name].append(made)
        elif child.name in found:
            found[child.name] = [found[child.name], made]
            several.add(child.name)
        else:
            found[child.name] = made
    return found


def _is_mark(name: str, value: str) -> bool:
    """Attributes of the envelope's own making: the type of each value in the older encoding, nil."""
    return name == "nil" or name == "encodingStyle" or (name == "type" and ":" in value)


def arguments(fixed: Mapping[str, Any], pushed: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """Fixed parameters and those of a question as one nested set; what is fixed stays, several values are a list."""
    found: dict[str, Any] = {}
    for name, value in fixed.items():
        _put(found, name.split("."), _copied(value))
    own: dict[str, list[str]] = {}
    for name, text in pushed:
        own.setdefault(name, []).append(text)
    for name, texts in own.items():
        _put(found, name.split("."), texts[0] if len(texts) == 1 else texts)
    return found


def _copied(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _copied(item) for name, item in value.items()}
    return [_copied(item) for item in value] if isinstance(value, (list, tuple)) else value


def _put(holder: dict[str, Any], way: list[str], value: Any) -> None:
    for name in way[:-1]:
        inner = holder.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        holder = inner
    holder.setdefault(way[-1], value)
