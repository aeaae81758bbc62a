"""Which two columns are the place of a row, and in which reference system: by name and by the range of the values. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

_EAST = re.compile(
    r"^(x|x_?w(er)?t|lon|lng|long|longitude|laengengrad|geogr?_?laenge|laenge|.*_lon(gitude)?|lon_.*|.*longitude|"
    r"x_?(coord?|koord?).*|.*(koord?|coord?)\w*_?x|.*_x|e|rw|east(ing)?|rechts(wert)?|rechtswert_.*|ostwert|utm_?(e|x|ost)|.*_east(ing)?)$"
)
_NORTH = re.compile(
    r"^(y|y_?w(er)?t|lat|latt?itude|breitengrad|geogr?_?breite|breite|.*_lat(itude)?|lat_.*|.*latt?itude|"
    r"y_?(coord?|koord?).*|.*(koord?|coord?)\w*_?y|.*_y|n|hw|north(ing)?|hoch(wert)?|hochwert_.*|nordwert|utm_?(n|y|nord)|.*_north(ing)?)$"
)
_TABLE = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


class Range(StrEnum):
    """Where a number lies. Longitudes and latitudes of Germany do not overlap, so a swap shows."""

    ALL = "all"
    LON = "lon"
    LAT = "lat"
    WORLD_LON = "world_lon"
    WORLD_LAT = "world_lat"
    UTM_EAST = "utm_east"
    UTM_NORTH = "utm_north"
    ZONED_32 = "zoned_32"
    ZONED_33 = "zoned_33"
    GK_2 = "gk_2"
    GK_3 = "gk_3"
    GK_4 = "gk_4"
    GK_5 = "gk_5"
    MERCATOR_X = "mercator_x"
    MERCATOR_Y = "mercator_y"


_LIMITS: Mapping[Range, tuple[float, float]] = {
    Range.LON: (5.5, 15.6),
    Range.LAT: (47.0, 55.5),
    Range.WORLD_LON: (-180, 180),
    Range.WORLD_LAT: (-90, 90),
    Range.UTM_EAST: (200_000, 950_000),
    Range.UTM_NORTH: (5_200_000, 6_150_000),
    Range.ZONED_32: (32_200_000, 32_950_000),
    Range.ZONED_33: (33_200_000, 33_950_000),
    Range.GK_2: (2_480_000, 2_680_000),
    Range.GK_3: (3_280_000, 3_750_000),
    Range.GK_4: (4_280_000, 4_750_000),
    Range.GK_5: (5_280_000, 5_630_000),
    Range.MERCATOR_X: (600_000, 1_740_000),
    Range.MERCATOR_Y: (5_940_000, 7_450_000),
}
#: Pairs of ranges with the reference system that they tell, the most telling first.
_SYSTEMS = (
    (Range.LON, Range.LAT, "OGC:CRS84", ""),
    (Range.ZONED_32, Range.UTM_NORTH, "EPSG:4647", ""),
    (Range.ZONED_33, Range.UTM_NORTH, "EPSG:5650", ""),
    (Range.GK_2, Range.UTM_NORTH, "EPSG:31466", ""),
    (Range.GK_3, Range.UTM_NORTH, "EPSG:31467", ""),
    (Range.GK_4, Range.UTM_NORTH, "EPSG:31468", ""),
    (Range.GK_5, Range.UTM_NORTH, "EPSG:31469", ""),
    (
        Range.UTM_EAST,
        Range.UTM_NORTH,
        "EPSG:25832",
        "UTM; zone 32 is a guess, east of about 12° it is zone 33 (EPSG:25833)",
    ),
    (Range.MERCATOR_X, Range.MERCATOR_Y, "EPSG:3857", "Web Mercator by the size of the numbers"),
)
_MOST = 0.9


@dataclass(frozen=True, slots=True)
class Pair:
    """Columns of easting and northing (or longitude and latitude), their CRS, and what was guessed."""

    x: str
    y: str
    crs: str
    notes: tuple[str, ...]


def range_counts(name: str, value: str) -> dict[Range, str]:
    """SQL counting the values of a column by range; empty if its name is not that of a coordinate."""
    plain = _plain(name)
    if not (_EAST.match(plain) or _NORTH.match(plain)):
        return {}
    found = {key: f"count(*) FILTER (WHERE {value} BETWEEN {low} AND {high})" for key, (low, high) in _LIMITS.items()}
    return {Range.ALL: f"count(*) FILTER (WHERE {value} <> 0)", **found}


def find_pair(ranges: Mapping[str, Mapping[Range, int]]) -> Pair | None:
    """The first pair of columns by their names whose values make sense as places."""
    east = [name for name in ranges if _EAST.match(_plain(name))]
    north = [name for name in ranges if _NORTH.match(_plain(name))]
    pairs = [(x, y) for x in east for y in north if x != y]
    pairs.sort(key=lambda pair: not _belong(*pair))
    for first, second in pairs:
        for x, y in ((first, second), (second, first)):
            for along, up, crs, note in _SYSTEMS:
                if _mostly(ranges[x], along) and _mostly(ranges[y], up):
                    notes = [f"Place of a row: {x!r} and {y!r} in {crs}{f' ({note})' if note else ''}."]
                    if (x, y) != (first, second):
                        notes.append(f"The columns {first!r} and {second!r} are swapped: {x!r} holds the easting.")
                    return Pair(x, y, crs, tuple(notes))
    for x, y in pairs:
        if _degrees(x) and _mostly(ranges[x], Range.WORLD_LON) and _mostly(ranges[y], Range.WORLD_LAT):
            return Pair(x, y, "OGC:CRS84", (f"Place of a row: {x!r} and {y!r} in degrees.",))
    return None


def _mostly(counts: Mapping[Range, int], key: Range) -> bool:
    return counts[Range.ALL] > 0 and counts[key] >= _MOST * counts[Range.ALL]


def _belong(x: str, y: str) -> bool:
    """`geo_x` and `geo_y` differ in one part only."""
    swaps = (
        ("x", "y"),
        ("lon", "lat"),
        ("east", "north"),
        ("rechts", "hoch"),
        ("laenge", "breite"),
        ("longi", "lati"),
        ("e", "n"),
    )
    left, right = _plain(x), _plain(y)
    return any(left.replace(a, b) == right for a, b in swaps)


def _degrees(name: str) -> bool:
    return bool(re.search(r"lon|lng|laenge", _plain(name)))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower().translate(_TABLE)).strip("_")
