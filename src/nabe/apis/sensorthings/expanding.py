"""$select and $expand: what comes along, and what of it is shown (OGC 18-088, 9.3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nabe.apis.sensorthings import grammar
from nabe.apis.sensorthings.lexer import Kind, Reader, Word, wrong
from nabe.apis.sensorthings.problems import NotOffered
from nabe.errors import Invalid
from nabe.model.entities import ENTITIES, EntityQuery, EntityType, Expansion, Relation
from nabe.model.term import Ordering, Term

#: How deep expansions nest, and how many there are in all.
DEEPEST = 12
_MOST = 60
_MOST_SELECTED = 200
_PAGE, _LARGEST = 100, 10_000
#: Entities that one answer brings along at most; what is more comes by links to next pages.
_BUDGET = 200_000
_LINKS = frozenset({"@iot.selfLink", "selfLink"})


@dataclass(slots=True)
class Shown:
    """What is shown of entities: `select` paths (None: all), `expand` by relation, with the options of each.

    `id` and `@iot.selfLink` may be selected like properties.
    """

    select: tuple[tuple[str | int, ...], ...] | None = None
    expand: dict[str, Shown] = field(default_factory=dict)
    where: Term | None = None
    order: tuple[Ordering, ...] = ()
    top: int | None = None
    skip: int = 0
    count: bool = False


def select(reader: Reader, type: EntityType) -> tuple[tuple[str | int, ...], ...] | None:
    """Paths divided by commas; None for `*`."""
    found: dict[tuple[str | int, ...], None] = {}
    everything = False
    while True:
        start = reader.word
        if reader.given("*"):
            everything = True
        else:
            found[_selected(reader, type)] = None
        if len(found) > _MOST_SELECTED:
            raise wrong(f"at most {_MOST_SELECTED} properties", reader.field, start.at)
        if not reader.given(","):
            return None if everything else tuple(found)


def _selected(reader: Reader, type: EntityType) -> tuple[str | int, ...]:
    steps: list[str | int] = [_name(reader, reader.take())]
    first = str(steps[0])
    kind = ENTITIES[type]
    if first in ("id", "@iot.id"):
        return ("id",)
    if first in _LINKS:
        return ("@iot.selfLink",)
    if first not in kind.properties and first not in kind.relations:
        hint = f"It has {', '.join(['id', *kind.properties, *kind.relations])}."
        raise Invalid(f"{reader.field}: {type.value} has no {first[:60]!r}.", hint=hint, field=reader.field)
    while True:
        if reader.given("["):
            word = reader.take()
            if word.kind is not Kind.NUMBER or not word.text.isdigit() or len(word.text) > 9:
                raise wrong("a place in a list is a whole number from 0", reader.field, word.at)
            steps.append(int(word.text))
            reader.need("]")
        elif reader.given("/"):
            steps.append(_name(reader, reader.take()))
        else:
            break
    if len(steps) > 1 and first in kind.relations:
        raise Invalid(f"{reader.field}: $expand with its own $select shows parts of {first}.", field=reader.field)
    return tuple(steps[:40])


def _name(reader: Reader, word: Word) -> str:
    if word.kind is Kind.TEXT:
        return word.text[1:-1].replace("''", "'")
    if word.kind is not Kind.NAME:
        raise wrong("the name of a property is missing", reader.field, word.at)
    return word.text


def expand(reader: Reader, type: EntityType, into: Shown, depth: int = 1, made: list[int] | None = None) -> None:
    """Expansions divided by commas, put into `into`; several ways into the same relation are one."""
    made = [0] if made is None else made
    while True:
        at, target, level = into, type, depth
        while True:
            word = reader.take()
            relation = _relation(reader, word, target)
            if level > DEEPEST:
                raise wrong(f"expansions nest at most {DEEPEST} deep", reader.field, word.at)
            made[0] += 1
            if made[0] > _MOST:
                raise wrong(f"at most {_MOST} expansions", reader.field, word.at)
            at, target, level = at.expand.setdefault(word.text, Shown()), relation.target, level + 1
            if not reader.given("/"):
                break
        if reader.given("("):
            if not reader.given(")"):
                _options(reader, target, at, level, made)
                reader.need(")")
        if not reader.given(","):
            return


def _relation(reader: Reader, word: Word, type: EntityType) -> Relation:
    found = ENTITIES[type].relations.get(word.text) if word.kind is Kind.NAME else None
    if found is None:
        names = ", ".join(ENTITIES[type].relations)
        raise Invalid(
            f"{reader.field}: {type.value} leads to no {word.text[:60]!r}.",
            hint=f"It leads to {names}.",
            field=reader.field,
        )
    return found


def _options(reader: Reader, type: EntityType, at: Shown, depth: int, made: list[int]) -> None:
    while True:
        word = reader.take()
        if word.kind is not Kind.OPTION:
            raise wrong("an option such as $select= is missing", reader.field, word.at)
        reader.need("=")
        match word.text.lower():
            case "$filter":
                at.where = grammar.where(reader, type)
            case "$orderby":
                at.order = grammar.order(reader, type)
            case "$select":
                at.select = select(reader, type)
            case "$expand":
                expand(reader, type, at, depth, made)
            case "$top":
                at.top = _whole(reader)
            case "$skip":
                at.skip = _whole(reader)
            case "$count":
                at.count = _truth(reader)
            case "$levels" | "$search" | "$compute" | "$apply":
                raise NotOffered(f"{word.text} inside $expand is not offered.", field="$expand")
            case _:
                hint = "Inside $expand: $filter, $orderby, $select, $expand, $top, $skip, $count."
                raise Invalid(f"There is no option {word.text[:40]!r} here.", hint=hint, field="$expand")
        if not reader.given(";"):
            return


def _whole(reader: Reader) -> int:
    word = reader.take()
    if word.kind is not Kind.NUMBER or not word.text.isdigit():
        raise wrong("a whole number from 0 is missing", reader.field, word.at)
    return min(int(word.text), 10**12)


def _truth(reader: Reader) -> bool:
    word = reader.take()
    if word.text.lower() not in ("true", "false"):
        raise wrong("true or false is missing", reader.field, word.at)
    return word.text.lower() == "true"


def wanted(shown: Shown, type: EntityType) -> tuple[str, ...] | None:
    """The properties and relations that `select` needs; None: all."""
    if shown.select is None:
        return None
    known = ENTITIES[type]
    return tuple(
        dict.fromkeys(
            str(path[0]) for path in shown.select if path[0] in known.properties or path[0] in known.relations
        )
    )


def expansions(shown: Shown, type: EntityType, parents: int) -> tuple[Expansion, ...]:
    """What is asked of the hub, with pages so small that all together stay within one answer."""
    relations: Mapping[str, Relation] = ENTITIES[type].relations
    found = []
    for name, inner in shown.expand.items():
        target = relations[name].target
        top = page(inner, parents) if relations[name].many else None
        rows = max(1, parents) * (top if top is not None else 1)
        query = EntityQuery(
            target,
            where=inner.where,
            order=inner.order,
            select=wanted(inner, target),
            expand=expansions(inner, target, rows),
            top=top,
            skip=inner.skip,
            count=inner.count,
        )
        found.append(Expansion(name, query))
    return tuple(found)


def page(shown: Shown, parents: int) -> int:
    """How many entities of an expanded set come with each of so many parents."""
    asked = _PAGE if shown.top is None else min(shown.top, _LARGEST)
    return min(asked, max(1, _BUDGET // max(1, parents)))
