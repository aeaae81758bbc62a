"""XML files: a survey of what is in one, and its records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

from nabe.adapters.file.places import Place
from nabe.adapting import markup
from nabe.adapting.markup import Node, Path

#: Most different ways to an element; documents have some hundred.
MOST_PATHS = 20_000
_CHUNK = 1 << 16


def _pieces(place: Place) -> Iterator[bytes]:
    with place.path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


@dataclass(slots=True)
class Seen:
    """What a survey saw of one path. `most`: how often at most in one parent."""

    count: int = 0
    values: int = 0
    most: int = 1
    attributes: dict[str, None] = field(default_factory=dict)
    space: str = ""


class Survey(markup.Pass):
    """Which paths a document has, in the order of their first appearance, and how often."""

    def __init__(self, system: str, place: Place) -> None:
        super().__init__(system, place.shown, _pieces(place))
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

    def under(self, path: Path) -> list[Path]:
        """Paths directly below this one."""
        depth = len(path) + 1
        return [item for item in self.paths if len(item) == depth and item[:-1] == path]


class Records(markup.Records):
    """The records of a file."""

    def __init__(self, system: str, place: Place, wanted: Callable[[Path], bool], around: Collection[str] = ()) -> None:
        super().__init__(system, place.shown, _pieces(place), wanted, around)
