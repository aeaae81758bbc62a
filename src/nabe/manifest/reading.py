"""YAML files as plain data with the line of every field. Hostile files end in a problem, never in an exception."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

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
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 2)
    found: list[Raw] = []
    problems: list[Problem] = []
    budget = [MOST_NODES]
    try:
        for node in yaml.compose_all(text):
            for item in node.value if isinstance(node, SequenceNode) else [node]:
                if item is None:
                    continue
                try:
                    found.append(_document(item, name, budget))
                except _Refused as error:
                    problems.append(Problem(name, error.line, "", str(error)))
                if budget[0] < 0:
                    return [], problems
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        hint = "use blanks, not tabs, for indentation" if "\\t" in str(error.problem) else ""
        problems.append(Problem(name, line, "", f"not YAML: {error.problem}", hint))
    except (YAMLError, ValueError, RecursionError) as error:
        problems.append(Problem(name, 0, "", f"not YAML: {str(error).splitlines()[0][:200]}"))
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


class _Refused(Exception):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def _document(node: Node, name: str, budget: list[int]) -> Raw:
    if not isinstance(node, MappingNode):
        raise _Refused("a document is a mapping of fields", node.start_mark.line + 1)
    lines: dict[tuple[Any, ...], int] = {}
    return Raw(name, _Builder(lines, budget).build(node, ()), lines)


class _Builder:
    """Nodes to data. Scalars are typed by YAML 1.2 except that digits with a leading zero stay text."""

    def __init__(self, lines: dict[tuple[Any, ...], int], budget: list[int]) -> None:
        self._lines = lines
        self._budget = budget

    def build(self, node: Node, path: tuple[Any, ...]) -> Any:
        line = node.start_mark.line + 1
        self._lines.setdefault(path, line)
        self._budget[0] -= 1
        if self._budget[0] < 0 or len(path) > DEEPEST:
            raise _Refused("too many or too deeply nested values (aliases?)", line)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        if isinstance(node, SequenceNode):
            return [self.build(item, (*path, number)) for number, item in enumerate(node.value)]
        assert isinstance(node, ScalarNode)
        return self._value(node)

    def _mapping(self, node: MappingNode, path: tuple[Any, ...]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise _Refused("a field's name is a word", key.start_mark.line + 1)
            if key.value in made:
                raise _Refused(f"{key.value!r} is given twice", key.start_mark.line + 1)
            made[key.value] = self.build(value, (*path, key.value))
            self._lines[(*path, key.value)] = key.start_mark.line + 1
        return made

    def _value(self, node: ScalarNode) -> Any:
        text = str(node.value)
        tag = str(node.tag).rsplit(":", 1)[-1]
        if node.style is not None or tag == "str":
            return text
        if tag == "null":
            return None
        if tag == "bool":
            return text.lower() == "true"
        digits = text.replace("_", "").lstrip("+-")
        if tag == "int" and (digits == "0" or (digits.isdigit() and not digits.startswith("0"))) and len(digits) < 19:
            return _written(Whole, int(text.replace("_", "")), text)
        if tag == "float":
            try:
                number = float(text.replace("_", ""))
            except ValueError:
                return text
            return _written(Broken, number, text) if math.isfinite(number) else text
        return text  # keys such as 05315000, dates, 0x10: the field's type decides


def _written(kind: type[Whole] | type[Broken], number: float, text: str) -> float:
    if str(number) == text:
        return number
    made = kind(number)
    made.text = text
    return made
