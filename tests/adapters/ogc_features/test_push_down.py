"""What the server filters itself: fewer rows on the way, never too few, and values that cannot break out of a filter."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from nabe.adapters.ogc_features.api import Collection, parameters
from nabe.adapters.ogc_features.cql import written_cql
from nabe.adapters.ogc_features.fes import Language, written_filter
from nabe.adapters.ogc_features.translate import Known, Property, narrowed
from nabe.adapting.axes import crs_of
from nabe.model.dataset import FieldType
from nabe.model.expr import And, BBox, Compare, Expr, In, IsNull, Like, Not, Op, Or
from nabe.model.query import Scan
from nabe.testing.sealing import seal
from nabe.testing.silo import Reply, Server, rows, serving
from nabe.testing.source_conformance import FIELDS, ROWS, expressions
from nabe.testing.source_oracle import holds

from .api_server import ApiServer
from .support import dataset, opened
from .test_conformance import GEOJSON, SCHEMA, SHAPES, XSD
from .wfs_server import WfsServer, report, xml

WFS = dataset({"collection": "app:orte"}, FIELDS)
TYPES = {"double": FieldType.NUMBER, "dateTime": FieldType.DATETIME, "PointPropertyType": FieldType.GEOMETRY}
KNOWN = Known(
    {n: Property(n, TYPES.get(k) or FieldType(k), point="Point" in k) for n, k in XSD.items()}, {}, True, "place"
)


@pytest.fixture
def server() -> Iterator[Server]:
    yield from serving()


def delivered(source: Any, of: Any, where: Expr) -> int:
    """Rows that came from the server, before the hub filters."""
    return sum(batch.num_rows for batch in source.read(seal(of, Scan("inhalt", ("key",), where=where))).batches)


@pytest.mark.parametrize(
    ("where", "count"),
    [
        (Compare("key", Op.EQ, "01"), 1),
        (Compare("note", Op.EQ, 'O\'Brien; -- "x"'), 1),
        (In("quarter", ("Nord", "Süd")), sum(row["quarter"] in ("Nord", "Süd") for row in ROWS)),
        (Compare("count", Op.GT, 9.5), sum((row["count"] or 0) >= 9 for row in ROWS)),
        (Compare("share", Op.EQ, 2.2), 1),
        (Compare("open", Op.EQ, True), sum(row["open"] is True for row in ROWS)),
        (Like("name", "K%-S_d"), 1),
        (BBox("place", 6.9, 50.9, 7.0, 51.0), 4),
        (Compare("opened", Op.LT, dt.date(1950, 1, 1)), 1),
        (Or((Compare("key", Op.EQ, "01"), Compare("key", Op.EQ, "02"))), 2),
        (And((Compare("key", Op.EQ, "01"), IsNull("note"))), 1),
    ],
)
@pytest.mark.parametrize("version", ["2.0.0", "1.1.0"])
def test_a_wfs_filters_itself(tmp_path, server, where, count, version):
    server.answer = WfsServer(SHAPES, XSD, version=version)
    source = opened(tmp_path, server.url, type="wfs", version=version)
    of = dataset({"collection": "app:orte", "axes": "yx"}, FIELDS)
    assert delivered(source, of, where) == count
    assert len(server.answer.filters) >= 1


@pytest.mark.parametrize(
    "where",
    [
        IsNull("note"),
        Not(Compare("key", Op.EQ, "01")),
        Compare("name", Op.GE, "Z"),
        Compare("note", Op.NE, "frei"),
        Like("name", "köln%", ignore_case=True),
        Compare("note", Op.EQ, "a\nb"),
        Compare("name", Op.EQ, " Zoo"),
        Compare("name", Op.EQ, "\x01"),
        BBox("place", 170.0, -90.0, 6.95, 90.0),
        Or((Compare("key", Op.EQ, "01"), IsNull("note"))),
        In("key", tuple(str(number) for number in range(200))),
    ],
)
def test_what_servers_understand_differently_is_not_asked(tmp_path, server, where):
    server.answer = WfsServer(SHAPES, XSD)
    assert delivered(opened(tmp_path, server.url, type="wfs"), WFS, where) == len(ROWS)
    assert server.answer.filters == []


def test_boxes_are_not_asked_in_degrees_where_the_order_is_anybody_s_guess(tmp_path, server):
    server.answer = WfsServer(SHAPES, XSD)
    box = BBox("place", 6.9, 50.9, 7.0, 51.0)
    assert delivered(opened(tmp_path, server.url, type="wfs"), WFS, box) == len(ROWS)
    told = dataset({"collection": "app:orte", "axes": "yx"}, FIELDS)
    assert delivered(opened(tmp_path, server.url, type="wfs"), told, box) == 4


@pytest.mark.parametrize("yx", [False, True])
@pytest.mark.parametrize(
    "crs", ["EPSG:25832", "urn:ogc:def:crs:EPSG::25832", "urn:ogc:def:crs:EPSG::31467", "EPSG:31467"]
)
def test_boxes_are_asked_in_the_order_in_which_the_server_writes(tmp_path, server, crs, yx):
    """Servers that write the north first where the name says otherwise read it so, too; asked wrongly, they find nothing."""
    there = Transformer.from_crs("OGC:CRS84", crs_of(crs), always_xy=True)
    shapes = [{"place": shapely.Point(there.transform(6.9 + n / 100, 50.9))} for n in range(30)]
    server.answer = WfsServer(shapes, {"place": "PointPropertyType"}, crs=crs, yx=yx)
    of = dataset({"collection": "app:orte"}, (FIELDS[-1],))
    source = opened(tmp_path, server.url, type="wfs")
    for _ in range(2):
        box = BBox("place", 6.9455, 50.89, 6.9645, 50.91)
        sealed = seal(of, Scan("inhalt", ("place",), where=box))
        assert sum(batch.num_rows for batch in source.read(sealed).batches) == 2
        assert len(rows(source, of, Scan("inhalt", ("place",), where=box))) == 2
    looked = [item for item in server.seen if item.params["request"] == "GetFeature" and "filter" not in item.params]
    assert len(looked) == 1, "some places are looked at once"


def test_shapes_that_are_no_points_are_not_asked_for_by_box(tmp_path, server):
    server.answer = WfsServer(SHAPES, XSD | {"place": "SurfacePropertyType"})
    box = BBox("place", 6.9, 50.9, 7.0, 51.0)
    of = dataset({"collection": "app:orte", "axes": "yx"}, FIELDS)
    assert delivered(opened(tmp_path, server.url, type="wfs"), of, box) == len(ROWS)


def test_a_server_that_refuses_the_filter_is_asked_without_from_then_on(tmp_path, server):
    inner = WfsServer(SHAPES, XSD)

    def strict(request: Any) -> Reply:
        if "filter" in request.params:
            return xml(report("OperationProcessingFailed", "no filters here"), 400)
        return inner(request)

    server.answer = strict
    source = opened(tmp_path, server.url, type="wfs")
    scan = Scan("inhalt", ("key",), where=Compare("key", Op.EQ, "01"))
    assert rows(source, WFS, scan) == [{"key": "01"}]
    server.seen.clear()
    assert rows(source, WFS, scan) == [{"key": "01"}]
    assert not any("filter" in request.params for request in server.seen)


def test_push_down_can_be_turned_off(tmp_path, server):
    server.answer = WfsServer(SHAPES, XSD)
    of = dataset({"collection": "app:orte", "push_down": False}, FIELDS)
    assert delivered(opened(tmp_path, server.url, type="wfs"), of, Compare("key", Op.EQ, "01")) == len(ROWS)


def test_a_limit_goes_to_the_server(tmp_path, server):
    server.answer = WfsServer(SHAPES, XSD)
    assert len(rows(opened(tmp_path, server.url, type="wfs"), WFS, Scan("inhalt", ("key",), limit=2))) == 2
    assert [request.params["count"] for request in server.seen if "count" in request.params] == ["2"]
    server.answer = api = ApiServer(SHAPES, SCHEMA)
    of = dataset({"collection": "orte"}, GEOJSON)
    assert len(rows(opened(tmp_path, server.url, type="ogcapi"), of, Scan("inhalt", ("key",), limit=3, offset=1))) == 3
    assert [asked["limit"] for asked in api.asked] == ["4"]


def test_an_api_is_asked_only_for_what_it_says_it_can(tmp_path, server):
    server.answer = api = ApiServer(SHAPES, SCHEMA)
    of = dataset({"collection": "orte", "time": "seen"}, GEOJSON)
    seen = Compare("seen", Op.GE, dt.datetime(2026, 3, 29, 1, 0, tzinfo=dt.UTC))
    box = BBox("place", 6.9, 50.9, 7.0, 51.0)
    source = opened(tmp_path, server.url, type="ogcapi")
    delivered(source, of, And((Compare("quarter", Op.EQ, "Nord"), seen, box, Compare("count", Op.GT, 3))))
    (asked,) = api.asked
    assert asked == {
        "limit": "1000",
        "quarter": "Nord",
        "datetime": "2026-03-28T01:00:00Z/..",
        "bbox": "6.898000,50.898000,7.002000,51.002000",
    }
    server.answer = plain = ApiServer(SHAPES, SCHEMA, conforms=())
    delivered(opened(tmp_path, server.url, type="ogcapi"), of, Compare("quarter", Op.EQ, "Nord"))
    assert plain.asked == [{"limit": "1000"}]


def test_cql_is_written_where_the_server_speaks_it():
    of = Collection("orte", properties=KNOWN.properties, cql=True, like=True)
    day = Compare("opened", Op.EQ, dt.date(2026, 11, 24))
    where = And((Compare("name", Op.EQ, "O'Brien"), day, Like("name", "a%_b"), BBox("place", 1, 2, 3, 4)))
    asked = dict(parameters([made for part in where.parts if (made := narrowed(part, WFS, KNOWN))], of, ""))
    assert asked["filter"] == (
        "name = 'O''Brien' AND opened >= DATE('2026-11-23') AND opened <= DATE('2026-11-25') AND name LIKE 'a%_b'"
    )
    assert asked["filter-lang"] == "cql2-text" and asked["bbox"] == "0.998000,1.998000,3.002000,4.002000"
    assert written_cql([Compare('sch"limm', Op.EQ, "x")], like=True) == ""
    assert written_cql([Compare("Straße 1", Op.EQ, 1)], like=True) == '"Straße 1" = 1'


@settings(max_examples=300, deadline=None)
@given(where=expressions())
def test_what_is_asked_for_holds_every_row_that_is_wanted(where):
    made = narrowed(where, WFS, KNOWN)
    if made is not None:
        for row in ROWS:
            assert holds(where, row) is not True or holds(made, row) is True


@settings(max_examples=300, deadline=None)
@given(value=st.text(max_size=20), name=st.text("abcÄ_<&\"' ", min_size=1, max_size=5))
def test_no_value_breaks_out_of_a_filter(value, name):
    for version in ("2.0.0", "1.1.0"):
        made = narrowed(Compare("name", Op.EQ, value), WFS, KNOWN)
        if made is None:
            continue
        root = ElementTree.fromstring(written_filter([made], Language(version, "app", 'http://x/?a=1&b="2"')))
        (equal,) = root
        assert [len(item) for item in equal] == [0, 0] and equal[1].text == value
        text = written_filter([Compare(name, Op.EQ, "x")], Language(version))
        assert ElementTree.fromstring(text)[0][0].text == name
        said = written_cql([made], like=True)
        assert said.startswith("name = '") and "'" not in said[8:-1].replace("''", "")


def test_both_ends_of_a_time_are_asked():
    low, high = (Compare("seen", op, dt.datetime(2026, 1, 2, tzinfo=dt.UTC)) for op in (Op.GE, Op.LE))
    assert parameters([And((low, high))], Collection("orte"), "seen") == [
        ("datetime", "2026-01-02T00:00:00Z/2026-01-02T00:00:00Z")
    ]


def test_documents_of_an_api_are_asked_once(tmp_path: Path, server):
    server.answer = ApiServer(SHAPES, SCHEMA)
    source = opened(tmp_path, server.url, type="ogcapi")
    of = dataset({"collection": "orte"}, GEOJSON)
    for _ in range(3):
        rows(source, of, Scan("inhalt", ("key",), where=Compare("quarter", Op.EQ, "Nord")))
    paths = [request.path for request in server.seen]
    assert len(paths) == len(set(paths)) + 2  # the items three times
