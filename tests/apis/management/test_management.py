"""/api: accounts, declarations, consents, oversight; each for those who may."""

from __future__ import annotations

import pytest

from nabe.model.catalogue import Change
from nabe.model.dataset import Access, Dataset, Field, FieldType
from nabe.model.text import Text
from nabe.testing import canary_city as city

OWN = {"Origin": "http://testserver"}


@pytest.fixture
def it(town):
    return town.client("it")


def test_the_document_of_the_api_is_openapi_3_1(client):
    body = client.get("/api/openapi.json").json()
    assert body["openapi"].startswith("3.1") and body["servers"] == [{"url": "/api"}]
    assert {"/me", "/tokens", "/documents/{kind}/{id}", "/usecases/{id}/grants/{dataset}/approval"} <= set(
        body["paths"]
    )
    assert all(item.get("summary") for path in body["paths"].values() for item in path.values())


def test_a_stranger_is_told_so_and_a_token_says_who(client, town):
    assert client.get("/api/me").json()["anonymous"] is True
    body = town.client("planerin", "planung").get("/api/me").json()
    assert body["actor"]["id"] == "planerin" and body["use_case"] == "planung"


def test_logging_in_sets_a_cookie_that_scripts_cannot_read_and_logging_out_ends_it(client):
    answer = client.post("/api/login", json={"name": "planerin", "password": city.PASSWORD})
    assert answer.status_code == 200 and answer.json()["actor"]["id"] == "planerin"
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "nabe_session=" in cookie
    assert client.get("/api/me").json()["actor"]["id"] == "planerin"
    assert client.post("/api/logout").status_code == 403, "from another page"
    secret = client.cookies["nabe_session"]
    assert client.post("/api/logout", headers=OWN).status_code == 204
    assert client.get("/api/me", headers={"Cookie": f"nabe_session={secret}"}).json()["anonymous"] is True


def test_guessing_is_slowed_down(town):
    client = town.client()
    statuses = [
        client.post("/api/login", json={"name": "owner", "password": f"falsch {i}"}).status_code for i in range(30)
    ]
    assert statuses[0] == 401 and 429 in statuses and set(statuses) <= {401, 429}
    answer = client.post("/api/login", json={"name": "owner", "password": "falsch"})
    assert int(answer.headers["retry-after"]) > 0


def test_tokens_are_made_listed_and_revoked_by_their_owner_only(town):
    client, other = town.client("planerin"), town.client("it")
    made = client.post("/api/tokens", json={"name": "QGIS", "days": 7})
    assert made.status_code == 201 and made.json()["token"].startswith("nabe_")
    secret, id = made.json()["token"], made.json()["id"]
    listed = client.get("/api/tokens")
    assert id in [item["id"] for item in listed.json()] and secret not in listed.text
    bearer = {"Authorization": f"Bearer {secret}"}
    assert town.client().get("/api/me", headers=bearer).json()["actor"]["id"] == "planerin"
    assert other.delete(f"/api/tokens/{id}").status_code == 404
    assert client.delete(f"/api/tokens/{id}").status_code == 204
    assert town.client().get("/api/me", headers=bearer).status_code == 401
    assert town.client().get("/api/tokens").status_code == 401


def test_a_token_never_has_more_roles_than_the_one_that_made_it(it, town):
    narrow = it.post("/api/tokens", json={"name": "narrow", "roles": []}).json()["token"]
    client = town.client()
    client.headers["Authorization"] = f"Bearer {narrow}"
    assert client.get("/api/me").json()["actor"]["roles"] == []
    again = client.post("/api/tokens", json={"name": "wide", "roles": ["it", "data_owner"]}).json()["token"]
    client.headers["Authorization"] = f"Bearer {again}"
    assert client.get("/api/me").json()["actor"]["roles"] == []


def test_datasets_come_with_the_decision_and_its_reasons(town):
    found = {item["dataset"]["id"]: item for item in town.client("planerin").get("/api/datasets").json()}
    assert found["bezirke"]["permit"] and not found["faelle"]["permit"]
    assert found["faelle"]["reasons"] and found["faelle"]["readable"] == []
    assert all(not item["dataset"]["source"] for item in found.values())
    explained = town.client("planerin", "planung").get("/api/datasets/faelle/explanation").json()
    assert explained["permit"] and explained["plan"] and explained["readable"] == {"faelle": ["bezirk", "merkmal"]}
    words = [item["dataset"]["id"] for item in town.client().get("/api/datasets?q=Districts").json()]
    assert words == ["bezirke"]
    assert town.client().get("/api/datasets/faelle").status_code == 404


def test_lineage_use_cases_and_systems_are_told_as_far_as_one_may_know(town):
    body = town.client("planerin").get("/api/datasets/auswertung/lineage").json()
    assert body["inputs"] == ["faelle"]
    body = town.client().get("/api/datasets/auswertung/lineage").json()
    assert body["inputs"] == [] and body["hidden"] == 1 and body["sql"] == ""
    assert {item["id"] for item in town.client().get("/api/usecases").json()} >= {"planung", "fall"}
    assert all("connection" not in item for item in town.client("it").get("/api/systems").json())


