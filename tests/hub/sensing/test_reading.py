"""Questions over both stores, as anybody may ask them of open data."""

from __future__ import annotations

import pytest

from nabe.errors import Invalid, Unknown
from nabe.model.entities import EntityQuery, Hop
from nabe.model.observation import Bucket
from nabe.model.term import Call, Instant, Literal, Ordering
from nabe.testing.sensor_city import ACTORS, HOUR, NOON, T, datastream, expand, observation, op, path, thing


@pytest.fixture
def city(town):
    for number in range(3):
        name = f"Station {number}"
        streams = [
            datastream(f"{kind} {number}", *(observation(number * 10 + hour, NOON + hour * HOUR) for hour in range(3)))
            for kind in ("warm", "kalt")
        ]
        town.create("umwelt", thing(name, *streams, properties={"nr": number}, place=(7 + number, 52)), dataset="luft")
    return town


def test_entities_with_what_hangs_on_them(city):
    query = EntityQuery(
        T.THING,
        count=True,
        top=2,
        expand=(
            expand("Locations", T.LOCATION),
            expand(
                "Datastreams",
                T.DATASTREAM,
                select=("name",),
                expand=(
                    expand("ObservedProperty", T.OBSERVED_PROPERTY),
                    expand(
                        "Observations",
                        T.OBSERVATION,
                        top=1,
                        count=True,
                        order=(Ordering(path("phenomenonTime"), True),),
                    ),
                ),
            ),
        ),
    )
    page = city.read("anonymous", query)
    assert (page.total, page.more, [row.values["name"] for row in page.rows]) == (3, True, ["Station 0", "Station 1"])
    first = page.rows[1]
    assert first.values["properties"] == {"nr": 1}
    (place,) = first.expanded["Locations"].rows
    assert place.values["location"] == {"type": "Point", "coordinates": [8, 52]}
    warm, cold = first.expanded["Datastreams"].rows
    assert (warm.values, cold.values) == ({"name": "warm 1"}, {"name": "kalt 1"})
    assert warm.expanded["ObservedProperty"].values["name"] == "Temperatur"
    newest = warm.expanded["Observations"]
    assert (newest.total, newest.more) == (3, True)
    assert newest.rows[0].values["result"] == 12
    assert newest.rows[0].values["phenomenonTime"] == NOON + 2 * HOUR


def test_streams_tell_from_when_to_when_and_where(city):
    row = city.rows("anonymous", EntityQuery(T.DATASTREAM, id=1))[0]
    assert row.values["phenomenonTime"] == (NOON, NOON + 2 * HOUR)
    assert row.values["observedArea"] == {"type": "Point", "coordinates": (7.0, 52.0)}


@pytest.mark.parametrize(
    ("type", "where", "expected"),
    [
        (T.THING, op("eq", "properties/nr", 1), ["Station 1"]),
        (T.THING, op("gt", "Datastreams/Observations/result", 20), ["Station 2"]),
        (T.THING, Call("not", (op("gt", "Datastreams/Observations/result", 9),)), ["Station 0"]),
        (
            T.THING,
            Call("or", (op("eq", "name", "'Station 0'"), op("ge", "Datastreams/Observations/result", 22))),
            ["Station 0", "Station 2"],
        ),
        (T.DATASTREAM, op("eq", "Observations/result", 12), ["warm 1", "kalt 1"]),
        (T.DATASTREAM, op("eq", "Observations/id", Literal(None)), []),
        (T.DATASTREAM, op("ge", "phenomenonTime", Literal(Instant(NOON + HOUR))), []),
        (T.DATASTREAM, op("gt", "Thing/properties/nr", 1), ["warm 2", "kalt 2"]),
        (
            T.THING,
            Call(
                "any",
                (
                    path("Datastreams"),
                    Literal("d"),
                    Call("and", (op("eq", "$d/name", "'warm 1'"), op("eq", "$d/Observations/result", 12))),
                ),
            ),
            ["Station 1"],
        ),
        (
            T.DATASTREAM,
            Call(
                "any",
                (
                    path("Observations"),
                    Literal("o"),
                    Call("and", (op("gt", "$o/result", 10), op("lt", "$o/result", 12))),
                ),
            ),
            ["warm 1", "kalt 1"],
        ),
    ],
)
def test_filters_of_entities_cross_both_stores(city, type, where, expected):
    assert city.names("anonymous", type, where) == expected


