"""PUT /api/datasets/{id}/file: the same door as the portal's form."""

from __future__ import annotations

import pytest

from nabe.testing.serving import OpenCity

GOOD = b"id;bezirk;leitung\n1;01;x\n2;02;y\n"


@pytest.fixture
def own(tmp_path):
    """A city of one's own: its files are replaced."""
    made = OpenCity(tmp_path)
    yield made
    made.nabe.close()


def test_an_owner_replaces_a_file_and_others_do_not(own):
    file = own.nabe.root / "daten" / "kitas.csv"
    before = file.read_bytes()
    assert own.client().put("/api/datasets/kitas/file", content=GOOD).status_code == 401
    for who in ("planerin", "it", "nachbarin"):
        answer = own.client(who).put("/api/datasets/kitas/file", content=GOOD)
        assert answer.status_code == 403 and answer.json()["reasons"][0]["key"] == "may_not_deliver"
    client = own.client("owner")
    looked = client.put("/api/datasets/kitas/file?check=true", content=GOOD).json()
    assert (looked["fits"], looked["taken"], looked["rows"], looked["rows_before"]) == (True, False, 2, 30)
    assert file.read_bytes() == before
    taken = client.put("/api/datasets/kitas/file", content=GOOD)
    assert taken.status_code == 200 and taken.json()["taken"] and file.read_bytes() == GOOD
    rows = own.client().get("/download/kitas.json").json()
    assert len(rows if isinstance(rows, list) else rows["rows"]) == 2, "everybody sees the new rows at once"


def test_what_does_not_fit_is_a_problem_with_its_flaws(own):
    client, file = own.client("owner"), own.nabe.root / "daten" / "kitas.csv"
    before = file.read_bytes()
    answer = client.put("/api/datasets/kitas/file", content=b"id;leitung\n1;x\n")
    assert answer.status_code == 400 and answer.json()["code"] == "does-not-fit"
    assert answer.json()["params"]["flaws"] == ["Die Spalte „bezirk“ fehlt."]
    looked = client.put("/api/datasets/kitas/file?check=true", content=b"id;leitung\n1;x\n")
    assert looked.status_code == 200 and not looked.json()["fits"]
    assert looked.json()["flaws"][0]["kind"] == "missing" and file.read_bytes() == before


def test_a_database_says_that_it_takes_no_files(own):
    answer = own.client("owner").put("/api/datasets/faelle/file", content=b"x")
    assert answer.status_code == 400 and answer.json()["code"] == "takes-no-files"


def test_large_bodies_are_for_files_only(own):
    object.__setattr__(own.app.state.services.settings, "upload_mb", 2)
    client = own.client("owner")
    large = b"id;bezirk;leitung\n" + b"1;01;x\n" * 200_000
    assert client.put("/api/datasets/kitas/file?check=true", content=large).status_code == 200
    assert client.put("/api/datasets/kitas/file", content=large * 3).status_code == 413
    assert client.put("/api/documents/dataset/kitas", content=large).status_code == 413
    assert client.post("/api/datasets/kitas/file", content=b"x").status_code in (404, 405)
