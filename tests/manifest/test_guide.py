"""The examples of the workspace guide are a workspace without problems."""

from __future__ import annotations

import re
from pathlib import Path

from nabe.app import load

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "workspace.md"


def test_the_examples_of_the_guide_load_without_a_problem(tmp_path):
    found = re.findall(r"<!-- example: (\S+) -->\n```yaml\n(.*?)```", GUIDE.read_text("utf-8"), re.S)
    assert len(found) == 7
    for name, text in found:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    loaded = load(tmp_path)
    assert [str(problem) for problem in loaded.problems] == []
    assert {noun.id for noun in loaded.nouns} >= {"musterdorf", "faelle", "hilfe", "faelle_je_ortsteil"}
