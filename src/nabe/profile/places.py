"""Two columns that are a place: which is x, which is y, in which coordinate reference system, and are they swapped?"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from nabe.model.dataset import FieldType
from nabe.profile.column import ColumnProfile
from nabe.profile.titles import tokens

_X: tuple[str, ...] = (
    "lon",
    "lng",
    "long",
    "longitude",
    "längengrad",
    "laengengrad",
    "geolaenge",
    "x",
    "koorx",
    "xkoord",
    "xcoord",
)
_X += ("rechtswert", "easting", "ost", "rw", "ostwert", "xkoordinate", "coordx", "posx", "utmx", "east")
_Y: tuple[str, ...] = (
    "lat",
    "latitude",
    "lattitude",
    "breitengrad",
    "geobreite",
    "y",
    "koory",
    "ykoord",
    "ycoord",
    "hochwert",
)
_Y += ("northing", "nord", "hw", "nordwert", "ykoordinate", "coordy", "posy", "utmy", "north")


_WKT = re.compile(
    r"(SRID=\d+;)?\s*(MULTI)?(POINT|LINESTRING|POLYGON|GEOMETRYCOLLECTION)\s*[ZM]*\s*(\(|EMPTY)", re.IGNORECASE
)
_HEX = re.compile(r"0[01][0-9A-Fa-f]{40,}")
_FIRST_POINT = re.compile(r"\(\s*(-?\d+(?:\.\d+)?)\s+(-?\d+(?:\.\d+)?)")


@dataclass(frozen=True, slots=True)
class System:
    """A coordinate reference system by the range its coordinates have in Germany (west, east, south, north)."""

    crs: str
    x: tuple[float, float]
    y: tuple[float, float]


#: Germany: lon 5.5..15.5, lat 47..55.5. Projected ranges computed from that box with PROJ, rounded outwards.
SYSTEMS = (
    System("OGC:CRS84", (5.5, 15.5), (47.0, 55.5)),
    System("EPSG:25832", (230_000, 925_000), (5_200_000, 6_175_000)),
    System("EPSG:3857", (612_000, 1_726_000), (5_942_000, 7_470_000)),
    System("EPSG:4647", (32_230_000, 32_925_000), (5_200_000, 6_175_000)),
    System("EPSG:5650", (33_140_000, 33_600_000), (5_200_000, 6_175_000)),
    System("EPSG:31466", (2_480_000, 2_700_000), (5_200_000, 6_175_000)),
    System("EPSG:31467", (3_350_000, 3_720_000), (5_200_000, 6_175_000)),
    System("EPSG:31468", (4_300_000, 4_720_000), (5_200_000, 6_175_000)),
    System("EPSG:31469", (5_300_000, 5_720_000), (5_200_000, 6_175_000)),
)


@dataclass(frozen=True, slots=True)
class Place:
    """`x`, `y`: columns holding east and north (already put right when `swapped`). `others`: systems that fit as well."""

    x: ColumnProfile
    y: ColumnProfile
    crs: str
    swapped: bool
    share: float
    others: tuple[str, ...] = ()


def find_place(columns: list[ColumnProfile]) -> Place | None:
    """The best pair of coordinate columns, or None. Only columns that the header names are looked at."""
    numbers = [column for column in columns if column.type in (FieldType.NUMBER, FieldType.INTEGER) and column.filled]
    for x in (column for column in numbers if _named(column.name, _X)):
        for y in (column for column in numbers if _named(column.name, _Y)):
            if _stem(x.name, _X) == _stem(y.name, _Y) and (place := _judge(x, y)):
                return place
    return None


def abroad(column: ColumnProfile) -> tuple[float, float] | None:
    """A point of geometries (CRS84 degrees) most of which lie outside Germany: the sign of a wrong reference system."""
    outside = [point for point in column.points if not _inside(point, SYSTEMS[0])]
    return outside[0] if len(outside) * 2 > len(column.points) else None


def find_wkt(columns: list[ColumnProfile]) -> tuple[ColumnProfile, str] | None:
    """A column of geometries written as text (WKT, or WKB in hexadecimal) and their system ("" if it does not show)."""
    for column in columns:
        if column.type is FieldType.STRING and len(column.texts) >= 1 and column.share(_is_wkt) >= 0.9:
            return column, _wkt_crs(column)
    return None


def _is_wkt(text: str) -> bool:
    return bool(_WKT.match(text) or _HEX.fullmatch(text))


def _wkt_crs(column: ColumnProfile) -> str:
    if match := re.match(r"SRID=(\d+)", column.texts[0], re.IGNORECASE):
        return "OGC:CRS84" if match[1] == "4326" else f"EPSG:{match[1]}"
    points = [tuple(map(float, match.groups())) for text in column.texts if (match := _FIRST_POINT.search(text))]
    for system in SYSTEMS:
        if points and all(_inside(point, system) for point in points):
            return system.crs
    return ""


def _inside(point: tuple[float, ...], system: System) -> bool:
    return system.x[0] <= point[0] <= system.x[1] and system.y[0] <= point[1] <= system.y[1]


def unreadable_place(columns: list[ColumnProfile]) -> tuple[ColumnProfile, ColumnProfile] | None:
    """Columns named like coordinates that lie nowhere in Germany in any known system."""
    numbers = [column for column in columns if column.type is FieldType.NUMBER and column.filled]
    clear_x, clear_y = [tuple(word for word in words if len(word) > 2) for words in (_X, _Y)]
    for x in (column for column in numbers if _named(column.name, clear_x)):
        for y in (column for column in numbers if _named(column.name, clear_y)):
            if _stem(x.name, _X) == _stem(y.name, _Y):
                return x, y
    return None


def _judge(x: ColumnProfile, y: ColumnProfile) -> Place | None:
    fits: list[tuple[float, bool, str]] = []
    for system in SYSTEMS:
        for swapped, (east, north) in ((False, (x, y)), (True, (y, x))):
            share = min(_within(east, *system.x), _within(north, *system.y))
            if share >= 0.9:
                fits.append((share, swapped, system.crs))
    if not fits:
        return None
    share, swapped, crs = max(fits, key=lambda fit: (round(fit[0], 3), not fit[1]))
    others = tuple(other for _, way, other in fits if other != crs and way == swapped)
    if crs == "EPSG:25832":
        others = ("EPSG:25833", *others)
    east, north = (y, x) if swapped else (x, y)
    return Place(east, north, crs, swapped, share, others)


def _within(column: ColumnProfile, low: float, high: float) -> float:
    """The share of sampled values in the range; values of 0 stand for a missing place."""
    values = np.asarray([value for value in column.values if value], dtype=float)
    return float(((values >= low) & (values <= high)).mean()) if len(values) else 0.0


def _named(name: str, words: tuple[str, ...]) -> bool:
    parts = tokens(name)
    return any(part in words for part in parts) or "".join(parts) in words


def _stem(name: str, words: tuple[str, ...]) -> tuple[str, ...]:
    """What is left of the header, so that `start_x` goes with `start_y`."""
    parts = tokens(name)
    return () if "".join(parts) in words else tuple(part for part in parts if part not in words)
