"""`nabe joins`: candidates over all datasets, as far as the asker may read them."""

from __future__ import annotations

import re

import pytest

DISTRICTS = [f"{number:03d}" for number in range(101, 187)]


def table(head: str, rows: list[str]) -> str:
    return head + "\n" + "\n".join(rows) + "\n"


@pytest.fixture
def city(dorf, nabe):
    """A register of districts (open), pupils by number without zeros lost, schools (internal), connected pupils first."""
    files = {
        "pupils": table("Stadtteil Nr;Anzahl", [f"{n};{at * 7 % 90}" for at, n in enumerate([*DISTRICTS, "999"])]),
        "stadtteile": table("Stadtteil Nr;Name", [f"{n};Ort {n}" for n in DISTRICTS]),
        "schulen": table("Schulnummer;Stadtteil Nr", [f"{184000 + at};{n}" for at, n in enumerate(DISTRICTS * 2)]),
        "zuege": table("Zug;Stadtteil", [f"Z{at};ORT {n} " for at, n in enumerate(DISTRICTS * 2)]),
    }
    for name, text in files.items():
        (dorf / f"data/{name}.csv").write_text(text, "utf-8")
        nabe("connect", f"data/{name}.csv", "--as", name, code=0)
    for name in files:
        path = dorf / f"datasets/{name}.yaml"
        text = re.sub(r"\n    references:\n      dataset: \w+\n      field: \w+", "", path.read_text())
        text = re.sub(r"\nquality:\n(?:[ -].*\n?)*", "\n", text)  # rules that rest on the references
        path.write_text(text if name == "schulen" else text.replace("access: internal", "access: open"))
    nabe("apply", "-y", code=0)
    return dorf


def told(nabe, *more: str) -> dict[tuple[str, str], dict]:
    body = nabe("joins", "--json", *more, code=0).json
    return {
        (f"{j['from']['dataset']}.{j['from']['field']}", f"{j['to']['dataset']}.{j['to']['field']}"): j
        for j in body["joins"]
    }


def test_a_dataset_connected_earlier_is_joined_to_a_later_register(city, nabe):
    join = told(nabe)["pupils.stadtteil_nr", "stadtteile.stadtteil_nr"]
    assert (join["values_found"], join["values"], join["targets_used"], join["targets"]) == (86, 87, 86, 86)
    assert join["cardinality"] == "1:1" and join["missing"] == ["999"] and join["kind"] == "district"
    assert join["proposed"] and join["yaml"] == "references: {dataset: stadtteile, field: stadtteil_nr}"


def test_what_the_asker_may_not_read_takes_no_part(city, nabe):
    assert not any("schulen" in end for pair in told(nabe) for end in pair)
    assert "schulen" not in nabe("joins", code=0).out
    refused = nabe("joins", "schulen", code=2)
    assert "schulen" in refused.err and "184000" not in refused.out + refused.err


def test_a_writing_that_would_help_is_named(city, nabe):
    join = told(nabe, "zuege")["zuege.stadtteil", "stadtteile.name"]
    assert join["values_found"] == 0 and join["help"]["way"] == "case" and join["help"]["values"] == 86


def test_a_narrowed_asker_learns_nothing_of_hidden_rows(city, nabe):
    (city / "usecases/planung/usecase.yaml").write_text(
        (city / "usecases/planung/usecase.yaml").read_text()
        + "  - dataset: schulen\n    columns: [schulnummer, stadtteil_nr]\n    where: stadtteil_nr < 120\n"
        + "    approval: {by: dorf, at: 2026-01-01T00:00:00Z}\n"
    )
    nabe("apply", "-y", code=0)
    join = told(nabe, "schulen", "--use-case", "planung", "--as", "erika")[
        "schulen.stadtteil_nr", "stadtteile.stadtteil_nr"
    ]
    assert (join["values"], join["rows"], join["cardinality"]) == (19, 38, "n:1")


def test_what_was_declared_by_hand_is_looked_at_when_asked(city, nabe):
    (city / ".nabe").is_dir()
    for path in city.rglob("sketches.json"):
        path.unlink()
    assert ("pupils.stadtteil_nr", "stadtteile.stadtteil_nr") in told(nabe)
    assert list(city.rglob("sketches.json"))


def test_words_for_people(city, nabe):
    shown = nabe("joins", "pupils", "--lang", "en", code=0).out
    assert "district keys" in shown and "no match: '999'" in shown and "datasets/pupils.yaml" in shown
