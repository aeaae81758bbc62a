"""The examples of docs/guides/adapters-file.md, executed: these files, read with these settings, give these rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from nabe.adapters.file import FileAdapter
from nabe.model.dataset import System
from nabe.model.text import Text

from .support import context, no_secrets, probe

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "adapters-file.md"
BLOCK = re.compile(r"^```(text|yaml) (\S+(?: \S+)?)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[dict[str, str], dict[str, Any], list[str]]]:
    """Files, settings and rows of each example."""
    found = []
    files: dict[str, str] = {}
    settings: dict[str, Any] = {}
    for _, name, body in BLOCK.findall(GUIDE.read_text("utf-8")):
        if name.startswith(("mail", "connection")):
            continue
        if name == "source":
            settings = yaml.safe_load(body)
        elif name == "rows":
            found.append((files, settings, body.strip().splitlines()))
            files = {}
        else:
            files[name] = body
    return found


def test_the_guide_has_its_examples():
    assert len(examples()) == 5


@pytest.mark.parametrize(("files", "settings", "rows"), examples())
def test_an_example_of_the_guide_is_true(tmp_path, files, settings, rows):
    for name, body in files.items():
        (tmp_path / name).write_text(body, "utf-8")
    looking = probe(tmp_path, str(tmp_path / settings.get("path", next(iter(files)))))
    name = looking.discover()[0]
    guessed = dict(looking.describe(name).source)
    looking._tables[name] |= settings
    table = looking.describe(name)
    batches = looking.sample(table)
    found = pa.Table.from_batches(list(batches.batches), batches.schema).to_pylist()
    header = re.split(r" \| (?!männlich|weiblich)", rows[0])
    assert [", ".join(str(row[column]) for column in header) for row in found] == rows[1:]
    if "until" in settings:  # what the guide says to be proposed is proposed
        told = {key: list(value) if isinstance(value, tuple) else value for key, value in guessed.items()}
        assert {key: told.get(key) for key in settings} == settings


def blocks(name: str) -> list[str]:
    return [body for _, given, body in BLOCK.findall(GUIDE.read_text("utf-8")) if given == name]


def test_the_connections_of_the_guide_are_right():
    assert len(blocks("connection")) == 4
    for body in blocks("connection"):
        made = System("s", Text("S"), "file", "amt", yaml.safe_load(body))
        assert FileAdapter().check_system(made) == [], body


def test_the_mail_of_the_guide_becomes_its_rows(tmp_path):
    (connection,) = (yaml.safe_load(body) for body in blocks("connection") if "maildir" in body)
    for part in ("cur", "new", "tmp"):
        (tmp_path / "post" / part).mkdir(parents=True)
    (tmp_path / "post" / "new" / "1").write_text(blocks("mail")[0], "utf-8")
    looking = FileAdapter().probe(connection, no_secrets, context(tmp_path))
    (name,) = looking.discover()
    assert yaml.safe_load(blocks("mail source")[0])["path"].replace("*", "2026-05") == name
    batches = looking.sample(looking.describe(name))
    found = pa.Table.from_batches(list(batches.batches), batches.schema).to_pylist()
    header, *rows = blocks("mail rows")[0].strip().splitlines()
    assert [", ".join(str(row[column]) for column in header.split(" | ")) for row in found] == rows
    assert list((tmp_path / "post" / ".Verarbeitet" / "cur").iterdir()), "moved, as configured"
