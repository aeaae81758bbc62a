"""Query parameters of /items: what they mean, and that nothing but `Invalid` comes of nonsense."""

from __future__ import annotations

import datetime as dt
import math
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nabe.apis.ogc import parse
from nabe.errors import Invalid
from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.expr import ALL_ROWS, And, BBox, Compare, Op
from nabe.model.text import Text

KINDS = {
    "name": FieldType.STRING,
    "count": FieldType.INTEGER,
    "share": FieldType.NUMBER,
    "open": FieldType.BOOLEAN,
    "day": FieldType.DATE,
    "at": FieldType.DATETIME,
    "geom": FieldType.GEOMETRY,
}


def dataset(time="at", key=("name",)):
    fields = tuple(Field(name, kind) for name, kind in KINDS.items())
    return Dataset("d", Text("d"), "o", Access.OPEN, fields, time=time, key=key)


def where(text, data=None):
    data = data or dataset()
    pairs = [tuple(part.split("=", 1)) for part in text.split("&")]
    return parse.scan(data, tuple(KINDS), pairs).where


def test_nothing_asked_is_the_first_page():
    scan = parse.scan(dataset(), tuple(KINDS), [])
    assert (scan.limit, scan.offset, scan.where) == (10, 0, ALL_ROWS)


def test_a_limit_beyond_the_most_is_clamped():
    assert parse.limit({"limit": "10001"}) == 10_000
    assert parse.limit({"limit": "9" * 30}) == 10_000


@pytest.mark.parametrize("text", ["0", "-1", "ten", "1.5", "", "١", "1_0", " 1", "9" * 5000 + "x"])
def test_a_limit_that_is_none_is_refused(text):
    with pytest.raises(Invalid, match="limit"):
        parse.limit({"limit": text})


def test_boxes_have_four_numbers_or_six():
    assert where("bbox=1,2,3,4") == BBox("geom", 1, 2, 3, 4)
    assert where("bbox=1,2,-9,3,4,9") == BBox("geom", 1, 2, 3, 4)
    assert where("bbox=170,-10,-170,10") == BBox("geom", 170, -10, -170, 10)


@pytest.mark.parametrize(
    "text", ["", "1,2,3", "1,2,3,4,5", "1,2,3,x", "nan,0,1,1", "0,0,inf,1", "0,5,1,4", "1_0,2,3,4"]
)
def test_boxes_that_are_none_are_refused(text):
    with pytest.raises(Invalid, match="bbox"):
        where(f"bbox={text}")


def test_only_crs84_is_offered():
    assert where(f"bbox=1,2,3,4&bbox-crs={parse.CRS84}") == BBox("geom", 1, 2, 3, 4)
    with pytest.raises(Invalid, match="CRS84"):
        where("bbox=1,2,3,4&bbox-crs=http://www.opengis.net/def/crs/EPSG/0/25832")


def moment(*parts):
    return dt.datetime(*parts, tzinfo=dt.UTC)


def test_instants_and_intervals_over_a_moment():
    at = moment(2026, 11, 24, 8)
    assert where("datetime=2026-11-24T08:00:00Z") == And((Compare("at", Op.GE, at), Compare("at", Op.LE, at)))
    assert where("datetime=2026-11-24T09:00:00+01:00/..") == Compare("at", Op.GE, at)
    assert where("datetime=/2026-11-24") == Compare("at", Op.LE, dt.datetime(2026, 11, 24, 23, 59, 59, 999999, dt.UTC))
    assert where("datetime=../..") == ALL_ROWS
    day = where("datetime=2026-11-24")
    assert day.parts[0].value == moment(2026, 11, 24) and day.parts[1].value.hour == 23


def test_intervals_over_a_day():
    data = dataset(time="day")
    assert where("datetime=2026-11-24T08:00:00Z/2026-12-01", data) == And(
        (Compare("day", Op.GE, dt.date(2026, 11, 24)), Compare("day", Op.LE, dt.date(2026, 12, 1)))
    )


