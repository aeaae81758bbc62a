"""What is written: by whom, into which dataset, with what comes along, and what is refused."""

from __future__ import annotations

import threading
import time

import numpy as np
import pyarrow as pa
import pytest

from nabe.errors import Denied, Invalid, LimitExceeded, Unknown
from nabe.model.entities import EntityQuery, Hop, NewEntity
from nabe.model.event import Happening
from nabe.model.observation import INCOMING_SCHEMA
from nabe.testing.sensor_city import (
    ACTORS,
    HOUR,
    MEASUREMENT,
    NOON,
    T,
    datastream,
    location,
    observation,
    observed,
    op,
    ref,
    sensor,
    thing,
)

OM = MEASUREMENT.rpartition("/")[0]


@pytest.fixture
def stream(town):
    town.create("umwelt", thing("Station", datastream("Luft")), dataset="luft")
    return town.rows("anonymous", EntityQuery(T.DATASTREAM))[0].id


def incoming(streams, numbers, **more):
    columns = {"stream": streams, "time": [NOON + at * HOUR for at in range(len(streams))], "number": numbers, **more}
    return pa.table(
        [
            pa.array(values, pa.int64()).cast(INCOMING_SCHEMA.field(name).type)
            if name == "time"
            else pa.array(values, INCOMING_SCHEMA.field(name).type)
            for name, values in columns.items()
        ],
        names=list(columns),
    )


def results(town, actor="anonymous"):
    return [row.values["result"] for row in town.rows(actor, EntityQuery(T.OBSERVATION))]


def test_many_observations_at_once(town, stream):
    ids = town.sensing.observe(ACTORS["gateway"], incoming([stream] * 3, [1.0, 2.5, None]), interface="test")
    found = town.rows("anonymous", EntityQuery(T.OBSERVATION))
    assert [row.id for row in found] == ids.tolist()
    assert [row.values["result"] for row in found] == [1, 2.5, None]
    (feature,) = town.rows("anonymous", EntityQuery(T.FEATURE_OF_INTEREST))
    assert feature.values["feature"] == {"type": "Point", "coordinates": [8, 52]}
    assert ("observed", "gateway", "luft", 3) in town.lines()


def test_the_same_delivery_again_adds_nothing(town, stream):
    first = town.sensing.observe(ACTORS["gateway"], incoming([stream], [1.0]), key="a")
    again = town.sensing.observe(ACTORS["gateway"], incoming([stream], [1.0]), key="a")
    assert first.tolist() == again.tolist()
    assert results(town) == [1]
    one = town.create("umwelt", thing("Zwei"), dataset="luft", key="b")
    assert town.create("umwelt", thing("Zwei"), dataset="luft", key="b") == one


@pytest.mark.parametrize("actor", ["anonymous", "planerin", "fremd"])
def test_who_may_not_write_is_refused_and_noted(town, stream, actor):
    for attempt in (
        lambda: town.sensing.observe(ACTORS[actor], incoming([stream], [1.0])),
        lambda: town.create(actor, thing("x"), dataset="luft"),
        lambda: town.create(actor, observation(1), within=(Hop(T.DATASTREAM, stream, "Observations"),)),
        lambda: town.sensing.update(ACTORS[actor], T.DATASTREAM, stream, {"name": "x"}),
        lambda: town.sensing.delete(ACTORS[actor], EntityQuery(T.DATASTREAM, id=stream)),
        lambda: town.sensing.link(ACTORS[actor], T.THING, 1, "Locations", 1),
    ):
        with pytest.raises(Denied):
            attempt()
    assert town.lines("denied")[0][1:3] == (actor, "luft")
    assert results(town) == []


