"""What kind of value a term has, as far as it can be told from the entity model; wrong names and kinds are found here."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Final

from nabe.apis.sensorthings.functions import COMPARING, COMPUTING, FUNCTIONS, LOGICAL
from nabe.apis.sensorthings.lexer import wrong
from nabe.errors import Invalid
from nabe.model.entities import ENTITIES, EntityType, ValueType
from nabe.model.term import Instant, Interval, Literal, Path, Shape

#: Letters as in `functions.Function`, and: i interval · p duration · o null.
_OF_VALUES: Final = (
    (bool, "b"),
    (int, "n"),
    (float, "n"),
    (str, "t"),
    (dt.date, "d"),
    (dt.time, "c"),
    (dt.timedelta, "p"),
    (Instant, "m"),
    (Interval, "i"),
    (Shape, "g"),
)
_OF_PROPERTIES: Final = {
    ValueType.TEXT: "t",
    ValueType.JSON: "*",
    ValueType.RESULT: "*",
    ValueType.GEOMETRY: "g",
    ValueType.INSTANT: "m",
    ValueType.INTERVAL: "i",
    ValueType.TIME: "i",
}
_NAMES: Final = {
    "b": "true or false",
    "n": "a number",
    "t": "a text",
    "m": "a time",
    "i": "a time interval",
    "d": "a date",
    "c": "a time of day",
    "g": "a geometry",
    "p": "a duration",
}
#: Properties whose values have keys or places.
STRUCTURED: Final = frozenset({ValueType.JSON, ValueType.RESULT, ValueType.GEOMETRY})


def of(term: Literal | Path, type: EntityType, variables: Mapping[str, EntityType]) -> str:
    """The letter of a value's or a property's kind."""
    if isinstance(term, Literal):
        return next((letter for kind, letter in _OF_VALUES if isinstance(term.value, kind)), "o")
    at, rest = _entity(term.steps, type, variables)
    if not rest or rest[0] == "id":
        return "n"
    return "*" if len(rest) > 1 else _OF_PROPERTIES[ENTITIES[at].properties[str(rest[0])].type]


def _sum(name: str, left: str, right: str) -> str:
    """Times move by durations; a time less a time is a duration."""
    if left in "mid" and right == "p":
        return left
    if left == "p":
        return right
    if name == "sub" and left in "mid" and right in "mid":
        return "p"
    return "n" if left in "nt" or right in "nt" else "*"


def fits(found: str, wanted: str) -> bool:
    """May a value of this kind stand where that one is wanted?"""
    if wanted == "*" or found in ("*", "o", wanted):
        return True
    # JSON results are compared as text or number, whichever the other side is; a day is a time as well.
    return wanted == "m" and found in ("i", "d")


def result(name: str, given: Sequence[str], field: str, at: int) -> str:
    """The kind of what a call of this name gives. `Invalid` for kinds of arguments that it cannot have."""
    wanted = _wanted(name, given)
    if wanted is None:
        least, most = _counts(name)
        count = str(least) if least == most else f"{least} or {most}"
        raise wrong(f"{name} takes {count} arguments, not {len(given)}", field, at)
    for found, want in zip(given, wanted, strict=True):
        if not fits(found, want):
            raise wrong(f"{name} takes {_NAMES[want]} here, not {_NAMES[found]}", field, at)
    if name in COMPARING and name != "in" and _apart(*given):
        raise wrong(f"{_NAMES[given[0]]} cannot be compared with {_NAMES[given[1]]}", field, at)
    if name in ("add", "sub"):
        return _sum(name, *given)
    if name in COMPUTING:
        return "n"
    return FUNCTIONS[name].gives if name in FUNCTIONS else "b"


def _wanted(name: str, given: Sequence[str]) -> str | None:
    """The kinds of arguments; None if there are too many or too few of them."""
    if name in LOGICAL:
        return "b" * len(given)
    if name in ("mul", "div", "mod", "neg"):
        return "*" * len(given) if set(given) <= set("np*oi") else "n" * len(given)
    if name not in FUNCTIONS:
        return "*" * len(given)
    least, most = _counts(name)
    takes = FUNCTIONS[name].takes.replace("?", "")
    return takes[: len(given)] if least <= len(given) <= most else None


def _counts(name: str) -> tuple[int, int]:
    takes = FUNCTIONS[name].takes
    least, _, rest = takes.partition("?")
    return len(least), len(least) + len(rest)


def _apart(left: str, right: str) -> bool:
    """Kinds that have no order or equality among each other, whatever the values are."""
    return {left, right} in (
        {"b", "g"},
        {"b", "n"},
        {"g", "n"},
        {"g", "m"},
        {"g", "i"},
        {"n", "m"},
        {"n", "i"},
        {"b", "m"},
        {"b", "i"},
    )


def property_path(
    steps: Sequence[str | int], type: EntityType, variables: Mapping[str, EntityType], field: str
) -> Path:
    """A path that ends at a property, by the entity model. `Invalid` names what is not there, and what is."""
    steps = tuple("id" if step == "@iot.id" else step for step in steps)
    at, rest = _entity(steps, type, variables)
    if not rest:
        hint = f"For example {'/'.join(map(str, steps))}/id eq null."
        raise Invalid(f"{field}: {_shown(steps)} is no property but leads to entities.", hint=hint, field=field)
    name, keys = rest[0], rest[1:]
    if name == "id" and not keys:
        return Path(tuple(steps))
    found = ENTITIES[at].properties.get(str(name)) if isinstance(name, str) else None
    if found is None:
        names = ("id", *ENTITIES[at].properties, *ENTITIES[at].relations)
        raise Invalid(
            f"{field}: {at.value} has no {str(name)[:60]!r}.", hint=f"It has {', '.join(names)}.", field=field
        )
    if keys and found.type not in STRUCTURED:
        raise Invalid(f"{field}: {name} of {at.value} has nothing inside.", field=field)
    return Path(tuple(steps))


def collection_path(
    steps: Sequence[str | int], type: EntityType, variables: Mapping[str, EntityType], field: str
) -> tuple[Path, EntityType]:
    """A path that ends at a relation to many, and the type it leads to."""
    at, rest = _entity(steps, type, variables)
    before, _ = _entity(steps[:-1], type, variables)
    last = str(steps[-1])
    if rest or last not in ENTITIES[before].relations or not ENTITIES[before].relations[last].many:
        raise Invalid(
            f"{field}: {_shown(steps)} is no set of entities.",
            hint="any() and all() stand behind one, as in Locations/any(l:l/name eq 'a').",
            field=field,
        )
    return Path(tuple(steps)), at


def _entity(
    steps: Sequence[str | int], type: EntityType, variables: Mapping[str, EntityType]
) -> tuple[EntityType, Sequence[str | int]]:
    """The type that a path's relations lead to, and the steps after them."""
    at, first = type, 0
    if steps and isinstance(steps[0], str) and steps[0][:1] == "$" and steps[0][1:] in variables:
        at, first = variables[steps[0][1:]], 1
    for place in range(first, len(steps)):
        relation = ENTITIES[at].relations.get(str(steps[place]))
        if relation is None or isinstance(steps[place], int):
            return at, steps[place:]
        at = relation.target
    return at, ()


def _shown(steps: Sequence[str | int]) -> str:
    return repr("/".join(map(str, steps))[:60])
