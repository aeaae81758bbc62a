"""$filter and the other options: what they mean, and that nothing but a clear refusal comes of nonsense."""

from __future__ import annotations

import datetime as dt
import time
from urllib.parse import quote

import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nabe.apis.sensorthings import expanding, options, writing
from nabe.apis.sensorthings.address import address
from nabe.apis.sensorthings.grammar import condition, orders
from nabe.apis.sensorthings.lexer import Reader
from nabe.errors import Invalid, NabeError, Unknown
from nabe.model.entities import ENTITIES, EntityQuery, EntityType, Hop, ValueType
from nabe.model.term import Call, Instant, Interval, Literal, Ordering, Path, Shape

T = EntityType
HOUR = 3_600_000_000


def path(text):
    return Path(tuple(text.split("/")))


def number(value):
    return Literal(value)


def test_operators_bind_as_in_odata_and_not_looser_than_comparisons():
    found = condition("not result lt 1 and result gt 2 or result add 1 mul 2 eq 3", T.OBSERVATION)
    result = path("result")
    assert found == Call(
        "or",
        (
            Call("and", (Call("not", (Call("lt", (result, number(1))),)), Call("gt", (result, number(2))))),
            Call("eq", (Call("add", (result, Call("mul", (number(1), number(2))))), number(3))),
        ),
    )
    assert condition("14 div 2 mod 3 eq 1", T.THING).args[0] == Call(
        "mod", (Call("div", (number(14), number(2))), number(3))
    )
    assert condition("id eq 1 and id eq 2 and id eq 3", T.THING) == Call(
        "and", tuple(Call("eq", (path("id"), number(at))) for at in (1, 2, 3))
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'it''s'", "it's"),
        ("5", 5),
        ("-5", -5),
        ("1.5e3", 1500.0),
        ("true", True),
        ("null", None),
        ("9223372036854775807", 2**63 - 1),
        ("1" + "0" * 30, 1e30),
        ("2026-01-01T01:00:00+01:00", Instant(1_767_225_600_000_000)),
        ("2026-01-01T01:00:00 01:00", Instant(1_767_225_600_000_000)),
        ("2026-01-01T00:00:00.5Z", Instant(1_767_225_600_500_000)),
        ("2026-01-01T00:00:00Z/2026-01-01T01:00:00Z", Interval(1_767_225_600_000_000, 1_767_229_200_000_000)),
        ("2026-01-01T00:00:00Z/PT1H", Interval(1_767_225_600_000_000, 1_767_229_200_000_000)),
        ("PT1H/2026-01-01T01:00:00Z", Interval(1_767_225_600_000_000, 1_767_229_200_000_000)),
        ("2026-01-02", dt.date(2026, 1, 2)),
        ("07:30:00", dt.time(7, 30)),
        ("duration'-P1DT0.5S'", dt.timedelta(days=-1, seconds=-0.5)),
        ("geography'POINT (30 10)'", Shape(shapely.to_wkb(shapely.Point(30, 10)))),
        ("geometry'SRID=4326;POINT Z (30 10 5)'", Shape(shapely.to_wkb(shapely.Point(30, 10)))),
    ],
)
def test_literals(text, value):
    assert condition(f"properties/x eq {text}", T.THING).args[1] == Literal(value)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("@iot.id", ("id",)),
        ("Datastreams/Thing/properties/a/b", ("Datastreams", "Thing", "properties", "a", "b")),
        ("properties/a[1][0]/b", ("properties", "a", 1, 0, "b")),
        ("properties/'mit Leerzeichen'/x-y.z", ("properties", "mit Leerzeichen", "x-y.z")),
        ("$it/name", ("name",)),
    ],
)
def test_paths(text, steps):
    assert condition(f"{text} eq null", T.THING).args[0] == Path(steps)


def test_any_and_all_name_the_related_entity():
    inner = Call("eq", (Path(("$l", "name")), Path(("name",))))
    found = Call("any", (path("Locations"), Literal("l"), inner))
    assert condition("Locations/any( l : l/name eq name )", T.THING) == found
    assert condition("Datastreams/all(d:d/Observations/any())", T.THING) == Call(
        "all", (path("Datastreams"), Literal("d"), Call("any", (Path(("$d", "Observations")),)))
    )


