"""Declarations written into files that people keep by hand: what did not change is not touched."""

from __future__ import annotations

import datetime as dt
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.manifest.test_round_trip import documents

from nabe.errors import Conflict
from nabe.manifest import load, update, write
from nabe.model.catalogue import City, Goal, kind_of
from nabe.model.dataset import Access, Dataset, Field, FieldType, Product
from nabe.model.party import Organisation
from nabe.model.text import Text
from nabe.model.usecase import Approval, Grant, UseCase

CITY = City("stadt", Text("Stadt"))


def by_key(nouns):
    return {(kind_of(noun), noun.id): noun for noun in nouns}


@settings(max_examples=80, deadline=None)
@given(st.lists(documents, max_size=4), st.lists(documents, max_size=4))
def test_after_an_update_the_files_say_the_new_documents_and_the_others_still(old, new):
    before, after = by_key([CITY, *old]), by_key([CITY, *new])
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, list(before.values()))
        done = update(root, load(root, {}), list(after.values()))
        assert by_key(load(root, {}).nouns) == before | after
        assert {item[:2] for item in done.others} == set(before) - set(after)
        again = update(root, load(root, {}), list((before | after).values()))
        assert again.written == [] and again.others == []


HAND_WRITTEN = """\
# Unser erster Fall
id: fall
title: {de: Fall, en: Case}   # zweisprachig
purpose: Zweck
owner: "amt"
state: draft
members: []
grants:
  # die Plätze
  - dataset: kitas
    columns: [id]          # keine Adressen
    min_group: 5

  # die Fälle
  - dataset: faelle
    columns:
      - id
"""


@pytest.fixture
def root(tmp_path):
    write(tmp_path, [CITY, Organisation("amt", Text("Amt"))])
    (tmp_path / "usecases/fall").mkdir(parents=True)
    (tmp_path / "usecases/fall/usecase.yaml").write_text(HAND_WRITTEN)
    return tmp_path


def test_a_consent_is_added_where_it_belongs_and_every_comment_stays(root):
    loaded = load(root, {})
    case = next(noun for noun in loaded.nouns if isinstance(noun, UseCase))
    consent = Approval("otto", dt.datetime(2026, 11, 24, 8, tzinfo=dt.UTC))
    changed = replace(case, grants=(replace(case.grants[0], approval=consent), case.grants[1]))
    done = update(root, loaded, [changed])
    assert [path.name for path in done.written] == ["usecase.yaml"]
    text = (root / "usecases/fall/usecase.yaml").read_text()
    for comment in ("# Unser erster Fall", "# zweisprachig", "# die Plätze", "# keine Adressen", "# die Fälle"):
        assert comment in text
    assert "state: draft" in text, "what is written out stays written out"
    assert by_key(load(root, {}).nouns)[("usecase", "fall")] == changed


def test_a_document_that_did_not_change_keeps_its_bytes(root):
    loaded = load(root, {})
    update(root, loaded, [replace(noun, title=Text("Neu")) for noun in loaded.nouns if isinstance(noun, City)])
    assert (root / "usecases/fall/usecase.yaml").read_text() == HAND_WRITTEN


def test_documents_stay_in_the_file_in_which_they_stand(root):
    (root / "organisations/viele.yaml").write_text("- {id: a, title: A}\n- {id: b, title: B}\n")
    loaded = load(root, {})
    update(root, loaded, [Organisation("b", Text("B2"))])
    assert not (root / "organisations/b.yaml").exists()
    found = by_key(load(root, {}).nouns)
    assert found[("organisation", "a")].title.de == "A" and found[("organisation", "b")].title.de == "B2"


def test_new_goals_join_those_that_are_there(root):
    write(root, [Goal("eins", Text("Eins"))])
    update(root, load(root, {}), [Goal("zwei", Text("Zwei"))])
    assert {key for key in by_key(load(root, {}).nouns) if key[0] == "goal"} == {("goal", "eins"), ("goal", "zwei")}


def test_a_file_that_cannot_be_read_is_never_replaced(root):
    (root / "datasets").mkdir()
    (root / "datasets/neu.yaml").write_text("id: neu\ntitle: [halb fertig\n")
    dataset = Dataset("neu", Text("Neu"), "amt", Access.OPEN, (Field("x", FieldType.STRING),), "s")
    with pytest.raises(Conflict, match="not replaced"):
        update(root, load(root, {}), [dataset, Organisation("dazu", Text("Dazu"))])
    assert "halb fertig" in (root / "datasets/neu.yaml").read_text()
    assert not (root / "organisations/dazu.yaml").exists(), "nothing was written at all"


def test_a_product_changes_its_use_case_and_its_sql_file(root):
    loaded = load(root, {})
    product = Dataset(
        "p", Text("P"), "amt", Access.OPEN, (Field("x", FieldType.STRING),), product=Product("fall", "SELECT 1 AS x")
    )
    update(root, loaded, [product])
    assert (root / "usecases/fall/products/p.sql").read_text() == "SELECT 1 AS x\n"
    assert by_key(load(root, {}).nouns)[("dataset", "p")] == product
    changed = replace(product, product=Product("fall", "SELECT 2 AS x"))
    done = update(root, load(root, {}), [changed])
    assert [path.name for path in done.written] == ["p.sql"]


def test_a_grant_more_is_written_even_if_comments_among_the_grants_are_lost(root):
    loaded = load(root, {})
    case = next(noun for noun in loaded.nouns if isinstance(noun, UseCase))
    more = replace(case, grants=(*case.grants, Grant("dritte", ("id",))))
    update(root, loaded, [more])
    assert by_key(load(root, {}).nouns)[("usecase", "fall")] == more
    assert "# Unser erster Fall" in (root / "usecases/fall/usecase.yaml").read_text()
