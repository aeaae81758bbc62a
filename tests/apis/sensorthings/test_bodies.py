"""Bodies -> entities, changes and columns; the wrong ones name their field."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.apis.sensorthings import arrays, bodies, mqtt, patching
from nabe.apis.sensorthings.address import address
from nabe.errors import Conflict, Invalid, NabeError, Unknown
from nabe.model.entities import EntityQuery, EntityRef, EntityRow, EntityType, Hop, NewEntity
from nabe.model.event import EntityEvent, Happening
from nabe.model.observation import INCOMING_SCHEMA

T = EntityType
NOW = 1_767_225_600_000_000
POINT = {"type": "Point", "coordinates": [9.9, 51.5]}
PLACE = {"name": "Ort", "description": "", "encodingType": "application/geo+json", "location": POINT}
STREAM = {
    "name": "Temperatur",
    "description": "",
    "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
    "unitOfMeasurement": {"name": "Grad", "symbol": "°C", "definition": ""},
    "Sensor": {"@iot.id": 3},
    "ObservedProperty": {"name": "T", "definition": "http://example.org/t", "description": ""},
}
THING = {"name": "Ding", "description": "", "Locations": [PLACE], "Datastreams": [STREAM]}


def made(data, type=T.THING, path=None):
    hops = address(path).hops if path else ()
    return bodies.Reading(NOW).entity(data, type, hops)


def test_deep_insert():
    found = made(THING)
    (stream,) = found.links["Datastreams"]
    assert found.values == {"name": "Ding", "description": ""}
    assert isinstance(stream, NewEntity) and stream.links["Sensor"] == (EntityRef(3),)
    assert stream.links["ObservedProperty"][0].values["name"] == "T"
    assert found.links["Locations"][0].values["location"] == POINT


def test_what_an_address_says_need_not_be_said_again_but_may_not_be_denied():
    body = {"result": 1, "Datastream": {"@iot.id": 1}}
    assert made({"result": 1}, T.OBSERVATION, "Datastreams(1)/Observations").links == {}
    assert made(body, T.OBSERVATION, "Datastreams(1)/Observations").links == {}
    with pytest.raises(Invalid, match="another"):
        made(body, T.OBSERVATION, "Datastreams(2)/Observations")
    with pytest.raises(Invalid, match="another"):
        made(THING | {"Datastreams": [STREAM | {"Thing": {"@iot.id": 5}}]})


def test_times_are_microseconds_and_now_if_there_is_none():
    found = made(
        {
            "phenomenonTime": "2026-01-01T00:00:00Z/2026-01-01T01:00:00Z",
            "resultTime": "2026-01-01T02:00:00+02:00",
            "validTime": None,
            "result": None,
        },
        T.OBSERVATION,
        "Datastreams(1)/Observations",
    )
    hour = 3_600_000_000
    assert found.values["phenomenonTime"] == (NOW, NOW + hour) and found.values["resultTime"] == NOW
    assert made({"result": "a"}, T.OBSERVATION, "Datastreams(1)/Observations").values["phenomenonTime"] == NOW


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": None}, "Thing/name"),
        ({"name": 5}, "Thing/name"),
        ({"properties": []}, "Thing/properties"),
        ({"nam": "x"}, "Thing/nam"),
        ({"Locations": PLACE}, "Thing/Locations"),
        ({"Locations": [5]}, "Thing/Locations"),
        ({"Locations": [{"@iot.id": "1"}]}, "Thing/Locations/@iot.id"),
        ({"Locations": [{"@iot.id": True}]}, "Thing/Locations/@iot.id"),
        ({"Locations": [PLACE | {"location": {"type": "Point", "coordinates": ["a", 1]}}]}, "Thing/Locations/location"),
        ({"Locations": [PLACE | {"location": "hier"}]}, "Thing/Locations/location"),
        ({"Locations": [{k: v for k, v in PLACE.items() if k != "encodingType"}]}, "Thing/Locations/encodingType"),
        ({"Datastreams": [{k: v for k, v in STREAM.items() if k != "Sensor"}]}, "Thing/Datastreams/Sensor"),
        ({"Datastreams": [STREAM | {"Observations": [{"result": 1, "phenomenonTime": "2026"}]}]}, None),
    ],
)
def test_what_is_wrong_is_named(change, field):
    with pytest.raises(Invalid) as caught:
        made(THING | change)
    assert field is None or caught.value.params["field"] == field


def test_an_observation_belongs_to_one_stream():
    for body in ({"result": 1}, {"result": 1, "Datastream": {"@iot.id": 1}, "MultiDatastream": {"@iot.id": 2}}):
        with pytest.raises(Invalid, match="belongs"):
            made(body, T.OBSERVATION)


def test_entities_in_entities_have_an_end():
    deep = {"name": "x", "description": ""}
    for _ in range(20):
        deep = {"name": "x", "description": "", "Locations": [PLACE | {"Things": [deep]}]}
    with pytest.raises(Invalid, match="deep"):
        made(deep)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'"\\ud800"',
        b'{"a":"\xff"}',
        b"[" * 100_000,
        b'{"a":["\\u0000"]}',
    ],
)
def test_what_is_no_json_is_refused(body):
    with pytest.raises(Invalid):
        bodies.decode(body)


def test_a_key_given_twice_takes_the_last():
    assert bodies.decode(b'{"a":1,"a":2}') == {"a": 2}


def test_changes():
    found = bodies.changes({"name": "neu", "properties": None, "Locations": [{"@iot.id": 1}, {"@iot.id": 2}]}, T.THING)
    assert found.values == {"name": "neu", "properties": None} and found.links == {"Locations": (1, 2)}
    for body in ({"Locations": [PLACE]}, {"Locations": [{"@iot.id": 1}, PLACE]}, {"name": None}, []):
        with pytest.raises(Invalid):
            bodies.changes(body, T.THING)
    with pytest.raises(Invalid, match="missing"):
        bodies.replacement({"name": "neu"}, T.THING)


def test_references():
    for body in (
        {"@iot.id": 5},
        {"@odata.id": "http://a/sta/v1.1/Locations(5)"},
        {"@iot.selfLink": "../Locations(5)"},
        {"url": "Locations(5)"},
    ):
        assert bodies.reference(body, T.LOCATION) == 5
    for body in ({}, 5, {"url": "Things(5)"}, {"url": "Locations(x)"}, {"@iot.id": "5"}):
        with pytest.raises(Invalid):
            bodies.reference(body, T.LOCATION)


# JSON Patch


def patch(*operations, values=None):
    row = EntityRow(T.THING, 1, {"name": "a", "description": "b", "properties": {"x": 1} if values is None else values})
    return patching.patched(row, list(operations)).values


def test_json_patch():
    assert patch({"op": "add", "path": "/properties/y", "value": 2}) == {"properties": {"x": 1, "y": 2}}
    assert patch({"op": "remove", "path": "/properties"}) == {"properties": None}
    assert patch({"op": "replace", "path": "/name", "value": "a"}) == {}
    with pytest.raises(Conflict):
        patch({"op": "test", "path": "/name", "value": "z"})


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "/nosuch/deep", "value": 1},
        {"op": "add", "path": "/nosuch", "value": 1},
        {"op": "remove", "path": "/name"},
        {"op": "replace", "path": "", "value": 5},
        {"op": "nosuch", "path": "/name"},
        {"op": "add", "value": 5},
        {"op": "move", "from": 5, "path": "/name"},
        {"path": "/name"},
    ],
)
def test_json_patches_that_do_not_fit(operation):
    with pytest.raises(NabeError) as caught:
        patch(operation)
    assert caught.value.status in (400, 409)


def test_a_json_patch_cannot_blow_up():
    doubled = [{"op": "copy", "from": "/properties", "path": f"/properties/k{at}"} for at in range(100)]
    with pytest.raises(Invalid, match="bytes"):
        patch(*doubled, values={"x": "a" * 1000})


# Columns


def group(stream, components, *rows):
    return {"Datastream": {"@iot.id": stream}, "components": list(components), "dataArray": list(rows)}


def test_data_arrays_become_columns_in_the_order_they_came():
    body = [
        group(1, ("phenomenonTime", "result"), ["2026-01-01T00:00:00Z", 1], ["2026-01-01T01:00:00+01:00", 2.5]),
        group(2, ("result",), ["text"], [None], [[1, 2]], [True], [2**60]),
        group(1, ("phenomenonTime", "result", "FeatureOfInterest/id"), ["2026-01-01T00:00:00Z/PT1H", 3, 7]),
    ]
    found = arrays.data_arrays(json.dumps(body).encode(), NOW)
    assert found.table.schema == INCOMING_SCHEMA and not found.errors and found.places == list(range(8))
    assert found.table["stream"].to_pylist() == [1, 1, 2, 2, 2, 2, 2, 1]
    assert found.table["number"].to_pylist() == [1, 2.5, None, None, None, None, None, 3]
    assert found.table["text"].to_pylist() == [None, None, '"text"', None, "[1,2]", "true", str(2**60), None]
    assert set(np.array(found.table["time"].cast("int64"))) == {NOW}
    assert found.table["until"].cast("int64").to_pylist()[-1] == NOW + 3_600_000_000
    assert found.table["feature"].to_pylist()[-1] == 7


def test_bad_rows_leave_the_good_ones():
    body = [
        group(1, ("phenomenonTime", "result", "FeatureOfInterest/id"), ["2026-01-01T00:00:00Z", 1, 1])
        | {"dataArray": [["2026-01-01T00:00:00Z", 1, 1], ["2026", 2, 1], ["2026-01-01T00:00:00Z", 3, "x"], [1]]},
        group(2, ("result", "parameters"), [1, {"a": 1}], [2, 5]),
    ]
    found = arrays.data_arrays(json.dumps(body).encode(), NOW)
    assert found.places == [0, 4] and sorted(found.errors) == [1, 2, 3, 5] and found.total == 6
    assert all(text.startswith("error") for text in found.errors.values())
    assert found.table["parameters"].to_pylist() == [None, '{"a":1}']


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[5]",
        b"[",
        json.dumps([group(1, ("nosuch", "result"), [1, 2])]).encode(),
        json.dumps([group(1, ("phenomenonTime",), ["2026-01-01T00:00:00Z"])]).encode(),
        json.dumps([group(1, ("result", "result"), [1, 2])]).encode(),
        json.dumps([group("x", ("result",), [1])]).encode(),
        json.dumps([{"components": ["result"], "dataArray": [[1]]}]).encode(),
        b'[{"Datastream":{"@iot.id":1},"components":["result"],"dataArray":[["\\u0000"]]}]',
    ],
)
def test_what_is_no_data_array_is_refused(body):
    with pytest.raises(Invalid):
        arrays.data_arrays(body, NOW)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5),
    st.lists(st.integers(), max_size=2),
)


@given(st.lists(VALUES, min_size=1, max_size=6))
@settings(deadline=None)
def test_results_are_kept_as_they_are(values):
    body = json.dumps([group(1, ("result",), *[[value] for value in values])]).encode()
    table = arrays.data_arrays(body, NOW).table
    for value, number, text in zip(values, table["number"].to_pylist(), table["text"].to_pylist(), strict=True):
        kept = number if number is not None else None if text is None else json.loads(text)
        assert kept == value and (isinstance(kept, bool) == isinstance(value, bool))


@given(st.lists(st.lists(VALUES, max_size=8), max_size=4))
@settings(deadline=None)
def test_nonsense_rows_are_errors_of_their_own(rows):
    names = ("phenomenonTime", "result", "resultTime", "validTime", "parameters", "FeatureOfInterest/id")
    found = arrays.data_arrays(json.dumps([group(1, names, *rows)]).encode(), NOW)
    assert len(found.places) + len(found.errors) == found.total == len(rows) == found.table.num_rows + len(found.errors)


def test_plain_observations_need_no_entity():
    body = {"result": 1, "Datastream": {"@iot.id": 4}, "FeatureOfInterest": {"@iot.id": 5}}
    assert arrays.plain(body, None) == (4, {"result": 1, "FeatureOfInterest/id": 5})
    assert arrays.plain({"result": 1}, 4) == (4, {"result": 1})
    for unusual in (
        body | {"FeatureOfInterest": {"name": "x"}},
        body | {"x": 1},
        {"Datastream": {"@iot.id": 4}},
        [],
        5,
    ):
        assert arrays.plain(unusual, None) is None
    assert arrays.plain(body, 4) is None, "whether both are the same is looked at elsewhere"


# MQTT


def test_topics_are_questions():
    found = mqtt.subscription("v1.1/Datastreams(1)/Observations?$select=result,phenomenonTime")
    assert found.query == EntityQuery(
        T.OBSERVATION, (Hop(T.DATASTREAM, 1, "Observations"),), select=("result", "phenomenonTime")
    )
    event = EntityEvent(Happening.CREATED, T.OBSERVATION, (7,), "d")
    row = EntityRow(T.OBSERVATION, 7, {"result": 2.0, "phenomenonTime": NOW})
    assert json.loads(found.payload(event, row)) == {"result": 2, "phenomenonTime": "2026-01-01T00:00:00Z"}
    found = mqtt.subscription("v1.1/Observations?$filter=startswith(FeatureOfInterest/name,'Location 1')")
    assert found.query.where.name == "startswith"


def test_a_property_is_told_when_it_changed():
    found = mqtt.subscription("v1.1/Things(1)/name")
    row = EntityRow(T.THING, 1, {"name": "neu"})
    told = EntityEvent(Happening.UPDATED, T.THING, (1,), "d", changed=("name",))
    other = EntityEvent(Happening.UPDATED, T.THING, (1,), "d", changed=("description",))
    assert json.loads(found.payload(told, row)) == {"name": "neu"}
    assert found.payload(other, row) is None
    assert found.payload(EntityEvent(Happening.DELETED, T.THING, (1,), "d"), None) is None


def test_messages_make_observations_and_entities():
    found = mqtt.published("v1.1/Datastreams(3)/Observations", b'{"result": 5}', NOW)
    assert found.row == (3, {"result": 5, "phenomenonTime": "2026-01-01T00:00:00Z"}) and found.entity is None
    found = mqtt.published("v1.1/Things", json.dumps(THING).encode(), NOW)
    assert found.row is None and found.entity.values["name"] == "Ding"
    found = mqtt.published("v1.1/Datastreams(3)/Observations", b'{"result":1,"Datastream":{"@iot.id":3}}', NOW)
    assert found.within == (Hop(T.DATASTREAM, 3, "Observations"),)


@pytest.mark.parametrize(
    "topic", ["v1.0/Things", "v1.1/", "v1.1/#", "v1.1/+", "v1.1/Things?$top=1", "v1.1/Nothing", "x", "v1.1/Things/$ref"]
)
def test_topics_that_are_none(topic):
    with pytest.raises((Invalid, Unknown)):
        mqtt.subscription(topic)


@given(st.text(max_size=30), st.binary(max_size=60))
@settings(deadline=None)
def test_nonsense_messages_are_refused(text, payload):
    for topic in (text, f"v1.1/{text}", f"v1.1/Observations{text}"):
        for read in (
            lambda topic=topic: mqtt.subscription(topic),
            lambda topic=topic: mqtt.published(topic, payload, NOW),
        ):
            try:
                read()
            except NabeError as error:
                assert error.status in (400, 404, 501)
