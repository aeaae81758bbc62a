"""Terms mean the same in DuckDB, SQLite, PostgreSQL and in plain Python."""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import duckdb
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nabe.errors import Invalid
from nabe.model.term import Call, Instant, Interval, Literal, Ordering, Path, Shape, Term, paths_of
from nabe.query.terms import DUCKDB, POSTGRES, SQLITE, SQLITE_FUNCTIONS, Column, Dialect, Kind, condition, order_by
from nabe.testing.needs import need
from nabe.testing.servers import available_postgres, postgres
from nabe.testing.terms_oracle import Typed, holds

NOW = 1_795_000_000_123_456
HOUR = 3_600_000_000
Row = dict[str, Typed]
Ask = Callable[[str], list[int]]

COLUMNS = (
    ("n", "double"), ("s", "text"), ("b", "boolean"), ("at", "moment"), ("start", "moment"), ("until", "moment"),
    ("j", "text"), ("number", "double"), ("other", "text"),
)  # fmt: skip


def column(stamp: bool) -> Callable[[Path], Column]:
    def find(path: Path) -> Column:
        name, *keys = path.steps
        match name:
            case "n":
                return Column('"n"', Kind.NUMBER)
            case "s":
                return Column('"s"', Kind.TEXT)
            case "b":
                return Column('"b"', Kind.BOOLEAN)
            case "at":
                return Column('"at"', Kind.INSTANT, stamp=stamp)
            case "t":
                return Column('"start"', Kind.TIME, more='"until"', stamp=stamp)
            case "j":
                return Column('"j"', Kind.JSON, keys=tuple(keys))
            case "r":
                return Column('"number"', Kind.RESULT, more='"other"')
        raise Invalid(f"There is no property {name!r}.")

    return find


class Engine:
    """A table of rows in one engine; `ids(condition)` in order."""

    def __init__(self, dialect: Dialect, run: Callable[[str], Any], types: dict[str, str]) -> None:
        self.dialect, self.run = dialect, run
        self.stamp = types["moment"].startswith("timestamp")
        columns = ", ".join(f'"{name}" {types[kind]}' for name, kind in COLUMNS)
        run(f"CREATE TABLE rows (id integer, {columns})")

    def fill(self, rows: list[Row]) -> None:
        self.run("DELETE FROM rows")
        for id, row in enumerate(rows):
            at, (start, until) = row["at"][1], row["t"][1] or (None, None)
            number = row["r"][1] if isinstance(row["r"][1], float) else None
            other = None if number is not None or row["r"][1] is None else json.dumps(row["r"][1], ensure_ascii=False)
            values = [
                row["n"][1], row["s"][1], row["b"][1], at and at[0], start, None if until == start else until,
                json.dumps(row["j"][1], ensure_ascii=False), number, other,
            ]  # fmt: skip
            written = [self._write(value, kind) for value, (_, kind) in zip(values, COLUMNS, strict=True)]
            self.run(f"INSERT INTO rows VALUES ({id}, {', '.join(written)})")

    def _write(self, value: Any, kind: str) -> str:
        if value is None:
            return "NULL"
        if kind == "moment":
            return self.dialect.stamp(value) if self.stamp else str(value)
        if kind == "boolean":
            return self.dialect.boolean(value)
        return self.dialect.number(value) if kind == "double" else self.dialect.text(value)

    def ids(self, term: Term) -> list[int]:
        where = condition(term, column(self.stamp), self.dialect, now=NOW)
        return [row[0] for row in self.run(f"SELECT id FROM rows WHERE {where} ORDER BY id")]

    def ordered(self, *orderings: Ordering) -> list[int]:
        keys = ", ".join([*order_by(orderings, column(self.stamp), self.dialect, now=NOW), "id"])
        return [row[0] for row in self.run(f"SELECT id FROM rows ORDER BY {keys}")]


def _duckdb() -> Engine:
    connection = duckdb.connect()
    types = {"double": "DOUBLE", "text": "VARCHAR", "boolean": "BOOLEAN", "moment": "timestamptz"}
    return Engine(DUCKDB, lambda sql: connection.execute(sql).fetchall(), types)