def test_lists():
    assert condition("properties/n in (8,-9)", T.THING) == Call("in", (path("properties/n"), number(8), number(-9)))
    assert condition("9 in properties/list", T.THING) == Call("in", (number(9), path("properties/list")))


@pytest.mark.parametrize(
    "text",
    [
        "nam eq 'a'",
        "name",
        "name add 1",
        "name eq",
        "eq 1",
        "(name eq 'a'",
        "name eq 'a')",
        "name eq 'a",
        "name/x eq 1",
        "Locations eq 1",
        "Locations/any(name eq 'a')",
        "Locations/any(l:l/nam eq 'a')",
        "name/any(l:l eq 'a')",
        "nosuch(name)",
        "substring(name)",
        "during(HistoricalLocations/time,2026-01-01T00:00:00Z)",
        "during(2026-01-01T00:00:00Z/PT1H,HistoricalLocations/time)",
        "HistoricalLocations/time gt 2026-01-01T00:00:00",
        "HistoricalLocations/time gt 2026-02-30T00:00:00Z",
        "HistoricalLocations/time gt 5",
        "year(name) eq 2020",
        "geo.length(Locations/location) eq true",
        "st_within(Locations/location,geography'POINT (1')",
        "st_within(Locations/location,geography'POINT (1e400 2)')",
        "properties/x eq duration'P1M'",
        "properties/x eq 2026-01-01T01:00:00Z/2026-01-01T00:00:00Z",
        "id eq 1e9999",
        "id eq NaN",
        "id eq $id",
        "id in ()",
        "id in (name)",
        "id in 5",
        "properties/a[-1] eq 1",
        "\x00",
        "",
    ],
)
def test_what_does_not_fit_is_refused_with_its_field(text):
    with pytest.raises(Invalid) as caught:
        condition(text, T.THING)
    assert caught.value.params["field"] == "$filter"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 1000 + "1 eq 1" + ")" * 1000,
        "not " * 1000 + "true",
        "-" * 1000 + "1 eq 1",
        "id eq 1" + " or id eq 1" * 10_000,
        "id eq " + "1 add " * 5000 + "1",
        "Locations/any(l:" * 500,
        "concat(" * 500,
        "name eq '" + "''" * 50_000,
        "name eq '" + "a" * 100_000 + "'",
        "properties" + "/a" * 5000 + " eq 1",
        "id in (" + ",".join("1" * 20_000) + ")",
    ],
    ids=range(11),
)
def test_giants_are_refused_at_once(text):
    start = time.process_time()
    with pytest.raises(Invalid):
        condition(text, T.THING)
    assert time.process_time() - start < 1


def test_long_but_honest_filters_pass():
    assert len(condition(" or ".join(f"id eq {at}" for at in range(500)), T.THING).args) == 500


def test_orders():
    assert orders("properties/a/b desc, name asc,id", T.THING) == (
        Ordering(path("properties/a/b"), True),
        Ordering(path("name")),
        Ordering(path("id")),
    )
    with pytest.raises(Invalid, match="orderby"):
        orders("name down", T.THING)


# Printing and reading again


def _paths(type):
    kind = ENTITIES[type]
    keys = st.lists(
        st.one_of(st.text(min_size=1, max_size=6), st.integers(0, 99), st.sampled_from(["any", "in", "not"])),
        max_size=3,
    )

    def deeper(name):
        structured = kind.properties[name].type in (ValueType.JSON, ValueType.RESULT)
        return keys.map(lambda found: Path((name, *found))) if structured else st.just(Path((name,)))

    own = st.sampled_from(sorted(kind.properties)).flatmap(deeper) | st.just(Path(("id",)))
    return own


def _times():
    return st.integers(-62_135_596_800_000_000, 253_402_300_799_999_999)


