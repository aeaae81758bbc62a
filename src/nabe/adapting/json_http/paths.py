"""Ways into a JSON document: `result.records`, `features[*]`, `stations.*`, `links[rel=next].href`, `['odd.name']`. Pure.

name        member of an object; a name with other signs than letters, digits, _ - $ : stands as ['name']
[2] [-1]    element of a list, from its end
[*]         every element of a list
*           every member of an object
[rel=next]  first element that is an object with this member
@key        the member's name (or the element's number) that the last `*` or `[*]` of the row path stood for
@value      the record itself, where records are plain values or lists: @value, @value[0]
^.name      the same of the record around the row, where the row path goes through two lists
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_TOKEN = re.compile(
    r"\.?(?P<name>[^\s.\[\]*'\"^@=]+)"
    r"|\[(?P<quote>['\"])(?P<quoted>(?:[^\\]|\\.)*?)(?P=quote)\]"
    r"|\[(?P<index>-?\d{1,9})\]"
    r"|(?P<each>\[\*\])"
    r"|(?P<every>\.?\*)"
    r"|\[(?P<member>[^\s\[\]=]+)=(?P<wanted>[^\[\]]*)\]"
)
_PLAIN = re.compile(r"[^\s.\[\]*'\"^@=]+")


@dataclass(frozen=True, slots=True)
class Member:
    name: str


@dataclass(frozen=True, slots=True)
class Index:
    number: int


@dataclass(frozen=True, slots=True)
class Each:
    """Every element of a list, or (`members`) every member of an object."""

    members: bool = False


@dataclass(frozen=True, slots=True)
class Where:
    member: str
    wanted: str


Step = Member | Index | Each | Where

#: Nothing there, which is not the same as `null`.
GONE: Any = object()


@dataclass(frozen=True, slots=True)
class Path:
    """Steps from a row (`up` = how many records further out)."""

    steps: tuple[Step, ...]
    up: int = 0
    key: bool = False

    @property
    def several(self) -> bool:
        """Can it lead to more than one value?"""
        return any(isinstance(step, Each) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Row:
    """A record, the name or number under which it stood, and the record around it."""

    value: Any
    key: str | int = 0
    around: Row | None = None


@lru_cache(maxsize=4096)
def parse(text: str) -> Path:
    """A path as written. `ValueError` says where it cannot be read."""
    rest, up = text, 0
    while rest.startswith("^"):
        rest, up = rest[1:].removeprefix("."), up + 1
    if rest == "@key":
        return Path((), up, True)
    rest = rest.removeprefix("@value")
    steps: list[Step] = []
    position = 0
    while position < len(rest):
        found = _TOKEN.match(rest, position)
        if found is None or (position == 0 and found[0].startswith(".")):
            raise ValueError(f"cannot be read from {rest[position:]!r} on; for example result.records or ['odd.name']")
        if (name := found["name"]) is not None:
            if position and not found[0].startswith("."):
                raise ValueError(f"a point is missing before {name!r}")
            steps.append(Member(name))
        elif (quoted := found["quoted"]) is not None:
            steps.append(Member(re.sub(r"\\(.)", r"\1", quoted)))
        elif found["index"] is not None:
            steps.append(Index(int(found["index"])))
        elif found["member"] is not None:
            steps.append(Where(found["member"], found["wanted"]))
        else:
            steps.append(Each(found["every"] is not None))
        position = found.end()
    return Path(tuple(steps), up)


def written(steps: Sequence[str | int | Step]) -> str:
    """Names, numbers and steps as a path; the opposite of `parse`."""
    text = ""
    for item in steps:
        step = item.name if isinstance(item, Member) else item.number if isinstance(item, Index) else item
        if isinstance(step, Where):
            text += f"[{step.member}={step.wanted}]"
        elif isinstance(step, Each):
            text += (".*" if text else "*") if step.members else "[*]"
        elif isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            escaped = step.replace("\\", "\\\\").replace("'", "\\'")
            text += f"['{escaped}']"
    return text


def value_at(row: Row, path: Path) -> Any:
    """The value at the path: `GONE` if there is none, `None` if it is, or lies in, a `null`; several values as a list."""
    at: Row | None = row
    for _ in range(path.up):
        at = at.around if at is not None else None
    if at is None:
        return GONE
    return at.key if path.key else walk(at.value, path.steps)


def walk(value: Any, steps: tuple[Step, ...]) -> Any:
    """As `value_at`, from a value."""
    for position, step in enumerate(steps):
        if value is None:
            return None
        if isinstance(step, Member):
            value = value.get(step.name, GONE) if isinstance(value, dict) else GONE
        elif isinstance(step, Index):
            there = isinstance(value, list) and -len(value) <= step.number < len(value)
            value = value[step.number] if there else GONE
        elif isinstance(step, Where):
            value = _first(value, step)
        else:
            inner = [walk(item, steps[position + 1 :]) for _, item in elements(value, step)]
            return _flat([item for item in inner if item is not GONE], steps[position + 1 :])
        if value is GONE:
            return GONE
    return value


def elements(value: Any, step: Each) -> Iterator[tuple[str | int, Any]]:
    """(name or number, value) of every member or element; none if it is neither."""
    if isinstance(value, list) and not step.members:
        yield from enumerate(value)
    elif isinstance(value, Mapping) and step.members:
        yield from value.items()


def _first(value: Any, step: Where) -> Any:
    if isinstance(value, list):
        for item in value:
            if isinstance(item, dict) and str(item.get(step.member)) == step.wanted:
                return item
    return GONE


def _flat(values: list[Any], rest: tuple[Step, ...]) -> list[Any]:
    """Lists of lists through two wildcards are one list."""
    if any(isinstance(step, Each) for step in rest):
        return [item for value in values if isinstance(value, list) for item in value]
    return values


def expand(rows: Iterator[Row], steps: tuple[Step, ...]) -> Iterator[Row]:
    """The rows within each record, where the row path goes on behind its first list."""
    for row in rows:
        yield from _within(row, steps)


def _within(row: Row, steps: tuple[Step, ...]) -> Iterator[Row]:
    value, passed = row.value, 0
    for step in steps:
        passed += 1
        if isinstance(step, Each):
            for key, item in elements(value, step):
                yield from _within(Row(item, key, row), steps[passed:])
            return
        value = walk(value, (step,))
        if value is GONE or value is None:
            return
    if passed and isinstance(value, list):
        for number, item in enumerate(value):
            yield Row(item, number, row)
    else:
        yield Row(value, row.key, row.around) if passed else row
