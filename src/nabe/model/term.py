"""Expressions over entities: filters and orders of SensorThings-like questions, in no engine's language.

`model.expr` filters flat rows; a `Term` may also follow relations (`Datastream/Thing/properties/street`), compute and
call functions. Three-valued logic as in SQL: what compares with a missing value is neither true nor false.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instant:
    """A moment: microseconds since 1970-01-01T00:00:00Z."""

    at: int


@dataclass(frozen=True, slots=True)
class Interval:
    """A time interval [`start`, `end`), microseconds since 1970-01-01T00:00:00Z."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Shape:
    """A geometry as WKB, longitude before latitude (OGC:CRS84)."""

    wkb: bytes


@dataclass(frozen=True, slots=True)
class Literal:
    """A value. Integers stay integers; None is OData's `null`. A `timedelta` is an ISO 8601 duration."""

    value: bool | int | float | str | dt.date | dt.time | dt.timedelta | Instant | Interval | Shape | None


@dataclass(frozen=True, slots=True)
class Path:
    """What a value is called, seen from the entity asked about.

    Relations first, by their names in `model.entities`, then a property, then keys inside its JSON
    (integers index lists): `("Datastream", "Thing", "properties", "street")`. `("id",)` is the entity's own id. Through
    a relation to many, a comparison is true if it is for any of them.
    """

    steps: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """An operator or function on terms, by its OData name in lower case.

    Operators: `and`, `or` (two or more terms), not eq ne gt ge lt le add sub mul div mod neg, and `in` (a value, then any
    number of literals, or one path to a JSON list). `any`, `all` (a path that ends at a relation to many, a name as
    literal, a condition): does the condition hold for one, for all of them; with the path alone: is there one. In the
    condition, a path that begins with `$` and that name (`("$l", "name")`) starts at the related entity; others start
    where they always do. They nest.
    Functions: those of OGC SensorThings 1.1 Part 1, clause 9.3.3.5.2 (`substringof`, `year`, `geo.distance`,
    `st_within`, …) and OGC 1.1 temporal ones (`before`, `after`, `meets`, `during`, `overlaps`, `starts`, `finishes`).
    """

    name: str
    args: tuple[Term, ...]


Term = Literal | Path | Call


@dataclass(frozen=True, slots=True)
class Ordering:
    """Sort by `term`; missing values come last ascending and first descending."""

    term: Term
    descending: bool = False


def paths_of(term: Term) -> Iterator[Path]:
    """Every path that a term looks at, from left to right, however deep it is."""
    left: list[Term] = [term]
    while left:
        part = left.pop()
        if isinstance(part, Path):
            yield part
        elif isinstance(part, Call):
            left.extend(reversed(part.args))


def all_of(*terms: Term | None) -> Term | None:
    """What holds when all of these hold; None if none is given."""
    given = [term for term in terms if term is not None]
    result = given[0] if given else None
    for term in given[1:]:
        assert result is not None
        result = Call("and", (result, term))
    return result
