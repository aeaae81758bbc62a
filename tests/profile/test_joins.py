"""Candidates for joins from sketches alone, and keys hidden in longer ones."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from nabe.model.dataset import FieldType
from nabe.profile.hashing import mix
from nabe.profile.joins import candidates
from nabe.profile.sketch import K, KeySketch, read_sketches, write_sketches


def sketch(dataset: str, first: int, count: int, *, rows: int = 0, field: str = "nr", kind: str = "") -> KeySketch:
    hashes = np.sort(mix(np.arange(first, first + count, dtype=np.uint64)))
    return KeySketch(dataset, field, FieldType.STRING, count, rows or count, hashes[:K], kind=kind)


def test_a_field_is_joined_to_the_key_that_holds_it_and_not_the_other_way_round() -> None:
    found = candidates([sketch("akten", 100, 50, rows=500, field="bezirk_nr"), sketch("bezirke", 100, 60)])
    (pair,) = found
    assert (pair.inner.dataset, pair.outer.dataset, pair.found, pair.compared) == ("akten", "bezirke", 50, 50)


def test_containment_of_large_fields_is_estimated_from_the_sample() -> None:
    (pair,) = candidates([sketch("akten", 0, 60_000, rows=90_000), sketch("personen", 0, 80_000)])
    assert pair.share == 1.0 and 1000 < pair.compared < K


def test_different_official_keys_are_not_compared() -> None:
    assert not candidates([sketch("a", 0, 50, rows=99, kind="plz"), sketch("b", 0, 60, kind="street")])


def test_only_the_dataset_that_was_asked_for() -> None:
    known = [sketch(name, 0, 50, rows=99 if name != "register" else 50) for name in ("a", "b", "register")]
    assert {pair.inner.dataset for pair in candidates(known, "a")} == {"a"}
    assert len(candidates(known)) == 2


def test_hundreds_of_datasets_take_seconds() -> None:
    known = [
        sketch(f"d{at}", at % 40 * 1000, 1500, rows=1500 if at % 3 else 9000, field=f"f{number}_nr")
        for at in range(300)
        for number in range(3)
    ]
    begun = time.process_time()
    assert candidates(known)
    assert time.process_time() - begun < 30


def test_kind_and_width_are_kept(tmp_path: Any) -> None:
    write_sketches(tmp_path, [sketch("a", 0, 5, kind="lor")], dataset="a")
    (found,) = read_sketches(tmp_path)
    assert found.kind == "lor"


def test_a_street_key_in_the_first_digits_of_a_longer_one_is_found(proposal: Any) -> None:
    streets = proposal({"schluessel": [f"{at:05d}" for at in range(7, 9000, 7)]}, id="strassen").sketch
    addresses = {"ad_nummer": [f"{at % 9000 // 7 * 7:05d}{at:06d}" for at in range(700, 7000, 3)]}
    told = [item.key for item in proposal(addresses, known=streets).findings if item.kind == "reference"]
    assert told == ["profile.reference.prefix"]
    chance = {"ad_nummer": [f"{at:011d}" for at in range(10_000_000, 10_900_000, 997)]}
    assert not [item for item in proposal(chance, known=streets).findings if item.kind == "reference"]