@pytest.mark.parametrize(
    ("where", "results"),
    [
        (op("gt", "result", 20), [21, 21, 22, 22]),
        (op("eq", "Datastream/name", "'warm 1'"), [10, 11, 12]),
        (op("eq", "Datastream/Thing/name", "'Station 2'"), [20, 20, 21, 21, 22, 22]),
        (Call("not", (op("gt", "Datastream/Thing/properties/nr", 0),)), [0, 0, 1, 1, 2, 2]),
        (
            Call("and", (op("eq", "Datastream/id", 1), op("ge", "phenomenonTime", Literal(Instant(NOON + HOUR))))),
            [1, 2],
        ),
        (
            op("gt", "result", "Datastream/Thing/properties/nr"),
            [1, 1, 2, 2, 10, 10, 11, 11, 12, 12, 20, 20, 21, 21, 22, 22],
        ),
        (op("eq", "FeatureOfInterest/name", "'Ort Station 0'"), [0, 0, 1, 1, 2, 2]),
        (op("eq", "Datastream/Observations/result", 22), [20, 20, 21, 21, 22, 22]),
        (op("eq", "MultiDatastream/id", Literal(None)), [n * 10 + h for n in range(3) for h in range(3) for _ in "wk"]),
        (op("eq", "Datastream/id", Literal(None)), []),
    ],
)
def test_filters_of_observations_cross_both_stores(city, where, results):
    page = city.read("anonymous", EntityQuery(T.OBSERVATION, where=where, count=True))
    assert sorted(row.values["result"] for row in page.rows) == sorted(results)
    assert page.total == len(results)


@pytest.mark.parametrize(
    ("order", "first"),
    [
        ((Ordering(path("result"), True),), 22),
        ((Ordering(path("phenomenonTime")), Ordering(path("result"), True)), 20),
        ((Ordering(path("Datastream/name"), True), Ordering(path("id"))), 20),
        ((Ordering(path("Datastream/Thing/properties/nr"), True), Ordering(path("phenomenonTime"), True)), 22),
    ],
)
def test_observations_are_ordered_by_anything(city, order, first):
    assert city.rows("anonymous", EntityQuery(T.OBSERVATION, order=order, top=1))[0].values["result"] == first


def test_addresses_are_followed(city):
    (stream,) = city.rows("anonymous", EntityQuery(T.DATASTREAM, where=op("eq", "name", "'warm 1'")))
    found = city.rows("anonymous", EntityQuery(T.OBSERVATION, (Hop(T.DATASTREAM, stream.id, "Observations"),)))
    assert [row.values["result"] for row in found] == [10, 11, 12]
    one = found[0].id
    for hops, type, name in (
        ((Hop(T.OBSERVATION, one, "Datastream"),), T.DATASTREAM, "warm 1"),
        ((Hop(T.OBSERVATION, one, "Datastream"), Hop(T.DATASTREAM, None, "Thing")), T.THING, "Station 1"),
        (
            (Hop(T.DATASTREAM, stream.id, "Observations"), Hop(T.OBSERVATION, one, "FeatureOfInterest")),
            T.FEATURE_OF_INTEREST,
            "Ort Station 1",
        ),
    ):
        assert city.names("anonymous", type, hops=hops) == [name]
    feature = city.rows(
        "anonymous", EntityQuery(T.FEATURE_OF_INTEREST, (Hop(T.OBSERVATION, one, "FeatureOfInterest"),))
    )[0]
    of_feature = EntityQuery(T.OBSERVATION, (Hop(T.FEATURE_OF_INTEREST, feature.id, "Observations"),), count=True)
    assert city.read("anonymous", of_feature).total == 6
    expanded = city.rows(
        "anonymous", EntityQuery(T.FEATURE_OF_INTEREST, expand=(expand("Observations", T.OBSERVATION, top=4),))
    )
    assert [len(row.expanded["Observations"].rows) for row in expanded] == [4, 4, 4]
    with_stream = EntityQuery(
        T.OBSERVATION,
        id=one,
        expand=(expand("Datastream", T.DATASTREAM), expand("MultiDatastream", T.MULTI_DATASTREAM)),
    )
    row = city.rows("anonymous", with_stream)[0]
    assert (row.expanded["Datastream"].values["name"], row.expanded["MultiDatastream"]) == ("warm 1", None)


