"""A data owner uploads a new file: checked first, taken over in one step, refused when it does not fit."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .test_accessibility import visit  # noqa: F401  # the fixture

KITAS = "/datasets/kitas/deliver"
SILO = "silos/kitas.geojson"


def feature(id: int, name: str, **more: object) -> str:
    import json

    properties = {"id": id, "name": name, "places": 10, "district_key": "01", "contact": "x", "since": "2020-01-01"}
    point = {"type": "Point", "coordinates": [9.9, 51.5]}
    return json.dumps({"type": "Feature", "properties": {**properties, **more}, "geometry": point})


def collection(*features: str) -> bytes:
    return f'{{"type": "FeatureCollection", "features": [{", ".join(features)}]}}'.encode()


GOOD = collection(feature(1, "Kita Neubau"), feature(2, "Kita Am Markt"))


@pytest.fixture
def restored(nabe):
    """The silo's files as they were, and the ledger's last number before."""
    folder = Path(nabe.root) / "silos"
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    yield folder
    for path in folder.iterdir():
        if path.is_file():
            path.unlink()
    for path, body in before.items():
        path.write_bytes(body)


def upload(client, body: bytes, name: str = "neu.geojson", path: str = KITAS):
    return client.post(path, files={"file": (name, body, "application/octet-stream")})


def lines(nabe, action: str):
    nabe.ledger.append([], durable=True)
    return [item.entry for item in nabe.ledger.entries(limit=1_000_000) if item.entry.action == action]


def test_only_a_data_owner_of_the_owning_office_is_offered_the_form(client, log_in, restored):
    assert "/deliver" not in client.get("/datasets/kitas").text
    assert client.get(KITAS).status_code == 403 and upload(client, GOOD).status_code == 403
    log_in("planerin")
    assert "/deliver" not in client.get("/datasets/kitas").text
    answer = upload(client, GOOD)
    assert answer.status_code == 403 and "liefert nur ein Daten-Owner der Stelle" in answer.text
    log_in("owner")
    assert "Neue Datei hochladen" in client.get("/datasets/kitas").text
    assert client.get(KITAS).status_code == 200
    assert "/deliver" not in client.get("/datasets/districts").text, "of another office"
    assert upload(client, GOOD, path="/datasets/districts/deliver").status_code == 403


def test_a_file_that_fits_is_previewed_then_taken_over_and_shown_at_once(client, log_in, restored, nabe):
    log_in("owner")
    before = (restored / "kitas.geojson").read_bytes()
    page = upload(client, GOOD)
    assert page.status_code == 200 and "Die Datei passt" in page.text and "Kita Neubau" in page.text
    assert "weniger als halb so viele Zeilen" in page.text and "bisher 32" in page.text
    assert (restored / "kitas.geojson").read_bytes() == before, "nothing is replaced yet"
    taken = client.post(f"{page.url.path}/take")
    assert taken.status_code == 200 and "Die neue Datei ist übernommen" in taken.text
    assert (restored / "kitas.geojson").read_bytes() == GOOD
    assert "Kita Neubau" in client.get("/datasets/kitas/preview").text
    entry = lines(nabe, "received")[-1]
    assert (entry.actor, entry.dataset, entry.rows, entry.interface) == ("owner", "kitas", 2, "portal")
    assert "Neubau" not in entry.detail and entry.decision
    kept = list((Path(nabe.root) / ".nabe" / "deliveries").rglob("*-kitas.geojson"))
    assert before in [path.read_bytes() for path in kept]
    assert client.post(f"{page.url.path}/take").status_code == 404, "once"
    assert not [item for item in restored.iterdir() if item.name.startswith(".")]


def test_what_does_not_fit_is_refused_with_its_reasons_and_changes_nothing(client, log_in, restored, nabe):
    log_in("owner")
    before = (restored / "kitas.geojson").read_bytes()
    wrong = feature(1, "Kita Neubau", places="viele").replace('"district_key"', '"bezirk"')
    page = upload(client, collection(wrong))
    assert page.status_code == 422 and "Die Datei passt nicht" in page.text
    assert "Die Spalte „district_key“ fehlt." in page.text and "Kein einziger Wert ist vom Typ" in page.text
    assert "Die Spalte „bezirk“ ist neu" in page.text and "/take" not in page.text
    for body in (b"", b"<html>Anmeldung</html>", b"%PDF-1.7 x", b"\x1f\x8b" + b"x" * 50, collection()):
        page = upload(client, body)
        assert page.status_code == 422 and "Die Datei passt nicht" in page.text, body[:20]
    assert client.post(KITAS, files={}).status_code in (400, 422)
    assert (restored / "kitas.geojson").read_bytes() == before
    assert not list((Path(nabe.root) / ".nabe" / "deliveries").rglob("file"))


def test_a_bomb_is_refused(client, log_in, restored):
    log_in("owner")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("kitas.geojson", b" " * 300_000_000)
    page = upload(client, packed.getvalue())
    assert page.status_code == 422 and "Die Datei passt nicht" in page.text


def test_nobody_takes_over_what_another_delivered_or_what_changed_meanwhile(client, log_in, restored, nabe):
    log_in("owner")
    first, second = upload(client, GOOD).url.path, upload(client, GOOD).url.path
    other = nabe.identity
    from nabe.model.party import Actor, Role

    other.put_account(Actor("owner2", "Zweite", "sozialamt", frozenset({Role.DATA_OWNER})), "nur-fuer-den-test")
    log_in("owner2")
    assert client.get(first).status_code == 404 and client.post(f"{first}/take").status_code == 404
    other.remove_account("owner2") if hasattr(other, "remove_account") else None
    log_in("owner")
    assert client.post(f"{first}/take").status_code == 200
    late = client.post(f"{second}/take")
    assert late.status_code == 409 and "Another file was put there meanwhile" in late.text
    assert lines(nabe, "failed")[-1].detail == "received: conflict"
    assert client.post(f"{second}/drop").status_code == 200 and client.get(second).status_code == 404


def test_forms_of_other_sites_are_refused(client, log_in, restored):
    log_in("owner")
    held = upload(client, GOOD).url.path
    for path, files in ((KITAS, {"file": ("x.geojson", GOOD)}), (f"{held}/take", None), (f"{held}/drop", None)):
        answer = client.post(path, files=files, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 403, path


def test_files_over_the_limit_are_refused(client, log_in, restored, app, monkeypatch):
    log_in("owner")
    object.__setattr__(app.state.services.settings, "upload_mb", 1)
    try:
        answer = upload(client, b" " * 3_000_000)
        assert answer.status_code == 413
    finally:
        object.__setattr__(app.state.services.settings, "upload_mb", 100)
    assert client.post("/query", content=b"x" * 1_500_000).status_code == 413, "other forms stay small"


def test_a_dataset_without_a_file_says_where_to_change_it(client, log_in, restored, nabe):
    from nabe.model.party import Actor, Role

    nabe.identity.put_account(
        Actor("planungsowner", "P", "sozialplanung", frozenset({Role.DATA_OWNER, Role.EMPLOYEE})), "nur-fuer-den-test"
    )
    log_in("planungsowner")
    page = client.get("/datasets/assistance_by_district/deliver")
    assert page.status_code == 403 and "wird aus anderen Datensätzen berechnet" in page.text


def test_closed_data_are_delivered_without_telling_how_many_there_were(client, log_in, restored):
    log_in("owner")
    body = b"household;district_key;name;amount\nH1;01;Neu;1,50\nH1;02;Neu;x\n"
    page = upload(client, body, "neu.csv", "/datasets/households/deliver")
    assert page.status_code == 200 and "400" not in page.text.replace('"400', "")
    assert "wiederholen: 1." in page.text and "leer bleiben: 1." in page.text


def test_delivering_with_a_browser_keyboard_and_axe(visit, restored, tmp_path):  # noqa: F811
    (tmp_path / "neu.geojson").write_bytes(GOOD)
    (tmp_path / "falsch.geojson").write_bytes(collection(feature(1, "x").replace('"district_key"', '"bezirk"')))
    window = visit(who="owner", locale="de")
    page = window.go("/datasets/kitas")
    page.get_by_role("link", name="Neue Datei hochladen").click()
    assert window.violations() == []
    page.get_by_label("Datei", exact=True).set_input_files(tmp_path / "falsch.geojson")
    page.get_by_role("button", name="Hochladen und prüfen").click()
    expect(page.get_by_role("heading", name="Die Datei passt nicht")).to_be_visible()
    assert window.violations() == []
    page.get_by_role("link", name="Andere Datei hochladen").click()
    page.get_by_label("Datei", exact=True).set_input_files(tmp_path / "neu.geojson")
    page.get_by_label("Datei", exact=True).focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Hochladen und prüfen")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name="Kita Neubau")).to_be_visible()
    assert window.violations() == []
    page.emulate_media(color_scheme="dark")
    assert window.violations() == []
    page.get_by_role("button", name="Datei übernehmen").click()
    expect(page.get_by_role("heading", name="Die neue Datei ist übernommen")).to_be_visible()
    expect(page.get_by_role("cell", name="Kita Neubau")).to_be_visible()
    assert window.violations() == []
    assert [item for item in window.complaints if "422" not in item] == []
