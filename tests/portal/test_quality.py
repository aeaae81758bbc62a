"""Quality on the pages: what is told to whom, in friendly words; the owner's to-do list; checking now."""

from __future__ import annotations

import re

from nabe.model.party import ANONYMOUS


def section(page):
    return page.split('id="quality"')[1].split("</section>")[0]


def test_the_dataset_page_says_what_is_kept_and_what_is_not(client):
    page = section(client.get("/datasets/kitas").text)
    assert "von 6 vereinbarten Regeln sind eingehalten" in page
    assert "Plätze: zwischen 1 und 60" in page and "Bitte ansehen" in page
    assert "9 von 32 Zeilen weichen ab." in page and "<code>103</code>" in page
    assert "So geht es weiter:" in page and "kommt in „Stadtteile“ vor" in page
    assert "Letzte 4 Prüfungen: 0 eingehalten, 4 mit Abweichung" in page
    assert "Ansprechpersonen" not in page, "a rule that asks about persons is for those it concerns"
    assert "Jetzt prüfen" not in page


def test_english_says_the_same(client):
    page = section(client.get("/datasets/kitas?lang=en").text)
    assert "9 of 32 rows differ." in page and "What to do next:" in page and "Please look" in page


def test_a_silo_that_is_down_is_no_fault_of_the_data(client):
    page = section(client.get("/datasets/old_maps").text)
    assert "Nicht geprüft" in page and "Bitte ansehen" not in page
    assert "System „archiv“" in page


def test_without_rules_there_is_no_section(client):
    assert 'id="quality"' not in client.get("/datasets/districts").text


def test_nobody_gets_tasks_without_logging_in(client):
    assert client.get("/tasks").status_code == 401


def test_tasks_are_those_of_one_s_own_organisation(log_in):
    page = log_in("owner").get("/tasks").text
    assert "Kindertagesstätten" in page and "Haushalte im Leistungsbezug" in page
    assert "Historische Karten" not in page
    households = page.split('id="task-households"')[1].split("</section>")[0]
    assert "10 von 400" not in households and re.search(r"\d+ von 400 Zeilen weichen ab", households)
    assert "Familie Muster" not in page and "<code>H0" not in page, "the key is personal"
    for word in ("Fehler", "falsch", "Schuld", "versäumt"):
        assert word not in page, "a list of things to do, not of faults"


def test_who_has_no_data_has_no_tasks(log_in):
    page = log_in("planerin").get("/tasks").text
    assert "noch keine Regeln vereinbart" in page and "Kindertagesstätten" not in page


def test_the_owner_has_it_checked_and_is_thanked_when_it_is_mended(log_in, nabe, city):
    owner = log_in("owner")
    assert "Jetzt prüfen" in owner.get("/datasets/kitas").text
    path = nabe.root / "silos" / "kitas.geojson"
    before = path.read_text("utf-8")
    try:
        path.write_text(re.sub(r'"places": 6[1-9]', '"places": 60', before), "utf-8")
        answer = owner.post("/datasets/kitas/quality", data={"back": "/tasks"})
        assert answer.status_code == 200 and answer.url.path == "/tasks"
        assert "Das passt jetzt wieder. Danke!" in answer.text
        page = section(owner.get("/datasets/kitas").text)
        assert "Eingehalten in allen 32 geprüften Zeilen." in page
    finally:
        path.write_text(before, "utf-8")
        city.check(nabe)
    actions = [(line.entry.action, line.entry.actor) for line in nabe.ledger.entries(limit=1000, dataset="kitas")]
    assert ("checked", "owner") in actions and ("checked", "job:quality") in actions


def test_a_stranger_checks_nothing(client, nabe):
    before = len(nabe.hub.quality(ANONYMOUS, "open-data", ["kitas"])[0].rules[0].results)
    assert client.post("/datasets/kitas/quality", data={}).status_code in (401, 403)
    assert client.post("/datasets/households/quality", data={}).status_code == 404
    assert len(nabe.hub.quality(ANONYMOUS, "open-data", ["kitas"])[0].rules[0].results) == before
