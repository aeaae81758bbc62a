"""Who lives there: 120,000 people in households whose kind, age and means depend on the district."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import numpy as np

from nabe.demo import words
from nabe.demo.town import AS_OF, Address, District, Household, Person, dice

KINDS = ("single_young", "single_middle", "single_old", "couple", "couple_old", "family", "single_parent", "shared")

#: Share of each kind of household by profile of the district.
PROFILES: dict[str, tuple[float, ...]] = {
    "centre": (0.30, 0.17, 0.13, 0.13, 0.06, 0.09, 0.03, 0.09),
    "mixed": (0.11, 0.14, 0.17, 0.16, 0.16, 0.19, 0.05, 0.02),
    "estate": (0.09, 0.15, 0.17, 0.11, 0.12, 0.24, 0.11, 0.01),
    "wealthy": (0.05, 0.10, 0.18, 0.19, 0.24, 0.22, 0.02, 0.00),
    "worker": (0.15, 0.16, 0.15, 0.13, 0.11, 0.20, 0.08, 0.02),
    "new": (0.06, 0.09, 0.06, 0.18, 0.07, 0.48, 0.05, 0.01),
    "village": (0.05, 0.09, 0.15, 0.17, 0.20, 0.30, 0.03, 0.01),
}
#: Expected number of children of families and single parents by profile.
_CHILDREN = {"centre": 1.5, "mixed": 1.65, "estate": 2.05, "wealthy": 1.7, "worker": 1.8, "new": 1.8, "village": 1.8}
#: Mean age of mothers where it is unlike elsewhere.
_MOTHERS = {"centre": 40.0, "new": 39.8, "estate": 41.5, "wealthy": 43.5}
#: How likely a household of a kind needs assistance, relative to others of its district.
_NEED = {
    "single_parent": 3.4,
    "single_middle": 1.5,
    "single_old": 1.1,
    "family": 0.9,
    "single_young": 0.8,
    "shared": 0.4,
}


def households(quarters: list[District], houses: list[Address]) -> list[Household]:
    """Households until each district has exactly its people."""
    rng = dice("people")
    by_district: dict[str, list[Address]] = {}
    for house in houses:
        by_district.setdefault(house.district, []).append(house)
    found: list[Household] = []
    numbers = iter(range(1, 1_000_000))
    for district in quarters:
        left = district.plan.people
        flats = by_district[district.key]
        chosen = _flats(len(flats), rng)
        while left:
            kind = KINDS[int(rng.choice(len(KINDS), p=PROFILES[district.plan.profile]))]
            ages = _ages(kind, district.plan.profile, rng)
            if len(ages) > left:
                kind, ages = "single_middle", [int(rng.integers(35, 64))]
            household = Household(len(found) + 1, kind, flats[next(chosen)])
            household.people = _people(household, ages, numbers, rng)
            found.append(household)
            left -= len(ages)
    return found


def _flats(count: int, rng: np.random.Generator) -> Iterator[int]:
    """Indices of houses: each once before any is full, then large houses more often."""
    yield from rng.permutation(count).tolist()
    size = rng.gamma(1.2, 1.0, count) + 0.05
    while True:
        yield from rng.choice(count, 4_096, p=size / size.sum()).tolist()


def _ages(kind: str, profile: str, rng: np.random.Generator) -> list[int]:
    match kind:
        case "single_young" | "shared":
            count = 1 if kind == "single_young" else int(rng.integers(2, 5))
            return [int(age) for age in rng.integers(19, 36, count)]
        case "single_middle":
            return [int(rng.integers(35, 64))]
        case "single_old":
            return [int(min(101, 64 + rng.gamma(2.6, 6.0)))]
        case "couple":
            first = int(rng.integers(23, 62))
            return [first, max(20, first + int(rng.normal(0, 3)))]
        case "couple_old":
            first = int(min(94, 61 + rng.gamma(2.3, 5.5)))
            return [first, max(55, first - int(abs(rng.normal(2, 2)))) if rng.random() < 0.8 else min(97, first + 3)]
    mother = int(np.clip(rng.normal(_MOTHERS.get(profile, 42.6), 7.4), 20, 58))
    young = [_child(mother, rng) for _ in range(1 + int(min(5, rng.poisson(_CHILDREN[profile] - 1))))]
    adults = [mother] if kind == "single_parent" else [mother, max(21, mother + int(rng.normal(2.5, 3.5)))]
    return adults + sorted(young, reverse=True)


def _child(mother: int, rng: np.random.Generator) -> int:
    """Age of a child whose mother was about 30 at its birth and which has not moved out."""
    for _ in range(8):
        age = mother - int(np.clip(rng.normal(30.4, 5.0), 18, 45))
        if 0 <= age <= 21:
            return age
    return int(rng.integers(0, min(20, mother - 17)))


def _people(household: Household, ages: list[int], numbers: Iterator[int], rng: np.random.Generator) -> list[Person]:
    names = words.FAMILY_NAMES
    family = names[int(rng.integers(len(names)))]
    made: list[Person] = []
    for position, age in enumerate(ages):
        sex = "w" if rng.random() < (0.5 if age < 70 else 0.58) else "m"
        if household.kind in {"family", "couple", "couple_old"} and position == 1:
            sex = "m" if made[0].sex == "w" else "w"
        if household.kind == "single_parent" and position == 0:
            sex = "w" if rng.random() < 0.86 else "m"
        own = names[int(rng.integers(len(names)))] if household.kind == "shared" and position else family
        given = words.GIVEN_NAMES[sex]
        born = AS_OF - dt.timedelta(days=int(age * 365.25 + rng.integers(1, 364)))
        made.append(Person(next(numbers), own, given[int(rng.integers(len(given)))], sex, born, household.id))
    return made


def assisted(quarters: list[District], everyone: list[Household]) -> list[Household]:
    """The households on social assistance: as many in each district as planned, the needier kinds more often."""
    rng = dice("assistance")
    found: list[Household] = []
    for district in quarters:
        local = [household for household in everyone if household.district == district.key]
        need = np.array([_NEED.get(household.kind, 0.35) for household in local])
        chosen = rng.choice(len(local), district.plan.assisted, replace=False, p=need / need.sum())
        found += [local[index] for index in sorted(chosen.tolist())]
    return found
