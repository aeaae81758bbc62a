"""Logging in and out, tokens, consent, and forms that come from elsewhere."""

from __future__ import annotations

import re

import httpx

CROSS = {"Sec-Fetch-Site": "cross-site", "Origin": "https://anderswo.example"}


def test_a_wrong_name_and_a_wrong_password_read_the_same(client):
    answers = [
        client.post("/login", data={"name": name, "password": "falsch"}).text.replace(name, "X")
        for name in ("planerin", "gibtsnicht")
    ]
    assert answers[0] == answers[1] and "Anmeldename oder Passwort stimmt nicht." in answers[0]


def test_guessing_is_slowed_down_and_says_for_how_long(client):
    for _ in range(8):
        answer = client.post("/login", data={"name": "niemand", "password": "falsch"})
    assert answer.status_code == 429 and "Retry-After" in answer.headers
    assert "Zu viele Versuche" in answer.text


def test_after_logging_in_one_is_back_where_one_was_and_nowhere_else(client, city):
    form = {"name": "planerin", "password": city.PASSWORD, "back": "/datasets/districts"}
    answer = client.post("/login", data=form, follow_redirects=False)
    assert answer.status_code in (303, 429)
    for evil in ("//anderswo.example", "https://anderswo.example", "/\\anderswo.example", "/\nx"):
        answer = client.post("/login", data=form | {"back": evil}, follow_redirects=False)
        assert answer.headers.get("location", "/") == "/"


def test_a_session_ends_with_logging_out(log_in):
    client = log_in("planerin")
    assert "Petra Plan" in client.get("/").text
    secret = client.cookies["nabe_session"]
    client.post("/logout")
    assert "Petra Plan" not in client.get("/").text
    client.cookies.set("nabe_session", secret)
    assert "Petra Plan" not in client.get("/").text


def test_a_token_is_shown_once_works_and_can_be_revoked(log_in, app):
    client = log_in("planerin", "assistance")
    page = client.post("/profile/tokens", data={"name": "QGIS", "days": "7"}).text
    secret = re.search(r"nabe_[\w-]{20,}", page)[0]
    assert secret not in client.get("/profile").text
    headers = {"Authorization": f"Bearer {secret}", "Nabe-Use-Case": "assistance", "Accept": "text/csv"}
    plain = httpx.Client(transport=client._transport, base_url="http://testserver", headers=headers)
    assert plain.get("/download/assistance_by_district.csv").status_code == 200
    id = re.search(r'name="id" value="(\w+)"', client.get("/profile").text)[1]
    client.post("/profile/tokens/revoke", data={"id": id})
    assert plain.get("/download/assistance_by_district.csv").status_code == 401


def test_nobody_revokes_the_token_of_somebody_else(log_in, client, nabe):
    log_in("planerin").post("/profile/tokens", data={"name": "Python", "days": "7"})
    token = next(token for token in nabe.identity.tokens("planerin") if token.name == "Python")
    log_in("owner").post("/profile/tokens/revoke", data={"id": token.id})
    assert token.id in {kept.id for kept in nabe.identity.tokens("planerin")}


def test_the_profile_is_for_those_who_logged_in(client):
    answer = client.get("/profile")
    assert answer.status_code == 401 and "/login?back=/profile" in answer.text


def test_forms_from_other_sites_are_refused(log_in, client, city):
    assert client.post("/login", data={"name": "planerin", "password": city.PASSWORD}, headers=CROSS).status_code == 403
    client = log_in("owner")
    for path, form in (
        ("/usecases/heat/approve", {"dataset": "households"}),
        ("/usecases/heat/withdraw", {"dataset": "households"}),
        ("/preferences", {"use_case": "case_work"}),
        ("/logout", {}),
        ("/profile/tokens", {"name": "x"}),
    ):
        assert client.post(path, data=form, headers=CROSS).status_code == 403


def test_only_the_data_owner_is_asked_for_consent_and_may_give_it(log_in, nabe):
    client = log_in("planerin")
    assert "Freigabe erteilen" not in client.get("/usecases/heat").text
    assert client.post("/usecases/heat/approve", data={"dataset": "households"}).status_code == 403
    client = log_in("owner")
    assert "Freigabe erteilen" in client.get("/usecases/heat").text
    page = client.post("/usecases/heat/approve", data={"dataset": "households", "note": "für 2027"}).text
    assert "Die Freigabe ist erteilt." in page and "für 2027" in page
    assert nabe.catalogue.snapshot().usecases["heat"].grant("households").approval.by == "owner"


def test_the_data_owner_takes_a_consent_back(log_in, nabe):
    log_in("owner").post("/usecases/heat/approve", data={"dataset": "households"})
    planner = log_in("planerin")
    assert "zurückziehen" not in planner.get("/usecases/heat").text
    assert planner.post("/usecases/heat/withdraw", data={"dataset": "households"}).status_code == 403
    owner = log_in("owner")
    assert "Freigabe zurückziehen" in owner.get("/usecases/heat").text
    page = owner.post("/usecases/heat/withdraw", data={"dataset": "households"}).text
    assert "Die Freigabe ist zurückgezogen." in page
    assert nabe.catalogue.snapshot().usecases["heat"].grant("households").approval is None
    assert owner.post("/usecases/heat/withdraw", data={"dataset": "households"}).status_code == 409


def test_naming_a_use_case_gives_nobody_a_right(log_in):
    client = log_in("planerin", "case_work")
    page = client.get("/datasets/households").text
    assert "Sie gehören nicht zu den Beteiligten" in page
    assert "Familie Muster" not in client.get("/datasets/households/preview").text


def test_theme_is_remembered(client):
    client.post("/preferences", data={"theme": "dark", "back": "/"})
    assert 'data-kern-theme="dark"' in client.get("/").text
    client.post("/preferences", data={"theme": 'evil"', "back": "/"})
    assert "data-kern-theme" not in client.get("/").text