def _new(id="neu", title="Neu"):
    return {
        "id": id,
        "title": {"de": title},
        "owner": "planung",
        "access": "open",
        "system": "dateien",
        "source": {"path": "kitas.csv"},
        "fields": [{"name": "id", "type": "string"}],
    }


def test_documents_are_put_and_removed_under_the_version_that_they_build_on(it):
    version = it.get("/api/city").json()["version"]
    match = {"If-Match": f'"{version}"'}
    assert it.put("/api/documents/dataset/neu", json=_new()).status_code == 400, "no If-Match"
    assert it.put("/api/documents/dataset/neu", json=_new(), headers=match).json() == {"version": version + 1}
    assert it.put("/api/documents/dataset/neu", json=_new(title="B"), headers=match).status_code == 409
    answer = it.get("/api/documents/dataset/neu")
    assert answer.json()["title"]["de"] == "Neu" and answer.headers["etag"] == f'"{version + 1}"'
    same = it.put("/api/documents/dataset/neu", json=answer.json(), headers={"If-Match": answer.headers["etag"]})
    assert same.status_code == 200, "what GET gives, PUT takes"
    gone = it.delete("/api/documents/dataset/neu", headers={"If-Match": f'"{version + 2}"'})
    assert gone.status_code == 200 and it.get("/api/documents/dataset/neu").status_code == 404
    assert [item["removed"] for item in it.get("/api/history").json()[:3]] == [True, False, False]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("dataset/neu", {"id": "neu"}, "title"),
        ("dataset/neu", _new("anders"), "anders"),
        ("dataset/neu", _new() | {"access": "geheim"}, "access"),
        ("dataset/neu", _new() | {"system": "nix"}, "nix"),
        ("dataset/../neu", _new(), ""),
        ("nix/neu", _new(), "kind"),
    ],
)
def test_documents_that_do_not_fit_are_refused_by_field(it, path, body, words):
    version = it.get("/api/city").json()["version"]
    answer = it.put(f"/api/documents/{path}", json=body, headers={"If-Match": f'"{version}"'})
    assert answer.status_code in (400, 404) and words in answer.text
    assert it.get("/api/city").json()["version"] == version


def test_only_those_who_keep_the_catalogue_change_it(town):
    for actor in ("planerin", "nachbarin", "datenschutz"):
        client = town.client(actor)
        version = client.get("/api/city").json()["version"]
        answer = client.put("/api/documents/dataset/neu", json=_new(), headers={"If-Match": f'"{version}"'})
        assert answer.status_code == 403
        assert client.get("/api/documents/dataset/bezirke").status_code == 403
    assert town.client().put("/api/documents/dataset/neu", json=_new()).status_code == 401


def test_a_consent_is_the_data_owners(town):
    path = "/api/usecases/antrag/grants/faelle/approval"
    assert town.client().post(path, json={}).status_code == 401
    assert town.client("planerin").post(path, json={}).status_code == 403
    assert town.client("owner").post(path.replace("faelle", "nix"), json={}).status_code == 404
    assert town.client("owner").post(path, json={"note": "ja"}).status_code == 200
    case = town.client("owner").get("/api/usecases/antrag").json()
    assert case["grants"][0]["approval"]["note"] == "ja"
    # Put it back as the other tests know it.
    (noun,) = [item for item in city.nouns() if item.id == "antrag"]
    town.declare(Change("usecase", "antrag", noun))


def test_the_ledger_is_for_data_protection_and_reading_it_is_noted(town):
    town.client().get("/ogc/collections/bezirke/items")
    town.nabe.ledger.append([], durable=True)
    client = town.client("datenschutz")
    entries = client.get("/api/audit?limit=1000").json()
    assert {"read", "login_failed"} & {item["entry"]["action"] for item in entries}
    assert town.client("planerin").get("/api/audit").status_code == 403
    assert town.client().get("/api/audit").status_code == 401
    assert client.get("/api/usage?days=1").status_code == 200


def test_a_dataset_with_a_secret_in_its_document_is_not_shown_to_strangers(town):
    noun = Dataset(
        "heimlich",
        Text("Heimlich"),
        "soziales",
        Access.RESTRICTED,
        (Field("id", FieldType.STRING),),
        system="dateien",
        source={"path": "kitas.csv"},
    )
    town.declare(Change("dataset", "heimlich", noun))
    assert town.client().get("/api/history?kind=dataset&id=heimlich").status_code == 404
    assert town.client("owner").get("/api/history?kind=dataset&id=heimlich").status_code == 200
    town.declare(Change("dataset", "heimlich", None))


@pytest.mark.parametrize("name", ["a\\u0000b", "x" * 201, "\\ud800", ""])
def test_names_that_no_account_can_have_log_nobody_in(client, name):
    body = f'{{"name": "{name}", "password": "p"}}'.encode()
    answer = client.post("/api/login", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in (400, 401, 429)


def test_bodies_that_are_none_are_refused(client, it):
    for body in (b"", b"{", b"[]", b"[" * 50_000, b'{"name": 1}'):
        answer = client.post("/api/login", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 400 and answer.json()["detail"], body[:20]
        put = it.put("/api/documents/dataset/x", content=body, headers={"Content-Type": "application/json"})
        assert put.status_code in (400, 413)
