"""Headers become titles that people can read."""

from __future__ import annotations

import pytest

from nabe.model.names import hub_name
from nabe.model.text import Text
from nabe.profile.titles import mended, split_words, title_of, tokens, without_ending


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("Bevölke-\nrung", "Bevölkerung"),
        ("Sport-\nPlätze", "Sport-Plätze"),
        ('\ufeff"Station code"', "Station code"),
        ("  zwei   Worte\r\nhier ", "zwei Worte hier"),
    ],
)
def test_broken_lines_are_mended(header: str, shown: str) -> None:
    assert mended(header) == shown


@pytest.mark.parametrize(
    ("header", "shown"),
    [
        ("PLR_NAME", "PLR Name"),
        ("WLK_ADRESSE", "WLK Adresse"),
        ("LocalDateTime", "Local Date Time"),
        ("plrID", "PLR ID"),
        ("stadtteilschluessel", "Stadtteilschlüssel"),
        ("Luftqualitaet", "Luftqualität"),
        ("Einwohner insgesamt", "Einwohner insgesamt"),
        ("EW", "EW"),
    ],
)
def test_glued_words_are_split(header: str, shown: str) -> None:
    assert split_words(header) == shown


def test_a_title_is_translated_only_where_each_word_is_known() -> None:
    assert title_of("Fläche") == Text("Fläche", "Area")
    assert title_of("Planungsraum-ID") == Text("Planungsraum-ID", "Planning area ID")
    assert title_of("Netto Grundfläche") == Text("Netto Grundfläche", "")
    assert title_of("phone_number") == Text("", "Phone number")


def test_tokens_are_words_in_lower_case() -> None:
    assert tokens("plrID_2 (Straße)") == ["plr", "id", "2", "straße"]


def test_hub_names_are_plain_and_all_different() -> None:
    assert hub_name("Straßenschlüssel") == "strassenschluessel"
    assert hub_name("PM₁₀ (µg/m³)").isascii()
    assert hub_name("a b", {"a_b"}) == "a_b_2"
    assert len(hub_name("x" * 200)) <= 63


@pytest.mark.parametrize(
    ("name", "shown"),
    [("Stadtteil.shp", "Stadtteil"), ("adressen_2023-06.csv.gz", "adressen_2023-06"), (".csv", ".csv")],
)
def test_the_ending_of_a_file_is_no_part_of_its_title(name: str, shown: str) -> None:
    assert without_ending(name) == shown
