"""`nabe deliver`: look, agree, replace; as the account that is named."""

from __future__ import annotations

from pathlib import Path

import pytest

GOOD = "Nr;Straße;Bezirk;Plätze\n04;Neuer Weg;03;25\n"


@pytest.fixture
def owner(dorf, nabe):
    nabe("apply", "--yes", code=0)
    nabe("user", "add", "amt", "-o", "dorf", "--role", "data_owner", "--no-password", code=0)
    return dorf


def test_a_file_is_looked_at_and_replaced_only_when_agreed(owner, nabe, tmp_path):
    new = tmp_path / "neu.csv"
    new.write_text(GOOD, "utf-8")
    (file,) = Path(owner).rglob("kitas.csv")
    before = file.read_bytes()
    looked = nabe("deliver", "kitas", new, "--as", "amt", "--check", "--json", code=0).json
    assert looked["fits"] and looked["rows"] == 1 and not looked["taken"]
    nabe("deliver", "kitas", new, "--as", "amt", code=2)  # nobody there to agree
    assert file.read_bytes() == before
    denied = nabe("deliver", "kitas", new, "--as", "operator", "--yes", code=2)
    assert "delivered only by a data owner" in denied.err and file.read_bytes() == before
    done = nabe("deliver", "kitas", new, "--as", "amt", "--yes", code=0)
    assert "1 rows" in done.out and file.read_text("utf-8") == GOOD


def test_what_does_not_fit_is_told(owner, nabe, tmp_path):
    new = tmp_path / "neu.csv"
    new.write_text("Nr;Straße\n04;Neuer Weg\n", "utf-8")
    ran = nabe("deliver", "kitas", new, "--as", "amt", "--yes", code=2)
    assert "The column “Bezirk” is missing." in ran.out
    nabe("deliver", "kitas", tmp_path / "weg.csv", "--as", "amt", code=2)
