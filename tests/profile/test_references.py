"""Foreign keys are proposed by overlap of values, and chance is not taken for a key."""

from __future__ import annotations

import random
from typing import Any

import pytest

from nabe.model.dataset import FieldType, Reference
from nabe.profile import Proposal


@pytest.fixture
def districts(proposal: Any) -> Any:
    return proposal(
        {"stadtteil_nr": [f"{at}" for at in range(101, 187)], "name": [f"Stadtteil {at}" for at in range(86)]},
        id="stadtteile",
    ).sketch


def reference(found: Proposal, field: str) -> Reference | None:
    item = found.dataset.field(field)
    assert item is not None
    return item.references


def keys(found: Proposal, field: str) -> list[str]:
    return [item.key for item in found.findings if item.kind == "reference" and item.field == field]


def test_a_field_whose_values_all_occur_in_a_key_refers_to_it(proposal: Any, districts: Any) -> None:
    found = proposal(
        {"stadtteil": [f"{101 + at % 86}" for at in range(500)], "wert": [float(at) for at in range(500)]},
        known=districts,
    )
    assert reference(found, "stadtteil") == Reference("stadtteile", "stadtteil_nr")
    (told,) = [item for item in found.findings if item.kind == "reference"]
    assert "86 von 86" in told.text("de") and "86 of 86" in told.text("en")


def test_values_that_do_not_match_are_shown_up_to_three(proposal: Any, districts: Any) -> None:
    values = [f"{101 + at}" for at in range(86)] + ["901", "902", "903", "904", "905"]
    found = proposal({"stadtteil": values * 2}, known=districts)
    told = next(item for item in found.findings if item.kind == "reference")
    assert told.key == "profile.reference.proposed_missing"
    assert len(told.params["missing"]) == 3 and set(told.params["missing"]) <= {"901", "902", "903", "904", "905"}


def test_examples_of_a_personal_field_are_not_shown(proposal: Any, districts: Any) -> None:
    values = [f"{101 + at}" for at in range(86)] + ["901"]
    found = proposal({"kunden_nr": values}, known=districts)
    assert all(not item.params.get("missing") for item in found.findings if item.kind == "reference")


def test_a_number_that_refers_to_a_text_key_is_read_as_text(proposal: Any, districts: Any) -> None:
    found = proposal(
        {"Nr.": list(range(101, 187)), "Stadtteil": [f"Stadtteil {at}" for at in range(86)]}, known=districts
    )
    assert reference(found, "nr") == Reference("stadtteile", "stadtteil_nr")
    field = found.dataset.field("nr")
    assert field is not None and field.type is FieldType.STRING
    assert "profile.reference.as_text" in keys(found, "nr")
    assert keys(found, "stadtteil") == ["profile.reference.echo"] and reference(found, "stadtteil") is None


def test_too_little_overlap_is_told_but_not_proposed(proposal: Any, districts: Any) -> None:
    found = proposal(
        {"stadtteil": [f"{101 + at}" for at in range(60)] + [f"{901 + at}" for at in range(40)]}, known=districts
    )
    assert reference(found, "stadtteil") is None
    assert keys(found, "stadtteil") == ["profile.reference.partly"]


def test_values_that_repeat_in_the_other_dataset_make_no_reference(proposal: Any) -> None:
    series = proposal({"plr_id": [f"0110{at % 50:04d}" for at in range(200)], "wert": [1.5] * 200}, id="reihe").sketch
    found = proposal({"plr_id": [f"0110{at:04d}" for at in range(50)]}, known=series)
    assert reference(found, "plr_id") is None and keys(found, "plr_id") == ["profile.reference.shared"]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(list(range(1, 21)), id="counts from 1 to 20"),
        pytest.param([random.Random(1).randrange(800) for _ in range(300)], id="numbers below 800"),
        pytest.param([at % 6 for at in range(100)], id="classes"),
        pytest.param([str(at) for at in range(1, 200)], id="house numbers"),
    ],
)
def test_small_numbers_do_not_refer_to_running_numbers(proposal: Any, values: list[Any]) -> None:
    running = proposal({"objectid": list(range(1, 801)), "x": [0.5] * 800}, id="wahllokale").sketch
    assert keys(proposal({"plaetze": values}, known=running), "plaetze") == []


def test_years_refer_to_nothing(proposal: Any) -> None:
    years = proposal({"jahr": [str(at) for at in range(1990, 2025)]}, id="jahre").sketch
    found = proposal({"baujahr": list(range(2000, 2020))}, known=years)
    assert reference(found, "baujahr") is None and keys(found, "baujahr") == []


def test_running_numbers_named_alike_are_a_reference_all_the_same(proposal: Any) -> None:
    schools = proposal(
        {"schule_id": list(range(1, 301)), "name": [f"Schule {at}" for at in range(300)]}, id="schulen"
    ).sketch
    found = proposal({"id": list(range(1, 41)), "schule_id": list(range(5, 45))}, known=schools)
    assert reference(found, "schule_id") == Reference("schulen", "schule_id")
    assert reference(found, "id") is None


def test_a_foreign_key_declared_by_the_database_is_taken_over(proposal: Any) -> None:
    kita = proposal({"id": [1, 2, 3]}, id="kita").sketch
    found = proposal({"kita": [1, 1, 2]}, id="platz", known=kita, references=(("kita", "kita", "id"),))
    assert reference(found, "kita") == Reference("kita", "id")
    assert keys(found, "kita") == ["profile.reference.declared"]


def test_a_dataset_does_not_refer_to_itself(proposal: Any, districts: Any) -> None:
    again = proposal({"stadtteil_nr": [f"{at}" for at in range(101, 187)]}, id="stadtteile", known=districts)
    assert reference(again, "stadtteil_nr") is None


def test_datasets_that_refer_to_the_new_key_are_told(proposal: Any) -> None:
    pupils = proposal({"ort": [f"A{at:03d}" for at in range(50)] * 3}, id="schueler").sketch
    found = proposal({"code": [f"A{at:03d}" for at in range(80)]}, known=pupils)
    assert keys(found, "code") == ["profile.reference.partly"] or "profile.reference.referring" in keys(found, "code")


def test_text_that_refers_to_a_number_is_told(proposal: Any) -> None:
    numbers = proposal({"stt_nr": [101 + 7 * at for at in range(86)]}, id="stadtteile").sketch
    found = proposal({"stt_nr": [f"{101 + 7 * at}" for at in range(86)]}, known=numbers)
    assert keys(found, "stt_nr") == ["profile.reference.proposed", "profile.reference.types_differ"]
