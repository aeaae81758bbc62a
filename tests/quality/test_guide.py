"""The guide's files, command and output are as it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from nabe.cli import main

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "quality.md").read_text("utf-8")
SYSTEM = "id: dateien\ntitle: Dateien\nadapter: file\nowner: dorf\nconnection: {location: data}\n"
DISTRICTS = """\
id: bezirke
title: Bezirke
owner: dorf
system: dateien
access: open
fields: [{name: nr, type: string}, {name: name, type: string}]
source: {path: bezirke.csv, delimiter: ";"}
"""


@pytest.fixture
def nabe(tmp_path, monkeypatch, capfd):
    def call(*args, code=0):
        monkeypatch.setattr(sys, "argv", ["nabe", *args])
        capfd.readouterr()
        try:
            main()
            ended = 0
        except SystemExit as end:
            ended = end.code
        out, err = capfd.readouterr()
        assert ended == code, out + err
        return out

    monkeypatch.delenv("NABE_WORKSPACE", raising=False)
    call("init", str(tmp_path / "dorf"), "--title", "Dorf", "--ags", "05999000", "--land", "NW")
    root = tmp_path / "dorf"
    monkeypatch.chdir(root)
    files = dict(re.findall(r"```\w+ file=(\S+)\n(.*?)```", GUIDE, re.S))
    assert set(files) == {"datasets/kitas.yaml", "data/kitas.csv", "data/bezirke.csv"}
    files |= {"systems/dateien.yaml": SYSTEM, "datasets/bezirke.yaml": DISTRICTS}
    for name, text in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, "utf-8")
    call("check")
    call("apply", "--yes")
    return call


def test_the_example_says_what_the_guide_shows(nabe):
    shown = re.search(r"\$ nabe quality run kitas\n(.*?)```", GUIDE, re.S)[1]
    said = nabe("quality", "run", "kitas")
    for line in shown.splitlines():
        assert line in said.splitlines()
    assert "Nicht mehr Kinder als Plätze – Eine von 4 Zeilen weicht ab." in said
    assert "4 Zeilen. Ab jetzt wird mit früheren Prüfungen verglichen." in said


def test_strict_is_about_errors_only(nabe, tmp_path):
    nabe("quality", "run", "--strict", code=0)
    path = tmp_path / "dorf/data/kitas.csv"
    path.write_text(path.read_text("utf-8") + "01;A;37073;40;38;2026-11-01\n", "utf-8")
    nabe("quality", "run", "--strict", code=2)
    nabe("quality", "run", code=0)


def test_json_tells_all_and_list_remembers(nabe):
    import json

    rows = json.loads(nabe("quality", "run", "--json"))
    assert [(row["rule"], row["state"], row["failing"]) for row in rows][:4] == [
        ("nummer", "ok", 0),
        ("angaben", "ok", 0),
        ("plaetze", "failed", 1),
        ("plz", "failed", 1),
    ]
    listed = json.loads(nabe("quality", "list", "--json"))
    assert [(row["rule"], row["state"]) for row in listed] == [(row["rule"], row["state"]) for row in rows]
    assert "2026" in nabe("quality", "list", "kitas")


def test_a_dataset_that_is_not_there_is_named(nabe):
    nabe("quality", "run", "gibtsnicht", code=2)
    nabe("quality", "run", "bezirke", "--as", "anonymous", code=0)


def test_the_guide_names_every_kind():
    from nabe.model.quality import RuleKind

    assert re.findall(r"^\| `(\w+)` \|", GUIDE, re.M) == [kind.value for kind in sorted(RuleKind, key=_order)]


def _order(kind):
    order = ["type", "range", "unique", "reference", "pattern", "completeness", "freshness", "row_count", "sql"]
    return order.index(kind.value)
