"""Writing declarations into a workspace that people keep by hand: only what changed is touched, where it stands.

A file of its own keeps its comments, too: the document is changed value by value. What that does not get right (it is read
back and compared) is written anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nabe.errors import Conflict
from nabe.manifest.loading import Loaded
from nabe.manifest.merging import merged
from nabe.manifest.writing import body_of, default_file, put, text_of
from nabe.model.catalogue import Noun, kind_of
from nabe.model.dataset import Dataset

Key = tuple[str, str]


@dataclass(slots=True)
class Updated:
    """`written`: files that are new or changed. `others`: documents that stand in the files but were not given."""

    written: list[Path] = field(default_factory=list)
    others: list[tuple[str, str, str]] = field(default_factory=list)  # kind, id, file


def update(root: Path, loaded: Loaded, nouns: Sequence[Noun]) -> Updated:
    """Bring the files of the workspace in `root`, as `loaded`, to say `nouns`.

    Documents that are not among `nouns` stay and are told. `Conflict`, before anything is written, if a new document
    would replace a file that cannot be read.
    """
    there = {_key(noun): noun for noun in loaded.nouns}
    given = {_key(noun): noun for noun in nouns}
    files = _Files(root, loaded, there, {**there, **given})
    done = Updated(others=[(*key, loaded.places[key]) for key in there if key not in given and key in loaded.places])
    for noun in given.values():
        if there.get(_key(noun)) != noun:
            files.touch(noun)
    files.refuse_unreadable()
    for file in sorted(files.touched):
        done.written += files.write(file)
    return done


def _key(noun: Noun) -> Key:
    return kind_of(noun), noun.id


class _Files:
    """What stands where before (`there`) and after (`then`)."""

    def __init__(self, root: Path, loaded: Loaded, there: Mapping[Key, Noun], then: Mapping[Key, Noun]) -> None:
        self._root = root
        self._server = loaded.server
        self._there = there
        self._then = then
        self._loaded_files = set(loaded.places.values())
        self._held: dict[str, list[Key]] = {}
        for key, file in loaded.places.items():
            if not self._inside(there.get(key)):
                self._held.setdefault(file, []).append(key)
        self._place = {key: file for file, keys in self._held.items() for key in keys}
        self.touched: set[str] = set()

    def touch(self, noun: Noun) -> None:
        """The file of this document is to be written; a product stands in its use case's."""
        product = self._inside(noun)
        home = self._then[("usecase", product)] if product else noun
        key = _key(home)
        if key not in self._place:
            self._place[key] = default_file(home)
            self._held.setdefault(self._place[key], []).append(key)
        self.touched.add(self._place[key])

    def _inside(self, noun: Noun | None) -> str:
        """The use case in whose document a product stands."""
        if isinstance(noun, Dataset) and noun.product is not None and ("usecase", noun.product.use_case) in self._then:
            return noun.product.use_case
        return ""

    def refuse_unreadable(self) -> None:
        """Nobody's work is replaced because we could not read it."""
        for file in self.touched - self._loaded_files:
            if (self._root / file).exists():
                hint = "`nabe check` says why; mend or move it first."
                raise Conflict(f"{file} is there and cannot be read, so it is not replaced.", hint=hint)

    def write(self, file: str) -> list[Path]:
        """One file with all its documents, and the SQL files of its products."""
        path, written, texts = self._root / file, [], []
        held = self._held[file]
        for key in held:
            products = self._products(key, self._then)
            for product in products:
                written += _write_changed(path.parent / "products" / f"{product.id}.sql", _sql(product))
            texts.append(text_of(self._then[key], products, self._server))
        text = "---\n".join(texts)
        if len(held) == 1 and held[0] in self._there and path.is_file():
            key = held[0]
            was = body_of(self._there[key], self._products(key, self._there), self._server)
            will = body_of(self._then[key], self._products(key, self._then), self._server)
            text = merged(path.read_text("utf-8-sig"), key[0], was, will) or text
        return written + _write_changed(path, text)

    def _products(self, key: Key, among: Mapping[Key, Noun]) -> list[Dataset]:
        if key[0] != "usecase":
            return []
        datasets = [noun for noun in among.values() if isinstance(noun, Dataset) and noun.product is not None]
        return [noun for noun in datasets if noun.product is not None and noun.product.use_case == key[1]]


def _sql(product: Dataset) -> str:
    return (product.product.sql if product.product else "").strip() + "\n"


def _write_changed(path: Path, text: str) -> list[Path]:
    if path.is_file() and path.read_text("utf-8-sig") == text:
        return []
    return [put(path, text)]
