"""YAML files as plain data with the line of every field. Hostile files end in a problem, never in an exception."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
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
        return [], [Problem(name, 0, "", f"not UTF-8 (byte {error.start})", "save the file as UTF-8")]
    except OSError as error:
        return [], [Problem(name, 0, "", f"cannot be read: {error.strerror}")]
    yaml = YAML(typ="safe", pure=True)
    yaml.version = (1, 2)
    found: list[Raw] = []
    try:
        for node in yaml.compose_all(text):
            if node is not None:
                found += _documents(node, name)
    except _Refused as error:
        return [], [Problem(name, error.line, "", str(error))]
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        hint = "use blanks, not tabs, for indentation" if "\\t" in str(error.problem) else ""
        return [], [Problem(name, line, "", f"not YAML: {error.problem}", hint)]
    except (YAMLError, ValueError, RecursionError) as error:
        return [], [Problem(name, 0, "", f"not YAML: {str(error).splitlines()[0][:200]}")]
    return found, []


class _Refused(Exception):
    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def _documents(node: Node, name: str) -> Iterator[Raw]:
    for item in node.value if isinstance(node, SequenceNode) else [node]:
        if not isinstance(item, MappingNode):
            raise _Refused("a document is a mapping of fields", item.start_mark.line + 1)
        lines: dict[tuple[Any, ...], int] = {}
        yield Raw(name, _Builder(lines).build(item, ()), lines)


class _Builder:
    """Nodes to data. Scalars are typed by YAML 1.2 except that digits with a leading zero stay text."""

    def __init__(self, lines: dict[tuple[Any, ...], int]) -> None:
        self._lines = lines
        self._nodes = 0
        self._scalar = SafeConstructor()

    def build(self, node: Node, path: tuple[Any, ...]) -> Any:
        line = node.start_mark.line + 1
        self._lines.setdefault(path, line)
        self._nodes += 1
        if self._nodes > MOST_NODES or len(path) > DEEPEST:
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
        if tag == "int" and (digits == "0" or (digits.isdigit() and not digits.startswith("0"))):
            return int(text.replace("_", ""))
        if tag == "float":
            try:
                return float(text)
            except ValueError:
                return text
        return text  # keys such as 05315000, dates, 0x10: the field's type decides
