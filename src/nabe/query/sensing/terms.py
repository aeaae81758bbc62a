"""Terms taken apart: what paths lead through, negations moved inwards, paths replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from nabe.errors import Invalid
from nabe.model.entities import ENTITIES, STREAMS, EntityType
from nabe.model.term import Call, Literal, Path, Term, paths_of

#: How deep a filter may be nested. `and` and `or` of many parts count once.
DEEPEST = 80
_LOGIC = frozenset({"and", "or", "not"})
_EXTENT = frozenset({"phenomenonTime", "resultTime", "observedArea"})

TRUE = Literal(True)
FALSE = Call("ne", (Literal(1), Literal(1)))
NULL = Literal(None)


def bounded(term: Term | None) -> None:
    """`Invalid` for a filter that is nested too deeply. Nothing here recurses."""
    left: list[tuple[Term, int]] = [(term, 0)] if term is not None else []
    while left:
        part, depth = left.pop()
        if depth > DEEPEST:
            raise Invalid(
                f"The filter is nested more than {DEEPEST} deep.", hint="Take out parentheses.", field="$filter"
            )
        if isinstance(part, Call):
            for arg in part.args:
                flat = isinstance(arg, Call) and arg.name == part.name and part.name in ("and", "or")
                left.append((arg, depth if flat else depth + 1))


def combined(name: str, parts: Iterable[Term]) -> Term:
    """`a and b and c`; what is always true or always false is taken out."""
    kept: list[Term] = []
    absorbing, neutral = (FALSE, TRUE) if name == "and" else (TRUE, FALSE)
    for part in parts:
        if part == absorbing:
            return absorbing
        if part != neutral:
            kept.append(part)
    if not kept:
        return neutral
    return kept[0] if len(kept) == 1 else Call(name, tuple(kept))


def chain(name: str, term: Term) -> list[Term]:
    """The parts of `a and b and c …`, however bracketed."""
    parts: list[Term] = []
    left = [term]
    while left:
        part = left.pop()
        if isinstance(part, Call) and part.name == name:
            left.extend(reversed(part.args))
        else:
            parts.append(part)
    return parts


def inward(term: Term, negated: bool = False) -> Term:
    """The same condition with negations only right before conditions that are not `and`, `or`, `not`."""
    if isinstance(term, Call):
        if term.name == "not" and len(term.args) == 1:
            return inward(term.args[0], not negated)
        if term.name in ("and", "or"):
            name = {"and": "or", "or": "and"}[term.name] if negated else term.name
            return Call(name, tuple(inward(part, negated) for part in chain(term.name, term)))
    return Call("not", (term,)) if negated else term


def each_atom(term: Term, change: Callable[[Term], Term]) -> Term:
    """The condition with each part that is not `and`, `or`, `not` changed; a part `not x` is one if negations are inward."""
    if isinstance(term, Call) and term.name in ("and", "or"):
        return combined(term.name, (each_atom(part, change) for part in chain(term.name, term)))
    return change(term)


def is_logic(term: Term) -> bool:
    """Is it `and`, `or` or `not`?"""
    return isinstance(term, Call) and term.name in _LOGIC


def relations(base: EntityType, path: Path) -> tuple[str, ...]:
    """The relations that a path starts with, from an entity of type `base`."""
    kind, found = ENTITIES[base], []
    for step in path.steps:
        if step not in kind.relations:
            break
        found.append(str(step))
        kind = ENTITIES[kind.relations[str(step)].target]
    return tuple(found)


def target(base: EntityType, steps: Iterable[str]) -> EntityType:
    """The type that a chain of relations leads to."""
    for step in steps:
        base = ENTITIES[base].relations[step].target
    return base


def beyond(base: EntityType, path: Path) -> int | None:
    """How many steps of a path lead to Observations (inclusive); None if it never gets there."""
    kind = base
    for at, step in enumerate(relations(base, path)):
        kind = ENTITIES[kind].relations[step].target
        if kind is EntityType.OBSERVATION:
            return at + 1
    return None


def extent(base: EntityType, path: Path) -> int | None:
    """How many relations lead to a stream whose extent the path asks for; None if it does not."""
    steps = relations(base, path)
    rest = path.steps[len(steps) :]
    if rest and rest[0] in _EXTENT and target(base, steps) in STREAMS:
        return len(steps)
    return None


def rebased(term: Term, steps: int) -> Term:
    """The term seen from where the first `steps` of its paths lead."""
    return replaced(term, lambda path: Path(path.steps[steps:]))


def replaced(term: Term, change: Callable[[Path], Term]) -> Term:
    """The term with each path changed; those of variables (`$x`) stay."""
    match term:
        case Path(steps):
            return term if str(steps[0]).startswith("$") else change(term)
        case Call(name, args):
            return Call(name, tuple(replaced(arg, change) for arg in args))
        case _:
            return term


def free_paths(term: Term) -> list[Path]:
    """The paths of a term that do not start at a variable."""
    return [path for path in paths_of(term) if not str(path.steps[0]).startswith("$")]


def among(path: Path, ids: Iterable[int]) -> Term:
    """Is the id one of these?"""
    wanted = tuple(Literal(id) for id in ids)
    return Call("in", (path, *wanted)) if wanted else FALSE


def negated(term: Term) -> Term:
    """Not this, where this is never unknown."""
    if term in (TRUE, FALSE):
        return FALSE if term == TRUE else TRUE
    return Call("not", (term,))
