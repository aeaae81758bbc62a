"""Addresses to their place in a register of addresses: the house itself, between its neighbours, or the street alone.

A register has one row per house (with or without coordinates) or one per stretch of a street with its range of numbers.
Rows are kept as arrays, so that the 400,000 addresses of a large city need tens of megabytes and are found by bisection.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from nabe.linking.matching import Link, Outcome, Record, match
from nabe.linking.names import normalised
from nabe.linking.register import Entry, Register

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

#: Neighbours farther apart than so many numbers say nothing of the house between them.
_GAP = 40
#: A street longer than so many degrees (about 3 km) has no middle worth telling; perhaps it is two.
_LONG = 0.03
#: Two letters at the end of a name, by which a full column tells districts apart.
_MARK = re.compile(r"(?<=\w\w\w[\w.]) [A-ZÄÖÜ][a-zäöü]$")
_NUMBER = re.compile(r"\s*(\d{1,4})\s*([A-Za-z]?)")


class Grade(StrEnum):
    """How good a place is: the house itself; between others, or in the stretch of its numbers; somewhere in the street;
    several places are meant; none."""

    EXACT = "exact"
    INTERPOLATED = "interpolated"
    STREET = "street"
    AMBIGUOUS = "ambiguous"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Place:
    """Where an address lies. `why`: house, range, letter (another letter of the same number), between, nearest, street,
    several, unsure, unknown, number. `lon`, `lat` are NaN and texts empty where the register does not say."""

    grade: Grade
    why: str
    key: str = ""
    lon: float = math.nan
    lat: float = math.nan
    district: str = ""
    street: str = ""
    postcode: str = ""


@dataclass(slots=True)
class Houses:
    """The register's columns, one value per row. `first`..`last` are equal where a row is one house; `side` 0 both, 1 odd,
    2 even. `district` and `key` may be empty texts."""

    street: Sequence[str]
    first: Ints
    last: Ints
    side: Ints
    suffix: Sequence[str]
    postcode: Sequence[str]
    district: Sequence[str]
    key: Sequence[str]
    lon: Floats
    lat: Floats


@dataclass(frozen=True, slots=True)
class Asked:
    """An address to be found."""

    street: str
    number: int = 0
    suffix: str = ""
    postcode: str = ""
    district: str = ""


@dataclass(slots=True)
class Addresses:
    """A register of addresses, found by normalised street name."""

    houses: Houses
    streets: Register = field(init=False)
    _rows: dict[str, Ints] = field(init=False)

    def __post_init__(self) -> None:
        codes: dict[str, int] = {}
        at = np.fromiter((codes.setdefault(name, len(codes)) for name in self.houses.street), np.int64)
        spelt: dict[str, int] = {}
        shared = np.fromiter((spelt.setdefault(_plain(name), len(spelt)) for name in codes), np.int64)
        of = shared[at] if len(at) else at
        order = np.lexsort((self.houses.first, of))
        bounds = np.searchsorted(of[order], np.arange(len(spelt) + 1))
        self._rows = {name: order[bounds[n] : bounds[n + 1]] for name, n in spelt.items() if name}
        pairs = dict.fromkeys(zip(self.houses.street, self.houses.postcode, strict=True))
        self.streets = Register(Entry(_street_key(name, code), name, code) for name, code in pairs)

    def locate(
        self, asked: Sequence[Asked], decided: Mapping[tuple[str, str, str], str] | None = None
    ) -> list[tuple[Place, Link | None]]:
        """A place for each, and where its street is not sure, the link for the review list."""
        decided = decided or {}
        made: list[tuple[Place, Link | None]] = []
        unknown: dict[int, Record] = {}
        for at, item in enumerate(asked):
            spelling = _plain(item.street)
            decision = decided.get((normalised(item.street), item.postcode, item.district))
            if spelling in self._rows and decision is None:
                made.append(self._found(item, self._rows[spelling]))
            else:
                unknown[at] = Record(item.street, item.postcode, item.district, item.number)
                made.append((Place(Grade.NONE, "unknown"), None))
        for at, link in zip(unknown, match(list(unknown.values()), self.streets, decided), strict=True):
            made[at] = self._linked(asked[at], link)
        return made

    def _linked(self, item: Asked, link: Link) -> tuple[Place, Link | None]:
        if link.outcome is Outcome.SURE:
            name, _, code = link.key.rpartition(", ")
            rows = self._rows.get(_plain(name or link.key), np.empty(0, np.int64))
            asked = Asked(name, item.number, item.suffix, code or item.postcode, item.district)
            place, _ = self._found(asked, rows)
            return place, (link if link.why == "decided" else None)
        if link.outcome is Outcome.UNSURE:
            return Place(Grade.AMBIGUOUS, "unsure"), link
        return Place(Grade.NONE, "unknown" if link.why != "decided" else "decided"), None

    def _found(self, item: Asked, rows: Ints) -> tuple[Place, Link | None]:
        rows = self._here(item, rows)
        if not len(rows):
            return Place(Grade.NONE, "unknown"), None
        if not item.number:
            return self._street(item, rows, "number"), None
        houses = self.houses
        parity = 1 if item.number % 2 else 2
        on = (houses.first[rows] <= item.number) & (item.number <= houses.last[rows])
        on &= (houses.side[rows] == 0) | (houses.side[rows] == parity)
        hit = rows[on]
        if len(hit):
            return self._house(item, hit)
        return self._between(item, rows, parity), None

    def _here(self, item: Asked, rows: Ints) -> Ints:
        """Those rows that agree with postcode and district, as long as any do."""
        same = np.asarray(
            [row for row in rows if normalised(self.houses.street[row]) == normalised(item.street)], np.int64
        )
        if _MARK.search(item.street) and len(same):
            rows = same
        for wanted, column in ((item.postcode, self.houses.postcode), (item.district, self.houses.district)):
            if wanted:
                some = np.asarray([row for row in rows if column[row] == wanted], np.int64)
                rows = some if len(some) else rows
        return rows

    def _house(self, item: Asked, hit: Ints) -> tuple[Place, Link | None]:
        houses = self.houses
        ranges = [row for row in hit if houses.first[row] != houses.last[row] or houses.side[row]]
        same = [row for row in hit if houses.suffix[row].casefold() == item.suffix.casefold()]
        if ranges and not same:
            same, why = ranges, "range"
        else:
            why = "range" if ranges else "house" if same else "letter"
        chosen = same or list(hit)
        if len({self._where(row) for row in chosen}) > 1:
            return Place(Grade.AMBIGUOUS, "several"), self._several(item, chosen)
        grade = Grade.EXACT if why == "house" else Grade.INTERPOLATED
        return self._place(chosen[0], grade, why), None

    def _where(self, row: int) -> tuple[Any, ...]:
        """What makes two rows the same place: about 100 m, and the same key and district."""
        houses = self.houses
        point = () if math.isnan(houses.lon[row]) else (round(houses.lon[row], 3), round(houses.lat[row], 3))
        return (houses.key[row], houses.district[row], houses.postcode[row], point)

    def _several(self, item: Asked, rows: Sequence[int]) -> Link:
        register = self.streets
        keys = list(dict.fromkeys(_street_key(self.houses.street[row], self.houses.postcode[row]) for row in rows))
        record = Record(item.street, item.postcode, item.district, item.number)
        from nabe.linking.matching import Candidate

        names = {entry.key: entry.name for entry in register.entries} if len(keys) < 2 else {}
        shown = tuple(Candidate(key, names.get(key, key), 100.0) for key in keys[:5])
        return Link(record, Outcome.UNSURE, "", "several", shown)

    def _between(self, item: Asked, rows: Ints, parity: int) -> Place:
        """Between the nearest lower and higher number on the same side of the street."""
        houses = self.houses
        if self._is_several_streets(rows):
            return Place(Grade.AMBIGUOUS, "several")
        side = rows[(houses.first[rows] % 2 == item.number % 2) | (houses.side[rows] == parity)]
        lower = side[houses.last[side] < item.number]
        upper = side[houses.first[side] > item.number]
        low = int(lower[np.argmax(houses.last[lower])]) if len(lower) else None
        high = int(upper[np.argmin(houses.first[upper])]) if len(upper) else None
        if low is not None and high is not None and houses.first[high] - houses.last[low] <= _GAP:
            share = float(item.number - houses.last[low]) / float(houses.first[high] - houses.last[low])
            lon = houses.lon[low] + share * (houses.lon[high] - houses.lon[low])
            lat = houses.lat[low] + share * (houses.lat[high] - houses.lat[low])
            district = houses.district[low] if houses.district[low] == houses.district[high] else ""
            key = houses.key[low] if houses.key[low] == houses.key[high] else ""
            near = self._place(low, Grade.INTERPOLATED, "between")
            return Place(near.grade, near.why, key, float(lon), float(lat), district, near.street, near.postcode)
        return self._street(item, rows, "street")

    def _is_several_streets(self, rows: Ints) -> bool:
        """Does a house number occur twice, far from itself? Then two streets bear the name."""
        numbers = [(int(self.houses.first[row]), self.houses.suffix[row], int(self.houses.side[row])) for row in rows]
        if len(set(numbers)) == len(numbers):
            return False
        seen: dict[tuple[int, str, int], tuple[Any, ...]] = {}
        return any(
            seen.setdefault(n, self._where(row)) != self._where(row) for n, row in zip(numbers, rows, strict=True)
        )

    def _street(self, item: Asked, rows: Ints, why: str) -> Place:
        """The street alone: the middle of its houses, and key and district if all have the same."""
        houses = self.houses
        if self._is_several_streets(rows):
            return Place(Grade.AMBIGUOUS, "several")
        middle = self._place(int(rows[len(rows) // 2]), Grade.STREET, why)
        wide = [np.ptp(column[rows]) for column in (houses.lon, houses.lat)]
        scattered = any(width > _LONG for width in wide)
        keys, districts, codes = (
            {column[row] for row in rows} for column in (houses.key, houses.district, houses.postcode)
        )
        return Place(
            Grade.STREET,
            why,
            keys.pop() if len(keys) == 1 else "",
            math.nan if scattered else middle.lon,
            math.nan if scattered else middle.lat,
            districts.pop() if len(districts) == 1 else "",
            middle.street,
            codes.pop() if len(codes) == 1 else "",
        )

    def _place(self, row: int, grade: Grade, why: str) -> Place:
        houses = self.houses
        return Place(
            grade, why, houses.key[row], float(houses.lon[row]), float(houses.lat[row]),
            houses.district[row], houses.street[row], houses.postcode[row],
        )  # fmt: skip


def _plain(name: str) -> str:
    """The name without the two letters that tell streets of one name apart: `Hauptstr. Po` is a Hauptstraße, too."""
    return normalised(_MARK.sub("", name)) or normalised(name)


def _street_key(name: str, postcode: str) -> str:
    return f"{name}, {postcode}" if postcode else name


def number_of(text: str) -> tuple[int, str]:
    """House number and letter of a cell: `0001a` -> (1, "a"); (0, "") where there is none."""
    found = _NUMBER.match(text)
    return (int(found[1]), found[2].lower()) if found else (0, "")
