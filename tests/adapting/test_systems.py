"""Coordinates of the systems that German offices use come to lie where formulas written here independently say."""

from __future__ import annotations

from math import atan, cos, degrees, exp, pi, radians, sin, sqrt, tan

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.adapting.geometry import placed

DOM = (6.958264, 50.941278)  # Köln's cathedral


def mercator_back(x: float, y: float) -> tuple[float, float]:
    """EPSG:3857 to degrees (IOGP Guidance Note 7-2, 3.2.1.2)."""
    radius = 6378137.0
    return degrees(x / radius), degrees(2 * atan(exp(y / radius)) - pi / 2)


def transverse_mercator(
    lon: float, lat: float, middle: float, axis: float, flat: float, scale: float
) -> tuple[float, float]:
    """Snyder, Map Projections (USGS PP 1395), formulas 8-9 to 8-15; good to centimetres within a zone."""
    e2 = flat * (2 - flat)
    ep2 = e2 / (1 - e2)
    phi = radians(lat)
    n = axis / sqrt(1 - e2 * sin(phi) ** 2)
    t, c, a = tan(phi) ** 2, ep2 * cos(phi) ** 2, radians(lon - middle) * cos(phi)
    m = axis * (
        (1 - e2 / 4 - 3 * e2**2 / 64 - 5 * e2**3 / 256) * phi
        - (3 * e2 / 8 + 3 * e2**2 / 32 + 45 * e2**3 / 1024) * sin(2 * phi)
        + (15 * e2**2 / 256 + 45 * e2**3 / 1024) * sin(4 * phi)
        - (35 * e2**3 / 3072) * sin(6 * phi)
    )
    x = scale * n * (a + (1 - t + c) * a**3 / 6 + (5 - 18 * t + t**2 + 72 * c - 58 * ep2) * a**5 / 120)
    series = a**2 / 2 + (5 - t + 9 * c + 4 * c**2) * a**4 / 24 + (61 - 58 * t + t**2 + 600 * c - 330 * ep2) * a**6 / 720
    return x, scale * (m + n * tan(phi) * series)


def read(x: float, y: float, crs: str) -> tuple[float, float]:
    (wkb,) = placed(np.asarray([shapely.Point(x, y)], dtype=object), crs).to_pylist()
    point = shapely.from_wkb(wkb)
    return point.x, point.y


def metres(one: tuple[float, float], other: tuple[float, float]) -> float:
    return sqrt(((one[0] - other[0]) * 111_320 * cos(radians(one[1]))) ** 2 + ((one[1] - other[1]) * 111_320) ** 2)


@settings(deadline=None)
@given(st.floats(5.9, 15.0), st.floats(47.3, 55.0), st.sampled_from([(25832, 9.0), (25833, 15.0)]))
def test_utm(lon, lat, zone):
    code, middle = zone
    x, y = transverse_mercator(lon, lat, middle, 6378137.0, 1 / 298.257222101, 0.9996)
    if abs(lon - middle) < 3.5:
        assert metres((lon, lat), read(500_000 + x, y, f"EPSG:{code}")) < 1.0


@settings(deadline=None)
@given(st.floats(600_000, 1_700_000), st.floats(5_900_000, 7_400_000))
def test_web_mercator(x, y):
    assert metres(mercator_back(x, y), read(x, y, "EPSG:3857")) < 0.01


@pytest.mark.parametrize(("code", "middle", "easting"), [(31466, 6.0, 2_500_000), (31467, 9.0, 3_500_000)])
def test_gauss_krueger_is_shifted_to_the_datum_of_today(code, middle, easting):
    """On Bessel's ellipsoid, and 100 to 200 m away from where the same degrees lie today (DHDN against ETRS89)."""
    x, y = transverse_mercator(*DOM, middle, 6377397.155, 1 / 299.1528128, 1.0)
    found = read(easting + x, y, f"EPSG:{code}")
    assert 80 < metres(DOM, found) < 250
    # EPSG:1777, seven parameters for Germany west of 1990, good to 3 m
    assert metres(helmert(*DOM), found) < 5.0


def helmert(lon: float, lat: float) -> tuple[float, float]:
    """DHDN degrees to WGS 84 (EPSG:1777, position vector: 598.1, 73.7, 418.2, 0.202, 0.045, -2.455, 6.7)."""
    e2 = (1 / 299.1528128) * (2 - 1 / 299.1528128)
    phi, lam = radians(lat), radians(lon)
    n = 6377397.155 / sqrt(1 - e2 * sin(phi) ** 2)
    x, y, z = n * cos(phi) * cos(lam), n * cos(phi) * sin(lam), n * (1 - e2) * sin(phi)
    rx, ry, rz = (radians(angle / 3600) for angle in (0.202, 0.045, -2.455))
    k = 1 + 6.7e-6
    u = 598.1 + k * (x - rz * y + ry * z)
    v = 73.7 + k * (rz * x + y - rx * z)
    w = 418.2 + k * (-ry * x + rx * y + z)
    axis, flat = 6378137.0, 1 / 298.257223563
    e2, across = flat * (2 - flat), sqrt(u * u + v * v)
    phi = atan(w / (across * (1 - e2)))
    for _ in range(6):
        phi = atan((w + e2 * axis / sqrt(1 - e2 * sin(phi) ** 2) * sin(phi)) / across)
    return degrees(atan(v / u)), degrees(phi)
