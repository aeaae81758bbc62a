"""A workspace with two silos, and the command line run in it as a user would."""

from __future__ import annotations

import io
import json
import sqlite3
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from nabe.cli import main


@dataclass
class Ran:
    """What a command left: exit code and texts."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def nabe(capfd, monkeypatch):
    """`nabe("check", "--json")` runs the real entry point; never raises for an exit code."""

    def run(*args, given="", code=None):
        monkeypatch.setattr(sys, "argv", ["nabe", *map(str, args)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(given))
        capfd.readouterr()
        try:
            main()
            ended = 0
        except SystemExit as end:
            ended = end.code if isinstance(end.code, int) else int(end.code is not None)
        sys.stdout.flush()
        ran = Ran(ended, *capfd.readouterr())
        assert "Traceback" not in ran.out + ran.err
        if code is not None:
            assert ran.code == code, ran
        return ran

    return run


KITAS = "Nr;Straße;Bezirk;Plätze\n01;Hauptstraße;03;12\n02;Nebenweg;04;7\n03;Am Markt;03;40\n"

USECASE = """\
id: planung
title: Planung
purpose: Plätze planen
owner: dorf
legal_basis: § 79 SGB VIII
state: active
ethics: cleared
members:
  # wer plant
  - person: erika
grants:
  # Adressen braucht niemand
  - dataset: kitas
    columns: [bezirk, plaetze]  # nur diese
"""


@pytest.fixture
def dorf(tmp_path, monkeypatch, nabe):
    """A workspace `dorf` with the dataset kitas (open), faelle (SQLite) and a use case that waits for consent."""
    monkeypatch.delenv("NABE_WORKSPACE", raising=False)
    root = tmp_path / "dorf"
    nabe("init", root, "--title", "Dorf", "--ags", "05999000", "--land", "NW", code=0)
    monkeypatch.chdir(root)
    (root / "data").mkdir()
    (root / "data/kitas.csv").write_text(KITAS)
    with sqlite3.connect(root / "data/amt.sqlite") as connection:
        connection.execute("CREATE TABLE faelle (nr TEXT PRIMARY KEY, bezirk TEXT, betrag REAL)")
        connection.executemany(
            "INSERT INTO faelle VALUES (?, ?, ?)", [(str(n), f"{3 + n % 2:02}", 10.5 * n) for n in range(20)]
        )
    connection.close()
    nabe("connect", "data/kitas.csv", "--as", "kitas", code=0)
    (root / "usecases/planung").mkdir()
    (root / "usecases/planung/usecase.yaml").write_text(USECASE)
    return root
