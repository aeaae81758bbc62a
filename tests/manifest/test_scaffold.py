"""`init` gives a workspace that checks clean, and never writes over what is there."""

from __future__ import annotations

import pytest

from nabe.app import load
from nabe.errors import Conflict, Invalid
from nabe.manifest import init


@pytest.mark.parametrize("title", ['Bad "Neustadt" \\ Süd', "Zeile\nzwei: drei # vier", "{Klammer}", "ß" * 200, "no"])
def test_any_title_gives_a_workspace_without_problems(tmp_path, title):
    init(tmp_path / "neu", "neu", title, "05999000", "NW")
    loaded = load(tmp_path / "neu")
    assert loaded.problems == []
    city = next(noun for noun in loaded.nouns if noun.id == "neu")
    assert city.title.de == " ".join(title.split()) and city.ags == "05999000"


def test_files_that_are_there_stay(tmp_path):
    (tmp_path / ".gitignore").write_text("build/")
    (tmp_path / "organisations").mkdir()
    (tmp_path / "organisations/neu.yaml").write_text("id: neu\ntitle: Meine\n")
    init(tmp_path, "neu", "Neu")
    assert (tmp_path / ".gitignore").read_text().splitlines() == ["build/", ".nabe/", "*.secret", ".env"]
    assert "Meine" in (tmp_path / "organisations/neu.yaml").read_text()
    with pytest.raises(Conflict):
        init(tmp_path, "neu", "Neu")


@pytest.mark.parametrize(
    "wrong", [{"id": "../x"}, {"id": "Neu"}, {"ags": "5999"}, {"ags": "0599900x"}, {"land": "Nordrhein"}]
)
def test_what_does_not_fit_is_refused_before_anything_is_written(tmp_path, wrong):
    with pytest.raises(Invalid):
        init(tmp_path / "neu", **({"id": "neu", "title": "Neu"} | wrong))
    assert not (tmp_path / "neu").exists()
