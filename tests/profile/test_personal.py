"""Fields suspected of holding personal data are named with the reason; institutions are judged more gently."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from nabe.model.dataset import Access
from nabe.profile import Proposal
from nabe.profile.contents import (
    is_iban,
    is_institution,
    is_ip,
    is_office_mail,
    is_person,
    is_phone,
    is_plate,
    is_tax_id,
)


def personal(found: Proposal) -> set[str]:
    return {field.name for field in found.dataset.fields if field.personal}


def reasons(found: Proposal, field: str) -> list[str]:
    return [item.key for item in found.findings if item.kind == "personal" and item.field == field]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("DE89 3704 0044 0532 0130 00", True),
        ("DE89370400440532013001", False),
        ("GB82WEST12345698765432", True),
        ("DE12", False),
    ],
)
def test_an_iban_needs_right_check_digits(text: str, right: bool) -> None:
    assert is_iban(text) is right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("86095742719", True),
        ("47036892816", True),
        ("86095742718", False),
        ("12345678901", False),
        ("11111111111", False),
    ],
)
def test_a_tax_id_needs_its_check_digit_and_one_repeated_digit(text: str, right: bool) -> None:
    assert is_tax_id(text) is right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("+49302816473", True),
        ("030 / 1234567", True),
        ("0221-123456", True),
        ("(0251) 492-0815", True),
        ("01100101", False),
        ("05315000", False),
        ("2022-01-01", False),
        ("010.005.2005.000.010", False),
        ("50667", False),
    ],
)
def test_telephone_numbers_are_told_from_keys(text: str, right: bool) -> None:
    assert is_phone(text) is right


@pytest.mark.parametrize(
    ("text", "right"),
    [("192.168.0.1", True), ("2001:db8::1", True), ("1.2.3", False), ("999.1.1.1", False), ("12:30", False)],
)
def test_network_addresses_are_recognised(text: str, right: bool) -> None:
    assert is_ip(text) is right


@pytest.mark.parametrize(("text", "right"), [("K-AB 1234", True), ("MS-X 1E", True), ("B 51", False), ("A-1", False)])
def test_number_plates_are_recognised(text: str, right: bool) -> None:
    assert is_plate(text) is right


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("Sabine Müller", True),
        ("Müller, Sabine", True),
        ("Ayşe", True),
        ("Anna-Seghers-Schule", False),
        ("Martin-Luther-King-Weg", False),
        ("Peter Müller GmbH", False),
        ("Innenstadt", False),
        ("Katharina-Henoth-Gesamtschule", False),
        ("GGS Antwerpener Str.", False),
    ],
)
def test_persons_are_told_from_what_is_named_after_them(text: str, right: bool) -> None:
    assert is_person(text) is right


def test_institutions_and_their_mailboxes_are_recognised() -> None:
    assert is_institution("Forum Soziale Dienste GmbH") and is_institution("Villa Kunterbunt")
    assert is_office_mail("info@kita.example") and is_office_mail("poststelle.mitte@stadt.example")
    assert not is_office_mail("sabine.mueller@stadt.example")


def test_a_register_of_persons_is_restricted_in_all_that_describes_them(proposal: Any, people: dict[str, Any]) -> None:
    found = proposal(people)
    assert found.dataset.access is Access.RESTRICTED
    assert found.dataset.subject == "person_id"
    assert personal(found) == {"person_id", "name", "geburtsdatum", "geschlecht", "plz", "regelbedarf", "antragsdatum"}
    assert found.dataset.time == "antragsdatum"


def test_no_value_of_a_suspected_field_is_shown(proposal: Any, people: dict[str, Any]) -> None:
    found = proposal(people)
    names = {field.name for field in found.dataset.fields if field.personal}
    for finding in found.findings:
        if finding.field in names and finding.kind != "unit":
            told = finding.text("de") + finding.text("en")
            for column in ("Person_ID", "Name", "PLZ"):
                assert not any(str(value) in told for value in people[column])


def test_no_sketch_is_kept_of_personal_fields(proposal: Any, people: dict[str, Any]) -> None:
    assert all(not len(sketch.hashes) for sketch in proposal(people).sketch)


def test_the_same_attributes_without_persons_are_not_personal(proposal: Any) -> None:
    found = proposal({"Geschlecht": ["m", "w"] * 20, "PLZ": ["50667", "50668"] * 20, "Anzahl": list(range(40))})
    assert not personal(found) and found.dataset.access is Access.INTERNAL


def test_names_are_found_by_their_values_under_any_header(proposal: Any) -> None:
    found = proposal({"Spalte 1": ["Sabine Müller", "Thomas Schmidt", "Uwe Krause", "Julia Kaya"] * 5})
    assert personal(found) == {"spalte_1"}
    assert reasons(found, "spalte_1") == ["profile.personal.content"]


def test_names_of_streets_and_schools_are_not_personal(proposal: Any) -> None:
    found = proposal(
        {"name": ["Annastraße", "Peter-Welter-Platz", "Martinsschule", "Karl-Marx-Allee", "Kita Max", "Mitte"]}
    )
    assert not personal(found)


def test_telephone_numbers_of_institutions_are_restricted_but_said_to_be_such(proposal: Any) -> None:
    found = proposal(
        {"name": ["Kita A", "Kita B", "Kita C"], "phone": ["+49301234567", "+49301234568", "+49301234569"]}
    )
    assert personal(found) == {"phone"}
    assert reasons(found, "phone") == ["profile.personal.contact"]
    assert found.dataset.subject == ""


def test_the_contact_of_an_authority_is_not_personal(proposal: Any) -> None:
    found = proposal({"gesundheitsamt_telefon": ["030 123456", "030 123457", "030 123458"]})
    assert not personal(found)
    assert reasons(found, "gesundheitsamt_telefon") == ["profile.personal.authority"]


def test_shared_mailboxes_are_not_personal_and_personal_ones_are(proposal: Any) -> None:
    offices = proposal({"email": [f"info@kita{at}.example" for at in range(10)]})
    persons = proposal({"email": [f"sabine.mueller{at}@web.example" for at in range(10)]})
    assert not personal(offices) and personal(persons) == {"email"}


def test_a_telephone_number_in_free_text_is_found_in_any_row(proposal: Any) -> None:
    texts = [f"Der Antrag wurde am Schalter {at} ohne Anmerkungen abgegeben." for at in range(5000)]
    texts[4321] = "Bitte zurückrufen unter 0171 / 2345678, am besten abends."
    found = proposal({"Bemerkung": texts}, batch=1000)
    assert personal(found) == {"bemerkung"}
    assert reasons(found, "bemerkung") == ["profile.personal.free_text"]


def test_an_empty_column_that_promises_persons_is_suspected(proposal: Any) -> None:
    found = proposal({"Vorname": [None, None], "Zahl": [1, 2]})
    assert personal(found) == {"vorname"}


def test_flags_and_counts_are_no_telephone_numbers(proposal: Any) -> None:
    found = proposal(
        {"wc_mobil": [0, 1, 0], "Telefon": [3, 4, 5], "Geburten": [12, 13, 14], "kind_der_flaeche": ["a", "b", "c"]}
    )
    assert not personal(found)


@pytest.mark.parametrize("header", ["Geburtsdatum", "geb_dat", "Date of birth"])
def test_dates_of_birth_are_personal_and_never_the_time_of_a_row(proposal: Any, header: str) -> None:
    found = proposal({header: [dt.date(1950 + at, 1, 1) for at in range(10)]})
    assert len(personal(found)) == 1 and found.dataset.time == ""


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("Steuer-ID", ["86095742719", "47036892816"]),
        ("Aktenzeichen", ["50.1-123/24", "50.1-124/24"]),
        ("Haushaltsnummer", [1, 2]),
        ("Kfz-Kennzeichen", ["K-AB 123", "MS-X 1"]),
        ("IP-Adresse", ["10.0.0.1", "10.0.0.2"]),
        ("kunden_nr", ["0001", "0002"]),
        ("Kontonummer", ["12345678", "12345679"]),
        ("last_edited_user", ["mueller", "schmidt"]),
    ],
)
def test_headers_that_identify_persons_are_suspected(proposal: Any, header: str, values: list[Any]) -> None:
    assert len(personal(proposal({header: values}))) == 1


def test_rare_names_are_known_by_their_form(proposal: Any) -> None:
    rare = ["Nguyen Thi Lan", "Oduya, Grace", "Bilge Demirtaş", "Olena Kovalenko", "Chidi Okafor", "Svea Lindqvist"]
    rare += ["Wanjiru Kamau", "Iker Etxeberria", "Ngozi Eze", "Tamsin Oyelaran", "Zofia Wójcik", "Baran Aksoy"]
    found = proposal({"Name": rare, "Straße": ["Hauptstraße 1"] * 12})
    assert personal(found) == {"name"} and reasons(found, "name") == ["profile.personal.name_shape"]


def test_a_contact_person_does_not_make_the_place_personal(proposal: Any) -> None:
    found = proposal(
        {
            "Einrichtung": ["Kita A", "Kita B", "Kita C", "Kita D"],
            "Straße": ["Hauptstr.", "Ringstr.", "Am Markt", "Allee"],
            "PLZ": ["50667", "50668", "50670", "50672"],
            "Ansprechpartnerin": ["Sabine Müller", "Julia Kaya", "Ute Krause", "Anna Weber"],
        }
    )
    assert personal(found) == {"ansprechpartnerin"} and found.dataset.subject == ""