def test_a_collection_without_time_matches_any_time():
    assert where("datetime=2026-11-24", dataset(time="")) == ALL_ROWS


@pytest.mark.parametrize(
    "text",
    [
        "",
        "..",
        "x",
        "2026",
        "2026-13-01",
        "a/b/c",
        "2026-11-24/x",
        "2026-11-25/2026-11-24",
        "2026-11-24 08:00:00",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_times_that_are_none_are_refused(text):
    with pytest.raises(Invalid, match="datetime"):
        where(f"datetime={text}")


def test_properties_are_typed():
    assert where("count=+7") == Compare("count", Op.EQ, 7)
    assert where("share=5e-1") == Compare("share", Op.EQ, 0.5)
    assert where("open=TRUE") == Compare("open", Op.EQ, True)
    assert where("day=2026-11-24") == Compare("day", Op.EQ, dt.date(2026, 11, 24))
    assert where("name=x&count=1") == And((Compare("name", Op.EQ, "x"), Compare("count", Op.EQ, 1)))


@pytest.mark.parametrize(
    "text",
    [
        "count=1.5",
        "count=9223372036854775808",
        "count=1_0",
        "share=nan",
        "share=1e999",
        "open=1",
        "day=24.11.2026",
        "at=2026",
        "geom=x",
        "nix=1",
        "name=a&name=b",
        "count=" + "9" * 5000,
    ],
)
def test_values_that_do_not_fit_are_refused(text):
    with pytest.raises(Invalid):
        where(text)


def test_a_field_that_is_not_readable_is_no_parameter():
    with pytest.raises(Invalid, match="no parameter 'name'"):
        parse.scan(dataset(), ("count",), [("name", "x")])


NAMES = st.sampled_from([*KINDS, "limit", "offset", "bbox", "datetime", "bbox-crs", "f", "x"])
VALUES = st.one_of(
    st.text(max_size=30),
    st.floats().map(str),
    st.lists(st.floats(-200, 200), min_size=3, max_size=6).map(lambda numbers: ",".join(map(str, numbers))),
    st.datetimes().map(lambda value: value.isoformat()),
    st.tuples(st.dates(), st.dates()).map(lambda pair: "/".join(map(str, pair))),
    st.sampled_from(["0001-01-01T00:00:00+14:00", "9999-12-31T00:00:00-14:00", "../..", "2026-11-24T24:00:00Z"]),
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=4), st.sampled_from(["at", "day", ""]))
@example([("datetime", "2026-W48-2")], "at")
def test_whatever_is_asked_is_a_scan_or_invalid(pairs, time):
    try:
        scan = parse.scan(dataset(time=time), tuple(KINDS), pairs)
    except Invalid:
        return
    assert 1 <= scan.limit <= parse.MOST and scan.offset >= 0
    for part in scan.where.parts if isinstance(scan.where, And) else (scan.where,):
        if isinstance(part, Compare) and isinstance(part.value, float):
            assert math.isfinite(part.value)


@given(st.lists(st.text(min_size=1), min_size=2, max_size=2))
def test_ids_of_composite_keys_are_read_back(values):
    data = dataset(key=("name", "name2"))
    data = Dataset(
        "d",
        Text("d"),
        "o",
        Access.OPEN,
        (Field("name", FieldType.STRING), Field("name2", FieldType.STRING)),
        key=data.key,
    )
    values = [value.encode("utf-8", "replace").decode() for value in values]
    id = ".".join(quote(value, safe="").replace(".", "%2E") for value in values)
    scan = parse.feature(data, data.key, id)
    assert [part.value for part in scan.where.parts] == values


@given(st.text(max_size=20))
def test_any_feature_id_is_a_scan_or_invalid(id):
    for data in (dataset(), dataset(key=()), dataset(key=("count", "at"))):
        try:
            assert parse.feature(data, tuple(KINDS), id).limit == 1
        except Invalid:
            pass
