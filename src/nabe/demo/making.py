"""The whole model city, made in one go."""

from __future__ import annotations

from nabe.demo import ground, people, places
from nabe.demo.town import Town


def make() -> Town:
    """The same town every time."""
    limits = ground.outline()
    quarters = ground.districts(limits)
    register = ground.streets(quarters)
    houses = ground.addresses(quarters, register)
    everyone = people.households(quarters, houses)
    schooling = places.schools(quarters, houses)
    return Town(
        outline=limits,
        districts=quarters,
        streets=register,
        addresses=houses,
        households=everyone,
        kitas=places.kitas(quarters, everyone, houses),
        places={
            "schools": schooling,
            "doctors": places.doctors(houses),
            "playgrounds": places.playgrounds(houses),
            "sports": places.sports(houses),
            "bus_stops": places.bus_stops(houses),
            "stations": places.stations(houses),
            "car_parks": places.car_parks(houses),
            "buildings": places.buildings(schooling, houses),
        },
        assisted=people.assisted(quarters, everyone),
    )
