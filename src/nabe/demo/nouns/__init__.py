"""The declarations of the model city: everything that stands in its workspace, in German and English."""

from __future__ import annotations

from dataclasses import replace

from nabe.demo.nouns import (
    datasets_city,
    datasets_ground,
    datasets_live,
    datasets_people,
    datasets_sensing,
    datasets_services,
    parties,
    systems,
    usecases,
)
from nabe.demo.nouns.products import products
from nabe.demo.nouns.rules import RULES
from nabe.demo.town import District
from nabe.model.catalogue import Noun
from nabe.model.dataset import Dataset


def nouns(districts: list[District], silos: systems.Silos) -> list[Noun]:
    """All documents of the workspace. `silos` says where those are that run as processes."""
    made: list[Noun] = [
        parties.CITY,
        *parties.ORGANISATIONS,
        *parties.GOALS,
        *parties.vocabularies(districts),
        *systems.systems(silos),
        *datasets_ground.DATASETS,
        *datasets_people.DATASETS,
        *datasets_services.DATASETS,
        *datasets_city.DATASETS,
        *datasets_live.DATASETS,
        datasets_sensing.METER,
        *datasets_sensing.DATASETS,
        *products(),
        *usecases.USECASES,
    ]
    return [
        replace(noun, quality=RULES[noun.id]) if isinstance(noun, Dataset) and noun.id in RULES else noun
        for noun in made
    ]