def _sqlite() -> Engine:
    connection = sqlite3.connect(":memory:")
    for name, count, function in SQLITE_FUNCTIONS:
        connection.create_function(name, count, function, deterministic=True)
    types = {"double": "REAL", "text": "TEXT", "boolean": "INTEGER", "moment": "INTEGER"}
    return Engine(SQLITE, lambda sql: connection.execute(sql).fetchall(), types)


def _postgres(server: Any) -> Engine:
    connection = server.connect()

    def run(sql: str) -> Any:
        cursor = connection.execute(sql)
        return cursor.fetchall() if cursor.description else []

    types = {"double": "double precision", "text": "text", "boolean": "boolean", "moment": "timestamptz"}
    return Engine(POSTGRES, run, types)


@pytest.fixture(scope="module")
def server() -> Iterator[Any]:
    need("PostgreSQL", available_postgres(), "apt-get install postgresql postgresql-15-postgis-3")
    with postgres() as started:
        yield started


@pytest.fixture(scope="module")
def engines(server: Any) -> list[Engine]:
    return [_duckdb(), _sqlite(), _postgres(server)]


@pytest.fixture(scope="module", params=["duckdb", "sqlite", "postgres"])
def engine(request: Any) -> Engine:
    if request.param == "postgres":
        server = request.getfixturevalue("server")
        server.run("DROP TABLE IF EXISTS rows")
        return _postgres(server)
    return {"duckdb": _duckdb, "sqlite": _sqlite}[request.param]()


# --- what is asked ---

TEXTS = st.one_of(
    st.sampled_from(
        ["", "a", "Ab", "aß", "Ärger", "x'y", "3", "true", "%_", "\\", " a ", "😀z", "2026-11-25T10:00:00Z"]
    ),
    st.text(
        st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs", "Lu", "Ll", "Lt", "Mn"]),
        max_size=4,
    ),
)
NUMBERS = st.one_of(
    st.integers(-20, 20).map(float),
    st.sampled_from([0.5, -2.5, 1.25, 1e9, 0.1]),
    st.floats(-1e6, 1e6, width=32).map(lambda x: round(x, 2)),
)
MOMENTS = st.one_of(st.integers(-3, 3).map(lambda h: NOW + h * HOUR), st.integers(-(10**15), 4 * 10**15))
SPANS = st.one_of(
    MOMENTS.map(lambda at: (at, at)), st.tuples(MOMENTS, st.integers(1, 5)).map(lambda p: (p[0], p[0] + p[1] * HOUR))
)
JSON = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), NUMBERS.filter(lambda x: x != int(x) and abs(x) > 0.001), TEXTS
)
DOCUMENTS = st.dictionaries(
    st.sampled_from(["k", "k q", "ü/~", "l"]), st.one_of(JSON, st.lists(JSON, max_size=2)), max_size=3
)
ROWS = st.fixed_dictionaries(
    {
        "n": st.one_of(st.none(), NUMBERS).map(lambda x: ("number", x)),
        "s": st.one_of(st.none(), TEXTS).map(lambda x: ("text", x)),
        "b": st.one_of(st.none(), st.booleans()).map(lambda x: ("bool", x)),
        "at": st.one_of(st.none(), MOMENTS).map(lambda x: ("span", None if x is None else (x, x))),
        "t": st.one_of(st.none(), SPANS).map(lambda x: ("span", x)),
        "j": DOCUMENTS.map(lambda x: ("json", x)),
        "r": st.one_of(st.none(), NUMBERS, TEXTS, st.booleans()).map(lambda x: ("json", x)),
    }
)
LOOSE = st.sampled_from([Path(("j", "k")), Path(("j", "k q")), Path(("j", "ü/~")), Path(("j", "l", 0)), Path(("r",))])
_NUMBER = st.one_of(st.just(Path(("n",))), NUMBERS.map(Literal), st.integers(-9, 9).map(Literal))
_TEXT = st.one_of(st.just(Path(("s",))), TEXTS.map(Literal))
_SPAN = st.one_of(
    st.sampled_from([Path(("at",)), Path(("t",)), Call("now", ())]),
    MOMENTS.map(lambda at: Literal(Instant(at))),
    st.tuples(MOMENTS, st.integers(1, 5)).map(lambda p: Literal(Interval(p[0], p[0] + p[1] * HOUR))),
)
_DURATION = st.integers(-9, 9).map(lambda h: Literal(dt.timedelta(hours=h, microseconds=h)))


