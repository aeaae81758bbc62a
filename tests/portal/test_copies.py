"""Copies and runs as people see them: what stands in for a silo, earlier states, who may take a copy."""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from nabe.app import asgi, open_workspace
from nabe.model.catalogue import Change
from nabe.model.dataset import Mode
from nabe.model.lake import RunState
from nabe.model.party import JOBS, Actor, Role

IT = Actor("it", "Ina IT", "stadt", frozenset({Role.IT}))


@pytest.fixture
def town(tmp_path, city):
    """A city of its own, whose silos may be broken."""
    city.write_silos(tmp_path)
    with open_workspace(tmp_path) as nabe:
        city.declare(nabe)
        nabe.identity.put_account(IT, city.PASSWORD)
        yield nabe


@pytest.fixture
def browse(town, city):
    def go(name=""):
        headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin"}
        client = TestClient(asgi(town), headers=headers)
        if name:
            client.post("/login", data={"name": name, "password": city.PASSWORD})
        return client

    return go


def lose(town):
    shutil.move(town.root / "silos" / "districts.geojson", town.root / "weg.geojson")


def test_a_stranger_sees_states_and_downloads_an_earlier_one(town, browse):
    path = town.root / "silos" / "districts.geojson"
    body = json.loads(path.read_text("utf-8"))
    before = len(body["features"])
    body["features"] = body["features"][1:]
    path.write_text(json.dumps(body), "utf-8")
    assert town.hub.snapshot(JOBS, "districts").state is RunState.DONE
    page = browse().get("/datasets/districts/copies").text
    links = re.findall(r'href="(/download/districts.json[^"]+)"', page)
    assert len(links) == 2
    newest, oldest = (browse().get(link.replace("&amp;", "&")) for link in links)
    assert (len(newest.json()), len(oldest.json())) == (before - 1, before)
    assert oldest.headers["Nabe-As-Of"].startswith("districts;at=")
    assert "Jetzt kopieren" not in page


def test_a_silo_that_is_gone_is_replaced_and_the_page_says_so(town, browse):
    lose(town)
    page = browse().get("/datasets/districts/preview").text
    assert "Altstadt" in page and "Stand vom" in page and "Sie sehen den letzten bekannten Stand" in page
    answer = browse().get("/download/districts.csv")
    assert answer.status_code == 200 and answer.headers["Nabe-Stale"].startswith("districts;since=")
    items = browse().get("/ogc/collections/districts/items", headers={"Accept": "application/geo+json"})
    assert items.status_code == 200 and "Nabe-Stale" in items.headers
    lost_too = town.root / "silos" / "kitas.geojson"
    lost_too.rename(lost_too.with_suffix(".weg"))
    assert "antwortet aus einer Kopie" in browse().get("/systems/geodaten/state").text


def test_a_failed_copy_is_told_with_its_reason(town, browse):
    lose(town)
    client = browse("it")
    answer = client.post("/datasets/districts/copies")
    assert "antwort" in answer.text and "districts.geojson" in answer.text
    history = client.get("/systems/geodaten").text
    assert "erledigt" in history and "districts.geojson" in history
    stranger = browse().get("/systems/geodaten").text
    assert "Kopie" in stranger


def test_it_takes_a_copy_with_a_button_and_a_planner_may_not(town, browse):
    assert "Jetzt kopieren" in browse("it").get("/datasets/districts/copies").text
    page = browse("it").post("/datasets/districts/copies").text
    assert "Die neueste Kopie ist noch aktuell." in page
    planner = browse("planerin")
    assert "Jetzt kopieren" not in planner.get("/datasets/districts/copies").text
    assert planner.post("/datasets/districts/copies").status_code == 403
    assert browse().post("/datasets/districts/copies").status_code == 403
    assert browse().post("/datasets/households/copies").status_code == 404


def test_a_dataset_read_from_copies_says_of_when_it_is(town, browse):
    noun = replace(town.catalogue.snapshot().datasets["districts"], mode=Mode.SNAPSHOT)
    town.catalogue.commit(
        [Change("dataset", "districts", noun)], author="it", at=dt.datetime.now(dt.UTC), expect=town.hub.version()
    )
    page = browse().get("/datasets/districts/preview").text
    assert "Gezeigt wird die Kopie vom" in page and "letzten bekannten Stand" not in page
    assert "aus der neuesten Kopie" in browse().get("/datasets/districts").text
