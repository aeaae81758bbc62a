"""A new version of a copy is checked by its dataset's rules; what is checked is the copy."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nabe.model.catalogue import Change
from nabe.model.dataset import Mode
from nabe.model.lake import Run, RunState
from nabe.model.party import JOBS
from nabe.model.quality import Rule, RuleKind, State
from nabe.quality import check_copy, run
from nabe.testing.store_conformance import NOW

from .test_copies import World
from .test_hub import rows


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path, Mode.SNAPSHOT)
    made.hub._quality = made.hub._checking._history = made.store.quality
    noun = made.catalogue.snapshot().datasets["bezirke"]
    rules = (Rule("schluessel", RuleKind.UNIQUE, ("bezirk",)),)
    made.catalogue.commit([Change("dataset", "bezirke", replace(noun, quality=rules))], author="it", at=NOW, expect=1)
    yield made
    made.engine.close()
    made.store.close()


def test_each_new_version_is_checked_and_named(world):
    (checked,) = check_copy(world.hub, world.hub.snapshot(JOBS, "bezirke"))
    assert (checked.results[0].state, checked.results[0].version) == (State.OK, "1")
    assert check_copy(world.hub, world.hub.snapshot(JOBS, "bezirke")) == [], "an unchanged one is not"
    world.files.tables = {**world.files.tables, "bezirke": rows("bezirke", [("01", "Nord", None), ("01", "Süd", None)])}
    (checked,) = check_copy(world.hub, world.hub.snapshot(JOBS, "bezirke"))
    assert (checked.results[0].state, checked.results[0].version) == (State.FAILED, "2")
    world.down()
    (checked,) = run(world.hub, ["bezirke"])
    assert checked.results[0].state is State.FAILED, "the copy is checked, not the silo, which is down"


def test_a_check_that_cannot_be_made_does_not_spoil_the_copy(world):
    lost = Run(1, "snapshot", "dateien", "gibtsnicht", NOW, NOW, RunState.DONE)
    assert check_copy(world.hub, lost) == []
