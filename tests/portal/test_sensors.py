"""Sensors as people see them: the map that goes on by itself, a device with its series, and nothing that is closed."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from playwright.sync_api import expect

from nabe.model.entities import EntityQuery, EntityType, Hop
from nabe.model.party import ANONYMOUS, Actor, Role
from nabe.testing.sensor_city import observation

OWNER = Actor("vermesser", "", "vermessung", frozenset({Role.DATA_OWNER}))


@pytest.fixture
def ids(nabe):
    page = nabe.hub.sensing.read(OWNER, "open-data", EntityQuery(EntityType.THING))
    return {row.values["name"]: row.id for row in page.rows}


def test_the_list_says_who_sends_who_is_silent_and_what_was_said_last(client):
    page = client.get("/sensors").text
    rows = {name: re.search(rf'<tr[^>]*>(?:(?!</tr>).)*{name}.*?</tr>', page, re.S)[0] for name in ("Luft Nord", "Luft Süd", "Luft Neu")}  # fmt: skip
    assert "Sendet" in rows["Luft Nord"] and "Temperatur: " in rows["Luft Nord"]
    assert "Stumm" in rows["Luft Süd"] and "4,5" in rows["Luft Süd"]
    assert "Ohne Werte" in rows["Luft Neu"] and "noch nie" in rows["Luft Neu"]


def test_what_is_closed_is_neither_listed_nor_drawn_nor_opened(client, ids):
    for path in ("/sensors", "/sensors.geojson", "/sensors?measures=Temperatur"):
        assert "Rathaus" not in client.get(path).text
    assert client.get(f"/sensors/{ids.get('Zähler Rathaus', 4)}").status_code == 404
    assert client.get(f"/sensors/{ids.get('Zähler Rathaus', 4)}/series/4").status_code == 404


def test_a_stream_is_only_shown_with_its_own_device(client, ids):
    assert client.get(f"/sensors/{ids['Luft Süd']}/series/1").status_code == 404


def test_a_series_has_what_a_screen_can_show_and_names_its_gap(client, ids):
    found = client.get(f"/sensors/{ids['Luft Nord']}/series/1?span=week").json()
    assert found["count"] == 120 and 0 < len(found["time"]) <= 802
    assert len(found["gaps"]) == 1
    start, end = found["gaps"][0]
    assert 190 * 60 < end - start < 220 * 60
    assert None in found["mean"] and all(
        low <= mean <= high
        for low, mean, high in zip(found["low"], found["mean"], found["high"], strict=True)
        if mean is not None
    )


@pytest.mark.parametrize(
    ("query", "field"),
    [("span=century", "span"), ("from=gestern", "from"), ("from=2026-01-02&to=2026-01-01", "to"), ("from=9999-12-31T23:59&to=9999-12-31T23:58", "to")],
)  # fmt: skip
def test_a_wrong_span_is_told_with_its_field(client, ids, query, field):
    answer = client.get(f"/sensors/{ids['Luft Nord']}/series/1?{query}", headers={"Accept": "application/json"})
    assert answer.status_code == 400 and answer.json()["params"]["field"] == field


def test_the_file_beside_a_chart_holds_its_values(client, ids):
    page = client.get(f"/sensors/{ids['Luft Nord']}?span=week").text
    link = re.search(r'href="(/sta/v1.1/Datastreams[^"]+CSV[^"]*)"', page)[1].replace("&amp;", "&")
    answer = client.get(link, headers={"Accept": "text/csv"})
    assert answer.status_code == 200 and len(answer.text.strip().splitlines()) == 121


def test_new_values_appear_on_the_map_and_in_the_list_by_themselves(browser, served, nabe, ids):
    page = browser.new_page(base_url=served, locale="de-DE")
    page.goto("/sensors")
    page.wait_for_selector("#sensors[data-ready]")
    expect(page.locator("#live")).to_have_text("Neue Werte erscheinen von selbst.")
    stream = Hop(EntityType.DATASTREAM, 1, "Observations")
    now = int(dt.datetime.now(dt.UTC).timestamp()) * 1_000_000
    nabe.hub.sensing.create(OWNER, "open-data", observation(321.5, now), within=(stream,))
    expect(page.locator('[data-stream="1"]')).to_have_text("321,5", timeout=8_000)
    page.close()


def test_a_chart_is_drawn_and_said_in_words(browser, served, ids):
    page = browser.new_page(base_url=served, locale="de-DE")
    page.goto(f"/sensors/{ids['Luft Nord']}?span=week")
    page.wait_for_selector(".series__chart[data-ready]")
    expect(page.locator(".series__chart figcaption")).to_contain_text("Lücken ohne Werte: 1.")
    assert page.locator(".series__plot canvas").count() == 1
    page.close()


def test_anyone_may_look(nabe):
    assert ANONYMOUS.id == "anonymous" and nabe.hub.sensing.readable(ANONYMOUS, "open-data") == ("luft",)
