"""Streets and addresses as offices write them find their entry in the register; what is unsure is left to people."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nabe.errors import Invalid
from nabe.linking import (
    Address,
    Entry,
    Outcome,
    Record,
    Register,
    address,
    match,
    normalised,
    read_review,
    write_review,
)
from nabe.linking.names import hint, parts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Heinrichstr.", "Heinrichstraße"),
        ("Heinrich Str.", "HEINRICHSTRASSE"),
        ("Heinrich-Böll-Straße", "Heinrich Boell Str"),
        ("St. Apern-Str.", "Sankt-Apern-Straße"),
        ("Dr.-Simons-Straße", "Doktor Simons Str."),
        ("Gr. Budengasse", "Große Budengasse"),
        ("Pescher Weg (Pesch)", "Pescher  Weg"),
        ("Andréstr.", "Andre-Straße"),
        ("Weyerstraßerweg", "Weyerstrasserweg"),
    ],
)
def test_ways_to_write_a_street_are_one_spelling(one, other):
    assert normalised(one) == normalised(other)


@pytest.mark.parametrize(("one", "other"), [("Birkenweg", "Birkenstraße"), ("Straße 12", "Straße 13"), ("", "Am Hof")])
def test_other_streets_stay_others(one, other):
    assert normalised(one) != normalised(other)


def test_what_stands_in_brackets_is_kept_as_a_hint_of_the_place():
    assert hint("Pescher Weg (Pesch)") == "pesch" and hint("Am Hof") == ""
    assert parts("Aachener Str. / Innere Kanalstr. - B55") == ["Aachener Str.", "Innere Kanalstr.", "B55"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Heinrichstr.51", Address("Heinrichstr.", 51)),
        ("Musterweg 12 a-14", Address("Musterweg", 12, "a")),
        ("Am Hof 7B, 50667 Köln", Address("Am Hof", 7, "b", "50667", "Köln")),
        ("50667 Köln, Domstr. 1", Address("Domstr.", 1, "", "50667", "Köln")),
        ("Straße des 17. Juni", Address("Straße des 17. Juni")),
        ("Straße des 17. Juni 135", Address("Straße des 17. Juni", 135)),
        ("Domstr. 1/3", Address("Domstr.", 1)),
        ("Ringstraße", Address("Ringstraße")),
        ("", Address("")),
    ],
)
def test_addresses_are_taken_apart(text, found):
    assert address(text) == found


KOELN = Register(
    [
        Entry("00001", "Aachener Str.", "50674", "Neustadt/Süd", (), ((1, 71, "odd"), (2, 134, "even"))),
        Entry("00001", "Aachener Str.", "50931", "Lindenthal", (), ((75, 327, "odd"), (186, 250, "even"))),
        Entry("00010", "Birkenweg", "50997", "Meschenich"),
        Entry("00011", "Birkenweg", "51061", "Stammheim"),
        Entry("00020", "Pescher Weg (Pesch)", "50767", "Pesch"),
        Entry("00030", "Konrad-Adenauer-Ufer", "50668", "Altstadt/Nord", ("Kaiser-Friedrich-Ufer",)),
        Entry("00040", "Ackerstr.", "51065", "Buchheim"),
        Entry("00041", "Ankerstr.", "50676", "Altstadt/Süd"),
        Entry("00050", "Straße 12", "50999", "Godorf"),
    ]
)


@pytest.mark.parametrize(
    ("record", "key", "why"),
    [
        (Record("AACHENER STRASSE"), "00001", "same"),
        (Record("Birkenweg", district="Stammheim"), "00011", "place"),
        (Record("Birkenweg", postcode="50997"), "00010", "place"),
        (Record("Kaiser Friedrich Ufer"), "00030", "former"),
        (Record("Pescher Weg Pe"), "00020", "cut"),
        (Record("Konrad-Adenauer-Uf"), "00030", "cut"),
        (Record("Konrad-Adenaur-Ufer"), "00030", "alike"),
    ],
)
def test_sure_links_say_why(record, key, why):
    (link,) = match([record], KOELN)
    assert (link.outcome, link.key, link.why) == (Outcome.SURE, key, why)


def test_what_may_be_two_streets_is_left_to_people_with_both_shown():
    several, alike, unknown, numbered = match(
        [Record("Birkenweg"), Record("Akkerstr."), Record("Xyzallee"), Record("Straße 13")], KOELN
    )
    assert several.outcome is Outcome.UNSURE and {item.key for item in several.candidates} == {"00010", "00011"}
    assert alike.outcome is Outcome.UNSURE and {item.key for item in alike.candidates} >= {"00040", "00041"}
    assert unknown.outcome is Outcome.NONE and numbered.outcome is Outcome.NONE


def test_what_people_decide_is_kept_and_obeyed(tmp_path):
    path = tmp_path / "pruefliste.csv"
    records = [Record("Birkenweg"), Record("Birkenweg"), Record("Akkerstr.")]
    assert write_review(path, match(records, KOELN), KOELN, {}) == 2
    text = path.read_text("utf-8")
    assert text.count("Birkenweg;") == 1 and "00010 Birkenweg" in text
    path.write_text(
        text.replace("Birkenweg;;;;", "Birkenweg;;;;00011").replace("Akkerstr.;;;;", "Akkerstr.;;;;-"), "utf-8"
    )
    decided = read_review(path, KOELN)
    links = match(records, KOELN, decided)
    assert [(link.outcome, link.key) for link in links] == [(Outcome.SURE, "00011")] * 2 + [(Outcome.NONE, "")]
    assert write_review(path, links, KOELN, decided) == 0
    assert read_review(path, KOELN) == decided


def test_a_decision_for_a_key_that_is_none_is_named_by_its_line(tmp_path):
    path = tmp_path / "pruefliste.csv"
    path.write_text("name;postcode;district;number;decision;candidates\nBirkenweg;;;;99999;\n", "utf-8")
    with pytest.raises(Invalid, match=r"line 2: the register has no key '99999'"):
        read_review(path, KOELN)
    path.write_text("strasse;key\nBirkenweg;1\n", "utf-8")
    with pytest.raises(Invalid, match="no column 'name'"):
        read_review(path, KOELN)


texts = st.text(max_size=24) | st.sampled_from(["Str.", "St. Str", "d r", "(", "a (b", "Gr. Str.", "ß", "İstr", "1 a"])


@settings(max_examples=300, deadline=None)
@given(texts)
def test_writing_a_spelling_again_changes_nothing(text):
    assert normalised(normalised(text)) == normalised(text)
    address(text)


@settings(max_examples=60, deadline=None)
@given(st.lists(texts, max_size=8), st.lists(texts, max_size=8), st.randoms())
def test_links_name_only_keys_of_the_register_and_do_not_depend_on_the_order(names, asked, rng: random.Random):
    register = Register(Entry(f"k{number}", name) for number, name in enumerate(names))
    records = [Record(name) for name in asked]
    links = match(records, register)
    assert [link.record for link in links] == records
    keys = {entry.key for entry in register.entries}
    assert all(link.key in keys if link.outcome is Outcome.SURE else link.key == "" for link in links)
    shuffled = list(records)
    rng.shuffle(shuffled)
    assert set(match(shuffled, register)) == set(links)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("abcdefgh", min_size=4, max_size=9), min_size=1, max_size=12, unique=True))
def test_the_exact_name_is_always_found(names):
    register = Register(Entry(f"k{number}", f"{name}straße") for number, name in enumerate(names))
    for number, name in enumerate(names):
        assert match([Record(f"{name.upper()}STR.")], register)[0].key == f"k{number}"
