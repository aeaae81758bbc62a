"""Who sees what, by role, classification and purpose, whichever way it is asked; and that the ledger knows."""

from __future__ import annotations

import itertools

import pytest

from nabe.errors import Invalid, Unknown
from nabe.model.catalogue import Change
from nabe.model.dataset import Access
from nabe.model.entities import EntityQuery, Hop
from nabe.model.observation import Bucket
from nabe.model.term import Call, Instant, Literal, Ordering
from nabe.testing.sensor_city import (
    ACTORS,
    HOUR,
    NOON,
    T,
    datastream,
    expand,
    observation,
    op,
    path,
    stream_dataset,
    thing,
)

DATASETS = ("luft", "verkehr", "zaehler", "pegel")


@pytest.fixture
def city(town):
    for number, name in enumerate(DATASETS):
        for part in range(2):
            value = number * 10 + part
            seen = observation(value, NOON + value * HOUR, parameters={"kennzeichen": f"K-{9 - value}", "spur": part})
            streams = datastream(f"Strom {name} {part}", seen)
            properties = {"halter": f"Halter {9 - value}", "typ": name}
            town.create(
                "umwelt", thing(f"{name} {part}", streams, properties=properties, place=(8 + value, 52)), dataset=name
            )
    return town


def seen(city, actor, use_case="open-data"):
    """Datasets whose observations somebody sees, told by their results."""
    rows = city.rows(actor, EntityQuery(T.OBSERVATION), use_case)
    by_value = {DATASETS.index(name) * 10 + part: name for name in DATASETS for part in range(2)}
    return {by_value[row.values["result"]] for row in rows if "result" in row.values}


OPEN = {"luft", "verkehr"}


@pytest.mark.parametrize(
    ("actor", "use_case", "expected"),
    [
        *((actor, "open-data", OPEN) for actor in ACTORS),
        ("planerin", "energie", OPEN | {"zaehler"}),  # pegel is narrowed by rows: not here
        ("planerin", "alles", OPEN | {"zaehler"}),
        ("anonymous", "energie", OPEN),
        ("umwelt", "energie", OPEN),
        ("fremd", "alles", {"luft"}),  # a grant for personal fields of verkehr decides about it
        ("umwelt", "alles", {"luft"}),
        ("it", "gibtsnicht", set()),
    ],
)
def test_datasets_by_role_and_purpose(city, actor, use_case, expected):
    assert seen(city, actor, use_case) == expected
    sensing, actor_ = city.sensing, ACTORS[actor]
    streams = {fact.dataset for fact in city.store.entities.streams(range(1, 20)).values()}
    assert streams == set(DATASETS)
    visible = len(expected) * 2
    for type in (
        T.THING,
        T.DATASTREAM,
        T.LOCATION,
        T.FEATURE_OF_INTEREST,
        T.SENSOR,
        T.OBSERVED_PROPERTY,
        T.OBSERVATION,
    ):
        page = sensing.read(actor_, use_case, EntityQuery(type, count=True))
        assert (page.total, len(page.rows)) == (visible, visible), type
    table = sensing.aggregate(actor_, use_case, EntityQuery(T.OBSERVATION), Bucket(HOUR * 1000))
    hidden = {"luft": 0, "verkehr": 0, "zaehler": 0}
    assert table.num_rows == sum(2 for name in expected if name in hidden)