def test_into_hidden_datasets_nothing_is_written_and_nothing_is_told(town):
    town.create("umwelt", thing("Zähler", datastream("Strom")), dataset="zaehler")
    for attempt in (
        lambda actor: town.sensing.observe(ACTORS[actor], incoming([1], [1.0])),
        lambda actor: town.sensing.update(ACTORS[actor], T.DATASTREAM, 1, {"name": "x"}),
        lambda actor: town.sensing.delete(ACTORS[actor], EntityQuery(T.THING, id=1)),
        lambda actor: town.create(actor, observation(1), within=(Hop(T.DATASTREAM, 1, "Observations"),)),
    ):
        for actor in ("anonymous", "fremd"):
            with pytest.raises(Unknown) as told:
                attempt(actor)
            assert "zaehler" not in str(told.value)
    with pytest.raises(Invalid, match="could be linked"):
        town.create("anonymous", datastream("Dran", Thing=ref(1)), dataset="mitmachen")


def test_anyone_writes_where_anyone_may(town):
    id = town.create("anonymous", thing("Balkon", datastream("Balkon", observation(21.5))))
    assert town.read("anonymous", EntityQuery(T.THING, id=id)).rows[0].values["name"] == "Balkon"
    assert results(town) == [21.5]


def test_it_must_be_clear_whose_it_is(town):
    with pytest.raises(Invalid, match="not clear which dataset") as told:
        town.create("umwelt", thing("x"))
    assert "luft" in told.value.hint
    with pytest.raises(Denied):
        town.create("planerin", NewEntity(T.SENSOR, sensor().values), dataset="luft")
    with pytest.raises(Unknown):
        town.create("anonymous", thing("x"), dataset="zaehler")
    with pytest.raises(Unknown):
        town.create("umwelt", thing("x"), dataset="gibtsnicht")
    station = town.create("umwelt", thing("Station"), dataset="verkehr")
    town.create("umwelt", datastream("Dran", Thing=ref(station)))
    assert town.store.entities.streams([1])[1].dataset == "verkehr", "what hangs on something is its dataset's"


def test_deep_inserts_in_any_direction(town):
    whole = observation(7, Datastream=(datastream("Von unten", Thing=thing("Oben")),))
    id = town.create("umwelt", whole, dataset="luft")
    row = town.rows("anonymous", EntityQuery(T.OBSERVATION, id=id))[0]
    assert row.values["result"] == 7
    assert town.names("anonymous", T.THING, op("eq", "Datastreams/Observations/result", 7)) == ["Oben"]
    from_sensor = NewEntity(
        T.SENSOR,
        sensor("S").values,
        {
            "Datastreams": (
                NewEntity(
                    T.DATASTREAM,
                    datastream("x").values,
                    {
                        "Thing": (thing("T2"),),
                        "ObservedProperty": (observed(),),
                        "Observations": (observation(1), observation(2)),
                    },
                ),
            )
        },
    )
    town.create("umwelt", from_sensor, dataset="luft")
    assert results(town) == [7, 1, 2]


@pytest.mark.parametrize(
    ("entity", "words"),
    [
        (thing("x", datastream("y", Sensor=())), "has one Sensor"),
        (thing("x", NewEntity(T.DATASTREAM, {"name": "y"})), "lacks 'description'"),
        (thing("x", datastream("y", observation("warm"))), "not what the stream observes"),
        (thing("x", datastream("y", observation(float("nan")))), "JSON does not know"),
        (thing("x", datastream("y", observation(1, at=10**18))), "years 1 to 9999"),
        (thing("x", datastream("y", observation(1, at=(NOON, NOON - 1)))), "ends before it starts"),
        (thing("x", datastream("y", NewEntity(T.OBSERVATION, {}))), "lacks 'result'"),
        (
            thing(
                "x",
                datastream(
                    "y",
                    observation(1),
                ),
                place=None,
            ),
            "no Location",
        ),
        (NewEntity(T.THING, {"name": 5, "description": ""}), "'name' is text"),
        (NewEntity(T.THING, {"name": "a\0b", "description": ""}), "NUL"),
        (NewEntity(T.THING, {"name": "\ud800", "description": ""}), "half a character"),
        (NewEntity(T.THING, {"name": "x", "description": "", "color": 1}), "no property 'color'"),
        (NewEntity(T.THING, {"name": "x", "description": ""}, {"Sensors": ref(1)}), "no relation 'Sensors'"),
        (NewEntity(T.THING, {"name": "x", "description": ""}, {"Locations": ref(77)}), "no Location 77"),
        (NewEntity(T.OBSERVATION, {"result": 1}), "belongs to one Datastream"),
    ],
)
def test_what_is_wrong_leaves_nothing_behind(town, entity, words):
    if entity.type is T.THING and "no Location" == words:
        town.create("umwelt", entity, dataset="luft")  # many at once may lack a place; one alone may not
        entity = observation(1, Datastream=ref(1))
        before = [1, 1]
    else:
        before = [0, 0]
    with pytest.raises(Invalid, match=words):
        town.create("umwelt", entity, dataset="luft")
    counts = [town.read("anonymous", EntityQuery(type, count=True)).total for type in (T.THING, T.DATASTREAM)]
    assert counts == before