_LITERALS = st.one_of(
    st.text(max_size=8),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
    _times().map(Instant),
    st.tuples(_times(), _times()).map(lambda pair: Interval(min(pair), max(pair))),
    st.dates(),
    st.times(),
    st.timedeltas(dt.timedelta(days=-99_999), dt.timedelta(days=99_999)),
    # Places to a tenth of a metre: WKT of a coordinate such as 1e-300 is rounded by whoever writes it.
    st.tuples(st.integers(-180_000_000, 180_000_000), st.integers(-90_000_000, 90_000_000)).map(
        lambda at: Shape(shapely.to_wkb(shapely.Point(at[0] / 1e6, at[1] / 1e6)))
    ),
).map(Literal)
_VALUES = _LITERALS | _paths(T.THING).filter(lambda found: found.steps[0] == "properties" and len(found.steps) > 1)


def _conditions(inner):
    pairs = st.tuples(inner, inner)
    return st.one_of(
        st.lists(inner, min_size=2, max_size=4).flatmap(
            lambda parts: st.sampled_from(["and", "or"]).map(lambda name: Call(name, tuple(parts)))
        ),
        inner.map(lambda part: Call("not", (part,))),
        pairs.map(lambda pair: Call("eq", pair)),
        inner.map(lambda part: Call("any", (Path(("Locations",)), Literal("x"), part))),
    )


_ATOMS = st.one_of(
    st.tuples(_VALUES, _VALUES).flatmap(
        lambda pair: st.sampled_from(["eq", "ne", "in"]).map(lambda name: (name, pair))
    ),
    st.tuples(_paths(T.THING), st.none().map(Literal)).map(lambda pair: ("eq", pair)),
).map(lambda made: Call(*made))
_NUMBERS = st.recursive(
    st.integers(-99, 99).map(Literal) | st.just(Path(("properties", "n"))),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["add", "sub", "mul", "div", "mod"]), st.tuples(inner, inner)).map(
            lambda made: Call(*made)
        ),
        inner.map(lambda part: Call("neg", (part,))),
        inner.map(lambda part: Call("round", (part,))),
    ),
    max_leaves=8,
)
_SUMS = st.tuples(_NUMBERS, _NUMBERS).map(lambda pair: Call("gt", pair))
TERMS = st.recursive(_ATOMS | _SUMS, _conditions, max_leaves=8)


@given(TERMS)
@example(Call("eq", (Call("neg", (Literal(-1),)), Literal(5))))
@settings(max_examples=300, deadline=None)
def test_what_is_written_is_read_as_the_same(term):
    text = writing.write_term(term)
    try:
        found = condition(text, T.THING)
    except Invalid as error:
        # Chance makes comparisons that mean nothing (a geometry with a number), a name used twice, or deep ones.
        assert any(said in str(error) for said in ("cannot be compared", "takes", "deep", "new name", "by values")), (
            text
        )
        return
    assert found == term, text


WORDS = st.sampled_from(
    "( ) , / : [ ] ; = - $filter $it any all not and or eq in add name id @iot.id properties Locations 'a' '' 5 1.5 null "
    "true geography'POINT(1 2)' duration'P1D' 2026-01-01T00:00:00Z 2026-01-01T00:00:00Z/P1D 2026-01-01 12:00 substring "
    "geo.distance during now".split()
)
NONSENSE = st.text(max_size=60) | st.lists(WORDS, max_size=14).map(" ".join) | st.lists(WORDS, max_size=14).map("".join)


@given(NONSENSE, st.sampled_from(list(EntityType)))
@settings(max_examples=500, deadline=None)
def test_nonsense_is_refused_and_nothing_else(text, type):
    for read in (
        lambda: condition(text, type),
        lambda: orders(text, type),
        lambda: expanding.expand(Reader(text, "$expand"), type, expanding.Shown()),
        lambda: expanding.select(Reader(text, "$select"), type),
        lambda: options.question(address("Observations"), f"$apply={quote(text)}"),
        lambda: options.question(address("Observations"), text),
        lambda: address(text),
    ):
        try:
            read()
        except NabeError as error:
            assert isinstance(error, (Invalid, Unknown)), error


# Paths


