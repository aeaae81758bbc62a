"""$filter and $orderby -> `Term`: the grammar of OData's expressions as SensorThings uses it (OGC 18-088, 9.3.3.5)."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import shapely

from nabe.apis.sensorthings import kinds, times
from nabe.apis.sensorthings.functions import BINDING, FUNCTIONS, MINUS, NOT
from nabe.apis.sensorthings.lexer import Kind, Reader, Word, unquoted, wrong
from nabe.errors import Invalid
from nabe.model.entities import EntityType
from nabe.model.term import Call, Instant, Interval, Literal, Ordering, Path, Shape, Term

#: How deep an expression nests, and how many operators and calls it has at most.
DEEPEST = 60
MOST_CALLS = 2_000
_LONGEST_PATH = 40
_MOST_ORDERS = 20


def condition(text: str, type: EntityType, field: str = "$filter") -> Term:
    """A whole $filter."""
    reader = Reader(text, field)
    found = where(reader, type)
    reader.done()
    return found


def orders(text: str, type: EntityType, field: str = "$orderby") -> tuple[Ordering, ...]:
    """A whole $orderby."""
    reader = Reader(text, field)
    found = order(reader, type)
    reader.done()
    return found


def where(reader: Reader, type: EntityType) -> Term:
    """A condition, as far as it goes."""
    start, expression = reader.word, Expression(reader, type)
    found = expression.term()
    if not kinds.fits(expression.kind(found), "b"):
        raise wrong("a filter is true or false", reader.field, start.at)
    return found


def order(reader: Reader, type: EntityType) -> tuple[Ordering, ...]:
    """Sort keys, as far as they go."""
    found = []
    while True:
        term = Expression(reader, type).term()
        word = reader.word
        descending = word.kind is Kind.NAME and word.text.lower() == "desc"
        if descending or (word.kind is Kind.NAME and word.text.lower() == "asc"):
            reader.take()
        found.append(Ordering(term, descending))
        if len(found) > _MOST_ORDERS:
            raise wrong(f"at most {_MOST_ORDERS} sort keys", reader.field, word.at)
        if not reader.given(","):
            return tuple(found)


class _Made(NamedTuple):
    """A call that was read, the letter of its kind, and how deep it is."""

    call: Call
    kind: str
    depth: int


class Expression:
    """Reads one expression: precedence climbing, as deep as `DEEPEST`."""

    def __init__(self, reader: Reader, type: EntityType) -> None:
        self._reader = reader
        self._type = type
        self._depth = 0
        self._calls = 0
        self._made: dict[int, _Made] = {}
        self._variables: dict[str, EntityType] = {}

    def kind(self, term: Term) -> str:
        """The letter of a term's kind."""
        return self._made[id(term)].kind if isinstance(term, Call) else kinds.of(term, self._type, self._variables)

    def term(self, binding: int = 0) -> Term:
        """A term whose operators bind stronger than `binding`."""
        reader = self._reader
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._too_deep(reader.word)
        left = self._start()
        while reader.word.kind is Kind.NAME and (strength := BINDING.get(reader.word.text, 0)) > binding:
            word = reader.take()
            if word.text in ("and", "or"):
                left = self._chain(word, left, strength)
            elif word.text == "in":
                left = self._call(word, "in", (left, *self._choices()))
            else:
                left = self._call(word, word.text, (left, self.term(strength)))
        self._depth -= 1
        return left

    def _chain(self, word: Word, left: Term, strength: int) -> Term:
        """`a and b and c` is one call, however long it is."""
        parts = [left, self.term(strength)]
        while self._reader.word.kind is Kind.NAME and self._reader.word.text == word.text:
            self._reader.take()
            self._count(word)
            parts.append(self.term(strength))
        return self._call(word, word.text, tuple(parts))

    def _start(self) -> Term:
        reader, word = self._reader, self._reader.word
        if reader.given("("):
            inner = self.term()
            reader.need(")")
            return inner
        if reader.given("-"):
            return self._negative(word)
        if word.kind in _LITERALS:
            return _literal(reader.take(), reader.field)
        if word.kind is not Kind.NAME and word.text != "$it":
            raise reader.unexpected("a value, property or function is missing")
        if word.text == "not" and not (reader.look().kind is Kind.MARK and reader.look().text == "/"):
            reader.take()
            return self._call(word, "not", (self.term(NOT - 1),))
        if word.text in _WORDS:
            reader.take()
            return Literal(_WORDS[word.text])
        if reader.look().text == "(" and reader.look().kind is Kind.MARK:
            return self._function()
        return self._path()

    def _negative(self, minus: Word) -> Term:
        if self._reader.word.kind is Kind.NUMBER:
            value = _literal(self._reader.take(), self._reader.field).value
            return Literal(-value)  # type: ignore[operator]  # numbers only
        return self._call(minus, "neg", (self.term(MINUS),))

    def _function(self) -> Term:
        reader, word = self._reader, self._reader.take()
        name = word.text.lower()
        if name not in FUNCTIONS:
            near = f"Functions: {', '.join(FUNCTIONS)}."
            raise Invalid(f"{reader.field}: there is no function {word.text[:40]!r}.", hint=near, field=reader.field)
        reader.need("(")
        args: list[Term] = []
        if not reader.given(")"):
            args.append(self.term())
            while reader.given(","):
                args.append(self.term())
                if len(args) > 3:
                    break
            reader.need(")")
        return self._call(word, name, tuple(args))

    def _choices(self) -> Iterable[Term]:
        reader = self._reader
        if not reader.given("("):
            found = self.term(BINDING["in"])
            if not isinstance(found, Path):
                raise reader.unexpected("`in` is followed by values in parentheses, or by a property that is a list")
            return (found,)
        values = [self._choice()]
        while reader.given(","):
            values.append(self._choice())
            self._count(reader.word)
        reader.need(")")
        return values

    def _choice(self) -> Literal:
        word = self._reader.word
        found = self.term(BINDING["in"])
        if not isinstance(found, Literal):
            raise wrong("a list of `in` holds plain values", self._reader.field, word.at)
        return found

    def _path(self) -> Term:
        """Names divided by `/`, `[n]` after them; `any(x:…)` at the end of one that leads to many."""
        reader, start = self._reader, self._reader.word
        steps: list[str | int] = []
        while True:
            word = reader.take()
            if steps and word.text in ("any", "all") and reader.word.text == "(" and word.kind is Kind.NAME:
                return self._quantified(word, start, steps)
            steps.append(_step(word, reader, first=not steps))
            while reader.given("["):
                steps.append(_index(reader))
            if len(steps) > _LONGEST_PATH:
                raise wrong(f"a path has at most {_LONGEST_PATH} steps", reader.field, start.at)
            if not reader.given("/"):
                return kinds.property_path(self._scoped(steps), self._type, self._variables, reader.field)

    def _scoped(self, steps: list[str | int]) -> list[str | int]:
        if steps[0] == "$it" and len(steps) > 1:
            return steps[1:]
        return [f"${steps[0]}", *steps[1:]] if steps[0] in self._variables else steps

    def _quantified(self, word: Word, start: Word, steps: list[str | int]) -> Term:
        reader = self._reader
        over, target = kinds.collection_path(self._scoped(steps), self._type, self._variables, reader.field)
        reader.need("(")
        if reader.given(")"):
            return self._call(start, word.text, (over,))
        variable = reader.take()
        if variable.kind is not Kind.NAME or variable.text in self._variables or variable.text in _WORDS:
            raise wrong("a new name is wanted for each of them, as in any(x:x/name eq 'a')", reader.field, variable.at)
        reader.need(":")
        self._variables[variable.text] = target
        inner = self.term()
        if not kinds.fits(self.kind(inner), "b"):
            raise wrong("what any() and all() ask is true or false", reader.field, variable.at)
        del self._variables[variable.text]
        reader.need(")")
        return self._call(start, word.text, (over, Literal(variable.text), inner))

    def _call(self, word: Word, name: str, args: tuple[Term, ...]) -> Term:
        self._count(word)
        made = Call(name, args)
        given = ["b"] if name in ("any", "all") else [self.kind(arg) for arg in args]
        kind = kinds.result(name, given, self._reader.field, word.at)
        depth = 1 + max((self._made[id(arg)].depth for arg in args if isinstance(arg, Call)), default=0)
        if depth > DEEPEST:
            raise self._too_deep(word)
        self._made[id(made)] = _Made(made, kind, depth)
        return made

    def _too_deep(self, word: Word) -> Invalid:
        return wrong(f"an expression nests at most {DEEPEST} deep", self._reader.field, word.at)

    def _count(self, word: Word) -> None:
        self._calls += 1
        if self._calls > MOST_CALLS:
            raise wrong(f"at most {MOST_CALLS} operators and values", self._reader.field, word.at)