@pytest.mark.parametrize("verb", ["id", "hop", "expand", "where", "count", "observations"])
def test_no_way_leads_into_a_closed_dataset(city, verb):
    closed = next(id for id, fact in city.store.entities.streams(range(1, 20)).items() if fact.dataset == "zaehler")
    ask = lambda query: city.read("anonymous", query)  # noqa: E731
    match verb:
        case "id":
            for type in (T.DATASTREAM, T.THING):
                with pytest.raises(Unknown) as told:
                    ask(EntityQuery(type, id=closed))
                assert "zaehler" not in str(told.value)
            with pytest.raises(Unknown):
                ask(EntityQuery(T.OBSERVATION, id=(closed << 31) | 1))
        case "hop":
            with pytest.raises(Unknown):
                ask(EntityQuery(T.OBSERVATION, (Hop(T.DATASTREAM, closed, "Observations"),)))
            with pytest.raises(Unknown):
                ask(EntityQuery(T.DATASTREAM, (Hop(T.OBSERVATION, (closed << 31) | 1, "Datastream"),)))
        case "expand":
            query = EntityQuery(
                T.SENSOR, expand=(expand("Datastreams", T.DATASTREAM, expand=(expand("Observations", T.OBSERVATION),)),)
            )
            assert "zaehler" not in repr(ask(query))
        case "where":
            for type, steps in (
                (T.THING, "Datastreams/Observations/result"),
                (T.DATASTREAM, "Observations/result"),
                (T.OBSERVATION, "result"),
            ):
                assert ask(EntityQuery(type, where=op("ge", steps, 20), count=True)).total == 0
        case "count":
            page = ask(EntityQuery(T.OBSERVATION, where=op("eq", "Datastream/id", closed), count=True))
            assert (page.total, page.rows) == (0, [])
        case "observations":
            page = ask(EntityQuery(T.OBSERVATION, where=op("in", "id", Literal((closed << 31) | 1)), count=True))
            assert page.total == 0


def test_links_between_datasets_do_not_leak(city):
    """A stream of a closed dataset hangs on a thing of an open one, and shares its sensor."""
    from nabe.testing.sensor_city import ref

    city.create("umwelt", datastream("Geheimer Strom", observation(99), Thing=ref(1), Sensor=ref(1)), dataset="zaehler")
    query = EntityQuery(
        T.THING,
        id=1,
        expand=(
            expand(
                "Datastreams",
                T.DATASTREAM,
                count=True,
                expand=(expand("Sensor", T.SENSOR, expand=(expand("Datastreams", T.DATASTREAM),)),),
            ),
        ),
    )
    page = city.read("anonymous", query)
    assert page.rows[0].expanded["Datastreams"].total == 1
    assert "Geheimer" not in repr(page)
    assert city.names("anonymous", T.THING, op("eq", "Datastreams/name", "'Geheimer Strom'")) == []
    assert city.names("anonymous", T.THING, op("eq", "Datastreams/Observations/result", 99)) == []


#: What is personal in `verkehr`, as seen from a Thing, a Datastream, an Observation.
PERSONAL = {
    T.THING: ("properties/halter", "Locations/location"),
    T.DATASTREAM: ("Thing/properties/halter", "Observations/parameters/kennzeichen"),
    T.OBSERVATION: ("parameters/kennzeichen", "Datastream/Thing/properties/halter"),
}


@pytest.mark.parametrize("type", PERSONAL)
def test_withheld_values_have_no_value_in_filters(city, type):
    total = city.read("anonymous", EntityQuery(type, count=True)).total
    for text in PERSONAL[type]:
        if text.endswith("location"):
            continue
        mine = [row for row in city.rows("anonymous", EntityQuery(type)) if True]
        assert len(mine) == total == 4
        for name, value in (("eq", "'Halter -1'"), ("eq", "'K--1'"), ("ge", "''"), ("ne", "'x'")):
            page = city.read("anonymous", EntityQuery(type, where=op(name, text, value), count=True))
            assert "verkehr" not in repr(page), (text, name)
            assert page.total <= 2
            negated = city.read("anonymous", EntityQuery(type, where=Call("not", (op(name, text, value),)), count=True))
            assert "verkehr" not in repr(negated) or "Observations" in text, (text, name)
        missing = city.read("anonymous", EntityQuery(type, where=op("eq", text, Literal(None)), count=True))
        assert missing.total == 2, "they are missing"
        for function in ("startswith", "substringof"):
            args = (path(text), Literal("H")) if function == "startswith" else (Literal("H"), path(text))
            assert "verkehr" not in repr(city.read("anonymous", EntityQuery(type, where=Call(function, args))))


