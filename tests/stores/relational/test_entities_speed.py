"""What a page of entities costs: a few statements, whatever is on it."""

from __future__ import annotations

import time

import pytest

from nabe.ports.entities import EntityScan
from nabe.stores.relational import RelationalStore
from nabe.testing.entities_made import T, ask, new, p, wkt

DATASETS = frozenset({"d"})


@pytest.fixture(scope="module")
def entities(tmp_path_factory):
    store = RelationalStore(f"sqlite:///{tmp_path_factory.mktemp('speed') / 'nabe.sqlite'}")
    property, _ = store.entities.create(new(T.OBSERVED_PROPERTY), "d")
    streams = [
        new(
            T.DATASTREAM,
            f"s{number}",
            ObservedProperty=property,
            Thing=new(T.THING, f"t{number}", Locations=[new(T.LOCATION)]),
        )
        for number in range(2_000)
    ]
    store.entities.create(new(T.SENSOR, Datastreams=streams), "d")
    yield store.entities
    store.close()


def best(ask):
    """Seconds of the quickest of some rounds: what others do on this machine is not ours."""
    times = []
    for _ in range(30):
        start = time.perf_counter()
        ask()
        times.append(time.perf_counter() - start)
    return min(times)


def test_one_thing_by_its_id(entities):
    (first,) = entities.find(EntityScan(T.THING, DATASETS, top=1))
    assert best(lambda: entities.find(EntityScan(T.THING, DATASETS, ids=(first.id,)))) < 0.0003


def test_a_page_of_streams_with_their_things(entities):
    def page():
        streams = entities.find(EntityScan(T.DATASTREAM, DATASETS, top=100))
        things = tuple({stream.links["Thing"] for stream in streams})
        return entities.find(EntityScan(T.THING, DATASETS, ids=things))

    assert len(page()) == 100
    assert best(page) < 0.005


def test_filters_along_links_begin_at_the_near_end(entities):
    """Without statistics SQLite would look through all Locations for each Thing: seconds."""
    near = ask("st_within", p("Locations", "location"), wkt("POLYGON ((9 53, 10 53, 10 54, 9 54, 9 53))"))
    assert best(lambda: entities.count(EntityScan(T.THING, DATASETS, where=near))) < 0.2


def test_what_is_known_of_a_stream_is_remembered(entities):
    ids = entities.streams_of(DATASETS)
    assert len(ids) == 2_000
    assert best(lambda: entities.streams(ids[:1])) < 0.0002