def test_an_endless_deep_insert_is_refused(town):
    inner = thing("x")
    for _ in range(30):
        inner = NewEntity(T.THING, inner.values, {"Datastreams": (datastream("d", Thing=inner),)})
    with pytest.raises(Invalid, match="deep"):
        town.create("umwelt", inner, dataset="luft")
    with pytest.raises(LimitExceeded):
        town.create("umwelt", thing("x", datastream("y", *[observation(1)] * 100_001)), dataset="luft")


@pytest.mark.parametrize(
    ("type", "good", "bad"),
    [
        ("OM_Measurement", [1, 1.5, None], ["1", True, {"a": 1}, [1]]),
        ("OM_CountObservation", [1, -3, 2**60], [1.5, "1", False]),
        ("OM_TruthObservation", [True, False], [1, "true", 0]),
        ("OM_CategoryObservation", ["rot", "http://x"], [1, True, ["rot"]]),
        ("OM_Observation", [1, "x", True, {"a": [1]}, [1]], []),
    ],
)
def test_results_fit_what_is_observed(town, type, good, bad):
    town.create("umwelt", thing("x", datastream("y", type=f"{OM}/{type}")), dataset="luft")
    within = (Hop(T.DATASTREAM, 1, "Observations"),)
    for value in good:
        town.create("umwelt", observation(value), within=within)
    for value in bad:
        with pytest.raises(Invalid):
            town.create("umwelt", observation(value), within=within)
    assert results(town) == good


def test_several_results_at_once(town):
    multi = NewEntity(
        T.MULTI_DATASTREAM,
        {
            "name": "Wetter",
            "description": "",
            "multiObservationDataTypes": [f"{OM}/OM_Measurement", f"{OM}/OM_CategoryObservation"],
            "unitOfMeasurements": [{"name": "a"}, {"name": "b"}],
        },
        {"Sensor": (sensor(),), "ObservedProperties": (observed("a"), observed("b")), "Thing": (thing("x"),)},
    )
    id = town.create("umwelt", multi, dataset="luft")
    within = (Hop(T.MULTI_DATASTREAM, id, "Observations"),)
    town.create("umwelt", observation([1.5, "gut"]), within=within)
    for bad in ([1.5], [1.5, 2], 1.5, ["gut", 1.5]):
        with pytest.raises(Invalid):
            town.create("umwelt", observation(bad), within=within)
    assert results(town) == [[1.5, "gut"]]


def test_bad_rows_do_not_spoil_good_ones(town, stream):
    errors = {}
    table = incoming([stream, 99, stream, stream], [1.0, 2.0, float("inf"), 4.0])
    ids = town.sensing.observe(ACTORS["gateway"], table, errors=errors)
    assert {row: type(error) for row, error in errors.items()} == {1: Unknown, 2: Invalid}
    assert (ids[[1, 2]] == 0).all()
    assert results(town) == [1, 4]
    with pytest.raises(Unknown):
        town.sensing.observe(ACTORS["gateway"], table)
    assert results(town) == [1, 4]


