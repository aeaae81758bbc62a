"""SQLite and PostgreSQL find the same entities in the same order, whatever is asked along relations."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nabe.errors import Invalid
from nabe.model.entities import ENTITIES
from nabe.model.term import Call, Literal, Ordering, Path
from nabe.ports.entities import EntityScan
from nabe.stores.relational import RelationalStore
from nabe.testing import servers
from nabe.testing.entities_made import T, new, point
from nabe.testing.needs import need

DATASETS = frozenset({"d"})
KINDS = (T.THING, T.LOCATION, T.DATASTREAM, T.SENSOR, T.OBSERVED_PROPERTY, T.HISTORICAL_LOCATION, T.MULTI_DATASTREAM)


def fill(store):
    """The same small world each time, with loose ends."""
    pick = random.Random(5)
    make = lambda entity: store.create(entity, "d")[0]  # noqa: E731
    sensors = [make(new(T.SENSOR, f"sensor {n}", properties={"n": n})) for n in range(3)]
    observed = [make(new(T.OBSERVED_PROPERTY, f"observed {n}")) for n in range(3)]
    odd = [None, 1, "1", True, [1, 2]]
    places = [
        make(new(T.LOCATION, f"place {n}", location=point(n, n / 2), properties={"k": pick.choice(odd)}))
        for n in range(4)
    ]
    for number in range(8):
        streams = [
            new(
                T.DATASTREAM, f"d{number}{n}", Sensor=pick.choice(sensors), ObservedProperty=pick.choice(observed),
                properties=pick.choice([None, {"n": n}]),
            )
            for n in range(pick.randint(0, 3))
        ]  # fmt: skip
        properties = {"n": pick.choice([number, str(number), None, 1.5]), "o": {"x": [number]}}
        at = pick.sample(places, pick.randint(0, 2))
        make(new(T.THING, f"t{number}", properties=properties, Locations=at, Datastreams=streams))
    for number in range(3):
        parts = [pick.choice(observed), pick.choice(observed)]
        thing = new(T.THING, f"m{number}")
        make(new(T.MULTI_DATASTREAM, Thing=thing, Sensor=pick.choice(sensors), ObservedProperties=parts))


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    need("PostgreSQL", servers.available_postgres(), "apt-get install postgresql")
    with servers.postgres() as server:
        urls = (f"sqlite:///{tmp_path_factory.mktemp('agree') / 'nabe.sqlite'}", server.url)
        opened = [RelationalStore(url) for url in urls]
        for store in opened:
            fill(store.entities)
        yield [store.entities for store in opened]
        for store in opened:
            store.close()


def relations(kind, many=False):
    found = ENTITIES[kind].relations.items()
    return [(name, r.target) for name, r in found if r.target in KINDS and (r.many or not many)]


@st.composite
def paths(draw, kind, start=()):
    steps = list(start)
    for _ in range(draw(st.integers(0, 3))):
        name, kind = draw(st.sampled_from(relations(kind)))
        steps.append(name)
    ends = [("id",)]
    if "name" in ENTITIES[kind].properties:
        ends += [("name",), ("properties", "n"), ("properties", "k"), ("properties", "o", "x", 0), ("properties",)]
    return Path((*steps, *draw(st.sampled_from(ends))))


@st.composite
def conditions(draw, kind, start=(), depth=0):
    how = draw(st.sampled_from(["atom", "atom", "and", "or", "not", "any", "all"] if depth < 3 else ["atom"]))
    if how in ("and", "or"):
        return Call(how, tuple(draw(conditions(kind, start, depth + 1)) for _ in range(2)))
    if how == "not":
        return Call("not", (draw(conditions(kind, start, depth + 1)),))
    if how in ("any", "all") and relations(kind, many=True):
        name, target = draw(st.sampled_from(relations(kind, many=True)))
        variable = f"v{depth}"
        inner = draw(conditions(target, (f"${variable}",), depth + 1))
        return Call(how, (Path((*start, name)), Literal(variable), inner))
    literals = st.sampled_from([1, 2, "1", "t1", "d10", None, True, 1.5, "place 1", ""]).map(Literal)
    sides = [draw(paths(kind, start)), draw(st.one_of(literals, paths(kind, start)))]
    if draw(st.booleans()):
        sides.reverse()
    return Call(draw(st.sampled_from(["eq", "ne", "lt", "gt", "le", "ge"])), tuple(sides))


@st.composite
def scans(draw):
    kind = draw(st.sampled_from(KINDS))
    orders = draw(st.lists(st.tuples(paths(kind), st.booleans()), max_size=2))
    order = tuple(Ordering(path, descending) for path, descending in orders)
    top, skip = draw(st.sampled_from([None, 3])), draw(st.sampled_from([0, 2]))
    return EntityScan(kind, DATASETS, where=draw(conditions(kind)), order=order, top=top, skip=skip)


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(scan=scans())
def test_both_databases_find_the_same(stores, scan):
    answers = []
    for entities in stores:
        try:
            answers.append(([found.id for found in entities.find(scan)], entities.count(scan)))
        except Invalid as error:
            answers.append(str(error))
    assert answers[0] == answers[1]
