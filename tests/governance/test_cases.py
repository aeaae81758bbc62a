"""Decisions as a data-protection officer reads them: who asks what, what comes out, and which sentence says why."""

from __future__ import annotations

import importlib.util
import pkgutil
import sys
from pathlib import Path

import pytest

import nabe.governance.policies as policies
from nabe.governance.explain import reasons
from nabe.i18n import messages


def _world():
    spec = importlib.util.spec_from_file_location("governance_world", Path(__file__).with_name("world.py"))
    module = importlib.util.module_from_spec(spec)
    sys.modules["governance_world"] = module
    spec.loader.exec_module(module)
    return module


WORLD = _world()
CITY = WORLD.world()
CASES = WORLD.cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['file']}: {case['title']}")
def test_case_comes_out_as_written(case):
    decision = CITY.ask(case["asks"])
    expects = case["expects"]
    assert [verdict.reason for verdict in decision.because] == expects["because"]
    assert decision.permit is expects["permit"]
    if "columns" in expects:
        assert decision.obligations.columns == set(expects["columns"])
    if "min_group" in expects:
        assert decision.obligations.min_group == expects["min_group"]
    if not decision.permit:
        assert not decision.obligations.columns, "a denial leaves nothing readable"
    if "says_de" in case:
        assert case["says_de"] in [reason.text for reason in reasons(decision, "de")]


def test_every_policy_has_a_case_in_which_it_speaks():
    spoke = {verdict.policy for case in CASES for verdict in CITY.ask(case["asks"]).because}
    written = {item.name for item in pkgutil.iter_modules(policies.__path__)}
    assert written <= spoke


def test_every_policy_is_used():
    used = {policy.__name__ for rules in policies.POLICIES.values() for policy in rules}
    assert used == {item.name for item in pkgutil.iter_modules(policies.__path__)}


@pytest.mark.parametrize("lang", ["de", "en"])
def test_every_reason_is_explained_in_both_languages(lang):
    for case in CASES:
        for verdict in CITY.ask(case["asks"]).because:
            assert f"reason.{verdict.reason}" in messages(lang)
        for reason in reasons(CITY.ask(case["asks"]), lang):
            assert "{" not in reason.text, "all placeholders are filled"
