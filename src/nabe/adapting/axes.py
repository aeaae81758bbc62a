"""Reference systems as standards name them, and the order in which their coordinates are written. Pure.

A system's register (EPSG) may say north before east: WGS 84 (4326), Gauß-Krüger (31466 to 31469). Names in the long forms
(`urn:ogc:def:crs:EPSG::4326`, `http://www.opengis.net/def/crs/EPSG/0/4326`) mean the register's order; the short form
`EPSG:4326` and `http://www.opengis.net/gml/srs/epsg.xml#4326` have always meant x, y (OGC 06-135r11, OGC 09-048r5).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from nabe.adapting.geometry import CRS84, degrees, is_lonlat

#: Names that German surveying offices use in NAS and XPlanGML (AdV, GeoInfoDok 7), as EPSG codes.
_ADV = {
    "ETRS89_UTM31": 25831,
    "ETRS89_UTM32": 25832,
    "ETRS89_UTM33": 25833,
    "ETRS89_LAT-LON": 4258,
    "DE_DHDN_3GK2": 31466,
    "DE_DHDN_3GK3": 31467,
    "DE_DHDN_3GK4": 31468,
    "DE_DHDN_3GK5": 31469,
}
_EPSG = re.compile(r"epsg(?:\.xml)?[#:/](?:[0-9.]*[:/])?([0-9]{4,6})(?![0-9])", re.IGNORECASE)
#: Degrees by which places may lie outside their system's area: cities use the zone of their neighbour.
_BESIDE = 3.0
#: Shapes of which the order of their coordinates is told.
_LOOKED_AT = 50


def crs_of(said: str) -> str:
    """`urn:ogc:def:crs:EPSG::25832`, `http://www.opengis.net/gml/srs/epsg.xml#25832`, `EPSG:25832` -> `EPSG:25832`."""
    if said.upper().rstrip("H").endswith("CRS84"):
        return CRS84
    if found := _EPSG.search(said):
        return f"EPSG:{found[1]}"
    if said.lower().startswith("urn:adv:crs:"):
        code = _ADV.get(said.rpartition(":")[2].partition("*")[0].upper())
        return f"EPSG:{code}" if code else ""
    return ""


@lru_cache(maxsize=64)
def north_first(crs: str) -> bool:
    """Does the register say north before east? `crs` as `crs_of` gives it."""
    if crs in ("", CRS84):
        return False
    try:
        axes = CRS.from_user_input(crs).axis_info
    except CRSError:
        return False
    return bool(axes) and axes[0].direction == "north"


def yx_by_name(said: str) -> bool:
    """Does this spelling of a reference system's name mean coordinates with the north first?"""
    crs = crs_of(said)
    if said.lower().startswith("urn:adv:crs:"):
        return crs == "EPSG:4258"
    return ("urn:" in said.lower() or "def/crs" in said.lower()) and north_first(crs)


@lru_cache(maxsize=64)
def is_degrees(crs: str) -> bool:
    """Are its coordinates longitudes and latitudes? True also for what is not known."""
    try:
        return bool(CRS.from_user_input(crs).is_geographic) if crs else True
    except CRSError:
        return True


@lru_cache(maxsize=64)
def dimension(crs: str) -> int:
    """Numbers of a position by the reference system: 2 or 3."""
    try:
        found = CRS.from_user_input(crs) if crs else None
    except CRSError:
        return 2
    return 3 if found is not None and len(found.axis_info) == 3 else 2


def turned(said: str, crs: str, shapes: Sequence[Any]) -> tuple[bool, str]:
    """Are the numbers of these shapes in the order north, east? By the name, unless the places say otherwise."""
    expected = yx_by_name(said)
    try:
        area = CRS.from_user_input(crs).area_of_use
    except CRSError:
        return False, f"The reference system {said} is not known: set source.crs."
    there = [shape for shape in shapes if shape is not None and not shape.is_empty][:_LOOKED_AT]
    if area is None or not there:
        return expected, ""
    x, y = np.array([shapely.get_coordinates(shape)[0] for shape in there]).T

    def fits(east: Any, north: Any) -> int:
        with np.errstate(all="ignore"):
            lon, lat = (east, north) if is_lonlat(crs) else degrees(crs, east, north)
            inside = (lon >= area.west - _BESIDE) & (lon <= area.east + _BESIDE)
            inside &= (lat >= area.south - _BESIDE) & (lat <= area.north + _BESIDE)
        return int(np.count_nonzero(inside))

    plain, swapped = fits(x, y), fits(y, x)
    right, wrong = (swapped, plain) if expected else (plain, swapped)
    if wrong <= right:
        return expected, ""
    order = "east, north" if expected else "north, east"
    return not expected, f"Coordinates are written {order}, against what {said} means; read so."


def box_in(crs: str, west: float, south: float, east: float, north: float) -> tuple[float, float, float, float] | None:
    """A box of degrees as the box (x first) that holds it in a reference system; None if it has none there."""
    if is_lonlat(crs):
        return west, south, east, north
    try:
        box = Transformer.from_crs(CRS84, CRS.from_user_input(crs), always_xy=True).transform_bounds(
            west, south, east, north, densify_pts=21
        )
    except (CRSError, ProjError):
        return None
    return box if np.isfinite(box).all() else None
