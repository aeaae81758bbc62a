"""The functions and arithmetic of terms (OGC 18-088, clauses 9.3.3.5.1 and 9.3.3.5.2) in SQL."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from nabe.errors import Invalid
from nabe.model.term import Call, Instant, Literal
from nabe.query.terms import times
from nabe.query.terms.columns import TIMES, Kind, Value, Writer, merged
from nabe.query.terms.dialects import PREDICATES

#: 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999Z, microseconds since the epoch.
LEAST_MOMENT: Final = -62_135_596_800_000_000
GREATEST_MOMENT: Final = 253_402_300_799_999_999
_PATTERN = re.compile(r"^[012TF*]{9}$")
#: Predicates that hold only where the boxes around both geometries touch.
_BOXED = frozenset(PREDICATES) - {"st_disjoint", "st_relate"}

Write = Callable[[Writer, list[Value]], Value]


@dataclass(frozen=True, slots=True)
class _Function:
    least: int
    most: int
    write: Write


def call(compiler: Writer, term: Call) -> Value:
    """A function or arithmetic operator; `Invalid` names what does not fit."""
    function = _FUNCTIONS.get(term.name)
    if function is None:
        raise Invalid(
            f"There is no function {term.name[:60]!r}.", hint="See OGC 18-088, table 23.", term=term.name[:60]
        )
    if not function.least <= len(term.args) <= function.most:
        wanted = str(function.least) if function.least == function.most else f"{function.least} to {function.most}"
        raise Invalid(f"{term.name!r} takes {wanted} argument(s), not {len(term.args)}.", term=term.name)
    args = [compiler.value(arg) for arg in term.args]
    try:
        made = function.write(compiler, args)
    except Invalid as error:
        if error.params.get("term") or len(args) == 0:
            raise
        raise Invalid(f"{term.name!r}: {error.detail}", hint=error.hint, term=term.name) from None
    return Value(made.kind, made.sql, made.more, within=merged(*args))


# --- text ---


def _texts(function: str, kind: Kind, *, swap: bool = False) -> Write:
    def write(compiler: Writer, args: list[Value]) -> Value:
        texts = [compiler.text_of(arg) for arg in args]
        return Value(kind, compiler.dialect.call(function, *(reversed(texts) if swap else texts)))

    return write


def _substring(compiler: Writer, args: list[Value]) -> Value:
    numbers = [compiler.number_of(arg) for arg in args[1:]]
    name = "substring" if len(args) == 2 else "substring_of"
    return Value(Kind.TEXT, compiler.dialect.call(name, compiler.text_of(args[0]), *numbers))


# --- numbers ---


def _double(compiler: Writer, value: Value) -> str:
    return f"CAST({compiler.number_of(value)} AS {compiler.dialect.double})"


def _number(function: str) -> Write:
    def write(compiler: Writer, args: list[Value]) -> Value:
        return Value(Kind.NUMBER, compiler.dialect.call(function, *(_double(compiler, arg) for arg in args)))

    return write


def _neg(compiler: Writer, args: list[Value]) -> Value:
    if args[0].kind is Kind.DURATION:
        return Value(Kind.DURATION, f"(- {args[0].sql})")
    return Value(Kind.NUMBER, f"(- {_double(compiler, args[0])})")


def _mul(compiler: Writer, args: list[Value]) -> Value:
    return Value(Kind.NUMBER, f"({_double(compiler, args[0])} * {_double(compiler, args[1])})")


def _add(compiler: Writer, args: list[Value]) -> Value:
    left, right = args
    if left.kind is Kind.DURATION and right.kind is not Kind.DURATION:
        left, right = right, left
    return _moved(compiler, "+", left, right)


def _sub(compiler: Writer, args: list[Value]) -> Value:
    left, right = args
    if left.kind in TIMES and right.kind in TIMES:
        # Of intervals, their starts count.
        return Value(Kind.DURATION, f"({left.sql} - {right.sql})")
    return _moved(compiler, "-", left, right)


def _moved(compiler: Writer, sign: str, left: Value, right: Value) -> Value:
    if right.kind is Kind.DURATION:
        if left.kind is Kind.DURATION:
            return Value(Kind.DURATION, f"({left.sql} {sign} {right.sql})")
        moment = compiler.time_of(left)
        kind = Kind.INSTANT if moment.kind is Kind.DATE else moment.kind
        end = f"({moment.more} {sign} {right.sql})" if moment.more else ""
        return Value(kind, f"({moment.sql} {sign} {right.sql})", end)
    for one, other in ((left, right), (right, left)):
        if one.kind in TIMES or one.kind is Kind.DURATION:
            raise Invalid(f"{one.kind.capitalize()} and {other.kind} cannot be added or subtracted.")
    return Value(Kind.NUMBER, f"({_double(compiler, left)} {sign} {_double(compiler, right)})")


# --- times ---


def _part(function: str, kind: Kind = Kind.NUMBER) -> Write:
    def write(compiler: Writer, args: list[Value]) -> Value:
        if args[0].kind is Kind.CLOCK and function in ("hour", "minute", "second", "fraction"):
            return Value(kind, compiler.dialect.call(function, args[0].sql))
        return Value(kind, compiler.dialect.call(function, compiler.time_of(args[0]).sql))

    return write


def _offset(compiler: Writer, args: list[Value]) -> Value:
    """Moments are kept in UTC."""
    return Value(Kind.NUMBER, f"(0 * {compiler.time_of(args[0]).sql})")


def _now(compiler: Writer, args: list[Value]) -> Value:
    return compiler.now


def _constant(at: int) -> Write:
    return lambda compiler, args: compiler.literal(Literal(Instant(at)))


def _temporal(name: str) -> Write:
    def write(compiler: Writer, args: list[Value]) -> Value:
        return Value(Kind.BOOLEAN, times.compared(name, compiler.time_of(args[0]), compiler.time_of(args[1])))

    return write


# --- geometries ---


def _shapes(compiler: Writer, args: list[Value]) -> list[Value]:
    for arg in args:
        if arg.kind is not Kind.SHAPE:
            raise Invalid(f"A geometry is expected, not {arg.kind}.", hint="As in geography'POINT (9.99 53.55)'.")
    return args


def _predicate(name: str) -> Write:
    shapely_name = PREDICATES[name]

    def write(compiler: Writer, args: list[Value]) -> Value:
        first, second = _shapes(compiler, args[:2])
        pattern = "''"
        if name == "st_relate":
            value = args[2].literal.value if args[2].literal else None
            if not isinstance(value, str) or not _PATTERN.match(value):
                raise Invalid("The pattern of 'st_relate' is nine of T, F, 0, 1, 2 and *.", term=name)
            pattern = compiler.dialect.text(value)
        how = "relates_how" if name == "st_relate" else "relates"
        call = compiler.dialect.call(how, first.sql, second.sql, shapely_name, pattern)
        if name in _BOXED and (boxes := _boxes(first, second)):
            call = f"({boxes} AND {call})"
        return Value(Kind.BOOLEAN, call)

    return write


def _boxes(first: Value, second: Value) -> str:
    """That the boxes around a column and a literal touch; empty if they are not such."""
    from shapely import from_wkb

    from nabe.model.term import Shape

    column, literal = (first, second.literal) if first.box else (second, first.literal)
    if column.box is None or literal is None or not isinstance(literal.value, Shape):
        return ""
    west, south, east, north = (float(x) for x in from_wkb(literal.value.wkb).bounds)
    if west != west:  # an empty geometry has no box
        return ""
    a, b, c, d = column.box
    return f"{a} <= {east!r} AND {c} >= {west!r} AND {b} <= {north!r} AND {d} >= {south!r}"


def _distance(compiler: Writer, args: list[Value]) -> Value:
    return Value(Kind.NUMBER, compiler.dialect.call("distance", *(shape.sql for shape in _shapes(compiler, args))))


def _length(compiler: Writer, args: list[Value]) -> Value:
    return Value(Kind.NUMBER, compiler.dialect.call("shape_length", _shapes(compiler, args)[0].sql))


_FUNCTIONS: Final[dict[str, _Function]] = {
    "substringof": _Function(2, 2, _texts("contains", Kind.BOOLEAN, swap=True)),
    "contains": _Function(2, 2, _texts("contains", Kind.BOOLEAN)),
    "endswith": _Function(2, 2, _texts("endswith", Kind.BOOLEAN)),
    "startswith": _Function(2, 2, _texts("startswith", Kind.BOOLEAN)),
    "length": _Function(1, 1, _texts("length", Kind.NUMBER)),
    "indexof": _Function(2, 2, _texts("indexof", Kind.NUMBER)),
    "substring": _Function(2, 3, _substring),
    "tolower": _Function(1, 1, _texts("lower", Kind.TEXT)),
    "toupper": _Function(1, 1, _texts("upper", Kind.TEXT)),
    "trim": _Function(1, 1, _texts("trim", Kind.TEXT)),
    "concat": _Function(2, 2, _texts("concat", Kind.TEXT)),
    "neg": _Function(1, 1, _neg),
    "add": _Function(2, 2, _add),
    "sub": _Function(2, 2, _sub),
    "mul": _Function(2, 2, _mul),
    "div": _Function(2, 2, _number("div")),
    "mod": _Function(2, 2, _number("mod")),
    "round": _Function(1, 1, _number("round")),
    "floor": _Function(1, 1, _number("floor")),
    "ceiling": _Function(1, 1, _number("ceiling")),
    **{part: _Function(1, 1, _part(part)) for part in ("year", "month", "day", "hour", "minute", "second")},
    "fractionalseconds": _Function(1, 1, _part("fraction")),
    "date": _Function(1, 1, _part("midnight", Kind.DATE)),
    "time": _Function(1, 1, _part("of_day", Kind.CLOCK)),
    "totaloffsetminutes": _Function(1, 1, _offset),
    "now": _Function(0, 0, _now),
    "mindatetime": _Function(0, 0, _constant(LEAST_MOMENT)),
    "maxdatetime": _Function(0, 0, _constant(GREATEST_MOMENT)),
    **{name: _Function(2, 2, _temporal(name)) for name in times.NAMES},
    "geo.distance": _Function(2, 2, _distance),
    "geo.length": _Function(1, 1, _length),
    **{name: _Function(2, 2, _predicate(name)) for name in PREDICATES if name != "st_relate"},
    "st_relate": _Function(3, 3, _predicate("st_relate")),
}