_WORDS = {"null": None, "true": True, "false": False}
_LITERALS = frozenset({Kind.TEXT, Kind.TYPED, Kind.INTERVAL, Kind.MOMENT, Kind.DATE, Kind.CLOCK, Kind.NUMBER})


def _step(word: Word, reader: Reader, *, first: bool) -> str:
    if word.kind is Kind.NAME or (word.kind is Kind.OPTION and word.text == "$it" and first):
        return word.text
    if word.kind is Kind.TEXT and not first:
        return unquoted(word.text)  # a key with blanks or such in it
    raise wrong("the name of a property is missing", reader.field, word.at)


def _index(reader: Reader) -> int:
    word = reader.take()
    if word.kind is not Kind.NUMBER or not word.text.isdigit() or len(word.text) > 9:
        raise wrong("a place in a list is a whole number from 0", reader.field, word.at)
    reader.need("]")
    return int(word.text)


def _literal(word: Word, field: str) -> Literal:
    match word.kind:
        case Kind.TEXT:
            return Literal(unquoted(word.text))
        case Kind.NUMBER:
            return Literal(_number(word, field))
        case Kind.MOMENT:
            return Literal(Instant(times.moment(word.text, field)))
        case Kind.INTERVAL:
            return Literal(Interval(*times.interval(word.text, field)))
        case Kind.DATE | Kind.CLOCK:
            try:
                parse = dt.date.fromisoformat if word.kind is Kind.DATE else dt.time.fromisoformat
                return Literal(parse(word.text))
            except ValueError:
                raise wrong(f"{word.text!r} is no {word.kind.value}", field, word.at) from None
        case _ if word.text.startswith("duration"):
            return Literal(times.duration(unquoted(word.text), field))
        case _:
            return Literal(_shape(word, field))


def _number(word: Word, field: str) -> int | float:
    if word.text.isdigit() and len(word.text) < 20 and int(word.text) < 2**63:
        return int(word.text)
    value = float(word.text)
    if not math.isfinite(value):
        raise wrong("that number is too large", field, word.at)
    return value


def _shape(word: Word, field: str) -> Shape:
    """WKT in degrees, longitude first; `SRID=4326;` before it is skipped."""
    text = unquoted(word.text).strip()
    if text[:5].upper() == "SRID=" and ";" in text:
        text = text[text.index(";") + 1 :]
    try:
        with np.errstate(all="ignore"):  # numbers beyond all bounds are found below
            shape = shapely.from_wkt(text)
    except shapely.errors.ShapelyError:
        shape = None
    if shape is None or not all(math.isfinite(bound) for bound in shape.bounds):
        hint = "Well-known text, longitude before latitude: geography'POINT (9.9 51.5)'."
        raise Invalid(f"{field}: {times.short(text)} is no geometry.", hint=hint, field=field)
    return Shape(shapely.to_wkb(shapely.force_2d(shape)))