@pytest.mark.parametrize("type", PERSONAL)
@pytest.mark.parametrize("descending", [False, True])
def test_withheld_values_have_no_place_in_an_order(city, type, descending):
    """The values fall as ids rise: an order by them would turn the ids round."""
    for text in PERSONAL[type]:
        if "Observations" in text or text.endswith("location"):
            continue
        rows = city.rows(
            "anonymous", EntityQuery(type, order=(Ordering(path(text), descending),), expand=_dataset_of(type))
        )
        mine = [row.id for row in rows if "verkehr" in repr(row)]
        assert mine == sorted(mine), text


def _dataset_of(type):
    return () if type is not T.OBSERVATION else (expand("Datastream", T.DATASTREAM),)


def test_withheld_values_are_in_no_answer(city):
    everything = EntityQuery(
        T.THING,
        expand=(
            expand("Locations", T.LOCATION),
            expand("HistoricalLocations", T.HISTORICAL_LOCATION, expand=(expand("Locations", T.LOCATION),)),
            expand(
                "Datastreams",
                T.DATASTREAM,
                expand=(
                    expand("Observations", T.OBSERVATION, expand=(expand("FeatureOfInterest", T.FEATURE_OF_INTEREST),)),
                ),
            ),
        ),
    )
    said = repr([row for row in city.rows("anonymous", everything) if "verkehr" in repr(row)])
    assert "'typ': 'verkehr'" in said, "what is not personal is seen"
    for word in ("Halter", "K--", "kennzeichen", "halter", "coordinates", "observedArea"):
        assert word not in said
    open_said = repr([row for row in city.rows("anonymous", everything) if "luft" in repr(row)])
    for word in ("Halter", "kennzeichen", "coordinates", "observedArea"):
        assert word in open_said


def test_places_that_are_withheld_are_not_found_by_asking_where(city):
    import shapely

    from nabe.model.term import Shape

    box = Literal(Shape(shapely.to_wkb(shapely.box(17.5, 51, 19.5, 53))))
    for type, steps in (
        (T.LOCATION, "location"),
        (T.THING, "Locations/location"),
        (T.FEATURE_OF_INTEREST, "feature"),
        (T.DATASTREAM, "observedArea"),
        (T.OBSERVATION, "FeatureOfInterest/feature"),
    ):
        for function in ("st_within", "st_intersects"):
            page = city.read("anonymous", EntityQuery(type, where=Call(function, (path(steps), box)), count=True))
            assert (page.total, page.rows) == (0, []), (type, function)
    near = Literal(Shape(shapely.to_wkb(shapely.Point(18, 52))))
    where = op("lt", Call("geo.distance", (path("location"), near)), 0.1)
    assert city.rows("anonymous", EntityQuery(T.LOCATION, where=where)) == []


def test_a_grant_of_some_fields_shows_these_only(city):
    """energie: id, time, result, thing of zaehler."""
    page = city.read(
        "planerin",
        EntityQuery(
            T.THING,
            where=op("eq", "name", "'zaehler 1'"),
            expand=(
                expand("Locations", T.LOCATION),
                expand("Datastreams", T.DATASTREAM, expand=(expand("Observations", T.OBSERVATION),)),
            ),
        ),
        "energie",
    )
    (row,) = page.rows
    assert row.values == {"name": "zaehler 1"}
    assert [place.values for place in row.expanded["Locations"].rows] == [{}]
    (stream,) = row.expanded["Datastreams"].rows
    assert stream.values.keys() <= {"phenomenonTime"}
    (value,) = stream.expanded["Observations"].rows
    assert value.values == {"phenomenonTime": NOON + 21 * HOUR, "result": 21}
    for where in (op("eq", "properties/typ", "'zaehler'"), op("ne", "description", "'x'")):
        assert "zaehler" not in repr(city.rows("planerin", EntityQuery(T.THING, where=where), "energie"))


def test_personal_fields_that_a_grant_names_are_seen(city):
    rows = city.rows(
        "planerin", EntityQuery(T.OBSERVATION, where=op("eq", "parameters/kennzeichen", "'K--1'")), "alles"
    )
    assert [row.values["parameters"]["kennzeichen"] for row in rows] == ["K--1"]
    said = repr(city.rows("planerin", EntityQuery(T.THING), "alles"))
    assert "verkehr 0" in said
    assert "'Halter -1'" not in said, "what the grant does not name stays hidden"


