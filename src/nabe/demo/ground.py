"""The ground: outline, districts, streets and addresses of the model city, in metres of EPSG:25832."""

from __future__ import annotations

import math

import numpy as np
import shapely
from shapely.affinity import scale, translate
from shapely.geometry import LineString, MultiPoint, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.ops import substring

from nabe.demo import words
from nabe.demo.town import HEART, Address, District, Street, dice

AREA_M2 = 80.4e6
STREETS = 800
ADDRESSES = 22_000
_CELL = 190.0  # metres between the points of which borders are made
_PLOT_M2 = {
    "centre": 900,
    "estate": 1_500,
    "worker": 1_250,
    "mixed": 1_300,
    "new": 1_300,
    "wealthy": 1_600,
    "village": 1_900,
}


def outline() -> Polygon:
    """The city limits: a blob of 80.4 km² with bays and tongues."""
    angle = np.linspace(0, 2 * math.pi, 240, endpoint=False)
    phase = dice("outline").uniform(0, 2 * math.pi, 5)
    radius = (
        1 + 0.07 * np.sin(2 * angle + 0.6) + 0.06 * np.sin(3 * angle + phase[1]) + 0.035 * np.sin(5 * angle + phase[2])
    )
    radius += 0.025 * np.sin(9 * angle + phase[3]) + 0.015 * np.sin(17 * angle + phase[4])
    blob = Polygon(np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]))
    factor = math.sqrt(AREA_M2 / blob.area)
    return translate(scale(blob, factor, factor, origin=(0, 0)), *HEART)


def districts(limits: Polygon) -> list[District]:
    """Districts grown from small cells around their hearts, so that their borders wind like real ones."""
    rng = dice("districts")
    west, south, east, north = limits.buffer(600).bounds
    across, up = np.meshgrid(np.arange(west, east, _CELL), np.arange(south, north, _CELL))
    points = np.column_stack([across.ravel(), up.ravel()]) + rng.uniform(-0.45 * _CELL, 0.45 * _CELL, (across.size, 2))
    cells = np.array(shapely.voronoi_polygons(MultiPoint(points)).geoms)
    middle = shapely.get_coordinates(shapely.centroid(cells))
    hearts = np.array([[HEART[0] + plan.east, HEART[1] + plan.north] for plan in words.DISTRICTS])
    pulls = np.array([plan.pull for plan in words.DISTRICTS])
    # A gentle warp bends the borders; the cells then roughen them.
    bent = middle + 260 * np.sin(middle[:, ::-1] / 900.0)
    nearest = np.argmin(np.hypot(*(bent[:, None, :] - hearts[None]).transpose(2, 0, 1)) / pulls, axis=1)
    shapes = [_whole(shapely.union_all(cells[nearest == index]).intersection(limits)) for index in range(len(hearts))]
    # What was cut off as an islet goes to the neighbour that it touches most.
    rest = limits.difference(shapely.union_all(shapes))
    for islet in getattr(rest, "geoms", [rest]):
        if islet.area > 1:
            touching = [shape.buffer(0.5).intersection(islet.boundary).length for shape in shapes]
            best = int(np.argmax(touching))
            shapes[best] = _whole(shapely.union_all([shapes[best], islet], grid_size=0.01))
    return [
        District(plan, shapely.set_precision(shape, 0.01), _settled(plan, shape, Point(heart)))
        for plan, shape, heart in zip(words.DISTRICTS, shapes, hearts, strict=True)
    ]


def _whole(shape: BaseGeometry) -> Polygon:
    """The largest piece, without holes."""
    largest = max(getattr(shape, "geoms", [shape]), key=lambda piece: piece.area)
    return Polygon(largest.exterior)


def _settled(plan: words.DistrictPlan, shape: Polygon, heart: Point) -> Polygon:
    """The built-up part: a patch around the heart, as large as its addresses need with streets, yards and gardens."""
    inner = shape.buffer(-70)
    if not inner.contains(heart):
        heart = inner.representative_point()
    wanted = min(plan.people / plan.per_address * _PLOT_M2[plan.profile], 0.8 * inner.area)
    angle = np.linspace(0, 2 * math.pi, 90, endpoint=False)
    phase = dice(f"settled {plan.key}").uniform(0, 2 * math.pi, 3)
    ragged = (
        1
        + 0.2 * np.sin(2 * angle + phase[0])
        + 0.12 * np.sin(3 * angle + phase[1])
        + 0.08 * np.sin(7 * angle + phase[2])
    )
    unit = translate(Polygon(np.column_stack([ragged * np.cos(angle), ragged * np.sin(angle)])), heart.x, heart.y)
    radius = 150.0
    while (built := scale(unit, radius, radius, origin=heart).intersection(inner)).area < wanted:
        radius *= 1.03
    return _whole(built)


def streets(quarters: list[District]) -> list[Street]:
    """800 streets as pieces of a bent grid in each built-up part, with keys in the order of their names."""
    rng = dice("streets")
    people = np.array([district.plan.people**0.85 for district in quarters])
    counts = _shares(people, STREETS)
    drawn: list[tuple[str, LineString]] = []
    for district, count in zip(quarters, counts, strict=True):
        drawn += [(district.key, line) for line in _grid(district, int(count), rng)]
    names = _street_names(len(drawn), rng)
    rng.shuffle(names)
    order = sorted(range(len(drawn)), key=lambda index: _sortable(names[index]))
    keys = {index: f"{20 + 12 * position + position % 7:05d}" for position, index in enumerate(order)}
    made = [
        Street(keys[index], names[index], _abbreviated(names[index]), district, line)
        for index, (district, line) in enumerate(drawn)
    ]
    return sorted(made, key=lambda street: street.key)


