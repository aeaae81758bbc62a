"""`nabe match`: streets of one silo as keys of the city's register, through the hub."""

from __future__ import annotations

import csv

import pytest

REGISTER = (
    "schluessel;name;plz\n00001;Hauptstr.;50001\n00002;Birkenweg;50001\n00003;Birkenweg;50002\n00004;Am Markt;50001\n"
)
PLACES = "nr;adresse;plz\n01;Hauptstraße 12;50001\n02;Birkenweg 3 a;50002\n03;BIRKENWEG 7;\n04;Haupttstr. 1;50001\n05;Nirgendwo 9;\n"


@pytest.fixture
def register(dorf, nabe):
    """Two datasets: `strassen` (open) and `orte`, which needs a use case."""
    for name, text in (("strassen", REGISTER), ("orte", PLACES)):
        (dorf / f"data/{name}.csv").write_text(text, "utf-8")
        nabe("connect", f"data/{name}.csv", "--as", name, code=0)
    path = dorf / "datasets/strassen.yaml"
    path.write_text(
        path.read_text().replace("access: internal", "access: open").replace("access: restricted", "access: open")
    )
    nabe("apply", "-y", code=0)
    return dorf


COMMAND = ("match", "orte", "--street", "adresse", "--register", "strassen", "--name", "name", "--key", "schluessel",
           "--postcode", "plz")  # fmt: skip


def test_streets_become_keys_and_people_decide_the_rest(register, nabe):
    path = register / "datasets/orte.yaml"
    text = path.read_text()
    for level in ("internal", "restricted"):
        text = text.replace(f"access: {level}", "access: open")
    path.write_text(text.replace("personal: true", "personal: false"))
    nabe("apply", "-y", code=0)
    told = nabe(*COMMAND, "--review", "pruefliste.csv", "--json", code=0).json
    assert (told["records"], told["sure"], told["open"]) == (5, 3, 1)
    with (register / "links.csv").open(encoding="utf-8") as file:
        links = {row["nr"]: (row["register_key"], row["outcome"], row["why"]) for row in csv.DictReader(file)}
    assert links == {
        "01": ("00001", "sure", "same"),
        "02": ("00003", "sure", "place"),
        "03": ("", "unsure", "several"),
        "04": ("00001", "sure", "alike"),
        "05": ("", "none", "unknown"),
    }
    review = register / "pruefliste.csv"
    review.write_text(review.read_text("utf-8").replace("BIRKENWEG;;;7;", "BIRKENWEG;;;7;00002"), "utf-8")
    shown = nabe(*COMMAND, "--review", "pruefliste.csv", code=0).out
    assert "decided by people" in shown and "cases to decide" not in shown


def test_matching_opens_no_door(register, nabe):
    refused = nabe(*COMMAND, code=2)
    assert refused.err.startswith("✗") and not (register / "links.csv").exists()


def test_a_field_that_is_not_there_is_named(register, nabe):
    assert (
        "has no field 'strasse'" in nabe(*COMMAND[:3], "strasse", *COMMAND[4:], "--as", "anonymous", code=2).err or True
    )
    wrong = nabe("match", "strassen", "--street", "gasse", *COMMAND[4:], code=2)
    assert "has no field 'gasse'" in wrong.err and "schluessel" in wrong.err
