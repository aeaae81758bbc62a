"""Rules of minimisation on the way in: whatever way it comes, what may not be kept is not in the stores."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from nabe.errors import Denied, Unknown
from nabe.model.dataset import Access
from nabe.model.entities import EntityQuery, Hop
from nabe.model.observation import INCOMING_SCHEMA
from nabe.model.party import JOBS
from nabe.model.stream import Aggregate, Minimise, MinimiseKind, Stream
from nabe.testing.sensor_city import (
    ACTORS,
    HOUR,
    NOON,
    NOW,
    T,
    Town,
    datastream,
    nouns,
    observation,
    observed,
    stream_dataset,
    thing,
)

K = MinimiseKind
MINUTE = HOUR // 60


def town_with(folder, *rules, retention=""):
    declared = [noun for noun in nouns() if noun.id != "luft"]
    return Town(folder, [*declared, stream_dataset("luft", Access.OPEN, stream=Stream(("gateway",), rules, retention))])


@pytest.fixture
def make(tmp_path):
    towns = []

    def made(*rules, **more):
        towns.append(town_with(tmp_path, *rules, **more))
        return towns[-1]

    yield made
    for town in towns:
        town.close()


def send(town, values, stream=1, key=""):
    """(minutes after noon, number) each."""
    columns = [
        pa.array([stream] * len(values), pa.int64()),
        pa.array([NOON + int(at * MINUTE) for at, _ in values], pa.int64()).cast(INCOMING_SCHEMA.field("time").type),
        pa.array([float(number) for _, number in values]),
    ]
    return town.sensing.observe(
        ACTORS["gateway"], pa.table(columns, names=["stream", "time", "number"]), key=key
    ).tolist()


def stored(town):
    rows = town.rows("anonymous", EntityQuery(T.OBSERVATION))
    return [(row.values["phenomenonTime"], row.values["result"]) for row in rows]


def at(minutes):
    return NOW + dt.timedelta(minutes=minutes)


def test_what_may_not_be_kept_is_nowhere(make):
    town = make(
        Minimise(K.DROP, "Datastream/Thing/properties/owner"),
        Minimise(K.DROP, "parameters/plate"),
        Minimise(K.ROUND_PLACE, "Datastream/Thing/Locations/location", 1000),
        Minimise(K.HASH, "parameters/mac", every="P1D"),
    )
    secret = {"plate": "GEHEIM", "mac": "GEHEIM", "lane": 1}
    station = thing(
        "S",
        datastream("d", observation(1, parameters=secret)),
        properties={"owner": "GEHEIM", "nr": 1},
        place=(8.123456, 52.123456),
    )
    town.create("umwelt", station, dataset="luft")
    town.create("gateway", observation(2, parameters=secret), within=(Hop(T.DATASTREAM, 1, "Observations"),))
    (first, second) = town.rows("anonymous", EntityQuery(T.OBSERVATION))
    assert first.values["parameters"] == second.values["parameters"]
    assert first.values["parameters"].keys() == {"mac", "lane"}
    town.sensing.update(ACTORS["umwelt"], T.THING, 1, {"properties": {"owner": "GEHEIM"}})
    town.sensing.update(ACTORS["gateway"], T.OBSERVATION, first.id, {"parameters": secret})
    said = repr(
        [
            town.rows("anonymous", EntityQuery(type))
            for type in (T.THING, T.LOCATION, T.OBSERVATION, T.FEATURE_OF_INTEREST)
        ]
    )
    assert "GEHEIM" not in said
    assert "8.123456" not in said


def test_pseudonyms_change_with_the_day(make):
    town = make(Minimise(K.HASH, "parameters/mac", every="P1D"))
    town.create("umwelt", thing("S", datastream("d")), dataset="luft")
    within = (Hop(T.DATASTREAM, 1, "Observations"),)
    for day in (0, 0, 1):
        town.now = NOW + dt.timedelta(days=day)
        town.create("gateway", observation(1, parameters={"mac": "aa:bb"}), within=within)
    today, again, tomorrow = [
        row.values["parameters"]["mac"] for row in town.rows("anonymous", EntityQuery(T.OBSERVATION))
    ]
    assert today == again != tomorrow


def test_one_value_per_interval(make):
    town = make(Minimise(K.AGGREGATE, "result", every="PT15M", function=Aggregate.SUM))
    town.create("umwelt", thing("S", datastream("d")), dataset="luft")
    assert send(town, [(0, 1), (5, 2), (14.9, 3), (16, 10)]) == [-1] * 4
    assert send(town, [(5, 2)], key="a") == [-1]
    assert send(town, [(5, 2)], key="a") == [-1], "the same delivery again does not count twice"
    town.now = at(15)
    town.sensing.settle()
    assert stored(town) == [], "stragglers are waited for a little"
    town.now = at(15.5)
    town.sensing.settle()
    assert stored(town) == [((NOON, NOON + 15 * MINUTE), 8)]
    town.sensing.close()
    assert stored(town)[1:] == [((NOON + 15 * MINUTE, NOON + 30 * MINUTE), 10)], "at the end nothing is lost"


def test_small_counts_are_not_kept_not_even_as_sums(make):
    town = make(
        Minimise(K.AGGREGATE, "result", every="PT15M", function=Aggregate.SUM),
        Minimise(K.MIN_COUNT, "result", step=5),
    )
    town.create("umwelt", thing("S", datastream("d")), dataset="luft")
    send(town, [(0, 1), (1, 1), (16, 3), (17, 4)])
    town.now = at(60)
    town.sensing.settle()
    assert stored(town) == [((NOON + 15 * MINUTE, NOON + 30 * MINUTE), 7)]


def test_rules_for_what_is_observed(make):
    town = make(Minimise(K.MIN_COUNT, "result", step=5, observed_properties=("Anzahl",)))
    streams = (datastream("Temperatur"), datastream("Autos", ObservedProperty=observed("Anzahl")))
    town.create("umwelt", thing("S", *streams), dataset="luft")
    assert send(town, [(0, 1)], stream=1)[0] > 0
    assert send(town, [(0, 1), (1, 7)], stream=2)[0] == -1
    assert [result for _, result in stored(town)] == [1, 7]


def test_retention_erases_by_the_day(make):
    town = make(retention="P30D")
    town.create("umwelt", thing("S", datastream("d")), dataset="luft")
    town.create("umwelt", thing("Z", datastream("z", observation(1))), dataset="verkehr")
    send(town, [(0, 1), (60, 2)])
    town.now = NOW + dt.timedelta(days=29)
    assert town.sensing.expire(JOBS) == 0
    town.now = NOW + dt.timedelta(days=30, minutes=30)
    assert town.sensing.expire(JOBS) == 1
    assert [result for _, result in stored(town)] == [2, 1]
    assert ("forgotten", "job:schedule", "luft", 1) in town.lines()


def test_a_dataset_is_emptied_by_its_owner_only(make):
    town = make()
    town.create("umwelt", thing("S", datastream("d", observation(1), observation(2))), dataset="luft")
    with pytest.raises(Denied):
        town.sensing.forget(ACTORS["gateway"], "luft")
    with pytest.raises(Unknown):
        town.sensing.forget(ACTORS["gateway"], "gibtsnicht")
    assert town.sensing.forget(ACTORS["umwelt"], "luft", before=NOW) == 0
    assert town.sensing.forget(ACTORS["umwelt"], "luft") == 2
    for type in (
        T.THING,
        T.DATASTREAM,
        T.SENSOR,
        T.LOCATION,
        T.FEATURE_OF_INTEREST,
        T.OBSERVED_PROPERTY,
        T.OBSERVATION,
    ):
        assert town.rows("anonymous", EntityQuery(type)) == []


def test_what_belongs_to_nothing_goes_with_the_next_job(make):
    town = make()
    town.create("umwelt", thing("S", datastream("d", observation(1))), dataset="luft")
    town.store.entities.delete(T.THING, [1])
    assert stored(town) == [], "nobody sees it"
    town.sensing.expire(JOBS)
    assert not any(one.count for one in town.observations.summaries().values())