def _grid(district: District, count: int, rng: np.random.Generator) -> list[LineString]:
    west, south, east, north = district.settled.bounds
    middle = ((west + east) / 2, (south + north) / 2)
    reach = max(east - west, north - south)
    angle = rng.uniform(0, math.pi / 2)
    spacing = math.sqrt(district.settled.area / count) * 0.92
    pieces: list[LineString] = []
    while len(pieces) < count:
        pieces = []
        for turn in (0.0, math.pi / 2):
            for offset in np.arange(-reach, reach, spacing if turn else spacing * 1.6):
                pieces += _along(
                    district.settled, middle, reach, angle + turn, offset + rng.normal(0, spacing / 9), rng
                )
        spacing *= 0.94
    heart = district.settled.centroid
    pieces.sort(key=lambda line: line.distance(heart))
    return pieces[:count]


def _along(
    settled: Polygon, middle: tuple[float, float], reach: float, angle: float, offset: float, rng: np.random.Generator
) -> list[LineString]:
    """A bent line through the built-up part, cut into streets of 160 to 620 m."""
    run = np.arange(-reach, reach + 1, 40.0)
    wave = offset + 26 * np.sin(run / 310 + offset / 170)
    across = middle[0] + run * math.cos(angle) - wave * math.sin(angle)
    up = middle[1] + run * math.sin(angle) + wave * math.cos(angle)
    inside = LineString(np.column_stack([across, up])).intersection(settled)
    found: list[LineString] = []
    for part in getattr(inside, "geoms", [inside]):
        start = 0.0
        while isinstance(part, LineString) and part.length - start > 110:
            stop = min(start + rng.uniform(160, 620), part.length)
            found.append(shapely.set_precision(substring(part, start, stop), 0.01))
            start = stop
    return [line for line in found if line.length > 60]


def _street_names(count: int, rng: np.random.Generator) -> list[str]:
    names = [f"{person}-Straße" for person in words.STREET_PEOPLE] + list(words.STREET_PHRASES)
    weights = np.array([0.4, 0.24, 0.08, 0.05, 0.06, 0.04, 0.05, 0.02, 0.03, 0.03])
    taken = set(names)
    while len(names) < count:
        stem = str(rng.choice(words.STREET_STEMS))
        name = stem + str(rng.choice(words.STREET_ENDINGS, p=weights))
        if name not in taken:
            taken.add(name)
            names.append(name)
    return names[:count]


def _abbreviated(name: str) -> str:
    return name.replace("straße", "str.").replace("Straße", "Str.")


def _sortable(name: str) -> str:
    return name.casefold().replace("ä", "ae").replace("ö", "oe").replace("ü", "ue")


def addresses(quarters: list[District], register: list[Street]) -> list[Address]:
    """22,000 houses on both sides of the streets: odd numbers left, even ones right; a few with a letter."""
    rng = dice("addresses")
    by_district: dict[str, list[Street]] = {}
    for street in register:
        by_district.setdefault(street.district, []).append(street)
    wanted = _shares(np.array([d.plan.people / d.plan.per_address for d in quarters]), ADDRESSES)
    found: list[Address] = []
    for district, count in zip(quarters, wanted, strict=True):
        local = by_district[district.key]
        for street, houses in zip(local, _shares(np.array([s.line.length for s in local]), int(count)), strict=True):
            found += _houses(street, int(houses), len(found), rng)
    return found


def _houses(street: Street, count: int, known: int, rng: np.random.Generator) -> list[Address]:
    postcode = f"00{101 + int(street.district) // 4 * 2}"  # no German postcode starts with 00
    made: list[Address] = []
    length = street.line.length
    for index in range(count):
        side = index % 2
        share = (index // 2 + 0.5 + rng.uniform(-0.2, 0.2)) / max(1, (count + 1) // 2)
        at = min(max(share * length, 1.0), length - 1.0)
        here, ahead = street.line.interpolate(at), street.line.interpolate(min(at + 1, length))
        along = math.atan2(ahead.y - here.y, ahead.x - here.x)
        aside = (14 + rng.uniform(-3, 5)) * (1 if side else -1)
        suffix = str(rng.choice(["a", "b", "c"])) if rng.random() < 0.05 else ""
        made.append(
            Address(
                known + index + 1,
                street,
                2 * (index // 2) + 1 + side,
                suffix,
                postcode,
                round(here.x - aside * math.sin(along), 2),
                round(here.y + aside * math.cos(along), 2),
            )
        )
    return made


def _shares(weights: np.ndarray, total: int) -> np.ndarray:
    """Whole numbers in proportion to the weights that add up to `total` (largest remainders)."""
    exact = weights / weights.sum() * total
    whole = np.floor(exact).astype(int)
    for index in np.argsort(whole - exact, kind="stable")[: total - int(whole.sum())]:
        whole[index] += 1
    return np.asarray(whole)
