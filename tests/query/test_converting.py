"""Values converted on reading: whatever a silo can compute, answers are those over converted rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.errors import SourceRefused
from nabe.model import expr as e
from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.query import Order, Scan
from nabe.model.schema import arrow_schema
from nabe.model.text import Text
from nabe.model.units import conversion
from nabe.ports.source import Batches, Capabilities
from nabe.query.converting import convert, converted
from nabe.query.evaluate import finish
from nabe.testing.fakes import FakeSource
from nabe.testing.sealing import seal

FIELDS = (
    Field("ort", FieldType.STRING),
    Field("verbrauch", FieldType.NUMBER, unit="kW.h", source_unit="W.h"),
    Field("temp", FieldType.NUMBER, unit="Cel", source_unit="K"),
    Field("zahl", FieldType.NUMBER),
)
DATASET = Dataset("zaehler", Text("Zähler"), "amt", Access.OPEN, FIELDS, system="werke")
ABLE = [
    Capabilities(),
    Capabilities(filter=True, bbox=True, order=True, limit=True, floor=True),
    Capabilities(filter=True, bbox=True, order=True, limit=True, floor=True, instant=True, sql="sqlite"),
]

watt_hours = st.none() | st.sampled_from([0.0, 1.0, 500.0, 1500.0, 1003.0, -2.5, float("nan")])
kelvin = st.none() | st.sampled_from([0.0, 273.15, 300.0, 293.65])
rows = st.lists(
    st.tuples(st.sampled_from("abc"), watt_hours, kelvin, st.none() | st.integers(0, 3).map(float)), max_size=12
)
numbers = {
    "verbrauch": st.sampled_from([0.0, 0.5, 1.5, 1.003, 500.0, 1500.0]),
    "temp": st.sampled_from([0.0, 20.5, 26.85, 300.0]),
    "zahl": st.sampled_from([0.0, 1.0, 2.0]),
}
compare = st.sampled_from(sorted(numbers)).flatmap(
    lambda name: st.builds(e.Compare, st.just(name), st.sampled_from(list(e.Op)), numbers[name])
)
filters = st.recursive(
    compare | st.builds(e.Compare, st.just("ort"), st.just(e.Op.EQ), st.sampled_from("ab")) | st.just(e.ALL_ROWS),
    lambda inner: st.lists(inner, max_size=2).map(lambda parts: e.And(tuple(parts))) | inner.map(e.Not),
    max_leaves=4,
)
orders = st.lists(st.builds(Order, st.sampled_from(["verbrauch", "zahl", "ort"]), st.booleans()), max_size=2)


def table(content):
    columns = list(zip(*content, strict=True)) if content else [[]] * 4
    schema = arrow_schema(FIELDS)
    return pa.table([pa.array(list(column), field.type) for column, field in zip(columns, schema, strict=True)], schema)


def by_hand(data):
    """The same table with its numbers converted beforehand."""
    for field in FIELDS:
        if field.source_unit:
            at = data.schema.get_field_index(field.name)
            column = convert(data.column(at).combine_chunks(), conversion(field.source_unit, field.unit))
            data = data.set_column(at, field.name, column)
    return data


def rows_of(batches):
    found = pa.Table.from_batches(list(batches.batches), batches.schema)
    return [tuple("nan" if value != value else value for value in row.values()) for row in found.to_pylist()]


@pytest.mark.parametrize("able", ABLE, ids=["nothing", "all", "all and sql"])
@settings(deadline=None)
@given(rows, filters, filters, orders, st.none() | st.integers(0, 5), st.integers(0, 2), st.booleans())
def test_a_filter_on_converted_values_is_a_filter_after_conversion(
    able, content, where, allowed, order, limit, skip, few
):
    data = table(content)
    fields = ("ort",) if few else ("ort", "verbrauch", "temp", "zahl")
    scan = seal(DATASET, Scan("zaehler", fields, where, tuple(order), limit, skip), allowed=allowed)
    source = converted(FakeSource({"zaehler": data}, able), scan)
    found = rows_of(finish(source.read(scan), scan, source.capabilities))
    expected = by_hand(data)
    wanted = rows_of(finish(Batches(expected.schema, iter(expected.to_batches())), scan, Capabilities()))
    assert found == wanted
    counted = rows_of(
        finish(
            Batches(expected.schema, iter(expected.to_batches())),
            replace(scan, order=(), limit=None, offset=0),
            Capabilities(),
        )
    )
    assert source.count(scan) == len(counted)


@pytest.mark.parametrize("able", ABLE, ids=["nothing", "all", "all and sql"])
def test_rounding_and_groups_are_those_of_converted_values(able):
    data = table([("a", 1400.0, 290.0, 1.0), ("a", 1600.0, 292.0, 1.0), ("b", 100.0, 300.0, 2.0)])
    scan = seal(
        DATASET,
        Scan("zaehler", ("ort", "verbrauch", "temp")),
        min_group=2,
        measures=frozenset({"temp"}),
        rounding={"verbrauch": 1.0},
    )
    source = converted(FakeSource({"zaehler": data}, able), scan)
    expected = by_hand(data)
    wanted = finish(Batches(expected.schema, iter(expected.to_batches())), scan, Capabilities())
    assert rows_of(finish(source.read(scan), scan, source.capabilities)) == rows_of(wanted)


def test_the_silo_still_filters_what_is_not_converted():
    source = FakeSource({"zaehler": table([("a", 1.0, 1.0, 1.0)])}, ABLE[1])
    where = e.Compare("ort", e.Op.EQ, "a")
    scan = seal(DATASET, Scan("zaehler", where=where))
    list(converted(source, scan).read(scan).batches)
    assert source.read_log[-1].where == where
    scan = seal(DATASET, Scan("zaehler", where=e.Compare("temp", e.Op.GT, 1.0)))
    list(converted(source, scan).read(scan).batches)
    assert source.read_log[-1].where == e.ALL_ROWS


def test_sources_without_conversions_are_left_alone():
    source = FakeSource({})
    plain = replace(DATASET, fields=FIELDS[:1])
    assert converted(source, seal(plain, Scan("zaehler"))) is source


def test_what_cannot_be_converted_is_refused_by_name():
    wrong = replace(DATASET, fields=(replace(FIELDS[1], source_unit="Cel"),))
    with pytest.raises(SourceRefused, match="verbrauch"):
        converted(FakeSource({}), seal(wrong, Scan("zaehler")))


@settings(deadline=None)
@given(st.lists(st.none() | st.integers(-(10**9), 10**9), max_size=30))
def test_thousandths_are_as_near_as_floating_point_gets(values):
    made = convert(pa.array(values, pa.float64()), conversion("W.h", "kW.h")).to_pylist()
    assert made == [None if value is None else value / 1000 for value in values]


def test_missing_and_endless_values_stay():
    made = convert(pa.array([None, np.inf, -np.inf, np.nan]), conversion("K", "Cel"))
    assert made.null_count == 1 and made[1].as_py() == np.inf and pc.is_nan(made)[3].as_py()
