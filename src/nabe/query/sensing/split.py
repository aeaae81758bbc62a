"""What of a condition on observations a store finds without looking at each: streams, ids, a span of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nabe.model.observation import Span, stream_of
from nabe.model.term import Call, Instant, Literal, Path, Term
from nabe.query.sensing.terms import FALSE, TRUE, chain, combined

_TIME, _ID, _STREAM = Path(("phenomenonTime",)), Path(("id",)), Path(("Datastream", "id"))
_MIRRORED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le", "eq": "eq"}


@dataclass(frozen=True, slots=True)
class Split:
    """`strict` is all of the condition that is not said by streams, span and ids. `where` is less: it holds for the same
    observations where none of them has an interval as its time.
    """

    streams: tuple[int, ...]
    span: Span
    ids: tuple[int, ...] | None
    where: Term | None
    strict: Term | None


def split(term: Term | None, streams: Sequence[int]) -> Split | None:
    """For observations of these streams at most; None if none can fulfil it."""
    wanted: set[int] | None = None
    ids: set[int] | None = None
    start: int | None = None
    end: int | None = None
    loose: list[Term] = []
    strict: list[Term] = []
    for part in chain("and", term) if term is not None else ():
        if part == FALSE:
            return None
        if part == TRUE:
            continue
        if isinstance(part, Call) and part.name == "not":
            name, path, values = _simple(part.args[0])
            if path == _STREAM and name == "in" and _whole(values):
                without = set(values)
                streams = [id for id in streams if id not in without]
                continue
        name, path, values = _simple(part)
        if path == _STREAM and name in ("in", "eq") and _whole(values):
            wanted = _met(wanted, values)
        elif path == _ID and name in ("in", "eq") and _whole(values):
            ids = _met(ids, values)
        elif path == _TIME and len(values) == 1 and isinstance(values[0], Instant) and name in _MIRRORED:
            at = values[0].at
            if name in ("ge", "gt", "eq"):
                start = max(start if start is not None else at, at + (name == "gt"))
            if name in ("lt", "le", "eq"):
                end = min(end if end is not None else at + 1, at + (name != "lt"))
                strict.append(part)
        else:
            loose.append(part)
            strict.append(part)
    if ids is not None:
        wanted = _met(wanted, [stream_of(id) for id in ids])
    if wanted is not None:
        streams = [id for id in streams if id in wanted]
    if not streams or (start is not None and end is not None and start >= end):
        return None
    return Split(
        tuple(streams),
        Span(start, end),
        tuple(sorted(ids)) if ids is not None else None,
        combined("and", loose) if loose else None,
        combined("and", strict) if strict else None,
    )


def _simple(term: Term) -> tuple[str, Path | None, list[object]]:
    """`path op literal`, whichever way round."""
    if not isinstance(term, Call) or len(term.args) < 2:
        return "", None, []
    first, *rest = term.args
    if isinstance(first, Path) and all(isinstance(item, Literal) for item in rest):
        return term.name, first, [item.value for item in rest if isinstance(item, Literal)]
    if isinstance(first, Literal) and len(rest) == 1 and isinstance(rest[0], Path) and term.name in _MIRRORED:
        return _MIRRORED[term.name], rest[0], [first.value]
    return "", None, []


def _whole(values: Iterable[object]) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def _met(so_far: set[int] | None, values: Iterable[object]) -> set[int]:
    found = {value for value in values if isinstance(value, int)}
    return found if so_far is None else so_far & found
