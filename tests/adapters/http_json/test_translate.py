"""JSON values become the hub's: as they are written, in every dialect; what does not fit is missing and counted."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from nabe.adapting.json_http.paths import Row
from nabe.adapting.json_http.settings import TableSettings
from nabe.adapting.json_http.translate import Table
from nabe.model.dataset import Field, FieldType
from nabe.model.schema import ARROW

S, I, N, B, D, T, G = FieldType  # noqa: E741
UTC = dt.UTC


def made(kind: FieldType, *values: Any, **settings: Any) -> tuple[list[Any], int]:
    """The values as the hub gets them, and how many do not fit."""
    table = Table([Field("a", kind)], TableSettings(**settings))
    column = table.batch([Row({"a": value}) for value in values]).column(0)
    assert column.type == ARROW[kind]
    return column.to_pylist(), table.tallies[0].unfit


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        (S, "  Köln ", "  Köln "),
        (S, 12, "12"),
        (S, 12.0, "12.0"),
        (S, True, "true"),
        (S, {"ä": [1]}, '{"ä": [1]}'),
        (S, [1, "b"], '[1, "b"]'),
        (S, "  ", None),
        (S, "\ud800x", "?x"),
        (I, 12, 12),
        (I, 12.0, 12),
        (I, " 12 ", 12),
        (I, "012", 12),
        (I, "1e3", 1000),
        (I, -(2**63), -(2**63)),
        (N, 12, 12.0),
        (N, "0.5", 0.5),
        (N, ".5", 0.5),
        (N, "-1e-3", -0.001),
        (B, True, True),
        (B, 1, True),
        (B, "nein", False),
        (B, "T", True),
        (D, "2026-11-24", dt.date(2026, 11, 24)),
        (D, "24.11.2026", dt.date(2026, 11, 24)),
        (D, "2026-11-24T23:59:59Z", dt.date(2026, 11, 24)),
        (D, "2026/11/24", dt.date(2026, 11, 24)),
        (D, 20261124, dt.date(2026, 11, 24)),
        (T, "2026-11-24T08:15:00Z", dt.datetime(2026, 11, 24, 8, 15, tzinfo=UTC)),
        (T, "2026-11-24T08:15:00.123456789+01:00", dt.datetime(2026, 11, 24, 7, 15, 0, 123456, tzinfo=UTC)),
        (T, "2026-11-24 08:15", dt.datetime(2026, 11, 24, 7, 15, tzinfo=UTC)),
        (T, "24.11.2026, 8:15", dt.datetime(2026, 11, 24, 7, 15, tzinfo=UTC)),
        (T, "Dienstag, 19. November 2013 - 10:16", dt.datetime(2013, 11, 19, 9, 16, tzinfo=UTC)),
        (T, "6. März 2014, 9:31 Uhr", dt.datetime(2014, 3, 6, 8, 31, tzinfo=UTC)),
        (D, "Montag, 6. Januar 2014", dt.date(2014, 1, 6)),
        (T, "30.10.2023 11:40", dt.datetime(2023, 10, 30, 10, 40, tzinfo=UTC)),
        (T, "2026-11-24 24:00", dt.datetime(2026, 11, 24, 23, 0, tzinfo=UTC)),
        (T, "2026-10-25 02:30", dt.datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),  # twice that night: the later one
        (T, "2026-03-29 02:30", dt.datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),  # never that night
        (T, "2026-11-24", dt.datetime(2026, 11, 23, 23, 0, tzinfo=UTC)),
    ],
)
def test_values_are_read_as_they_are_written(kind, value, wanted):
    assert made(kind, value) == ([wanted], 0)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (I, 12.5),
        (I, "12,5"),
        (I, True),
        (I, 2**63),
        (I, "1_000"),
        (I, "0x1F"),
        (I, "\u0661"),
        (I, [1]),
        (I, float("inf")),
        (N, "nan"),
        (N, "1.234,5"),
        (N, float("inf")),
        (N, "1e999"),
        (N, {}),
        (N, False),
        (B, "vielleicht"),
        (B, 2),
        (B, []),
        (D, "24.11.26"),
        (D, "6. Januarius 2014"),
        (D, "2026-02-30"),
        (D, 1.5),
        (T, "0001-01-01T00:00:00+14:00"),
        (T, "9999-12-31 24:00"),
        (T, "gestern"),
        (T, True),
        (T, {}),
        (G, "POINT"),
        (G, {"type": "Point", "coordinates": ["a", "b"]}),
        (G, {"type": "Point", "coordinates": [500, 0]}),
        (G, {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}),
        (G, {"type": "Feature", "geometry": {"type": "Feature", "geometry": None}}),
        (G, [1e400, 2]),
        (G, 5),
    ],
)
def test_what_does_not_fit_is_missing_and_counted(kind, value):
    assert made(kind, value, None) == ([None, None], 1)


@pytest.mark.parametrize(
    ("kind", "value", "dialect", "wanted"),
    [
        (N, "1.234,5", {"decimal": ",", "thousands": "."}, 1234.5),
        (N, "1234,5", {"decimal": ","}, 1234.5),
        (N, "1 234 567,5", {"decimal": ",", "thousands": " "}, 1234567.5),
        (I, "9.007.199.254.740.993", {"decimal": ",", "thousands": "."}, 9007199254740993),
        (N, "-999", {"nulls": ["-999"]}, None),
        (N, -999, {"nulls": -999}, None),
        (S, "k. A.", {"nulls": "k. A."}, None),
        (T, 1564100000000, {"date_format": "unix_ms"}, dt.datetime(2019, 7, 26, 0, 13, 20, tzinfo=UTC)),
        (T, 1564100000, {"date_format": "unix"}, dt.datetime(2019, 7, 26, 0, 13, 20, tzinfo=UTC)),
        (T, "1564100000.5", {"date_format": "unix"}, dt.datetime(2019, 7, 26, 0, 13, 20, 500000, tzinfo=UTC)),
        (D, 1790892000, {"date_format": "unix"}, dt.date(2026, 10, 2)),  # midnight in Berlin
        (T, "241126 0815", {"date_format": "%d%m%y %H%M"}, dt.datetime(2026, 11, 24, 7, 15, tzinfo=UTC)),
        (D, "24.11.26", {"date_format": ["DD.MM.YYYY", "DD.MM.YY"]}, dt.date(2026, 11, 24)),
        (T, "2026-11-24 08:15", {"timezone": "UTC"}, dt.datetime(2026, 11, 24, 8, 15, tzinfo=UTC)),
        (S, ["a", None, 2], {"columns": {"a": {"join": "; "}}}, "a; 2"),
        (S, None, {"columns": {"a": {"constant": "Calw"}}}, "Calw"),
        (I, "x", {"columns": {"a": {"constant": 7}}}, 7),
        (N, "1,5", {"columns": {"a": {"decimal": ","}}, "decimal": "."}, 1.5),
    ],
)
def test_dialects_say_how_values_are_written(kind, value, dialect, wanted):
    assert made(kind, value, **dialect) == ([wanted], 0)


@pytest.mark.parametrize(
    ("value", "settings", "wkt"),
    [
        ({"type": "Point", "coordinates": [6.95, 50.94, 12]}, {}, "POINT (6.95 50.94)"),
        ({"type": "Feature", "geometry": {"type": "Point", "coordinates": [1, 2]}}, {}, "POINT (1 2)"),
        ({"type": "LineString", "coordinates": [[1, 2], [3, 4]]}, {}, "LINESTRING (1 2, 3 4)"),
        ({"type": "GeometryCollection", "geometries": []}, {}, "GEOMETRYCOLLECTION EMPTY"),
        ([6.95, 50.94], {}, "POINT (6.95 50.94)"),
        (["6,95", "50,94"], {}, "POINT (6.95 50.94)"),
        ({"x": 6.95, "y": 50.94}, {}, "POINT (6.95 50.94)"),
        ([50.94, 6.95], {"axes": "yx"}, "POINT (6.95 50.94)"),
        ('{"type":"Point","coordinates":[1,2]}', {}, "POINT (1 2)"),
        ("SRID=4326;POINT(1 2)", {}, "POINT (1 2)"),
        ([356000, 5645000], {"crs": "EPSG:25832"}, "POINT (6.95 50.939)"),
    ],
)
def test_geometry_comes_in_many_forms(value, settings, wkt):
    (found,), unfit = made(G, value, **settings)
    assert unfit == 0
    assert shapely.to_wkt(shapely.from_wkb(found), rounding_precision=3) == wkt


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        ({"lon": 6.95, "lat": "50.94"}, "POINT (6.95 50.94)"),
        ({"lon": None, "lat": 50.94}, None),
        ({"lon": "", "lat": ""}, None),
        ({"lon": "x", "lat": 1}, None),
        ({"lat": 1}, None),
    ],
)
def test_two_members_make_a_point(record, wanted):
    table = Table([Field("ort", G)], TableSettings(x="lon", y="lat"))
    (found,) = table.batch([Row(record)]).column(0).to_pylist()
    assert (found and shapely.to_wkt(shapely.from_wkb(found), rounding_precision=2)) == wanted
    assert table.tallies[0].unfit == (record.get("lon") == "x")


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8)
    | st.from_regex(r"[+-]?[0-9]{1,4}([.,][0-9]{0,3}){0,3}", fullmatch=True)
    | st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([ T][0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2})?)?", fullmatch=True),
    lambda inner: st.lists(inner, max_size=3)
    | st.fixed_dictionaries({"type": st.sampled_from(["Point", "Polygon", "x"]), "coordinates": st.lists(inner, max_size=3)}),
    max_leaves=6,
)  # fmt: skip


@given(values=st.lists(JSON, max_size=5), kind=st.sampled_from(list(FieldType)), format=st.sampled_from([None, "unix", "DD.MM.YYYY"]))  # fmt: skip
def test_whatever_stands_in_a_record_the_batch_is_valid_and_the_counts_agree(values, kind, format):
    table = Table([Field("a", kind)], TableSettings(date_format=format))
    batch = table.batch([Row({"a": value}) for value in values])
    batch.validate(full=True)
    tally = table.tallies[0]
    assert tally.values - tally.unfit == len(values) - batch.column(0).null_count


@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none()))
def test_whole_numbers_come_through_exactly_as_numbers_and_as_texts(values):
    assert made(I, *values)[0] == values
    assert made(I, *[None if value is None else str(value) for value in values])[0] == values
    assert made(S, *values)[0] == [None if value is None else json.dumps(value) for value in values]
