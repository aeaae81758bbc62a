"""What is never stored: each rule by itself, on columns and on entities."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nabe.governance import minimise as m
from nabe.model.entities import EntityType, NewEntity
from nabe.model.observation import INCOMING_SCHEMA
from nabe.model.stream import Minimise, MinimiseKind

SALT = m.Salt(b"pepper")


def rule(kind, path="result", step=0.0, every=""):
    (made,) = m.prepared([Minimise(MinimiseKind(kind), path, step, every)])
    return made


def table(**columns):
    size = len(next(iter(columns.values())))
    given = {"stream": [1] * size, "time": [0] * size, **columns}
    arrays = []
    for field in INCOMING_SCHEMA:
        values = given.get(field.name, [None] * size)
        plain = pa.int64() if pa.types.is_timestamp(field.type) else field.type
        arrays.append(pa.array(values, plain).cast(field.type))
    return pa.table(arrays, schema=INCOMING_SCHEMA)


def after(applied, column, salt=SALT, mask=None, **columns):
    before = table(**columns)
    mask = np.ones(before.num_rows, bool) if mask is None else np.array(mask)
    done = m.rows(before, applied, mask, salt).column(column)
    return (done.cast(pa.int64()) if pa.types.is_timestamp(done.type) else done).to_pylist()


def test_a_key_is_dropped_and_nothing_else():
    texts = ['{"plate":"K-AB 1","lane":2}', '{"lane":3}', None, "[1]"]
    found = after(rule("drop", "parameters/plate"), "parameters", parameters=texts)
    assert found == ['{"lane":2}', '{"lane":3}', None, "[1]"]
    assert after(rule("drop", "parameters"), "parameters", parameters=texts) == [None] * 4
    assert after(rule("drop", "resultTime"), "result_time", result_time=[5]) == [None]
    assert after(rule("drop", "result/who"), "text", text=['{"who":"x","n":1}', '"who"']) == ['{"n":1}', '"who"']


def test_only_rows_that_are_meant_are_touched():
    assert after(rule("round", step=10), "number", number=[13.0, 13.0], mask=[True, False]) == [10, 13]
    assert after(rule("round", step=0.5), "number", number=[1.3, None]) == [1.5, None]


def test_times_go_down_to_their_interval():
    quarter = 15 * 60 * 1_000_000
    found = after(rule("round_time", "phenomenonTime", every="PT15M"), "time", time=[quarter - 1, quarter, -1])
    assert found == [0, quarter, -quarter]
    assert after(rule("round_time", "phenomenonTime", every="PT15M"), "until", until=[quarter + 5, None]) == [
        quarter,
        None,
    ]


def test_pseudonyms_are_the_same_for_the_same_and_for_this_salt_only():
    hashing = rule("hash", "parameters/mac", every="P1D")
    first, again, other = after(hashing, "parameters", parameters=['{"mac":"aa"}', '{"mac":"aa"}', '{"mac":"bb"}'])
    assert first == again != other
    assert "aa" not in first
    (elsewhere,) = after(hashing, "parameters", m.Salt(b"salt"), parameters=['{"mac":"aa"}'])
    assert elsewhere != first
    assert after(hashing, "parameters", None, parameters=['{"mac":"aa"}']) == ['{"mac":null}'], (
        "without a salt: nothing"
    )
    assert after(rule("hash", every="P1D"), "number", number=[17.0]) == [None]


def test_small_counts_are_told():
    found = m.too_small(table(number=[2.0, 5.0, None]), rule("min_count", step=5), np.array([True] * 3))
    assert found.tolist() == [True, False, True], "what is no number is not known to be large enough"


@given(st.floats(-180, 180), st.floats(-85, 85), st.sampled_from([10, 100, 5000]))
def test_places_move_to_a_grid_and_no_further_than_its_width(lon, lat, metres):
    point = {"type": "Point", "coordinates": [lon, lat, 35.2]}
    moved = m.coarse(point, metres)["coordinates"]
    assert len(moved) == 2
    assert abs(moved[1] - lat) * 111_320 <= metres * 0.51
    assert abs(moved[0] - lon) * 111_320 * np.cos(np.radians(lat)) <= metres * 0.53
    assert m.coarse({"type": "Point", "coordinates": moved}, metres)["coordinates"] == pytest.approx(moved, abs=1e-6)


def test_places_of_every_shape_and_none():
    feature = {
        "type": "Feature",
        "properties": {"house": 3},
        "geometry": {"type": "Point", "coordinates": [8.12345, 52.1]},
    }
    assert m.coarse(feature, 1000)["properties"] == {}
    line = m.coarse({"type": "LineString", "coordinates": [[8, 52], [8.00001, 52]]}, 1000)
    assert line["coordinates"][0] == line["coordinates"][1]
    for odd in ("somewhere", None, {"type": "Point"}, {"type": "Point", "coordinates": "x"}):
        found = m.coarse(odd, 1000)
        assert found is None or found["coordinates"] is None


def test_entities_and_what_comes_along():
    place = NewEntity(
        EntityType.LOCATION, {"name": "x", "location": {"type": "Point", "coordinates": [8.12345, 52.12345]}}
    )
    feature = NewEntity(
        EntityType.FEATURE_OF_INTEREST, {"feature": {"type": "Point", "coordinates": [8.12345, 52.12345]}}
    )
    thing = NewEntity(EntityType.THING, {"name": "t", "properties": {"owner": "Eva", "nr": 5}}, {"Locations": (place,)})
    rules = m.prepared(
        [
            Minimise(MinimiseKind.DROP, "Datastream/Thing/properties/owner"),
            Minimise(MinimiseKind.ROUND_PLACE, "Datastream/Thing/Locations/location", 1000),
        ]
    )
    done = m.entity(thing, rules, {})
    assert done.values["properties"] == {"nr": 5}
    (located,) = done.links["Locations"]
    assert located.values["location"]["coordinates"] != [8.12345, 52.12345]
    assert m.entity(feature, rules, {}).values["feature"] == located.values["location"], (
        "where it observes is where it stands"
    )
    assert thing.values["properties"] == {"owner": "Eva", "nr": 5}, "what was given is not changed"
