"""XML as a stream of elements, safely: no entities of its own, no outside files, bounded depth and size of a record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Protocol
from xml.parsers import expat

from nabe.errors import NabeError, SourceRefused, SourceUnavailable

#: Most elements inside one another; deeper ones are no data.
MOST_DEPTH = 100
#: Most elements of one record, which is held whole.
MOST_NODES = 500_000
#: Most different ways to an element; documents have some hundred.
MOST_PATHS = 20_000
#: Most signs of text and attributes in one record, and beside the records in what is open around them.
MOST_TEXT = 32_000_000
#: Most bytes of one tag, comment or instruction, which the parser holds whole.
MOST_TAG = 8_000_000
#: Most prefixes that are remembered.
MOST_SPACES = 1_000
_CHUNK = 1 << 16
#: Codes of the parser for a document that is over too early: nothing there, an open token, an open CDATA section.
_CUT = (3, 5, 20)
_XLINK_HREF = "http://www.w3.org/1999/xlink href"

#: The names of an element and of all around it, outermost first.
Path = tuple[str, ...]


class Document(Protocol):
    """XML, piece by piece. `shown`: what messages call it."""

    @property
    def shown(self) -> str: ...

    def chunks(self) -> Iterator[bytes]:
        """Its bytes from the beginning."""


@dataclass(frozen=True, slots=True)
class XmlFile:
    """A document in a file."""

    path: FilePath
    shown: str

    def chunks(self) -> Iterator[bytes]:
        """Its bytes from the beginning."""
        with self.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk


@dataclass(frozen=True, slots=True)
class XmlStream:
    """A document that comes in and can be read once."""

    pieces: Iterator[bytes]
    shown: str

    def chunks(self) -> Iterator[bytes]:
        """Its bytes, in pieces that bound what the parser sees at once."""
        for piece in self.pieces:
            for at in range(0, len(piece), _CHUNK):
                yield piece[at : at + _CHUNK]


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
    """One safe pass over a document; what opens and ends is told to `opened` and `ended` of a subclass.

    `spaces`: the prefixes that the document declares, with their namespaces.
    """

    def __init__(self, system: str, document: Document) -> None:
        self._system, self._document = system, document
        self.open: list[Node] = []
        self.path: Path = ()
        self._texts: list[list[str]] = []
        self.spaces: dict[str, str] = {}
        self._size = 0  # signs of text and attributes that are held
        self._silent = 0  # bytes since the parser last told something

    def run(self) -> Iterator[None]:
        """Reads piece by piece. Raises `SourceRefused`, never the parser's own error."""
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text, parser.buffer_size = True, _CHUNK
        parser.StartElementHandler, parser.EndElementHandler = self._start, self._end
        parser.CharacterDataHandler, parser.EntityDeclHandler = self._characters, self._entity
        parser.StartNamespaceDeclHandler = self._space
        parser.SkippedEntityHandler = self._entity  # one that an outside DTD declares: its text would be missing
        try:
            for chunk in self._document.chunks():
                self._silent += len(chunk)
                parser.Parse(chunk, False)
                if self._silent > MOST_TAG:
                    raise self.refused(f"a tag or comment is longer than {MOST_TAG // 1_000_000} MB")
                yield
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            cut = error.code in _CUT and isinstance(self._document, XmlStream)
            raise self.broken(error.lineno, expat.ErrorString(error.code), cut=cut) from None
        except (ValueError, LookupError):  # an encoding that is unknown, or not of one byte per character
            raise SourceRefused(
                self._system, f"{self._document.shown!r}: its encoding cannot be read.", hint="Deliver it in UTF-8."
            ) from None
        yield

    def opened(self, node: Node) -> None:
        """An element begins; `path` ends with it."""

    def ended(self, node: Node, path: Path) -> None:
        """An element ends; `open` holds those around it."""

    def refused(self, why: str) -> SourceRefused:
        """The error of a document that is well formed, but not to be read."""
        return SourceRefused(self._system, f"{self._document.shown!r}: {why}.", hint="Deliver it as plain XML.")

    def broken(self, line: int, why: str, *, cut: bool) -> NabeError:
        """The error of a document that is not well formed. `cut`: it ends in the middle, or is empty."""
        shown = self._document.shown
        if cut:
            return SourceUnavailable(
                self._system, f"{shown}: it is empty or ends in the middle (line {line}).", hint="Try again later."
            )
        return SourceRefused(
            self._system, f"{shown!r}, line {line}: not valid XML ({why}).", hint="Deliver it anew.", line=line
        )

    def forget(self, node: Node) -> None:
        """An element's own text and attributes are held no longer."""
        self._size -= len(node.text) + sum(map(len, node.attributes.values()))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._silent = 0
        space, _, local = name.rpartition(" ")
        self.path = (*self.path, local)
        if len(self.path) > MOST_DEPTH:
            raise self.refused(f"elements lie more than {MOST_DEPTH} deep in one another")
        node = Node(local, space, {key.rpartition(" ")[2]: value for key, value in attributes.items()})
        if attributes:
            if attributes.get(_XLINK_HREF, "").startswith("#"):  # within the document: the id itself, to join by
                node.attributes["href"] = attributes[_XLINK_HREF][1:]
            self._holds(sum(map(len, node.attributes.values())))
        self.opened(node)
        self.open.append(node)
        self._texts.append([])

    def _end(self, _name: str) -> None:
        self._silent = 0
        node, path = self.open.pop(), self.path
        node.text = "".join(self._texts.pop())
        self.path = path[:-1]
        self.ended(node, path)

    def _characters(self, data: str) -> None:
        self._silent = 0
        if not data.isspace() or self._texts[-1]:
            self._holds(len(data))
            self._texts[-1].append(data)

    def _holds(self, size: int) -> None:
        self._size += size
        if self._size > MOST_TEXT:
            raise self.refused(f"a record, or what stands beside the records, has more than {MOST_TEXT:,} signs")

    def _space(self, prefix: str | None, space: str) -> None:
        if len(self.spaces) < MOST_SPACES:
            self.spaces[prefix or ""] = space

    def _entity(self, *_about: Any) -> None:
        raise self.refused("it uses entities of its own, which may be a bomb or lead to other files")


