"""Tables in memory answer by the shortest way to the rows; the answer is the one that looking at every row gives."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.model import expr as e
from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.query import Order, Scan
from nabe.model.schema import arrow_schema
from nabe.model.text import Text
from nabe.ports.source import Batches, Capabilities
from nabe.query.evaluate import finish
from nabe.query.memory import MemoryTable
from nabe.testing.sealing import seal

FIELDS = (
    Field("nr", FieldType.INTEGER),
    Field("art", FieldType.STRING),
    Field("ort", FieldType.STRING),
    Field("geometry", FieldType.GEOMETRY),
)
PLACES = Dataset("orte", Text("Orte"), "amt", Access.OPEN, FIELDS, system="ordner")

words = st.sampled_from(["", "a", "A", "ä", "b", "Straße"])
degrees = st.integers(-4, 4).map(lambda number: number * 45.0)
shapes = st.one_of(
    st.none(),
    st.builds(shapely.Point, degrees, degrees.map(lambda y: y / 2)),
    st.builds(
        lambda x, y, w, h: shapely.box(x, y, x + w, y + h),
        degrees,
        degrees.map(lambda y: y / 2),
        st.sampled_from([0.5, 90.0]),
        st.sampled_from([0.5, 45.0]),
    ),
    st.just(shapely.Point()),
)
rows = st.lists(st.tuples(st.none() | words, st.none() | words, shapes), max_size=60)
boxes = st.builds(
    lambda west, south, width, height: e.BBox("geometry", west, south, min(west + width, 180.0), south + height),
    degrees,
    degrees.map(lambda y: y / 2),
    st.sampled_from([0.0, 0.5, 90.0, 360.0]),
    st.sampled_from([0.0, 45.0]),
)
across = st.just(e.BBox("geometry", 135.0, -90.0, -135.0, 90.0))
parts = st.one_of(
    boxes,
    across,
    st.builds(e.Compare, st.sampled_from(["art", "ort"]), st.sampled_from([e.Op.EQ, e.Op.NE, e.Op.LT]), words),
    st.builds(
        lambda field, some: e.In(field, tuple(some)), st.sampled_from(["art", "ort"]), st.lists(words, max_size=3)
    ),
    st.builds(e.Compare, st.just("nr"), st.just(e.Op.LT), st.integers(0, 40)),
    st.builds(e.IsNull, st.sampled_from(["art", "geometry"])),
)
filters = st.one_of(
    parts,
    st.lists(parts, max_size=3).map(lambda some: e.And(tuple(some))),
    st.lists(parts, min_size=1, max_size=2).map(lambda some: e.Or(tuple(some))),
    parts.map(e.Not),
)


def table(content: list[tuple[str | None, str | None, shapely.Geometry | None]]) -> pa.Table:
    wkb = [None if shape is None else shapely.to_wkb(shape) for _, _, shape in content]
    columns = [range(len(content)), [row[0] for row in content], [row[1] for row in content], wkb]
    schema = arrow_schema(FIELDS)
    return pa.table([pa.array(list(column), field.type) for column, field in zip(columns, schema, strict=True)], schema)


@settings(max_examples=400, deadline=None)
@given(
    content=rows,
    where=filters,
    allowed=st.one_of(st.just(e.ALL_ROWS), parts),
    offset=st.integers(0, 5),
    limit=st.one_of(st.none(), st.integers(0, 9)),
    order=st.sampled_from([(), (Order("ort"), Order("nr", descending=True))]),
)
def test_every_way_leads_to_the_rows_that_looking_at_each_gives(content, where, allowed, offset, limit, order):
    data = table(content)
    kept = MemoryTable(data)
    scan = seal(PLACES, Scan("orte", where=where, order=order, limit=limit, offset=offset), allowed=allowed)
    slow = finish(Batches(data.schema, iter(data.to_batches())), scan, Capabilities())
    expected = pa.Table.from_batches(list(slow.batches), slow.schema).column("nr").to_pylist()
    for _ in range(2):  # the second time out of what was remembered
        found = kept.answer(scan)
        assert pa.Table.from_batches(list(found.batches), found.schema).column("nr").to_pylist() == expected
    whole = seal(PLACES, Scan("orte", where=where), allowed=allowed)
    slow = finish(Batches(data.schema, iter(data.to_batches())), whole, Capabilities())
    assert kept.count(whole) == sum(batch.num_rows for batch in slow.batches)


def test_a_column_of_many_values_is_searched_instead():
    count = 12_000
    content = [(f"Wert {number}", "a", None) for number in range(count)]
    kept = MemoryTable(table(content))
    for number in (0, 11_999):
        scan = seal(PLACES, Scan("orte", where=e.Compare("art", e.Op.EQ, f"Wert {number}")))
        found = pa.Table.from_batches(list(kept.answer(scan).batches))
        assert found.column("nr").to_pylist() == [number]


def test_a_box_finds_its_few_points_among_many():
    rng = np.random.default_rng(1)
    spots = np.add(rng.random((20_000, 2)), [9.0, 51.0])
    content = [("a", "b", shapely.Point(x, y)) for x, y in spots]
    box = e.BBox("geometry", 9.2, 51.3, 9.21, 51.31)
    inside = [
        number for number, (x, y) in enumerate(spots) if box.west <= x <= box.east and box.south <= y <= box.north
    ]
    assert inside
    found = pa.Table.from_batches(
        list(MemoryTable(table(content)).answer(seal(PLACES, Scan("orte", where=box))).batches)
    )
    assert found.column("nr").to_pylist() == inside
