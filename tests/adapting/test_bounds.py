"""Bounds are widened so that servers that round, cut or measure on a sphere lose nothing."""

from __future__ import annotations

import datetime as dt
import itertools
import struct

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.adapting.json_http import bounds
from nabe.model.dataset import FieldType
from nabe.model.expr import BBox, Compare, Op


def between(a: tuple[float, float], b: tuple[float, float], count: int = 200) -> np.ndarray:
    """Places on the great circle from `a` to `b` (degrees)."""
    lon, lat = np.radians([a[0], b[0]]), np.radians([a[1], b[1]])
    ends = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    share = np.linspace(0, 1, count)[:, None]
    line = ends[0] * (1 - share) + ends[1] * share
    line /= np.linalg.norm(line, axis=1)[:, None]
    return np.degrees(np.stack([np.arctan2(line[:, 1], line[:, 0]), np.arcsin(line[:, 2])], axis=1))


@settings(max_examples=300, deadline=None)
@given(st.floats(-170, 150), st.floats(-84, 84), st.floats(0, 20), st.floats(0, 3))
def test_the_ring_holds_the_box_on_the_sphere_and_on_the_plane(west, south, width, height):
    box = BBox("ort", west, south, west + width, min(south + height, 85.0))
    ring = bounds.ring(box)
    if ring is None:
        assert width > 19.99
        return
    sphere = shapely.Polygon(np.concatenate([between(a, b) for a, b in itertools.pairwise(ring)]))
    wanted = shapely.box(box.west, box.south, box.east, box.north)
    assert sphere.buffer(1e-9).covers(wanted) and shapely.Polygon(ring).covers(wanted)
    if height > 1e-3:
        assert shapely.Polygon(ring).area < (width + 0.01) * (height + 2 * 0.6)  # and not much more than that


@given(st.floats(-1e15, 1e15) | st.integers(-(10**17), 10**17), st.sampled_from(list(Op)))
def test_the_bounds_of_a_number_hold_it_in_single_precision_too(value, op):
    found = bounds.numbers(Compare("zahl", op, value))
    if op is Op.NE:
        assert found is None
        return
    assert found is not None
    low, high = found
    for held in (float(value), struct.unpack("f", struct.pack("f", value))[0]):
        assert low is None or low <= held
        assert high is None or held <= high
    assert (low is None) == (op in (Op.LT, Op.LE)) and (high is None) == (op in (Op.GT, Op.GE))


@given(st.datetimes(timezones=st.just(dt.UTC)) | st.dates(), st.sampled_from([Op.EQ, Op.GE, Op.LT]))
def test_the_bounds_of_a_time_are_a_second_wider_or_none(value, op):
    found = bounds.moments(Compare("zeit", op, value), FieldType.DATETIME)
    moment = value if isinstance(value, dt.datetime) else dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC)
    if found is None:
        assert moment.year in (1, 9999)
        return
    low, high = found
    assert low is None or moment - low >= dt.timedelta(seconds=1)
    assert high is None or high - moment >= dt.timedelta(seconds=1)
    assert all(len(bounds.written(item)) == 20 for item in found if item is not None)


def test_a_day_has_room_for_every_zone():
    low, high = bounds.moments(Compare("tag", Op.EQ, dt.date(2026, 11, 24)), FieldType.DATE) or (None, None)
    assert (
        low == dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
        and high
        and high >= dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
    )


def test_only_texts_that_can_be_compared_are_sent():
    assert bounds.text_of("Köln-Süd") == "Köln-Süd"
    assert [bounds.text_of(value) for value in ("", "a\nb", "x" * 501, "\ud800", 12, True)] == [None] * 6
