"""A stream dataset as a table: the same rows by SQL and by plain questions, under the same decisions, read sparingly."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.errors import Denied, Unknown
from nabe.model import expr as e
from nabe.model.catalogue import Change
from nabe.model.dataset import Access, Field, FieldType
from nabe.model.entities import NewEntity
from nabe.model.query import Order, Query, Scan
from nabe.model.usecase import Approval, Grant
from nabe.testing.sensor_city import (
    ACTORS,
    HOUR,
    NOON,
    NOW,
    T,
    datastream,
    observation,
    observed,
    sensor,
    stream_dataset,
    thing,
)


@pytest.fixture
def city(town):
    for number, name in enumerate(("luft", "verkehr", "zaehler", "pegel")):
        for part in range(2):
            values = (observation(number * 10 + part + hour / 2, NOON + hour * HOUR) for hour in range(3))
            place = (8 + part, 52)
            town.create(
                "umwelt",
                thing(f"{name} {part}", datastream(f"s {part}", *values), properties={"halter": "X"}, place=place),
                dataset=name,
            )
    return town


def ask(city, question, actor="anonymous", use_case="open-data"):
    return city.hub.read(ACTORS[actor], use_case, question).table().to_pylist()


def test_every_field_of_its_own_accord(city):
    (row,) = ask(city, Query.of(Scan("luft", where=e.Compare("result", e.Op.EQ, 1.5))))
    place = shapely.from_wkb(row.pop("place"))
    assert (place.x, place.y) == (9, 52)
    id = row.pop("id")
    assert id >> 31 == row["stream_id"]
    assert row == {
        "time": NOW + dt.timedelta(hours=1),
        "result": 1.5,
        "unit": "°C",
        "observed_property": "Temperatur",
        "stream_id": 2,
        "stream": "s 1",
        "thing_id": 2,
        "thing": "luft 1",
    }


def test_sql_over_it(city):
    rows = ask(city, "SELECT thing, max(result) AS hoch, count(*) AS n FROM luft GROUP BY thing ORDER BY thing")
    assert rows == [{"thing": "luft 0", "hoch": 1.0, "n": 3}, {"thing": "luft 1", "hoch": 2.0, "n": 3}]
    joined = ask(city, "SELECT count(*) AS n FROM luft l JOIN verkehr v ON l.time = v.time AND l.stream = v.stream")
    assert joined == [{"n": 6}]


def test_counts_and_pages(city):
    result = city.hub.read(
        ACTORS["anonymous"], "open-data", Query.of(Scan("luft", ("result",), limit=2, offset=1), count=True)
    )
    assert (result.total, len(result.table())) == (6, 2)
    newest = Scan("luft", ("result",), order=(Order("time", True), Order("id")), limit=1)
    assert ask(city, Query.of(newest)) == [{"result": 1.0}]


def test_decisions_hold_as_everywhere(city):
    columns = ask(city, Query.of(Scan("verkehr", limit=1)))[0].keys()
    assert {"halter", "kennzeichen", "ort"}.isdisjoint(columns)
    for question in ("SELECT halter FROM verkehr", "SELECT count(*) FROM verkehr WHERE halter = 'X'"):
        with pytest.raises((Denied, Exception), match="halter"):
            ask(city, question)
    with pytest.raises(Unknown):
        ask(city, "SELECT * FROM zaehler")
    assert len(ask(city, "SELECT * FROM zaehler", "planerin", "energie")) == 6
    assert ask(city, "SELECT count(*) AS n FROM pegel", "planerin", "energie") == [{"n": 6}], "rows above 5"


def test_a_grant_by_stream_narrows_and_is_pushed_down(city):
    case = city.catalogue.snapshot().usecases["energie"]
    grant = Grant("zaehler", ("*",), where="thing = 'zaehler 1'", approval=Approval("umwelt", NOW))
    case = replace(case, grants=(grant, *(item for item in case.grants if item.dataset != "zaehler")))
    city.catalogue.commit([Change("usecase", "energie", case)], author="it", at=NOW, expect=1)
    assert {row["thing"] for row in ask(city, "SELECT * FROM zaehler", "planerin", "energie")} == {"zaehler 1"}


def test_rounding_and_groups_are_kept_to(city):
    case = city.catalogue.snapshot().usecases["energie"]
    grants = (
        Grant("zaehler", ("stream",), min_group=4, approval=Approval("umwelt", NOW)),
        Grant("pegel", ("*",), rounding={"result": 10}, approval=Approval("umwelt", NOW)),
    )
    city.catalogue.commit([Change("usecase", "energie", replace(case, grants=grants))], author="it", at=NOW, expect=1)
    assert ask(city, "SELECT * FROM zaehler", "planerin", "energie") == []
    assert {row["result"] for row in ask(city, "SELECT result FROM pegel", "planerin", "energie")} == {30}
    where = e.Compare("result", e.Op.GT, 25)
    assert len(ask(city, Query.of(Scan("pegel", where=where)), "planerin", "energie")) == 6


def test_what_streams_refer_to_in_closed_datasets_is_not_shown(city):
    from nabe.testing.sensor_city import ref

    secret = city.create("umwelt", NewEntity(T.OBSERVED_PROPERTY, observed("Geheimplan").values), dataset="zaehler")
    city.create(
        "umwelt", thing("Neu", datastream("neu", observation(77), ObservedProperty=ref(secret))), dataset="luft"
    )
    (row,) = ask(city, Query.of(Scan("luft", where=e.Compare("result", e.Op.EQ, 77))))
    assert row["observed_property"] is None


def test_columns_of_every_kind(town):
    columns = {
        "bis": (FieldType.DATETIME, "phenomenonTime/end"),
        "gemeldet": (FieldType.DATETIME, "resultTime"),
        "gueltig": (FieldType.STRING, "validTime"),
        "text": (FieldType.STRING, "result"),
        "spur": (FieldType.INTEGER, "parameters/spur"),
        "nass": (FieldType.BOOLEAN, "result/nass"),
        "tag": (FieldType.DATE, "phenomenonTime"),
        "einbau": (FieldType.DATE, "Datastream/Thing/properties/einbau"),
        "sensor": (FieldType.STRING, "Datastream/Sensor/name"),
        "stelle": (FieldType.STRING, "FeatureOfInterest/name"),
        "form": (FieldType.GEOMETRY, "FeatureOfInterest/feature"),
    }
    fields = tuple(Field(name, type, column=column) for name, (type, column) in columns.items())
    noun = stream_dataset("luft", Access.OPEN, fields)
    town.catalogue.commit([Change("dataset", "luft", noun)], author="it", at=NOW, expect=1)
    seen = observation(
        {"nass": True}, (NOON, NOON + HOUR), resultTime=NOON, validTime=(NOON, NOON + HOUR), parameters={"spur": 3}
    )
    stream = datastream("s", seen, observation(4.0), type="http://x/OM_Observation", Sensor=sensor("Auge"))
    town.create("umwelt", thing("T", stream, properties={"einbau": "2026-01-02T00:00:00+00:00"}), dataset="luft")
    first, second = ask(town, Query.of(Scan("luft", order=(Order("text"),))))
    assert shapely.from_wkb(second.pop("form")).x == 8
    assert second == {
        "bis": NOW + dt.timedelta(hours=1),
        "gemeldet": NOW,
        "gueltig": "2026-11-24T12:00:00Z/2026-11-24T13:00:00Z",
        "text": '{"nass": true}',
        "spur": 3,
        "nass": True,
        "tag": NOW.date(),
        "einbau": dt.date(2026, 1, 2),
        "sensor": "Auge",
        "stelle": "Ort T",
    }
    assert (first["text"], first["bis"], first["spur"]) == ("4", NOW, None)


@pytest.fixture(scope="module")
def still(tmp_path_factory):
    from nabe.testing.sensor_city import Town

    town = Town(tmp_path_factory.mktemp("still"))
    for part in range(3):
        values = (observation(part + hour, NOON + hour * HOUR) for hour in range(4))
        town.create("umwelt", thing(f"T{part}", datastream(f"s{part % 2}", *values)), dataset="luft")
    yield town
    town.close()


_filters = st.recursive(
    st.one_of(
        st.builds(e.Compare, st.just("result"), st.sampled_from(list(e.Op)), st.integers(0, 6).map(float)),
        st.builds(
            e.Compare,
            st.just("time"),
            st.sampled_from(list(e.Op)),
            st.integers(-1, 4).map(lambda n: NOW + dt.timedelta(hours=n)),
        ),
        st.builds(e.Compare, st.just("thing"), st.sampled_from(list(e.Op)), st.sampled_from(["T0", "T1", "x"])),
        st.builds(e.In, st.just("stream"), st.lists(st.sampled_from(["s0", "s1"]), max_size=2).map(tuple)),
        st.builds(e.IsNull, st.sampled_from(["unit", "result"])),
        st.builds(e.Like, st.just("thing"), st.sampled_from(["T%", "%1"])),
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: e.And(tuple(parts))),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: e.Or(tuple(parts))),
        inner.map(e.Not),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(_filters, st.sampled_from(["time", "result", "id", "thing"]), st.booleans(), st.none() | st.integers(0, 5))
def test_what_is_pushed_down_is_what_the_hub_would_do(still, where, by, descending, limit):
    """All rows filtered by the hub alone, and the same question through the stores."""
    import pyarrow as pa

    from nabe.query.evaluate import keep

    every = still.hub.read(ACTORS["anonymous"], "open-data", Query.of(Scan("luft"))).table()
    expected = sorted(keep(where, every).column("id").to_pylist())
    scan = Scan("luft", where=where, order=(Order(by, descending), Order("id")), limit=limit)
    found = still.hub.read(ACTORS["anonymous"], "open-data", Query.of(scan, count=True))
    ids = found.table().column("id").to_pylist()
    assert found.total == len(expected)
    assert len(ids) == min(len(expected), limit if limit is not None else 99)
    if limit is None:
        assert sorted(ids) == expected
    single = replace(scan, order=(Order(by, descending),))
    first = still.hub.read(ACTORS["anonymous"], "open-data", Query.of(single)).table().column(by).to_pylist()
    keys = sorted(keep(where, every).column(by).to_pylist(), reverse=descending)
    assert first == keys[: len(first)]
    assert isinstance(every, pa.Table)
