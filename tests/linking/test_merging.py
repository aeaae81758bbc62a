"""Two directories of the same streets as one register."""

from __future__ import annotations

from nabe.linking import Entry
from nabe.linking.merging import merge

FIRST = [
    Entry("1", "Pescher Weg (Pesch)"),
    Entry("2", "Hauptstr. (Porz)"),
    Entry("3", "Adolf-Hitler-Platz"),
    Entry("4", "Millowitsch-Platz"),
    Entry("5", "Nur hier"),
]
SECOND = [
    Entry("1", "Pescher Weg Pe"),
    Entry("2", "Hauptstr. Po"),
    Entry("3", "Ebertplatz"),
    Entry("9", "Millowitsch-Platz"),
    Entry("8", "Neue Straße", aliases=("Alte Straße",)),
]


def test_alike_names_of_one_key_are_kept_both_and_the_rest_is_for_people():
    made = merge(FIRST, SECOND)
    names = {entry.key: (entry.name, entry.aliases) for entry in made.entries}
    assert names["1"] == ("Pescher Weg (Pesch)", ("Pescher Weg Pe",)) and names["2"][1] == ("Hauptstr. Po",)
    assert names["3"] == ("Adolf-Hitler-Platz", ()) and "9" not in names and names["8"][1] == ("Alte Straße",)
    assert [(case.why, *case.id) for case in made.cases] == [("name", "3", "3"), ("key", "4", "9")]
    assert made.counts == {"common": 3, "same_name": 0, "alike": 2, "first_only": 2, "second_only": 2}


def test_decisions_are_obeyed():
    same = merge(FIRST, SECOND, {("3", "3"): "same", ("4", "9"): "same"})
    names = {entry.key: entry.aliases for entry in same.entries}
    assert names["3"] == ("Ebertplatz",) and "9" not in names and not same.cases
    other = merge(FIRST, SECOND, {("3", "3"): "-", ("4", "9"): "-"})
    assert {entry.key for entry in other.entries} == {"1", "2", "3", "4", "5", "8", "9"} and not other.cases


def test_a_register_merged_with_itself_is_itself():
    made = merge(FIRST, FIRST)
    assert made.entries == tuple(FIRST) and not made.cases and made.counts["same_name"] == 5
