"""The part of OData that the sensor service knows: conditions, `$expand` with options, `$orderby`."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from typing import Any

from nabe.demo.services.answering import Wrong

#: Reads a path such as `Datastream/name` in an entity.
Read = Callable[[Any, str], Any]
Judge = Callable[[Any], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<time>\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d))|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<name>[A-Za-z@][\w@.]*(?:/[A-Za-z@][\w@.]*)*)|(?P<sign>[(),]))"
)
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: bool(a == b),
    "ne": lambda a, b: bool(a != b),
    "gt": lambda a, b: bool(a > b),
    "ge": lambda a, b: bool(a >= b),
    "lt": lambda a, b: bool(a < b),
    "le": lambda a, b: bool(a <= b),
}
_DEEPEST = 50


def condition(text: str, read: Read) -> Judge:
    """A `$filter`. Functions are not known. Raises `Wrong`."""
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(text.rstrip()):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Wrong(400, f"$filter cannot be read from character {at + 1} on.")
        tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
        at = found.end()
    parser = _Parser(tokens, read)
    judge = parser.either(0)
    if parser.left:
        raise Wrong(400, "$filter goes on where it should end.")
    return judge


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], read: Read) -> None:
        self.left, self._read = tokens, read

    def _next(self, *words: str) -> bool:
        if self.left and self.left[0][1] in words and self.left[0][0] in ("name", "sign"):
            self.left = self.left[1:]
            return True
        return False

    def either(self, depth: int) -> Judge:
        """Parts joined by `or`."""
        if depth > _DEEPEST:
            raise Wrong(400, "$filter is nested too deeply.")
        parts = [self._all(depth)]
        while self._next("or"):
            parts.append(self._all(depth))
        return lambda item: any(part(item) for part in parts)

    def _all(self, depth: int) -> Judge:
        parts = [self._one(depth)]
        while self._next("and"):
            parts.append(self._one(depth))
        return lambda item: all(part(item) for part in parts)

    def _one(self, depth: int) -> Judge:
        if self._next("not"):
            inner = self._one(depth + 1)
            return lambda item: not inner(item)
        if self._next("("):
            inner = self.either(depth + 1)
            if not self._next(")"):
                raise Wrong(400, "$filter lacks a bracket.")
            return inner
        left = self._operand()
        if not self.left or self.left[0][1] not in _COMPARED:
            raise Wrong(400, "$filter lacks a comparison (eq, ne, gt, ge, lt, le).")
        compare = _COMPARED[self.left[0][1]]
        self.left = self.left[1:]
        right = self._operand()

        def judge(item: Any) -> bool:
            a, b = _alike(left(item), right(item))
            try:
                return a is not None and b is not None and compare(a, b)
            except TypeError:
                return False

        return judge

    def _operand(self) -> Callable[[Any], Any]:
        if not self.left or self.left[0][0] == "sign":
            raise Wrong(400, "$filter lacks a value.")
        (kind, text), self.left = self.left[0], self.left[1:]
        if kind == "name" and self.left and self.left[0][1] == "(":
            raise Wrong(501, f"The function {text} is not known here.")
        if kind == "name" and text not in ("true", "false", "null"):
            return lambda item: self._read(item, text)
        value: Any = {"true": True, "false": False, "null": None}.get(text, text)
        if kind == "text":
            value = text[1:-1].replace("''", "'")
        elif kind == "number":
            value = float(text)
        elif kind == "time":
            value = moment(text)
        return lambda _: value


def _alike(a: Any, b: Any) -> tuple[Any, Any]:
    if isinstance(a, dt.datetime) and isinstance(b, str):
        return a, moment(b)
    if isinstance(b, dt.datetime) and isinstance(a, str):
        return moment(a), b
    return a, b


def moment(text: str) -> dt.datetime | None:
    """A time with its zone, or None."""
    try:
        return dt.datetime.fromisoformat(text)
    except ValueError:
        return None


def divided(text: str, sign: str) -> list[str]:
    """The parts of a text between signs that stand in no bracket and no literal."""
    parts, depth, quoted = [""], 0, False
    for letter in text:
        quoted ^= letter == "'"
        if not quoted:
            depth += (letter == "(") - (letter == ")")
        if letter == sign and not depth and not quoted:
            parts.append("")
        else:
            parts[-1] += letter
    if depth or quoted:
        raise Wrong(400, f"{text[:80]!r} lacks a bracket or a quotation mark.")
    return [part.strip() for part in parts if part.strip()]


def expansions(text: str) -> dict[str, dict[str, str]]:
    """`$expand`: link -> its options. `A/B` means `A($expand=B)`."""
    found: dict[str, dict[str, str]] = {}
    for part in divided(text, ","):
        name, bracket, inner = part.partition("(")
        name, slash, rest = name.strip().partition("/")
        options: dict[str, str] = {}
        if bracket and not slash:
            for option in divided(inner.rstrip()[:-1], ";"):
                key, _, value = option.partition("=")
                options[key.strip()] = value.strip()
        elif slash:
            options["$expand"] = rest + (f"({inner}" if bracket else "")
        found[name] = options
    return found


def ordered(items: list[Any], text: str, read: Read) -> list[Any]:
    """By `$orderby`; what has no value comes first."""
    for part in reversed(divided(text, ",")):
        name, _, way = part.partition(" ")
        if way.strip() not in ("", "asc", "desc"):
            raise Wrong(400, "$orderby knows asc and desc.")
        values = [(read(item, name), item) for item in items]
        values.sort(key=lambda pair: (pair[0] is not None, pair[0] or 0), reverse=way.strip() == "desc")
        items = [item for _, item in values]
    return items