def test_what_may_be_read_in_part_is_not_here_and_says_so(city):
    assert city.sensing.narrowed(ACTORS["planerin"], "energie") == ("pegel",)
    assert "pegel" not in repr(city.rows("planerin", EntityQuery(T.THING), "energie"))
    with pytest.raises(Unknown) as told:
        city.read("planerin", EntityQuery(T.THING, id=7), "energie")
    assert "pegel" in told.value.hint
    with pytest.raises(Unknown) as told:
        city.read("anonymous", EntityQuery(T.THING, id=7))
    assert "pegel" not in told.value.hint


def test_times_of_a_stream_are_hidden_with_those_of_its_observations(town):
    hidden = tuple(item for item in stream_dataset("x", Access.OPEN).fields if item.name != "time")
    from dataclasses import replace

    from nabe.model.dataset import Field, FieldType

    when = Field("time", FieldType.DATETIME, column="phenomenonTime", personal=True)
    noun = replace(stream_dataset("luft", Access.OPEN), fields=(*hidden, when))
    town.catalogue.commit([Change("dataset", "luft", noun)], author="it", at=town.now, expect=1)
    town.create("umwelt", thing("S", datastream("d", observation(1), observation(2, NOON - HOUR))), dataset="luft")
    (stream,) = town.rows("anonymous", EntityQuery(T.DATASTREAM))
    assert "phenomenonTime" not in stream.values
    by_time = (Ordering(path("phenomenonTime")),)
    assert [
        row.values
        for row in town.rows(
            "anonymous", EntityQuery(T.OBSERVATION, order=by_time, select=("result", "phenomenonTime"))
        )
    ] == [
        {"result": 1},
        {"result": 2},
    ]
    assert (
        town.rows("anonymous", EntityQuery(T.OBSERVATION, where=op("ge", "phenomenonTime", Literal(Instant(0))))) == []
    )
    assert (
        town.rows("anonymous", EntityQuery(T.DATASTREAM, where=op("ge", "phenomenonTime", Literal(Instant(0))))) == []
    )
    assert (
        town.sensing.aggregate(ACTORS["anonymous"], "open-data", EntityQuery(T.OBSERVATION), Bucket(HOUR)).num_rows == 0
    )


def test_closing_a_dataset_closes_it_at_once(city):
    assert "luft" in seen(city, "anonymous")
    noun = stream_dataset("luft", Access.RESTRICTED)
    city.catalogue.commit([Change("dataset", "luft", noun)], author="it", at=city.now, expect=1)
    assert seen(city, "anonymous") == {"verkehr"}
    city.catalogue.commit([Change("dataset", "verkehr", None)], author="it", at=city.now, expect=2)
    assert seen(city, "anonymous") == set(), "what is declared no more belongs to nobody"


def test_the_ledger_knows_who_read_what(city):
    city.ledger.list.clear()
    city.rows("planerin", EntityQuery(T.OBSERVATION, where=op("ge", "result", 20)), "energie")
    assert [(e.action, e.dataset, e.rows, e.use_case) for e in city.ledger.list] == [
        ("read", "zaehler", 2, "energie")
    ], "what is closed is noted before it is handed out"
    assert city.ledger.list[0].fields == ("id", "result", "thing", "time")
    for _ in range(3):
        city.rows("anonymous", EntityQuery(T.THING))
    lines = city.lines("read")
    assert ("read", "anonymous", "luft", 6) in lines
    assert len(lines) == 3, "what is open is counted"


def test_nonsense_purposes_and_empty_cities_end_in_words(town):
    for use_case, type in itertools.product(("", "open-data", "gibtsnicht"), T):
        assert town.read("anonymous", EntityQuery(type, count=True), use_case).total == 0
    with pytest.raises(Invalid):
        town.read("anonymous", EntityQuery(T.THING, where=op("eq", "x", 1)))
