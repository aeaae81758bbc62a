"""/id: one address for a thing, for people and machines, for as long as the city keeps it."""

from __future__ import annotations

import pytest

from nabe.model.catalogue import Change, Code, Goal, Vocabulary
from nabe.model.text import Text

DATA = {"Accept": "application/ld+json"}
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture(scope="module", autouse=True)
def words(town):
    codes = (Code("a/b", Text("A"), "https://example.org/a"), Code("c", Text("C")))
    goal, part = Goal("klima", Text("Klima", "Climate")), Goal("hitze", Text("Hitze"), parent="klima")
    nouns = [("vocabulary", Vocabulary("arten", Text("Arten"), codes)), ("goal", goal), ("goal", part)]
    town.declare(*(Change(kind, noun.id, noun) for kind, noun in nouns))


def test_people_are_led_to_the_page_and_machines_get_json_ld(client):
    answer = client.get("/id/dataset/bezirke?lang=en", headers=PAGE)
    assert answer.status_code == 303 and answer.headers["location"] == "/datasets/bezirke?lang=en"
    answer = client.get("/id/dataset/bezirke", headers=DATA)
    body = answer.json()
    assert answer.headers["content-type"] == "application/ld+json" and body["@type"] == "dcat:Dataset"
    assert body["@id"].endswith("/id/dataset/bezirke")
    assert {"@value": "Districts", "@language": "en"} in body["dct:title"]
    assert client.get("/id/dataset/bezirke").status_code == 200
    assert (
        client.get("/id/dataset/bezirke", headers={"Accept": "application/ld+json, text/html;q=0.9"}).status_code == 200
    )
    assert client.get("/id/usecase/planung", headers=PAGE).headers["location"] == "/usecases/planung"


def test_code_lists_goals_organisations_and_systems_have_addresses(client):
    scheme = client.get("/id/vocabulary/arten", headers=DATA).json()
    assert [item["@id"].rsplit("/arten/")[1] for item in scheme["skos:hasTopConcept"]] == ["a%2Fb", "c"]
    code = client.get("/id/vocabulary/arten/a%2Fb", headers=DATA).json()
    assert code["skos:notation"] == "a/b" and code["skos:exactMatch"] == {"@id": "https://example.org/a"}
    assert client.get("/id/goal/hitze").json()["skos:broader"]["@id"].endswith("/id/goal/klima")
    assert (
        client.get("/id/organisation/soziales")
        .json()["org:subOrganizationOf"]["@id"]
        .endswith("/id/organisation/stadt")
    )
    assert client.get("/id/system/dateien").status_code == 200


@pytest.mark.parametrize(
    "path", ["dataset/x", "dataset/faelle", "nix/x", "goal/x", "dataset/bezirke/more", "vocabulary/arten/z", "system/x"]
)
def test_what_is_not_there_or_may_not_be_known_is_not_found(client, path):
    for headers in (DATA, PAGE):
        assert client.get(f"/id/{path}", headers=headers).status_code == 404
