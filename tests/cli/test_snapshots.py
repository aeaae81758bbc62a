"""The guide to copies, walked in a workspace of its own with the real command line."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "snapshots.md").read_text("utf-8")
EXAMPLES = dict(re.findall(r"<!-- example: (\S+) -->\n```\w*\n(.*?)```", GUIDE, re.S))


@pytest.fixture
def stadt(tmp_path, monkeypatch, nabe):
    """A workspace with the guide's dataset."""
    monkeypatch.delenv("NABE_WORKSPACE", raising=False)
    for name in ("organisations", "systems", "datasets", "daten"):
        (tmp_path / name).mkdir()
    (tmp_path / "nabe.yaml").write_text("kind: city\nid: stadt\ntitle: Stadt\n")
    (tmp_path / "organisations/stadt.yaml").write_text("id: stadt\ntitle: Stadt\ntype: municipality\n")
    (tmp_path / "systems/kitas.yaml").write_text(
        "id: kitas\ntitle: Kitas\nadapter: file\nowner: stadt\nconnection: {location: daten}\n"
    )
    (tmp_path / "datasets/plaetze.yaml").write_text(EXAMPLES["datasets/plaetze.yaml"])
    (tmp_path / "daten/plaetze.csv").write_text("kita;plaetze\nA;10\nB;20\n")
    monkeypatch.chdir(tmp_path)
    nabe("apply", "--yes", code=0)
    return tmp_path


@pytest.fixture
def walk(nabe):
    def walk(example):
        return [nabe(*shlex.split(line)[1:], code=0) for line in EXAMPLES[example].strip().splitlines()]

    return walk


SUM = "SELECT sum(plaetze) AS p FROM plaetze"


def test_the_guide_does_what_it_says(stadt, nabe, walk):
    before = nabe("query", SUM, code=2).err
    assert "no copy" in before and "nabe snapshot run plaetze" in before
    taken, answer = walk("run")
    assert "done" in taken.out and answer.json == [{"plaetze": 30}]
    (stadt / "daten/plaetze.csv").write_text("kita;plaetze;art\nA;10;x\nB;25;y\n")
    os.utime(stadt / "daten/plaetze.csv", (4_000_000_000, 4_000_000_000))
    taken, versions, runs = walk("again")
    assert "new columns: art" in taken.out
    assert runs.out.count("done") == 2
    assert walk("as-of")[0].json == [{"plaetze": 35}]
    newest, oldest = nabe("snapshot", "list", "plaetze", "--json").json
    assert (newest["version"], oldest["version"]) == (2, 1)
    assert nabe("query", SUM, "--as-of", oldest["at"], "--json").json == [{"p": 30}]
    assert "There is no copy" in nabe("query", SUM, "--as-of", "2020-01-01", code=2).err


def test_a_file_that_is_gone_leaves_the_last_copy_and_says_so(stadt, nabe):
    nabe("snapshot", "run", "--all", code=0)
    (stadt / "daten/plaetze.csv").unlink()
    (row,) = nabe("snapshot", "run", "plaetze", "--json", code=2).json
    assert row["state"] in ("failed", "refused") and "plaetze.csv" in row["detail"]
    answer = nabe("query", SUM, "--json", code=0)
    assert answer.json == [{"p": 30}] and "as of" in answer.err
    (listed,) = nabe("snapshot", "list", "--json").json
    assert (listed["failures"], listed["versions"]) == (1, 1) and "plaetze.csv" in listed["why"]
    (system,) = nabe("systems", "list", "--json").json
    assert system["last"].endswith(row["state"]) and system["next"]


def test_nothing_is_due_after_a_copy_and_copies_can_be_forgotten(stadt, nabe):
    assert nabe("snapshot", "run", "--json", code=0).json[0]["state"] == "done"
    assert nabe("snapshot", "run", "--json", code=0).json == []
    assert "Nothing is due" in nabe("snapshot", "run", code=0).out
    assert nabe("snapshot", "forget", "plaetze", "--before", "2020-01-01", "--yes", "--json").json["removed"] == 0
    assert nabe("snapshot", "forget", "plaetze", "--yes", "--json").json == {"dataset": "plaetze", "removed": 1}
    assert nabe("query", SUM, code=2).err


def test_copies_of_what_is_not_declared_any_more_are_named_and_can_be_removed(stadt, nabe):
    nabe("snapshot", "run", code=0)
    (stadt / "datasets/plaetze.yaml").unlink()
    nabe("apply", "--yes", code=0)
    doctor = {row["check"]: row for row in nabe("doctor", "--json").json}
    assert not doctor["copies"]["ok"] and "plaetze" in doctor["copies"]["detail"]
    assert nabe("snapshot", "forget", "plaetze", "--yes", "--json").json["removed"] == 1
    assert {row["check"]: row for row in nabe("doctor", "--json").json}["copies"]["ok"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("snapshot", "run", "--system", "kita"), "no system 'kita'"),
        (("snapshot", "run", "plaetze", "--all"), "Name datasets"),
        (("snapshot", "run", "gibtsnicht"), "gibtsnicht"),
        (("snapshot", "list", "gibtsnicht"), "gibtsnicht"),
        (("systems", "runs", "gibtsnicht"), "gibtsnicht"),
        (("snapshot", "forget", "plaetze", "--before", "gestern", "--yes"), "--before"),
        (("query", SUM, "--as-of", "gestern"), "--as-of"),
    ],
)
def test_wrong_words_are_named(stadt, nabe, words, says):
    ran = nabe(*words, code=2)
    assert says in ran.err and not ran.out


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("mode: snapshot\nsnapshots: {every: stündlich}", "neither an ISO 8601 duration nor a cron line"),
        ("snapshots: {every: PT1S}", "shorter than 10 seconds"),
        ("mode: snapshot", "snapshot needs to know when"),
        ("snapshots: {keep: 0}", "keep"),
        ("on_outage: vielleicht", "on_outage"),
    ],
)
def test_a_declaration_that_makes_no_sense_is_refused_with_its_field(stadt, nabe, text, says):
    path = stadt / "datasets/plaetze.yaml"
    path.write_text(re.sub(r"mode:.*?\n(?=fields)", text + "\n", path.read_text("utf-8"), flags=re.S), "utf-8")
    ran = nabe("check", code=2)
    assert says in ran.out + ran.err
