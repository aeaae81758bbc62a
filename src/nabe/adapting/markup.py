"""XML as a stream of elements, safely: no entities of its own, no outside files, bounded depth and size of a record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from nabe.errors import NabeError, SourceRefused

#: Most elements inside one another; deeper ones are no data.
MOST_DEPTH = 100
#: Most elements of one record, which is held whole.
MOST_NODES = 500_000
#: Most characters of text of one record, and bytes of one tag or comment.
MOST_TEXT = 64_000_000
#: Bytes of text that the parser may hold back.
_BUFFER = 1 << 16

#: The names of an element and of all around it, outermost first.
Path = tuple[str, ...]


@dataclass(slots=True)
class Node:
    """An element by its local name, with what is in it. `space`: its namespace."""

    name: str
    space: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    text: str = ""

    @property
    def value(self) -> str | None:
        """Its text without blanks around it; None if it is empty or says nil."""
        return None if self.attributes.get("nil") in ("true", "1") else self.text.strip() or None


class Pass:
    """One safe pass over a document that comes in pieces; what opens and ends is told to `opened` and `ended` of a
    subclass. `shown` is what messages call it; `spaces` are the prefixes it declares, with their namespaces.
    """

    def __init__(self, system: str, shown: str, chunks: Iterable[bytes]) -> None:
        self._system, self._shown, self._chunks = system, shown, chunks
        self.open: list[Node] = []
        self.path: Path = ()
        self.spaces: dict[str, str] = {}
        self.keeps = False  # is what ends now held by the subclass?
        self.held = 0  # characters of text that are held
        self._texts: list[list[str]] = []

    def run(self) -> Iterator[None]:
        """Reads piece by piece. Raises `SourceRefused`, never the parser's own error."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text, parser.buffer_size = True, _BUFFER
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler, parser.EntityDeclHandler = self._characters, self._entity
        parser.StartNamespaceDeclHandler = self._space
        read, ended = 0, False
        try:
            for chunk in self._chunks:
                parser.Parse(chunk, False)
                read += len(chunk)
                if read - parser.CurrentByteIndex > MOST_TEXT:
                    raise self.refused(f"one tag or comment is larger than {MOST_TEXT // 1_000_000} MB")
                yield
            ended = True
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise self.broken(error.lineno, expat.ErrorString(error.code), cut=ended) from None
        except (ValueError, LookupError):  # an encoding that is unknown, or not of one byte per character
            raise SourceRefused(
                self._system, f"{self._shown!r}: its encoding cannot be read.", hint="Deliver it in UTF-8."
            ) from None
        yield

    def opened(self, node: Node) -> None:
        """An element begins; `path` ends with it."""

    def ended(self, node: Node, path: Path) -> None:
        """An element ends; `open` holds those around it."""

    def refused(self, why: str) -> SourceRefused:
        """The error of a document that is well formed, but not to be read."""
        return SourceRefused(self._system, f"{self._shown!r}: {why}.", hint="Deliver it as plain XML.")

    def broken(self, line: int, why: str, *, cut: bool) -> NabeError:
        """The error of a document that is not well formed. `cut`: it ends in the middle."""
        return SourceRefused(
            self._system,
            f"{self._shown!r}, line {line}: not valid XML ({why}).",
            hint="Deliver it anew.",
            line=line,
        )

    def _space(self, prefix: str | None, space: str) -> None:
        if len(self.spaces) < 1_000:
            self.spaces[prefix or ""] = space

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        self.path = (*self.path, local)
        if len(self.path) > MOST_DEPTH:
            raise self.refused(f"elements lie more than {MOST_DEPTH} deep in one another")
        node = Node(local, space, {key.rpartition(" ")[2]: value for key, value in attributes.items()})
        self.opened(node)
        self.open.append(node)
        self._texts.append([])

    def _end(self, _name: str) -> None:
        node, path = self.open.pop(), self.path
        node.text = "".join(self._texts.pop())
        self.path = path[:-1]
        if not self.keeps:
            self.held -= len(node.text)
        self.ended(node, path)

    def _characters(self, data: str) -> None:
        if not data.isspace() or self._texts[-1]:
            self._texts[-1].append(data)
            self.held += len(data)
            if self.held > MOST_TEXT:
                raise self.refused(f"one record holds more than {MOST_TEXT // 1_000_000} MB of text")

    def _entity(self, *_about: Any) -> None:
        raise self.refused("it declares entities of its own, which may be a bomb or lead to other files")


class Records(Pass):
    """The elements that `wanted` picks, whole, the outermost where one lies in another.

    `around`: names of attributes or simple elements outside a record that are told with it, the nearest ones as far as
    they were read before the record ended.
    """

    def __init__(
        self,
        system: str,
        shown: str,
        chunks: Iterable[bytes],
        wanted: Callable[[Path], bool],
        around: Collection[str] = (),
    ) -> None:
        super().__init__(system, shown, chunks)
        self._wanted, self._around = wanted, tuple(around)
        self._depth = 0  # of the record that is open
        self._nodes = 0
        self._found: list[tuple[Node, dict[str, str | None]]] = []

    def __iter__(self) -> Iterator[tuple[Node, dict[str, str | None]]]:
        for _ in self.run():
            found, self._found = self._found, []
            yield from found

    def opened(self, node: Node) -> None:
        if self._depth:
            self._nodes += 1
            if self._nodes > MOST_NODES:
                raise self.refused(f"one record holds more than {MOST_NODES} elements")
        elif self._wanted(self.path):
            self._depth, self._nodes, self.keeps = len(self.path), 0, True

    def ended(self, node: Node, path: Path) -> None:
        if len(path) == self._depth:
            self._depth, self.held, self.keeps = 0, 0, False
            self._found.append((node, {name: self._outside(name) for name in self._around}))
        elif self._depth:
            self.open[-1].children.append(node)
        elif self.open and node.name in self._around:
            self.open[-1].children = [item for item in self.open[-1].children if item.name != node.name] + [node]

    def _outside(self, name: str) -> str | None:
        for node in reversed(self.open):
            child = next((item for item in node.children if item.name == name), None)
            if child is not None:
                return child.value
            if name in node.attributes:
                return node.attributes[name]
        return None