@dataclass(slots=True)
class Seen:
    """What a survey saw of one path. `most`: how often at most in one parent."""

    count: int = 0
    values: int = 0
    most: int = 1
    attributes: dict[str, None] = field(default_factory=dict)
    space: str = ""


class Survey(Pass):
    """Which paths a document has, in the order of their first appearance, and how often."""

    def __init__(self, system: str, document: Document) -> None:
        super().__init__(system, document)
        self.paths: dict[Path, Seen] = {}
        self.reference = ""  # the first srsName
        self._siblings: list[Counter[str]] = []
        for _ in self.run():
            pass

    def opened(self, node: Node) -> None:
        seen = self.paths.get(self.path)
        if seen is None:
            if len(self.paths) >= MOST_PATHS:
                raise self.refused(f"it has more than {MOST_PATHS} different elements")
            seen = self.paths[self.path] = Seen(space=node.space)
        seen.count += 1
        seen.attributes.update(dict.fromkeys(node.attributes))
        self.reference = self.reference or node.attributes.get("srsName", "")
        if self._siblings:
            times = self._siblings[-1]
            times[node.name] += 1
            seen.most = max(seen.most, times[node.name])
        self._siblings.append(Counter())

    def ended(self, node: Node, path: Path) -> None:
        self._siblings.pop()
        self.paths[path].values += node.value is not None
        self.forget(node)

    def under(self, path: Path) -> list[Path]:
        """Paths directly below this one."""
        depth = len(path) + 1
        return [item for item in self.paths if len(item) == depth and item[:-1] == path]


class Records(Pass):
    """The elements that `wanted` picks, whole, the outermost where one lies in another.

    `around`: names of attributes or simple elements outside a record that are told with it, the nearest ones as far as
    they were read before the record ended.
    """

    def __init__(
        self, system: str, document: Document, wanted: Callable[[Path], bool], around: Collection[str] = ()
    ) -> None:
        super().__init__(system, document)
        self._wanted, self._around = wanted, tuple(around)
        self._depth = 0  # of the record that is open
        self._nodes = 0
        self._before = 0  # what was held when it began
        self._found: list[tuple[Node, dict[str, str | None]]] = []

    @property
    def inside(self) -> bool:
        """Is a record open?"""
        return bool(self._depth)

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
            self._depth, self._nodes = len(self.path), 0
            self._before = self._size - sum(map(len, node.attributes.values()))

    def ended(self, node: Node, path: Path) -> None:
        if len(path) == self._depth:
            self._depth, self._size = 0, self._before
            self._found.append((node, {name: self._outside(name) for name in self._around}))
        elif self._depth:
            self.open[-1].children.append(node)
        else:
            if self.open and node.name in self._around:
                self.open[-1].children = [item for item in self.open[-1].children if item.name != node.name] + [node]
            self.forget(node)

    def _outside(self, name: str) -> str | None:
        for node in reversed(self.open):
            child = next((item for item in node.children if item.name == name), None)
            if child is not None:
                return child.value
            if name in node.attributes:
                return node.attributes[name]
        return None
