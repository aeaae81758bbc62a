"""The model city as plain records, before any silo has made its own shape of it."""

from __future__ import annotations

import datetime as dt
import zlib
from dataclasses import dataclass, field

import numpy as np
from shapely.geometry import LineString, Polygon

from nabe.demo.words import DistrictPlan

#: Raise when the generator changes, so that an older workspace is built anew.
VERSION = "1"
SEED = 20_261_124
#: Day as of which the register counts.
AS_OF = dt.date(2025, 12, 31)
#: Where the town lies: UTM 32N (EPSG:25832), metres. No real town is there under this name.
HEART = (562_450.0, 5_706_200.0)
#: Said in every silo.
NOTICE = "SYNTHETISCHE DATEN der Modellstadt Musterstadt – erfunden, nicht echt. / Synthetic data, entirely invented."


def dice(topic: str) -> np.random.Generator:
    """Random numbers of a topic: always the same, and untouched by what other topics draw."""
    return np.random.default_rng([SEED, zlib.crc32(topic.encode())])


@dataclass(slots=True)
class District:
    plan: DistrictPlan
    shape: Polygon
    settled: Polygon

    @property
    def key(self) -> str:
        return self.plan.key

    @property
    def name(self) -> str:
        return self.plan.name


@dataclass(slots=True)
class Street:
    key: str
    name: str
    short: str
    district: str
    line: LineString


@dataclass(slots=True)
class Address:
    id: int
    street: Street
    number: int
    suffix: str
    postcode: str
    east: float
    north: float

    @property
    def district(self) -> str:
        return self.street.district

    @property
    def house(self) -> str:
        return f"{self.number}{self.suffix}"


@dataclass(slots=True)
class Person:
    id: int
    family_name: str
    given_name: str
    sex: str
    born: dt.date
    household: int

    @property
    def age(self) -> int:
        """Completed years on `AS_OF`."""
        return AS_OF.year - self.born.year - ((self.born.month, self.born.day) > (AS_OF.month, AS_OF.day))


@dataclass(slots=True)
class Household:
    id: int
    kind: str
    address: Address
    people: list[Person] = field(default_factory=list)

    @property
    def district(self) -> str:
        return self.address.street.district


@dataclass(slots=True)
class Kita:
    id: int
    name: str
    operator: int
    address: Address
    groups: list[tuple[str, int]]  # (age group, places)
    head: str
    phone: str

    @property
    def places(self) -> int:
        return sum(places for _, places in self.groups)


@dataclass(slots=True)
class Place:
    """A school, practice, playground, stop ... with what its own register notes about it."""

    id: int
    name: str
    address: Address
    notes: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Town:
    """Everything there is."""

    outline: Polygon
    districts: list[District]
    streets: list[Street]
    addresses: list[Address]
    households: list[Household]
    kitas: list[Kita]
    places: dict[str, list[Place]]
    assisted: list[Household]

    @property
    def people(self) -> list[Person]:
        return [person for household in self.households for person in household.people]

    def in_district(self, key: str) -> list[Household]:
        """Households of a district."""
        return [household for household in self.households if household.district == key]
