"""What $filter may call: names, numbers and kinds of arguments (OGC 18-088, 9.3.3.5), and what comes back."""

from __future__ import annotations

from typing import Final, NamedTuple


class Function(NamedTuple):
    """`takes`: one letter per argument, those after a `?` may be left out; `gives`: a letter.

    b truth · n number · t text · m moment or interval · d day · c clock · g geometry · * anything.
    """

    takes: str
    gives: str


FUNCTIONS: Final = {
    # texts
    "substringof": Function("**", "b"),
    "contains": Function("**", "b"),
    "endswith": Function("**", "b"),
    "startswith": Function("**", "b"),
    "length": Function("*", "n"),
    "indexof": Function("**", "n"),
    "substring": Function("*n?n", "t"),
    "tolower": Function("*", "t"),
    "toupper": Function("*", "t"),
    "trim": Function("*", "t"),
    "concat": Function("**", "t"),
    # times
    **{name: Function("m", "n") for name in ("year", "month", "day", "hour", "minute", "second", "fractionalseconds")},
    "totaloffsetminutes": Function("m", "n"),
    "date": Function("m", "d"),
    "time": Function("m", "c"),
    **{name: Function("", "m") for name in ("now", "mindatetime", "maxdatetime")},
    **{name: Function("mm", "b") for name in ("before", "after", "meets", "overlaps", "starts", "finishes")},
    "during": Function("mi", "b"),
    # numbers
    **{name: Function("n", "n") for name in ("round", "floor", "ceiling")},
    # geometries
    "geo.distance": Function("gg", "n"),
    "geo.length": Function("g", "n"),
    "geo.intersects": Function("gg", "b"),
    **{
        f"st_{name}": Function("gg", "b")
        for name in ("equals", "disjoint", "touches", "within", "overlaps", "crosses", "intersects", "contains")
    },
    "st_relate": Function("ggt", "b"),
}

#: Operators between two terms: how strongly they bind.
BINDING: Final = {
    "or": 1,
    "and": 2,
    "eq": 4,
    "ne": 4,
    "gt": 5,
    "ge": 5,
    "lt": 5,
    "le": 5,
    "in": 5,
    "add": 6,
    "sub": 6,
    "mul": 7,
    "div": 7,
    "mod": 7,
}
#: How strongly `not` and a minus bind what follows them.
NOT: Final = 3
MINUS: Final = 8
LOGICAL: Final = frozenset({"and", "or", "not"})
COMPARING: Final = frozenset({"eq", "ne", "gt", "ge", "lt", "le", "in"})
COMPUTING: Final = frozenset({"add", "sub", "mul", "div", "mod", "neg"})