def test_an_address_links_and_does_not_contradict(town, stream):
    town.create("umwelt", thing("Zwei", datastream("Andere")), dataset="luft")
    within = (Hop(T.DATASTREAM, stream, "Observations"),)
    with pytest.raises(Invalid, match="The address says"):
        town.create("umwelt", observation(1, Datastream=ref(stream + 1)), within=within)
    town.create("umwelt", observation(1, Datastream=ref(stream)), within=within)
    with pytest.raises(Unknown):
        town.create(
            "umwelt", observation(1), within=(Hop(T.THING, 2, "Datastreams"), Hop(T.DATASTREAM, stream, "Observations"))
        )
    with pytest.raises(Invalid, match="leads to Datastream"):
        town.create("umwelt", observation(1), within=(Hop(T.THING, 2, "Datastreams"),))


def test_observations_are_corrected_and_removed(town, stream):
    town.sensing.observe(ACTORS["gateway"], incoming([stream] * 4, [1.0, 2.0, 3.0, 4.0]))
    first = town.rows("anonymous", EntityQuery(T.OBSERVATION))[0].id
    town.sensing.update(ACTORS["gateway"], T.OBSERVATION, first, {"result": 10, "parameters": {"by": "hand"}})
    row = town.rows("anonymous", EntityQuery(T.OBSERVATION, id=first))[0]
    assert (row.values["result"], row.values["parameters"], row.values["phenomenonTime"]) == (10, {"by": "hand"}, NOON)
    with pytest.raises(Invalid):
        town.sensing.update(ACTORS["gateway"], T.OBSERVATION, first, {"result": "heiß"})
    town.create("umwelt", thing("Zwei", datastream("Andere")), dataset="luft")
    with pytest.raises(Invalid, match="stays in its stream"):
        town.sensing.update(ACTORS["gateway"], T.OBSERVATION, first, {}, {"Datastream": (stream + 1,)})
    town.sensing.delete(ACTORS["gateway"], EntityQuery(T.OBSERVATION, id=first))
    assert results(town) == [2, 3, 4]
    done = town.sensing.delete(
        ACTORS["gateway"],
        EntityQuery(T.OBSERVATION, (Hop(T.DATASTREAM, stream, "Observations"),), where=op("gt", "result", 2)),
    )
    assert (done, results(town)) == (2, [2])
    with pytest.raises(Unknown):
        town.sensing.delete(ACTORS["gateway"], EntityQuery(T.OBSERVATION, id=first))


def test_what_hangs_on_it_goes_along(town, stream):
    town.sensing.observe(ACTORS["gateway"], incoming([stream], [1.0]))
    assert town.sensing.delete(ACTORS["umwelt"], EntityQuery(T.THING, id=1)) == 1
    assert town.read("anonymous", EntityQuery(T.DATASTREAM, count=True)).total == 0
    assert results(town) == []
    assert [held.count for held in town.observations.summaries().values() if held.count] == []
    assert town.rows("anonymous", EntityQuery(T.LOCATION)), "Locations stay"


def test_what_is_another_datasets_does_not_go_along(town):
    """Somebody who may write everything has hung a stream of one dataset on a thing of another."""
    station = town.create("umwelt", thing("Station"), dataset="luft")
    town.create("umwelt", datastream("Fremd", Thing=ref(station)), dataset="zaehler")
    with pytest.raises(Denied, match="hang on it"):
        town.sensing.delete(ACTORS["gateway"], EntityQuery(T.THING, id=station))
    assert town.sensing.delete(ACTORS["umwelt"], EntityQuery(T.THING, id=station)) == 1


