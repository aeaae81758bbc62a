"""Two fields compared value by value: what matches as it stands, what does not, and which other writing would help."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nabe.linking.names import normalised

#: Examples shown of what does not match.
_SHOWN = 5
_ZEROS = re.compile(r"0+(?=\d)")
_POINT = re.compile(r"^(\d+)\.0+$")


def _blanks(text: str) -> str:
    return " ".join(text.split())


def _case(text: str) -> str:
    return _blanks(text).casefold()


def _zeros(text: str) -> str:
    """`007`, `7` and `7.0` are the same number."""
    text = _POINT.sub(r"\1", _case(text))
    return _ZEROS.sub("", text, count=1) if text.isdigit() else text


def _spelling(text: str) -> str:
    return normalised(text) or _case(text)


def listed(text: str) -> list[str]:
    """The keys that share a cell: `DENW186,DENW228`."""
    return [part for part in re.split(r"\s*[,;|+]\s*", text.strip()) if part]


#: From the smallest change to the largest; each does what the ones before do.
WAYS: Mapping[str, Callable[[str], str]] = {
    "blanks": _blanks,
    "case": _case,
    "zeros": _zeros,
    "spelling": _spelling,
}


@dataclass(frozen=True, slots=True)
class Help:
    """Another writing (`WAYS`, or `list`: several keys in a cell) in which `values` of the left side match. `clash`: different right values become one."""

    way: str
    values: int
    rows: int
    clash: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """`values` and `rows` of the left side, how many match (`found`, `rows_found`); `used` of `targets` right values
    occur on the left. `cardinality`: 1:1, n:1, 1:n or m:n. `missing`: examples, those with most rows first."""

    values: int
    rows: int
    found: int
    rows_found: int
    targets: int
    used: int
    cardinality: str
    missing: tuple[str, ...] = ()
    help: Help | None = None

    @property
    def share(self) -> float:
        return self.found / self.values if self.values else 0.0


def compare(left: Mapping[str, int], right: Mapping[str, int], *, examples: bool = True) -> Comparison:
    """Compare distinct values, each with the number of its rows. `examples`: may values be shown?"""
    common = left.keys() & right.keys()
    missing = sorted(left.keys() - common, key=lambda value: (-left[value], value))
    return Comparison(
        values=len(left),
        rows=sum(left.values()),
        found=len(common),
        rows_found=sum(left[value] for value in common),
        targets=len(right),
        used=len(common),
        cardinality=f"{_side(left)}:{_side(right)}".replace("n:n", "m:n"),
        missing=tuple(value[:40] for value in missing[:_SHOWN]) if examples else (),
        help=_help(left, right, len(common)) if missing else None,
    )


def _side(values: Mapping[str, int]) -> str:
    return "1" if all(count == 1 for count in values.values()) else "n"


def _help(left: Mapping[str, int], right: Mapping[str, int], found: int) -> Help | None:
    """The smallest change that makes most of the difference: each larger one must match more."""
    best: Help | None = None
    for way, write in WAYS.items():
        written: dict[str, set[str]] = {}
        for value in right:
            written.setdefault(write(value), set()).add(value)
        hits = [value for value in left if write(value) in written]
        if len(hits) > (best.values if best else found):
            clash = any(len(written[write(value)]) > 1 for value in hits)
            best = Help(way, len(hits), sum(left[value] for value in hits), clash)
    whole = {_blanks(value) for value in right}
    hits = [value for value in left if value in right or ((several := listed(value)) and whole.issuperset(several))]
    if len(hits) > (best.values if best else found):
        best = Help("list", len(hits), sum(left[value] for value in hits), False)
    return best