def calls(names: str, *args: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
    return st.tuples(st.sampled_from(names.split()), *args).map(lambda made: Call(made[0], made[1:]))


SPAN = st.one_of(_SPAN, calls("add sub", _SPAN, _DURATION))
DURATION = st.one_of(_DURATION, calls("sub", SPAN, SPAN), calls("add sub", _DURATION, _DURATION))
TEXT = st.recursive(
    _TEXT,
    lambda inner: st.one_of(
        calls("trim tolower toupper", inner),
        calls("concat", inner, inner),
        calls("substring", inner, _NUMBER),
        calls("substring", inner, _NUMBER, _NUMBER),
    ),
    max_leaves=3,
)
LOOSE_OR_TEXT = st.one_of(TEXT, LOOSE)
NUMBER = st.recursive(
    st.one_of(
        _NUMBER,
        calls("year month day hour minute second fractionalseconds", SPAN),
        calls("length", LOOSE_OR_TEXT),
        calls("indexof", LOOSE_OR_TEXT, LOOSE_OR_TEXT),
    ),
    lambda inner: st.one_of(
        calls("add sub mul div", inner, inner),
        calls("mod", inner, st.integers(-5, 5).map(Literal)),
        calls("round floor ceiling neg", inner),
        calls("add", LOOSE, inner),
    ),
    max_leaves=4,
)
COMPARED = "eq ne lt le gt ge"
ATOM = st.one_of(
    calls(COMPARED, NUMBER, NUMBER),
    calls(COMPARED, TEXT, TEXT),
    calls(COMPARED, SPAN, SPAN),
    calls(COMPARED, DURATION, DURATION),
    calls(COMPARED, LOOSE, st.one_of(NUMBER, TEXT, LOOSE, SPAN)),
    calls(COMPARED, st.one_of(NUMBER, TEXT), LOOSE),
    calls("eq ne", st.one_of(st.just(Path(("b",))), LOOSE), st.booleans().map(Literal)),
    calls(
        "eq ne", st.one_of(LOOSE, st.sampled_from([Path(("n",)), Path(("t",)), Path(("s",))])), st.just(Literal(None))
    ),
    calls("eq lt", calls("date", SPAN), SPAN),
    calls("eq lt", calls("time", SPAN), st.times().map(Literal)),
    calls("before after meets overlaps starts finishes", SPAN, SPAN),
    calls("during", SPAN, st.one_of(st.just(Path(("t",))), MOMENTS.map(lambda at: Literal(Interval(at, at + HOUR))))),
    calls("substringof startswith endswith", LOOSE_OR_TEXT, LOOSE_OR_TEXT),
    calls("in", LOOSE, _NUMBER, NUMBERS.map(Literal)).map(lambda c: Call("in", (c.args[0], Literal(3), c.args[2]))),
    calls("in", LOOSE_OR_TEXT, TEXTS.map(Literal), TEXTS.map(Literal)),
    st.just(Path(("b",))),
)
CONDITIONS = st.recursive(
    ATOM, lambda inner: st.one_of(calls("and or", inner, inner), calls("not", inner)), max_leaves=4
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=st.lists(ROWS, min_size=1, max_size=4), term=CONDITIONS)
def test_three_engines_and_plain_python_agree(engines: list[Engine], rows: list[Row], term: Term) -> None:
    expected = [id for id, row in enumerate(rows) if holds(term, row, NOW)]
    for engine in engines:
        engine.fill(rows)
        assert engine.ids(term) == expected, engine.dialect.name


# --- examples ---


def row(**given: Any) -> Row:
    kinds = {"n": "number", "s": "text", "b": "bool", "at": "span", "t": "span", "j": "json", "r": "json"}
    missing: Row = {name: (kind, {} if name == "j" else None) for name, kind in kinds.items()}
    return missing | {name: (kinds[name], value) for name, value in given.items()}


def p(*steps: str | int) -> Path:
    return Path(steps)


def ask(name: str, *args: Any) -> Call:
    return Call(name, tuple(arg if isinstance(arg, (Call, Path, Literal)) else Literal(arg) for arg in args))


def test_a_result_compares_as_what_it_is_compared_with(engine: Engine) -> None:
    engine.fill([row(r=result) for result in (3.0, 10.0, 4.0, "3", "40", True, None, [1, 2])])
    assert engine.ids(ask("gt", p("r"), 3)) == [1, 2]
    assert engine.ids(ask("gt", p("r"), "3")) == [2, 4, 5, 7]  # by text: "[1,2]" and "true" come after "3", "10" before
    assert engine.ids(ask("eq", p("r"), "3")) == [0, 3]
    assert engine.ids(ask("eq", p("r"), True)) == [5]
    assert engine.ids(ask("eq", p("r"), None)) == [6]
    assert engine.ids(ask("not", ask("eq", p("r"), 3))) == [1, 2]  # what is no number is neither
    assert engine.ordered(Ordering(p("r"))) == [0, 2, 1, 3, 4, 7, 5, 6]
    assert engine.ordered(Ordering(p("r"), descending=True))[0] == 6


def test_lists_inside_json(engine: Engine) -> None:
    documents = [{"k": [8, 9]}, {"k": ["9"]}, {"k": 9}, {"k": {"9": 9}}, {}, {"k": [True, None, "ü"]}]
    engine.fill([row(j=document) for document in documents])
    assert engine.ids(ask("in", 9, p("j", "k"))) == [0, 1]
    assert engine.ids(ask("in", "ü", p("j", "k"))) == [5]
    assert engine.ids(ask("in", True, p("j", "k"))) == [5]
    assert engine.ids(ask("eq", p("j", "k", 1), 9)) == [0]
    assert engine.ids(ask("eq", p("j", "k"), None)) == [4]


def test_moments_inside_json_and_in_text(engine: Engine) -> None:
    texts = [
        "2026-11-25T09:00:00Z",
        "2026-11-25T09:30:00+02:00",
        "2026-11-25",
        "0000-01-01T00:00:00Z",
        "2026-02-30T09:00:00.5Z",
        5,
    ]
    engine.fill([row(j={"k": text}, r=text if isinstance(text, str) else 5.0) for text in texts])
    for path in (p("j", "k"), p("r")):
        assert engine.ids(ask("ge", path, Instant(1_795_597_200_000_000))) == [0]
        assert 1 in engine.ids(ask("lt", path, Instant(1_795_597_200_000_000)))
    engine.fill([row(at=(1_795_597_200_000_000,) * 2)])
    assert engine.ids(ask("eq", p("at"), "2026-11-25T10:00:00+01:00")) == [0]


def test_times_as_the_suites_want_them(engine: Engine) -> None:
    at = 1_795_597_200_000_000
    engine.fill([row(t=(at, at + HOUR)), row(t=(at + HOUR, at + HOUR)), row()])
    ended = Literal(Instant(at + HOUR))
    assert engine.ids(ask("lt", p("t"), ended)) == [0]
    assert engine.ids(ask("during", p("t"), Interval(at, at + 2 * HOUR))) == [0, 1]
    assert engine.ids(ask("overlaps", p("t"), ended)) == [1]
    assert engine.ids(ask("eq", ask("sub", p("t"), Instant(at)), dt.timedelta(hours=1))) == [1]
    assert engine.ids(ask("gt", p("t"), ask("sub", ask("maxdatetime"), dt.timedelta(days=1)))) == []
    assert engine.ids(ask("eq", ask("totaloffsetminutes", p("t")), 0)) == [0, 1]
    assert engine.ids(ask("eq", ask("time", p("t")), dt.time(9))) == [0]
    for wrong in (ask("during", p("t"), ended), ask("during", ended, p("at"))):
        with pytest.raises(Invalid, match="time interval"):
            engine.ids(wrong)


def test_arithmetic_that_overflows_or_divides_by_nothing_is_missing_or_said(engine: Engine) -> None:
    engine.fill([row(n=7.0)])
    assert engine.ids(ask("gt", ask("div", p("n"), 0), 0)) == []
    assert engine.ids(ask("eq", ask("mod", p("n"), 0), None)) == [0]
    assert engine.ids(ask("eq", ask("mod", ask("neg", p("n")), 4), -3)) == [0]
    with pytest.raises(Invalid, match="larger"):
        engine.ids(ask("eq", p("n"), float("inf")))
    with pytest.raises(Invalid, match="larger"):
        engine.ids(ask("eq", p("n"), 10**400))


def nested(depth: int) -> Term:
    term: Term = p("b")
    for _ in range(depth):
        term = Call("not", (term,))
    return term


def test_long_chains_are_answered(engine: Engine) -> None:
    engine.fill([row(s="x7"), row(s="nothing")])
    term: Term = ask("eq", p("s"), "x0")
    for number in range(1, 1_200):
        term = Call("or", (term, ask("eq", p("s"), f"x{number}")))
    assert engine.ids(term) == [0]
    many = Call("in", (p("s"), *(Literal(f"x{number}") for number in range(20_000))))
    assert engine.ids(many) == [0]


@pytest.mark.parametrize("depth", [65, 1_000, 100_000])
def test_what_is_nested_too_deep_is_refused(depth: int) -> None:
    with pytest.raises(Invalid, match="nested"):
        condition(nested(depth), column(False), SQLITE, now=NOW)


def test_what_is_too_large_is_refused() -> None:
    term: Term = ask("eq", p("n"), 0)
    for number in range(5_000):
        term = Call("and", (ask("eq", p("n"), number), term))
    assert next(paths_of(term)) == p("n")
    for wrong, why in (
        (term, "5000 parts"),
        (ask("eq", p("s"), "x" * 70_000), "65536 characters"),
        (ask("eq", p("s"), "a\0b"), "NUL"),
        (ask("eq", p("s"), "\ud800"), "surrogate"),
        (ask("eq", p("at"), Instant(10**18)), "years 1 to 9999"),
    ):
        with pytest.raises(Invalid, match=why):
            condition(wrong, column(False), SQLITE, now=NOW)
    with pytest.raises(Invalid, match="keys to order"):
        order_by([Ordering(p("n"))] * 21, column(False), SQLITE, now=NOW)


@pytest.mark.parametrize(
    ("term", "why"),
    [
        (ask("eq", p("s"), 3), "A text cannot be compared with a number"),
        (ask("nonsense", p("s")), "no function 'nonsense'"),
        (ask("length", p("n")), "'length': A text is expected, not a number"),
        (ask("year", p("s")), "'year': A time is expected"),
        (ask("substringof", p("s")), "takes 2 argument"),
        (ask("add", p("at"), 3), "'add': A time is expected|cannot be added"),
        (ask("eq", p("gone"), 3), "no property 'gone'"),
        (p("n"), "A condition is expected"),
        (ask("st_within", p("s"), Shape(shapely.to_wkb(shapely.Point(1, 2)))), "geometr|Places"),
        (ask("eq", dt.timedelta(days=10**7), p("at")), "longer than 10,000"),
        (Call("in", (p("n"), p("s"))), "'in' takes"),
    ],
)
@pytest.mark.parametrize("dialect", [DUCKDB, SQLITE, POSTGRES], ids=lambda dialect: dialect.name)
def test_errors_say_what_is_wrong(term: Term, why: str, dialect: Dialect) -> None:
    with pytest.raises(Invalid, match=why):
        condition(term, column(False), dialect, now=NOW)
