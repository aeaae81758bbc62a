"""Terms as SQL text: paths, literals, logic and comparisons. `functions` has all else."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Final

from nabe.errors import Invalid
from nabe.model.term import Call, Instant, Interval, Literal, Path, Shape, Term
from nabe.query.terms import functions, times
from nabe.query.terms.columns import LOOSE, TIMES, Binds, Column, Kind, Scope, Value, merged
from nabe.query.terms.dialects import Dialect
from nabe.query.terms.limits import chain, joined
from nabe.query.terms.plain import microseconds, moment

_SIGNS: Final = {"eq": "=", "ne": "<>", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_MIRRORED: Final = {"eq": "eq", "ne": "ne", "gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
#: Longest duration in a term, microseconds (10,000 years): sums with moments stay within 64 bits.
_LONGEST: Final = 10_000 * 366 * 86_400_000_000


class Compiler:
    """One term at a time, checked by `limits.check` before."""

    def __init__(self, column: Callable[[Path], Column], dialect: Dialect, now: int) -> None:
        self.dialect = dialect
        self._column = column
        self._now = now
        self._open: list[Scope] = []

    # --- conditions ---

    def condition(self, term: Term) -> str:
        """A term that is true or false, as a SQL condition."""
        if isinstance(term, Call):
            if term.name in ("and", "or"):
                return joined(term.name.upper(), [self.condition(part) for part in chain(term.name, term)])
            if term.name == "not":
                (inner,) = self._args(term, 1)
                return f"(NOT {self.condition(inner)})"
            if term.name in ("any", "all"):
                return self._quantified(term)
            if term.name in ("eq", "ne") and (against := self._against_null(term)) is not None:
                missing, scopes = against
                # Beyond a relation to many: `eq null` is that none has a value, `ne null` that one has.
                there = self._within(f"({missing} IS NOT NULL)", scopes)
                if term.name == "ne":
                    return there
                return f"(NOT {there})" if scopes else f"({missing} IS NULL)"
        value = self.value(term)
        return self._within(self.truth(value), value.within)

    def _within(self, condition: str, scopes: Iterable[Scope]) -> str:
        for scope in reversed([scope for scope in scopes if scope not in self._open]):
            condition = scope.exists(condition)
        return condition

    def _quantified(self, term: Call) -> str:
        """`any` and `all` over what a relation leads to."""
        path = term.args[0] if term.args else None
        if not isinstance(path, Path) or not isinstance(self._column, Binds):
            raise Invalid(f"{term.name!r} follows a relation to many.", term=term.name)
        match term.args[1:]:
            case ():
                name, inner = "", None
            case (Literal(str() as name), inner):
                pass
            case _:
                raise Invalid(f"{term.name!r} takes a relation, a name and a condition.", term=term.name)
        scopes = self._column.bind(name, path)
        self._open.extend(scopes)
        holds = f"({self.dialect.true} = {self.dialect.true})" if inner is None else self.condition(inner)
        if term.name == "all":
            holds = f"({holds} IS NOT TRUE)"
        del self._open[len(self._open) - len(scopes) :]
        self._column.release(name)
        holds = self._within(holds, scopes)
        return f"(NOT {holds})" if term.name == "all" else holds

    def _against_null(self, term: Call) -> tuple[str, tuple[Scope, ...]] | None:
        left, right = self._args(term, 2)
        if isinstance(left, Literal) and left.value is None:
            left, right = right, left
        if not (isinstance(right, Literal) and right.value is None):
            return None
        value = self.value(left)
        missing = value.sql
        if value.kind is Kind.JSON:
            missing = self.dialect.json_text(value.sql, value.keys)
        elif value.kind is Kind.RESULT:
            missing = f"coalesce(CAST({value.sql} AS {self.dialect.text_type}), {value.more})"
        return missing, value.within

    def truth(self, value: Value) -> str:
        """A value as a condition; `Invalid` if it is none."""
        match value.kind:
            case Kind.BOOLEAN:
                return value.sql
            case Kind.JSON:
                # What is neither is as good as missing: `not properties/flag` finds those whose flag is down.
                return self.dialect.json_truth(value.sql, value.keys)
            case Kind.RESULT:
                return self.dialect.json_truth(value.more, ())
            case Kind.NULL:
                return f"({self.dialect.true} = NULL)"
        raise Invalid(f"A condition is expected, not {value.kind}.", hint="Compare it with something.")

    # --- values ---

    def value(self, term: Term) -> Value:
        """Any term."""
        match term:
            case Literal():
                return self.literal(term)
            case Path():
                return self._path(term)
            case Call(name, _):
                if name in ("and", "or", "not", "any", "all"):
                    return Value(Kind.BOOLEAN, self.condition(term))
                if name in _SIGNS:
                    left, right = self._args(term, 2)
                    return self.compared(name, self.value(left), self.value(right))
                if name == "in":
                    return self._in(term)
                return functions.call(self, term)

    def _args(self, term: Call, count: int) -> tuple[Term, ...]:
        if len(term.args) != count:
            raise Invalid(f"{term.name!r} takes {count} operand(s), not {len(term.args)}.", term=term.name)
        return term.args

    def _path(self, path: Path) -> Value:
        column = self._column(path)
        sql, more, stamp, stamp_more = column.sql, column.more, "", ""
        if column.kind in TIMES:
            if column.kind is Kind.TIME:
                more = f"coalesce({more}, {sql})"
            if column.stamp:
                stamp, stamp_more = sql, more
                sql = self.dialect.call("micros", sql)
                more = self.dialect.call("micros", more) if more else ""
        return Value(column.kind, sql, more, column.keys, stamp, stamp_more, column.box, column.within)

    def literal(self, literal: Literal) -> Value:
        """A literal, quoted."""
        write = self.dialect

        def made(kind: Kind, sql: str, more: str = "") -> Value:
            return Value(kind, sql, more, literal=literal)

        match literal.value:
            case None:
                return made(Kind.NULL, "NULL")
            case bool() as truth:
                return made(Kind.BOOLEAN, write.boolean(truth))
            case int() | float() as number:
                return made(Kind.NUMBER, write.number(number))
            case str() as text:
                return made(Kind.TEXT, write.text(text))
            case Instant(at):
                return self._moments(Kind.INSTANT, literal, at)
            case Interval(start, end):
                return self._moments(Kind.INTERVAL, literal, start, end)
            case Shape(wkb):
                return made(Kind.SHAPE, write.shape(wkb))
            case dt.timedelta() as duration:
                micros = duration // dt.timedelta(microseconds=1)
                if abs(micros) > _LONGEST:
                    raise Invalid("A duration is longer than 10,000 years.")
                return made(Kind.DURATION, write.number(micros))
            case dt.datetime() as when:
                at = microseconds(when if when.tzinfo else when.replace(tzinfo=dt.UTC))
                return self._moments(Kind.INSTANT, Literal(Instant(at)), at)
            case dt.date() as day:
                at = microseconds(dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC))
                return self._moments(Kind.DATE, literal, at)
            case dt.time() as clock:
                whole = (clock.hour * 60 + clock.minute) * 60 + clock.second
                return made(Kind.CLOCK, write.number(whole * 1_000_000 + clock.microsecond))
        raise Invalid(f"A literal of type {type(literal.value).__name__} cannot be compared.")

    def _moments(self, kind: Kind, literal: Literal, start: int, end: int | None = None) -> Value:
        write = self.dialect
        stamp, stamp_more = write.stamp(start), "" if end is None else write.stamp(end)
        more = "" if end is None else write.number(end)
        return Value(kind, write.number(start), more, (), stamp, stamp_more, literal=literal)

    @property
    def now(self) -> Value:
        """The moment of the question."""
        return self.literal(Literal(Instant(self._now)))

    # --- conversions of loosely typed values ---

    def text_of(self, value: Value) -> str:
        """As text."""
        match value.kind:
            case Kind.TEXT:
                return value.sql
            case Kind.JSON:
                return self.dialect.json_text(value.sql, value.keys)
            case Kind.RESULT:
                number = self.dialect.call("number_text", value.sql)
                return f"coalesce({number}, {self.dialect.json_text(value.more, ())})"
        raise Invalid(f"A text is expected, not {value.kind}.")

    def number_of(self, value: Value) -> str:
        """As a number; what is none counts as missing."""
        match value.kind:
            case Kind.NUMBER:
                return value.sql
            case Kind.JSON:
                return self.dialect.json_number(value.sql, value.keys)
            case Kind.RESULT:
                # Numbers that no double holds exactly lie among the texts.
                return f"coalesce({value.sql}, {self.dialect.json_number(value.more, ())})"
        raise Invalid(f"A number is expected, not {value.kind}.")

    def time_of(self, value: Value) -> Value:
        """As a moment or interval."""
        if value.kind in TIMES:
            return value
        if value.kind is Kind.TEXT and value.literal is not None and (at := moment(value.literal.value)) is not None:
            return self.literal(Literal(Instant(at)))
        if value.kind in LOOSE:
            # The text of a result that is a number says no moment.
            text = self.dialect.json_text(value.more, ()) if value.kind is Kind.RESULT else self.text_of(value)
            return Value(Kind.INSTANT, self.dialect.json_moment(text), within=value.within)
        raise Invalid(f"A time is expected, not {value.kind}.", hint="As in 2026-11-25T09:00:00Z.")

    # --- comparisons ---

    def compared(self, name: str, left: Value, right: Value) -> Value:
        """Two values by `eq` … `le`."""
        within = merged(left, right)
        sql = self._comparison(name, left, right)
        return Value(Kind.BOOLEAN, sql, within=within)

    def _comparison(self, name: str, left: Value, right: Value) -> str:
        kinds = {left.kind, right.kind}
        sign = _SIGNS[name]
        if Kind.NULL in kinds:
            return f"({self.dialect.true} = NULL)"
        if kinds <= LOOSE:
            return self._loosely(sign, left, right)
        if kinds & TIMES:
            return times.compared(name, self.time_of(left), self.time_of(right))
        if left.kind in LOOSE:
            return self._comparison_loose(name, left, right)
        if right.kind in LOOSE:
            return self._comparison_loose(_MIRRORED[name], right, left)
        if left.kind is not right.kind:
            raise Invalid(f"{left.kind.capitalize()} cannot be compared with {right.kind}.", term=name)
        if left.kind is Kind.TEXT:
            return f"({self._exact(left.sql, sign)} {sign} {right.sql})"
        if left.kind is Kind.SHAPE or (left.kind is Kind.BOOLEAN and name not in ("eq", "ne")):
            raise Invalid(
                f"{left.kind.capitalize()} has no order." if left.kind is Kind.BOOLEAN else _NO_SHAPES, term=name
            )
        return f"({left.sql} {sign} {right.sql})"

    def _exact(self, sql: str, sign: str) -> str:
        return sql if sign in ("=", "<>") else f"{sql}{self.dialect.exact}"

    def _comparison_loose(self, name: str, loose: Value, other: Value) -> str:
        sign = _SIGNS[name]
        match other.kind:
            case Kind.NUMBER:
                return f"({self.number_of(loose)} {sign} {other.sql})"
            case Kind.TEXT:
                return f"({self._exact(self.text_of(loose), sign)} {sign} {other.sql})"
            case Kind.BOOLEAN:
                if name not in ("eq", "ne"):
                    raise Invalid("True or false has no order.", term=name)
                literal = other.literal.value if other.literal else None
                truth = (
                    f"CASE {other.sql} WHEN {self.dialect.true} THEN 'true' WHEN {self.dialect.false} THEN 'false' END"
                )
                text = truth if literal is None else ("'true'" if literal else "'false'")
                return f"({self.text_of(loose)} {sign} {text})"
        raise Invalid(f"{loose.kind.capitalize()} cannot be compared with {other.kind}.", term=name)

    def _loosely(self, sign: str, left: Value, right: Value) -> str:
        """Two values of types that only the rows know: as numbers where both are, else as text."""
        a, b = self.number_of(left), self.number_of(right)
        c, d = self.text_of(left), self.text_of(right)
        both = f"{a} IS NOT NULL AND {b} IS NOT NULL"
        return f"(CASE WHEN {both} THEN {a} {sign} {b} ELSE {self._exact(c, sign)} {sign} {d} END)"

    def _in(self, term: Call) -> Value:
        if len(term.args) < 2:
            raise Invalid("'in' takes a value and a list.", term="in")
        first = self.value(term.args[0])
        if len(term.args) == 2 and isinstance(term.args[1], Path):
            return self._in_json(first, self._path(term.args[1]))
        members = [self.literal(member) for member in term.args[1:] if isinstance(member, Literal)]
        kinds = {member.kind for member in members}
        listed = ", ".join(member.sql for member in members)
        sql = ""
        if kinds == {Kind.NUMBER} and first.kind in LOOSE | {Kind.NUMBER}:
            sql = f"({self.number_of(first)} IN ({listed}))"
        elif kinds == {Kind.TEXT} and first.kind in LOOSE | {Kind.TEXT}:
            sql = f"({self.text_of(first)} IN ({listed}))"
        else:
            if len(members) > 1_000:
                raise Invalid("A list of 'in' with more than 1000 members holds numbers or texts only.", term="in")
            sql = joined("OR", [self._comparison("eq", first, member) for member in members])
        return Value(Kind.BOOLEAN, sql, within=first.within)

    def _in_json(self, member: Value, list_: Value) -> Value:
        """A literal in a list that lies in JSON: compared by text."""
        value = member.literal.value if member.literal else None
        if list_.kind not in LOOSE or value is None or not isinstance(value, (bool, int, float, str)):
            raise Invalid("'in' takes a literal and a list inside JSON, or a value and a list of literals.", term="in")
        if isinstance(value, bool):
            texts = ["true" if value else "false"]
        elif isinstance(value, str):
            texts = [value]
        else:
            texts = [str(value)] if value != int(value) else [str(int(value)), f"{int(value)}.0"]
        column = list_.more if list_.kind is Kind.RESULT else list_.sql
        return Value(Kind.BOOLEAN, self.dialect.json_has(column, list_.keys, texts), within=list_.within)


_NO_SHAPES: Final = "Geometries are compared with st_equals, st_within and the like."
