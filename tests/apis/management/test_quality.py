"""/api/datasets/{id}/quality: as JSON, JSON-LD and Turtle, checked now by those who may."""

from __future__ import annotations

import pytest

from nabe import quality


@pytest.fixture(scope="module", autouse=True)
def checked(town):
    quality.run(town.nabe.hub, ["kitas", "faelle"])


def test_json_tells_rules_and_results(client):
    answer = client.get("/api/datasets/kitas/quality", headers={"Accept": "application/json"})
    assert answer.status_code == 200 and answer.headers["content-type"] == "application/json"
    body = answer.json()
    rules = {item["rule"]["id"]: item for item in body["rules"]}
    assert body["dataset"] == "kitas" and body["may_check"] is False
    assert (rules["nummer"]["state"], rules["nummer"]["results"][0]["checked"]) == ("ok", 30)
    assert rules["nummer"]["outcome"] == "Eingehalten in allen 30 geprüften Zeilen."
    assert list(rules) == ["nummer", "bezirk"], "rules that ask about persons are for those it concerns"


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/ld+json", "application/ld+json"),
        ("text/turtle", "text/turtle"),
        ("text/turtle;q=0.5, application/ld+json", "application/ld+json"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
    ],
)
def test_the_form_is_the_one_asked_for(client, accept, kind):
    answer = client.get("/api/datasets/kitas/quality", headers={"Accept": accept})
    assert answer.headers["content-type"].split(";")[0] == kind and "Accept" in answer.headers["vary"]


def test_dqv_names_the_dataset_by_its_identifier_and_only_what_may_be_seen(client, town):
    body = client.get("/api/datasets/kitas/quality", headers={"Accept": "application/ld+json"}).json()
    base = town.nabe.hub.city().base_uri
    home = next(node for node in body["@graph"] if node["@type"] == "dcat:Dataset")
    assert home["@id"] == f"{base}/id/dataset/kitas"
    shares = [node for node in body["@graph"] if node["@id"].endswith("-share") and "dqv:value" in node]
    assert [node["dqv:isMeasurementOf"]["@id"].split("#")[1] for node in shares] == [
        "rule-nummer-share",
        "rule-bezirk-share",
    ]
    turtle = client.get("/api/datasets/kitas/quality", headers={"Accept": "text/turtle"}).text
    assert f"<{base}/id/dataset/kitas>" in turtle and turtle.count("dqv:QualityMeasurement") == len(
        [node for node in body["@graph"] if node["@type"] == "dqv:QualityMeasurement"]
    )


def test_the_office_has_it_checked_and_others_are_told_why_not(town, client):
    assert client.post("/api/datasets/kitas/quality").status_code == 401
    refused = town.client("planerin").post("/api/datasets/kitas/quality")
    assert refused.status_code == 403 and refused.json()["reasons"]
    before = len(town.nabe.store.quality.results(["kitas"], limit=100))
    answer = town.client("sachbearbeiter").post("/api/datasets/kitas/quality")
    assert answer.status_code == 200 and answer.json()["may_check"] is True
    assert len(town.nabe.store.quality.results(["kitas"], limit=100)) == before + 4
    figures = {item["rule"]["id"]: item["results"][0]["failing"] for item in answer.json()["rules"]}
    assert figures == {"nummer": 0, "bezirk": 0, "leitung": 30, "personen": None}


def test_who_may_not_know_the_dataset_learns_nothing(client):
    hidden, absent = (client.get(f"/api/datasets/{id}/quality") for id in ("gehaelter", "gibtsnicht"))
    assert hidden.status_code == absent.status_code == 404
    assert hidden.text.replace("gehaelter", "X") == absent.text.replace("gibtsnicht", "X")
