"""What paths of a term become in SQL: columns with a kind, and the relations to many that they lie beyond."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from nabe.model.term import Literal, Path, Term

if TYPE_CHECKING:
    from nabe.query.terms.dialects import Dialect


class Kind(StrEnum):
    """What a value is; the value is how errors call it.

    The first ones are those of columns; DURATION (microseconds), DATE (an instant: its midnight) and CLOCK
    (microseconds of the day) only come up inside a term.
    """

    BOOLEAN = "true or false"
    NUMBER = "a number"
    TEXT = "a text"
    INSTANT = "a moment"
    INTERVAL = "a time interval"
    TIME = "a moment or time interval"
    JSON = "a JSON value"
    RESULT = "a result"
    SHAPE = "a geometry"
    DURATION = "a duration"
    DATE = "a date"
    CLOCK = "a time of day"
    NULL = "null"


class Scope(Protocol):
    """A relation to many on the way to a column: a sub-query over what it leads to, seen from the row outside."""

    def exists(self, condition: str) -> str:
        """That the condition holds for any of them, as SQL."""

    def least(self, value: str) -> str:
        """The smallest value among them, as SQL."""


@dataclass(frozen=True, slots=True)
class Column:
    """A path in SQL; `sql` and what follows are quoted expressions that are cheap to repeat.

    `more`: of INTERVAL and TIME the end (null: a moment), of RESULT the column with JSON text (`sql` is the number), of
    SHAPE the text that orders it (`sql` is WKB). `keys`: of JSON, the way inside the document `sql`. `stamp`: times
    are the engine's timestamps with zone; else integers, microseconds since the epoch. `box`: of SHAPE its least longitude and latitude, then
    the greatest. `within`: relations to many that lead there, the outermost first.
    """

    sql: str
    kind: Kind
    more: str = ""
    keys: tuple[str | int, ...] = ()
    stamp: bool = False
    box: tuple[str, str, str, str] | None = None
    within: tuple[Scope, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    """Part of a compiled term. Times: `sql` and `more` are integer microseconds, `stamp` and `stamp_more` the same as the
    engine's timestamps if it is a column of such. `literal`: the literal that it stands for.
    """

    kind: Kind
    sql: str
    more: str = ""
    keys: tuple[str | int, ...] = ()
    stamp: str = ""
    stamp_more: str = ""
    box: tuple[str, str, str, str] | None = None
    within: tuple[Scope, ...] = ()
    literal: Literal | None = None


@runtime_checkable
class Binds(Protocol):
    """What gives columns and knows relations to many, for `any` and `all`."""

    def bind(self, name: str, path: Path) -> tuple[Scope, ...]:
        """From now on paths that begin with `$name` start at the entities that `path` leads to; relations on the way."""

    def release(self, name: str) -> None:
        """The name is free again."""


class Writer(Protocol):
    """The compiler, as its functions see it."""

    dialect: Dialect

    @property
    def now(self) -> Value:
        """The moment of the question."""

    def value(self, term: Term) -> Value:
        """Any term."""

    def literal(self, literal: Literal) -> Value:
        """A literal, quoted."""

    def text_of(self, value: Value) -> str:
        """As text; `Invalid` if it is none."""

    def number_of(self, value: Value) -> str:
        """As a number."""

    def time_of(self, value: Value) -> Value:
        """As a moment or interval."""


#: Kinds that are a span of time, perhaps of no length.
TIMES = frozenset({Kind.INSTANT, Kind.INTERVAL, Kind.TIME, Kind.DATE})
#: Kinds that become what they are compared with.
LOOSE = frozenset({Kind.JSON, Kind.RESULT})


def merged(*values: Value) -> tuple[Scope, ...]:
    """All relations to many that these values lie beyond, the outermost first, each once."""
    return tuple(dict.fromkeys(scope for value in values for scope in value.within))
