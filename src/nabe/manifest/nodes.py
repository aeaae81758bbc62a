"""YAML text as a tree with lines, built from the parser's events.

The events come one by one, so that a thousand brackets cannot exhaust the stack, and plain words arrive untyped: what
`no`, `08` and `2026-01-01` mean is decided by us (`reading`), not by a version of YAML.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

DEEPEST = 60
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Refused(Exception):
    """Not a document, and where."""

    def __init__(self, message: str, line: int, hint: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.hint = hint


@dataclass(slots=True)
class Scalar:
    """A word or text; `plain`: written without quotes and without a tag."""

    value: str
    plain: bool
    line: int


@dataclass(slots=True)
class Sequence:
    """A list."""

    line: int
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Mapping:
    """Keys and values in their order."""

    line: int
    pairs: list[tuple[Node, Node]] = field(default_factory=list)
    key: Node | None = None


Node = Scalar | Sequence | Mapping


def documents(text: str) -> Iterator[Node]:
    """The documents of a text. `Refused` where it is no YAML; those before it have been yielded by then."""
    try:
        yield from _Composer().documents(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise Refused(f"not YAML: {error.problem}", line, _hint(text, line)) from None
    except (yaml.YAMLError, ValueError) as error:
        raise Refused(f"not YAML: {str(error).splitlines()[0][:200]}", 0) from None


def _hint(text: str, line: int) -> str:
    lines = text.splitlines()
    there = lines[line - 1] if 0 < line <= len(lines) else ""
    return "use blanks, not tabs, for indentation" if there.lstrip(" ").startswith("\t") else ""


class _Composer:
    def __init__(self) -> None:
        self._open: list[Sequence | Mapping] = []
        self._anchors: dict[str, Node] = {}
        self._root: Node | None = None

    def documents(self, text: str) -> Iterator[Node]:
        for event in yaml.parse(text, Loader=_LOADER):
            match event:
                case yaml.DocumentStartEvent():
                    self._anchors, self._root = {}, None
                case yaml.DocumentEndEvent():
                    if self._root is not None:
                        yield self._root
                case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                    self._begin(event)
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    self._open.pop()
                case yaml.AliasEvent():
                    self._alias(event)
                case yaml.ScalarEvent():
                    tagged = event.tag is not None and event.tag != "!"
                    plain = event.style in (None, "") and not tagged
                    self._add(Scalar(event.value, plain, event.start_mark.line + 1), event.anchor)

    def _begin(self, event: yaml.CollectionStartEvent) -> None:
        line = event.start_mark.line + 1
        if len(self._open) >= DEEPEST:
            raise Refused("too deeply nested", line)
        made = Mapping(line) if isinstance(event, yaml.MappingStartEvent) else Sequence(line)
        self._add(made, event.anchor)
        self._open.append(made)

    def _alias(self, event: yaml.AliasEvent) -> None:
        line = event.start_mark.line + 1
        node = self._anchors.get(event.anchor)
        if node is None or any(node is item for item in self._open):
            raise Refused(f"*{event.anchor} stands for nothing", line)
        self._add(node, None)

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._open:
            self._root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
        elif parent.key is None:
            parent.key = node
        else:
            parent.pairs.append((parent.key, node))
            parent.key = None