@pytest.mark.parametrize(
    ("text", "hops", "type", "id", "many"),
    [
        ("Things", (), T.THING, None, True),
        ("/Things(1)/", (), T.THING, 1, False),
        ("Things(1)/Datastreams", (Hop(T.THING, 1, "Datastreams"),), T.DATASTREAM, None, True),
        ("Things(1)/Datastreams(2)", (Hop(T.THING, 1, "Datastreams"),), T.DATASTREAM, 2, False),
        (
            "Things(1)/Datastreams(2)/Observations",
            (Hop(T.THING, 1, "Datastreams"), Hop(T.DATASTREAM, 2, "Observations")),
            T.OBSERVATION,
            None,
            True,
        ),
        (
            "Observations(1)/Datastream/Thing/Locations",
            (Hop(T.OBSERVATION, 1, "Datastream"), Hop(T.DATASTREAM, None, "Thing"), Hop(T.THING, None, "Locations")),
            T.LOCATION,
            None,
            True,
        ),
    ],
)
def test_addresses(text, hops, type, id, many):
    found = address(text)
    assert (found.hops, found.type, found.id, found.many) == (hops, type, id, many)


def test_addresses_of_properties():
    found = address("Things(1)/properties/a[1][0]/b[2]/$value")
    assert (found.inside, found.label, found.end) == (("properties", "a", 1, 0, "b", 2), "b[2]", "$value")
    assert address("Things(1)/@iot.id").inside == ("id",)
    assert address("Datastreams(1)/Thing/$ref").end == "$ref"
    assert address("Things/$count").end == "$count"


@pytest.mark.parametrize(
    "text",
    [
        "Nothing",
        "Thing",
        "Things(null)",
        "Things('a')",
        "Things(9223372036854775808)",
        "Things()",
        "Things(1)/Observations",
        "Things/Datastreams",
        "Things/name",
        "Things(1)/nam",
        "Things(1)/$value",
        "Things(1)/name/$ref",
        "Things(1)/$count",
        "Datastreams(1)/Thing(2)",
        "Things(1)/properties/a[x]",
        "",
        "/" * 49,
    ],
)
def test_addresses_that_lead_nowhere(text):
    with pytest.raises(Unknown):
        address(text)


# Options


def ask(at, query=""):
    return options.question(address(at), query)


def test_a_whole_question():
    query = (
        "$filter=result%20gt%203&%24count=true&$top=5&$skip=2&$orderby=phenomenonTime+desc&$select=result,parameters/a"
        "&$expand=Datastream/Thing,Datastream/Sensor($select=name;$expand=Datastreams($top=2;$filter=name eq 'a;)b'))"
        "&use-case=x&dataset=y"
    )
    found = ask("Datastreams(1)/Observations", query)
    asked = found.query
    assert (asked.top, asked.skip, asked.count) == (5, 2, True)
    assert asked.where == Call("gt", (path("result"), number(3)))
    assert asked.order == (Ordering(path("phenomenonTime"), True),)
    assert asked.select == ("result", "parameters", "phenomenonTime"), "the time leads to the next page"
    assert found.shown.select == (("result",), ("parameters", "a"))
    (stream,) = asked.expand
    assert [item.relation for item in stream.query.expand] == ["Thing", "Sensor"]
    sensor = stream.query.expand[1].query
    assert sensor.select == ("name",) and sensor.expand[0].query.where == Call("eq", (path("name"), Literal("a;)b")))
    assert stream.query == EntityQuery(T.DATASTREAM, expand=stream.query.expand)


