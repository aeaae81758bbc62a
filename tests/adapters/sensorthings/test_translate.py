"""Ways into entities, times taken apart, settings judged; and what is thrown at them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nabe.adapters.sensorthings import SensorThingsAdapter
from nabe.adapters.sensorthings.entities import LINKS, entity_of, way_of
from nabe.adapters.sensorthings.translate import interval
from nabe.model.dataset import FieldType
from nabe.testing.silo import Server, rows, serving

from .service import Service
from .support import air, dataset, fields, opened, system

KIND = FieldType


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving(Service(air(3), most=3))


def test_observations_of_datastreams_as_rows(tmp_path, server):
    ways = fields(
        id=(KIND.INTEGER, "id"),
        von=(KIND.DATETIME, "phenomenonTime"),
        bis=(KIND.DATETIME, "phenomenonTime.end"),
        wert=(KIND.NUMBER, "result"),
        strom=(KIND.STRING, "Datastream.name"),
        einheit=(KIND.STRING, "Datastream.unitOfMeasurement.symbol"),
        station=(KIND.STRING, "Datastream.Thing.name"),
        ort=(KIND.GEOMETRY, "Datastream.Thing.Locations[0].location"),
    )
    found = rows(
        opened(tmp_path, server.url + "/v1.1"), dataset({"entity": "Observations", "datastreams": [12, 1]}, ways)
    )
    assert [row["id"] for row in found] == [1000, 1001, 1002, 12000, 12001, 12002] and len(server.seen) == 2
    instant, spell = found[1], found[4]
    assert instant["von"] == instant["bis"] == dt.datetime(2026, 11, 1, 1, tzinfo=dt.UTC)
    assert (spell["von"].minute, spell["bis"].minute) == (0, 59)
    assert (spell["einheit"], spell["station"], spell["wert"]) == ("µg/m³", "Turiner Straße", 2.2)
    assert all(row["ort"] for row in found)


def test_the_latest_value_of_each_datastream(tmp_path, server):
    ways = fields(
        strom=(KIND.STRING, "name"),
        zeit=(KIND.DATETIME, "Observations[0].phenomenonTime"),
        wert=(KIND.NUMBER, "Observations[0].result"),
        ort=(KIND.GEOMETRY, "Thing.Locations[0].location"),
    )
    found = rows(opened(tmp_path, server.url + "/v1.1"), dataset({"entity": "Datastreams"}, ways))
    assert [(row["strom"], row["zeit"].hour, row["wert"]) for row in found] == [
        ("Strom 1", 2, 2.1), ("Strom 11", 2, 3.1), ("Strom 2", 2, 2.2), ("Strom 12", 2, 3.2),
    ]  # fmt: skip
    assert (
        "Observations($select=id,phenomenonTime,result;$orderby=phenomenonTime desc;$top=1)"
        in server.seen[0].params["$expand"]
    )


def test_datastreams_without_observations_have_no_latest_value(tmp_path, server):
    for stream in server.answer.sets["Datastreams"]:
        stream["Observations"] = []
    ways = fields(wert=(KIND.NUMBER, "Observations[0].result"), zeit=(KIND.DATETIME, "Observations[0].phenomenonTime"))
    assert (
        rows(opened(tmp_path, server.url + "/v1.1"), dataset({"entity": "Datastreams"}, ways))
        == [{"wert": None, "zeit": None}] * 4
    )


def test_a_path_leads_to_the_entities_of_one_thing(tmp_path, server):
    found = rows(
        opened(tmp_path, server.url + "/v1.1"),
        dataset({"entity": "Things(2)/Datastreams"}, fields(name=(KIND.STRING, "name"))),
    )
    assert [row["name"] for row in found] == ["Strom 2", "Strom 12"]
    assert server.seen[0].path == "/api/v1.1/Things(2)/Datastreams"


def test_promises_hold_by_reading_what_breaks_them_as_missing(tmp_path, server):
    observations = server.answer.sets["Observations"]
    observations[0]["result"], observations[1]["result"] = "7", True
    observations[1]["phenomenonTime"] = "2026-11-01T00:00:00Z/2026-11-01T01:00:00Z"
    ways = fields(wert=(KIND.NUMBER, "result"), zeit=(KIND.DATETIME, "phenomenonTime"))
    plain = {"entity": "Observations", "datastreams": 1}
    assert [row["wert"] for row in rows(opened(tmp_path, server.url + "/v1.1"), dataset(plain, ways))] == [
        7.0,
        None,
        2.1,
    ]
    strict = rows(
        opened(tmp_path, server.url + "/v1.1"), dataset({**plain, "results": "number", "instants": True}, ways)
    )
    assert [row["wert"] for row in strict] == [None, None, 2.1]
    assert [row["zeit"] is None for row in strict] == [False, True, False]


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("2026-11-24T08:00:00Z", ("2026-11-24T08:00:00Z",) * 2),
        ("a/b", ("a", "b")),
        ("a/..", ("a", None)),
        ("../b", (None, "b")),
        (" a / b ", ("a", "b")),
    ],
)
def test_instants_and_intervals(value, wanted):
    assert tuple(interval(value).values()) == wanted
    assert interval(None) is None


@pytest.mark.parametrize(
    ("source", "column", "says"),
    [
        ({"entity": "Thingies"}, "name", "'Thingies' is no entity set; known: Things"),
        ({"entity": "Things(1)"}, "name", "only the last part is a whole set"),
        ({"entity": "Things/Datastreams"}, "name", "only the last part"),
        ({"entity": "Datastreams(1)/Thing"}, "name", "only the last part"),
        ({"entity": "Things(1)/Sensors"}, "name", "'Sensors' is no entity set of Things"),
        ({"entity": "Things(1/../../x)/Datastreams"}, "name", "no entity set"),
        ({"entity": "Things", "datastreams": [1]}, "name", "right would be filter"),
        ({"entity": "Things", "filtre": "x"}, "name", "is not a setting"),
        ({"entity": "Things"}, "nme", "Things have no 'nme'; they have: id, name"),
        ({"entity": "Things"}, "Locations.location", r"right would be Locations\[0\]"),
        ({"entity": "Things"}, "Locations[0]", "stops at Locations; it needs one of: id, name"),
        ({"entity": "Things"}, "^.name", "leads to no member"),
        ({"entity": "Things"}, "name..x", "cannot be read"),
        ({"entity": "Things", "columns": {"description": {"nulls": ["-"]}}}, "name", "no field has the column 'description'"),
    ],
)  # fmt: skip
def test_a_wrong_declaration_is_told_by_name(source, column, says):
    found = SensorThingsAdapter().check_dataset(
        system("https://x.example"), dataset(source, fields(a=(KIND.STRING, column)))
    )
    assert len(found) == 1
    import re

    assert re.search(says, found[0]), found


@given(st.text(max_size=40) | st.text("ThingsDatareOb/()[]0*.'@iot=", max_size=30))
def test_any_text_is_a_way_or_told_as_none(text):
    for entity in LINKS:
        try:
            way = way_of(text, entity)
        except ValueError:
            continue
        assert way.own and isinstance(way.slashed, str)
    try:
        assert entity_of(text) in LINKS
    except ValueError:
        pass


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text("0123-T:Z/.", max_size=20), lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["result", "phenomenonTime", "begin", "Datastream"]), inner, max_size=3)))  # fmt: skip
def test_any_record_is_shaped(value):
    from nabe.adapters.sensorthings.translate import shaped
    from nabe.adapting.json_http.paths import Row

    ways = [way_of(text, "Observations") for text in ("phenomenonTime.end", "Datastream.phenomenonTime", "result")]
    assert len(list(shaped(iter([Row(value)]), ways, ways, instants=True))) == 1
