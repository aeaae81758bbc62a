"""The examples of docs/guides/adapters-file.md, executed: these files, read with these settings, give these rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from .support import probe

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "adapters-file.md"
BLOCK = re.compile(r"^```(text|yaml) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples() -> list[tuple[dict[str, str], dict[str, Any], list[str]]]:
    """Files, settings and rows of each example."""
    found = []
    files: dict[str, str] = {}
    settings: dict[str, Any] = {}
    for _, name, body in BLOCK.findall(GUIDE.read_text("utf-8")):
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
