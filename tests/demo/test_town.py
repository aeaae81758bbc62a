"""The model city is believable, complete and always the same."""

from __future__ import annotations

from collections import Counter

import pytest
import shapely
from shapely.geometry import Point

from nabe.demo import ground, making


def test_it_has_the_people_districts_streets_and_services_that_it_promises(town):
    assert len(town.people) == 120_000
    assert len(town.districts) == 14
    assert len(town.streets) == 800
    assert len(town.addresses) == 22_000
    assert len(town.kitas) == 70
    assert {name: len(places) for name, places in town.places.items()} == {
        "schools": 28,
        "doctors": 150,
        "playgrounds": 118,
        "sports": 64,
        "bus_stops": 240,
        "stations": 6,
        "car_parks": 8,
        "buildings": 40,
    }
    assert len(town.assisted) == 4_800


def test_it_is_the_same_every_time(town):
    again = making.make()
    assert [household.people for household in again.households] == [household.people for household in town.households]
    assert [house for house in again.addresses[::50]] == [house for house in town.addresses[::50]]
    assert [district.shape.wkb for district in again.districts] == [district.shape.wkb for district in town.districts]


def test_districts_fill_the_town_without_overlapping(town):
    shapes = [district.shape for district in town.districts]
    assert all(shape.is_valid and shape.geom_type == "Polygon" for shape in shapes)
    assert sum(shape.area for shape in shapes) == pytest.approx(ground.AREA_M2, rel=1e-3)
    whole = shapely.union_all(shapes)
    assert whole.area == pytest.approx(sum(shape.area for shape in shapes), rel=1e-4)
    assert whole.symmetric_difference(town.outline).area < 20_000


def test_street_keys_have_five_digits_with_leading_zeros_and_names_have_umlauts(town):
    keys = [street.key for street in town.streets]
    names = " ".join(street.name for street in town.streets)
    assert len(set(keys)) == len({street.name for street in town.streets}) == 800
    assert all(len(key) == 5 and key.isdigit() for key in keys)
    assert sum(key.startswith("0") for key in keys) > 100
    assert all(part in names for part in ("straße", "-Straße", "ä", "ö", "ü", "ß"))
    assert any(street.short.endswith("str.") for street in town.streets)


def test_streets_and_houses_lie_in_their_district(town):
    shapes = {district.key: shapely.prepared.prep(district.shape.buffer(25)) for district in town.districts}
    assert all(shapes[street.district].covers(street.line) for street in town.streets)
    assert all(shapes[house.district].contains(Point(house.east, house.north)) for house in town.addresses)


def test_houses_of_a_street_have_different_numbers(town):
    doubles = Counter((house.street.key, house.number, house.suffix) for house in town.addresses)
    assert max(doubles.values()) == 1


def test_age_and_households_differ_by_district_as_they_do_in_towns(town):
    share = {}
    for district in town.districts:
        people = [person for household in town.in_district(district.key) for person in household.people]
        young, old = sum(p.age < 6 for p in people), sum(p.age >= 65 for p in people)
        share[district.name] = (young / len(people), old / len(people))
    assert share["Ährenfeld"][0] > 2 * share["Innenstadt"][0]  # new houses, young families
    assert share["Löwenhain"][1] > 1.5 * share["Innenstadt"][1]
    everyone = town.people
    assert 0.045 < sum(person.age < 6 for person in everyone) / len(everyone) < 0.065
    assert 0.15 < sum(person.age >= 65 for person in everyone) / len(everyone) < 0.27
    assert 1.8 < len(everyone) / len(town.households) < 2.2
    assert max(person.age for person in everyone) < 106


def test_one_district_has_fewer_than_five_households_on_assistance_so_that_suppression_shows(town):
    counts = Counter(household.district for household in town.assisted)
    assert [key for key, count in counts.items() if count < 5] == ["14"]


def test_kita_supply_differs_by_district_and_is_lowest_where_need_is_greatest(town):
    supply = {}
    for district in town.districts:
        places = sum(kita.places for kita in town.kitas if kita.address.district == district.key)
        young = sum(p.age < 6 for household in town.in_district(district.key) for p in household.people)
        supply[district.name] = 100 * places / young
    assert min(supply, key=lambda name: supply[name]) == "Bärwinkel"
    assert all(50 < value < 110 for value in supply.values())
    assert all(places > 0 for kita in town.kitas for _, places in kita.groups)
