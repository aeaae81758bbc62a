"""YAML files as plain data with the line of every field. Hostile files end in a problem, never in an exception."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nabe.manifest.nodes import Mapping, Node, Refused, Scalar, Sequence, documents
from nabe.manifest.problems import Problem

LARGEST = 5_000_000
MOST_NODES = 500_000
DEEPEST = 40


@dataclass(slots=True)
class Raw:
    """One document as read: data, and path -> line."""

    file: str
    data: dict[str, Any]
    lines: dict[tuple[Any, ...], int] = field(default_factory=dict)

    def line(self, path: tuple[Any, ...]) -> int:
        """The line of a field, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read(path: Path, root: Path) -> tuple[list[Raw], list[Problem]]:
    """The documents of a file; several by `---` or as a list."""
    name = path.relative_to(root).as_posix()
    try:
        if path.stat().st_size > LARGEST:
            return [], [Problem(name, 0, "", f"larger than {LARGEST // 1_000_000} MB")]
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return [], [Problem(name, line, "", f"not UTF-8 (byte {error.start})", "save the file as UTF-8")]
    except OSError as error:
        return [], [Problem(name, 0, "", f"cannot be read: {error.strerror}")]
    return parse(text, name)


def parse(text: str, name: str) -> tuple[list[Raw], list[Problem]]:
    """The documents in the text of a file called `name`."""
    found: list[Raw] = []
    problems: list[Problem] = []
    budget = [MOST_NODES]
    try:
        for node in documents(text):
            for item in node.items if isinstance(node, Sequence) else [node]:
                if isinstance(item, Scalar) and item.plain and not item.value:
                    continue  # an empty document
                try:
                    found.append(_document(item, name, budget))
                except Refused as error:
                    problems.append(Problem(name, error.line, "", str(error)))
                if budget[0] < 0:
                    return [], problems
    except Refused as error:
        problems.append(Problem(name, error.line, "", str(error), error.hint))
    return found, problems


class Whole(int):
    """A whole number that is not written as Python would (`1_000`, `+5`); `text` is its writing."""

    text: str


class Broken(float):
    """A number such as `1.10`, which as a code is not `1.1`; `text` is its writing."""

    text: str


def as_written(value: Any) -> Any:
    """A number as the text that stands in the file; other values as they are."""
    if isinstance(value, (Whole, Broken)):
        return value.text
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value


def without_writing(value: Any) -> Any:
    """Plain data."""
    if isinstance(value, dict):
        return {key: without_writing(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_writing(item) for item in value]
    return int(value) if isinstance(value, Whole) else float(value) if isinstance(value, Broken) else value


def _document(node: Node, name: str, budget: list[int]) -> Raw:
    if not isinstance(node, Mapping):
        raise Refused("a document is a mapping of fields", node.line)
    lines: dict[tuple[Any, ...], int] = {}
    return Raw(name, _Builder(lines, budget).build(node, ()), lines)


class _Builder:
    """Nodes to data. Scalars are typed by YAML 1.2 except that digits with a leading zero stay text."""

    def __init__(self, lines: dict[tuple[Any, ...], int], budget: list[int]) -> None:
        self._lines = lines
        self._budget = budget

    def build(self, node: Node, path: tuple[Any, ...]) -> Any:
        self._lines.setdefault(path, node.line)
        self._budget[0] -= 1
        if self._budget[0] < 0 or len(path) > DEEPEST:
            raise Refused("too many or too deeply nested values (aliases?)", node.line)
        if isinstance(node, Mapping):
            return self._mapping(node, path)
        if isinstance(node, Sequence):
            return [self.build(item, (*path, number)) for number, item in enumerate(node.items)]
        return _value(node)

    def _mapping(self, node: Mapping, path: tuple[Any, ...]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in node.pairs:
            if not isinstance(key, Scalar):
                raise Refused("a field's name is a word", key.line)
            if key.value in made:
                raise Refused(f"{key.value!r} is given twice", key.line)
            made[key.value] = self.build(value, (*path, key.value))
            self._lines[(*path, key.value)] = key.line
        return made


_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]{0,20})")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?")


def _value(node: Scalar) -> Any:
    """Keys such as 05315000, dates and 0x10 stay text: the field's type decides."""
    text = node.value
    if not node.plain:
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if _INTEGER.fullmatch(text) and len(text) < 19:
        return _written(Whole, int(text.replace("_", "")), text)
    if _FLOAT.fullmatch(text) and any(sign in text for sign in ".eE"):
        number = float(text.replace("_", ""))
        return _written(Broken, number, text) if math.isfinite(number) else text
    return text


def _written(kind: type[Whole] | type[Broken], number: float, text: str) -> float:
    if str(number) == text:
        return number
    made = kind(number)
    made.text = text
    return made
