"""Quality rules that `nabe connect` proposes: what holds today, in few rules, and nothing that the data contradict."""

from __future__ import annotations

from typing import Any

import pytest

from nabe.model.quality import Rule, RuleKind, RuleSeverity

K = RuleKind


def rules(found: Any) -> dict[str, Rule]:
    return {rule.id: rule for rule in found.dataset.quality}


def test_keys_official_forms_and_what_is_always_filled(proposal: Any) -> None:
    count = 40
    found = proposal(
        {
            "Nr": [f"K{at:03d}" for at in range(count)],
            "PLZ": [f"{37073 + at % 7}" for at in range(count)],
            "AGS": ["03159016"] * count,
            "Bemerkung": [None if at % 3 else "x" for at in range(count)],
        }
    )
    made = rules(found)
    assert made["key_unique"] == Rule("key_unique", K.UNIQUE, ("nr",), RuleSeverity.ERROR)
    assert made["always_filled"].fields == ("nr", "plz", "ags")
    assert made["plz_form"] == Rule("plz_form", K.PATTERN, ("plz",), pattern="[0-9]{5}")
    assert made["ags_form"].pattern == "[0-9]{8}"


def test_ranges_follow_units_and_are_not_contradicted(proposal: Any) -> None:
    count = 30
    found = proposal(
        {
            "Fläche in m²": [10.0 + at for at in range(count)],
            "Anteil in %": [float(at) for at in range(count)],
            "Auslastung in %": [90.0 + at for at in range(count)],
            "Wasserstand in m": [-1.0 + at for at in range(count)],
            "pH": [7.0 if at else -327.66 for at in range(count)],
            "Betrag in EUR": [-5.0 + at for at in range(count)],
        }
    )
    made = {id: (rule.min, rule.max) for id, rule in rules(found).items() if rule.kind is K.RANGE}
    # No less than nothing, no more than all; but the pH scale ends at 14 whatever a broken probe says.
    assert made == {"flaeche_range": (0, None), "anteil_range": (0, 100), "p_h_range": (0, 14)}


def test_a_foreign_key_that_was_found_becomes_a_rule(proposal: Any) -> None:
    areas = proposal(
        {"LOR": [f"0110{at:04d}" for at in range(1, 80)], "Name": [f"Gebiet {at}" for at in range(1, 80)]}, "areas"
    )
    found = proposal(
        {"Nr": list(range(200)), "LOR": [f"0110{1 + at % 70:04d}" for at in range(200)]}, "kitas", areas.sketch
    )
    field = found.dataset.field("lor")
    assert field.references is not None and field.references.dataset == "areas"
    assert rules(found)["lor_known"] == Rule("lor_known", K.REFERENCE, ("lor",))


def test_few_rows_or_none_prove_nothing(proposal: Any) -> None:
    assert proposal({"a": []}).dataset.quality == ()
    assert "always_filled" not in rules(proposal({"a": ["x", "y"]}))


@pytest.mark.parametrize(
    ("header", "is_ph"),
    [
        ("pH", True),
        ("ph", True),
        ("pH-Wert", True),
        ("ph_wert", True),
        ("phase", False),
        ("Ph. D.", False),
        ("graph", False),
    ],
)
def test_acidity_is_known_by_its_name(proposal: Any, header: str, is_ph: bool) -> None:
    found = proposal({header: [7.0, 8.0], "x": [1, 2]})
    assert any(rule.kind is K.RANGE for rule in found.dataset.quality) is is_ph