@pytest.mark.parametrize(
    "query",
    [
        EntityQuery(T.THING, id=99),
        EntityQuery(T.THING, id=2**62),
        EntityQuery(T.OBSERVATION, id=2**62),
        EntityQuery(T.OBSERVATION, id=5),
        EntityQuery(T.OBSERVATION, (Hop(T.THING, 2, "Datastreams"), Hop(T.DATASTREAM, 1, "Observations"))),
        EntityQuery(T.DATASTREAM, (Hop(T.THING, 99, "Datastreams"),)),
    ],
)
def test_what_is_not_there_is_unknown(city, query):
    with pytest.raises(Unknown):
        city.read("anonymous", query)


def deep(levels):
    query = EntityQuery(T.THING)
    for _ in range(levels):
        query = EntityQuery(T.DATASTREAM, expand=(expand("Thing", T.THING, expand=query.expand),))
        query = EntityQuery(T.THING, expand=(expand("Datastreams", T.DATASTREAM, expand=query.expand),))
    return query


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (deep(25), "nested more than"),
        (EntityQuery(T.THING, where=op("eq", "nam", 1)), "no property 'nam'"),
        (EntityQuery(T.OBSERVATION, order=(Ordering(path("Datastream/x/y")),)), "no property 'x'"),
        (EntityQuery(T.THING, order=(Ordering(path("Datastreams/Observations/result")),)), "cannot be ordered"),
        (
            EntityQuery(T.THING, where=op("gt", "Datastreams/Observations/result", "properties/nr")),
            "cannot be compared",
        ),
        (EntityQuery(T.THING, expand=(expand("Sensors", T.SENSOR),)), "no relation 'Sensors'"),
    ],
)
def test_bad_questions_are_refused_in_words(city, query, words):
    with pytest.raises(Invalid, match=words):
        city.read("anonymous", query)


def test_a_thousand_parentheses_are_refused(city):
    term = op("eq", "name", "'x'")
    for _ in range(1000):
        term = Call("not", (term,))
    with pytest.raises(Invalid, match="nested"):
        city.read("anonymous", EntityQuery(T.THING, where=term))


def test_pages_end_where_they_end(city):
    assert not city.read("anonymous", EntityQuery(T.OBSERVATION, top=18)).more
    assert city.read("anonymous", EntityQuery(T.OBSERVATION, top=17)).more
    assert city.read("anonymous", EntityQuery(T.OBSERVATION, top=10**9, skip=18)).rows == []
    page = city.read("anonymous", EntityQuery(T.OBSERVATION, top=0, count=True))
    assert (page.rows, page.total) == ([], 18)
    by_time = (Ordering(path("phenomenonTime"), True),)
    first = city.rows("anonymous", EntityQuery(T.OBSERVATION, order=by_time, top=4))
    last = first[-1]
    rest = city.rows(
        "anonymous", EntityQuery(T.OBSERVATION, order=by_time, after=(last.values["phenomenonTime"], last.id))
    )
    assert len({row.id for row in (*first, *rest)}) == 18


def test_means_over_time(city):
    table = city.sensing.aggregate(
        ACTORS["anonymous"],
        "open-data",
        EntityQuery(T.OBSERVATION, where=op("eq", "Datastream/Thing/name", "'Station 1'")),
        Bucket(2 * HOUR, NOON),
    )
    assert table.column("mean").to_pylist() == [10.5, 12, 10.5, 12]
    assert ("read", "anonymous", "luft", 4) in city.lines("read")