def test_links_are_set_and_ended(town, stream):
    place = town.create("umwelt", location("neu", 9, 53), dataset="luft")
    town.sensing.link(ACTORS["umwelt"], T.THING, 1, "Locations", place)
    names = town.names("anonymous", T.LOCATION, hops=(Hop(T.THING, 1, "Locations"),))
    assert "Ort neu" in names
    town.sensing.update(ACTORS["umwelt"], T.THING, 1, {}, {"Locations": (place,)})
    assert town.names("anonymous", T.LOCATION, hops=(Hop(T.THING, 1, "Locations"),)) == ["Ort neu"]


def test_tasks_have_a_line_of_their_own(town):
    actuator = NewEntity(T.ACTUATOR, sensor("Pumpe").values)
    capability = NewEntity(
        T.TASKING_CAPABILITY,
        {"name": "an/aus", "description": "", "taskingParameters": {"type": "DataRecord"}},
        {"Thing": (thing("Pumpwerk"),), "Actuator": (actuator,)},
    )
    id = town.create("umwelt", capability, dataset="luft")
    task = NewEntity(T.TASK, {"taskingParameters": {"an": True}}, {"TaskingCapability": ref(id)})
    seen = []
    town.bus.watch(lambda event: seen.append((event.happening, event.type)))
    town.create("gateway", task)
    assert (Happening.CREATED, T.TASK) in seen
    assert ("task", "gateway", "luft", 1) in [(e.action, e.actor, e.dataset, e.rows) for e in town.ledger.list]
    with pytest.raises(Denied):
        town.create("planerin", task)


class Seen:
    def __init__(self):
        self.list = []
        self.more = threading.Condition()

    def __call__(self, event, row):
        with self.more:
            self.list.append((event.happening.value, event.ids, row))
            self.more.notify()

    def wait(self, count):
        with self.more:
            assert self.more.wait_for(lambda: len(self.list) >= count, 5), self.list
            return self.list


def test_watchers_see_what_they_may(town, stream):
    open_eyes, closed = Seen(), Seen()
    hot = EntityQuery(T.OBSERVATION, (Hop(T.DATASTREAM, stream, "Observations"),), where=op("gt", "result", 20))
    watch = town.sensing.watch(ACTORS["anonymous"], "open-data", hot, open_eyes)
    town.sensing.watch(ACTORS["anonymous"], "open-data", EntityQuery(T.THING), closed)
    ids = town.sensing.observe(ACTORS["gateway"], incoming([stream] * 3, [10.0, 30.0, 40.0]))
    assert [(ids_, row.values["result"]) for _, ids_, row in open_eyes.wait(2)] == [
        ((int(ids[1]),), 30),
        ((int(ids[2]),), 40),
    ]
    town.create("umwelt", thing("Geheim"), dataset="zaehler")
    town.create("umwelt", thing("Offen"), dataset="luft")
    assert [row.values["name"] for _, _, row in closed.wait(1)] == ["Offen"]
    watch.close()
    town.sensing.observe(ACTORS["gateway"], incoming([stream], [50.0]))
    town.sensing.delete(ACTORS["umwelt"], EntityQuery(T.THING, id=1))
    assert [(what, row) for what, _, row in closed.wait(2)[1:]] == [("deleted", None)]
    assert len(open_eyes.list) == 2


def test_many_streams_take_little_time_beside_the_store(town):
    town.create("umwelt", thing("Viele", *(datastream(f"s{at}") for at in range(2_000))), dataset="luft")
    ids = np.array(town.store.entities.streams_of(frozenset({"luft"})))
    table = incoming(ids.tolist(), np.arange(len(ids), dtype=float).tolist())
    town.sensing.observe(ACTORS["gateway"], table)
    kept = town.observations.append
    town.observations.append = lambda rows, key="": np.arange(1, rows.num_rows + 1)
    try:
        best = min(_timed(lambda: town.sensing.observe(ACTORS["gateway"], table)) for _ in range(5))
    finally:
        town.observations.append = kept
    assert best < 0.02, f"{best * 1000:.1f} ms for {len(ids)} rows"


def _timed(work):
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