def test_pages_have_a_most():
    assert ask("Things").query.top == 100
    assert ask("Things", "$top=1000000000").query.top == 10_000
    assert ask("Things", "$top=" + "9" * 300).query.top == 10_000
    inner = ask("Things", "$top=10000&$expand=Datastreams($top=10000;$expand=Observations($top=10000))").query.expand
    assert 10_000 * inner[0].query.top <= 200_000 and inner[0].query.expand[0].query.top == 1


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        ("$top=-1", 400, "$top"),
        ("$top=1.5", 400, "$top"),
        ("$skip=x", 400, "$skip"),
        ("$count=maybe", 400, "$count"),
        ("$count=true&$count=true", 400, "$count"),
        ("$nosuch=1", 400, "$nosuch"),
        ("$search=a", 501, "$search"),
        ("top=1", 400, "top"),
        ("$expand=Nothing", 400, "$expand"),
        ("$expand=Datastreams($nosuch=1)", 400, "$expand"),
        ("$expand=Datastreams($top=1", 400, "$expand"),
        ("$expand=Datastreams($levels=2)", 501, "$expand"),
        ("$expand=" + "/".join(["Datastreams/Thing"] * 25), 400, "$expand"),
        ("$expand=" + "Datastreams($expand=Thing($expand=" * 25 + "Datastreams" + "))" * 25, 400, "$expand"),
        ("$expand=" + ",".join(["Datastreams/Thing/Locations"] * 50), 400, "$expand"),
        ("$select=nosuch", 400, "$select"),
        ("$select=Datastreams/name", 400, "$select"),
        ("$resultFormat=xml", 400, "$resultFormat"),
        ("$skiptoken=1~2", 400, "$skiptoken"),
        ("$apply=aggregate($count as n)", 400, "$apply"),
    ],
)
def test_options_that_are_wrong(query, status, field):
    with pytest.raises(Invalid) as caught:
        ask("Things", query)
    assert (caught.value.status, caught.value.params["field"]) == (status, field)


def test_options_of_sets_have_no_meaning_for_one_entity():
    with pytest.raises(Invalid, match="filter"):
        ask("Things(1)", "$filter=id eq 1")


def test_aggregation_over_windows():
    text = (
        "filter(result gt 0)/groupby((Datastream/id,window(phenomenonTime,duration'PT1H',2026-01-01T00:30:00Z)),"
        "aggregate(result with average as mean,result with max as most,$count as n))"
    )
    found = ask("Datastreams(1)/Observations", f"$apply={quote(text)}&$filter=id gt 5")
    assert found.aggregation.bucket.width == HOUR and found.aggregation.bucket.origin == 1_767_227_400_000_000
    assert found.aggregation.columns == (("average", "mean"), ("max", "most"), ("$count", "n"))
    assert found.query.where == Call(
        "and", (Call("gt", (path("id"), number(5))), Call("gt", (path("result"), number(0))))
    )


@pytest.mark.parametrize(
    "text",
    [
        "groupby((Datastream/id),aggregate($count as n))",
        "groupby((window(phenomenonTime,duration'PT0S')),aggregate($count as n))",
        "groupby((window(phenomenonTime,duration'P1M')),aggregate($count as n))",
        "groupby((window(phenomenonTime,duration'PT1H')),aggregate(result with median as n))",
        "groupby((window(phenomenonTime,duration'PT1H')),aggregate($count as phenomenonTime))",
        "groupby((window(resultTime,duration'PT1H')),aggregate($count as n))",
        "groupby((window(phenomenonTime,duration'PT1H')))",
    ],
)
def test_aggregations_that_are_none(text):
    with pytest.raises(Invalid) as caught:
        ask("Observations", f"$apply={quote(text)}")
    assert caught.value.params["field"] == "$apply"


@given(
    st.recursive(
        st.builds(
            expanding.Shown,
            select=st.none() | st.just((("name",), ("properties", "a b", 1))),
            where=st.none() | TERMS.filter(lambda term: "Locations" not in writing.write_term(term)),
            order=st.just(()) | st.just((Ordering(Path(("name",)), True),)),
            top=st.none() | st.integers(0, 50),
            skip=st.integers(0, 5),
            count=st.booleans(),
        ),
        lambda inner: st.tuples(inner, inner).map(
            lambda pair: expanding.Shown(expand={"Datastreams": pair[0], "MultiDatastreams": pair[1]})
        ),
        max_leaves=4,
    )
)
@settings(max_examples=50, deadline=None)
def test_expansions_are_written_as_they_are_read(shown):
    """Only those of Things, Datastreams and MultiDatastreams alternate: all have a name and properties."""
    text = dict(writing.write_shown(expanding.Shown(expand={"Datastreams": shown}))).get("$expand", "")
    try:
        found = expanding.Shown()
        reader = Reader(text, "$expand")
        expanding.expand(reader, T.THING, found)
        reader.done()
    except Invalid as error:
        assert (
            "leads to no" in str(error) or "compared" in str(error) or "takes" in str(error) or "new name" in str(error)
        )
        return
    assert found.expand["Datastreams"] == shown
