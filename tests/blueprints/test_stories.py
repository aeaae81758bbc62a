"""The story of every blueprint can be walked: its commands run, fail where it says so, and print what it shows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

BLUEPRINTS = Path(__file__).parents[2] / "blueprints"
_BLOCK = re.compile(r"^```(sh(?: fails)?)\n(.*?)^```\n(?:```text\n(.*?)^```\n)?", re.M | re.S)


@pytest.mark.parametrize("story", sorted(BLUEPRINTS.glob("*/story.md")), ids=lambda path: path.parent.name)
def test_the_story_can_be_walked(story, tmp_path):
    here = tmp_path
    blocks = _BLOCK.findall(story.read_text("utf-8"))
    assert blocks
    for kind, commands, expected in blocks:
        where = tmp_path / "where"
        script = f"set -euo pipefail\n{commands}\npwd > {where}"
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=here,
            capture_output=True,
            text=True,
            timeout=120,
            env={
                **{name: value for name, value in os.environ.items() if not name.startswith("NABE_")},
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "BLUEPRINT": str(story.parent),
                "COLUMNS": "200",
            },
        )
        said = done.stdout + done.stderr
        if kind == "sh":
            assert done.returncode == 0, f"{commands}\n{said}"
            here = Path(where.read_text().strip())
        else:
            assert done.returncode != 0, f"should have been refused: {commands}\n{said}"
        for line in expected.splitlines():
            assert line in said, f"{commands}\nlacks {line!r}:\n{said}"


def test_every_blueprint_has_a_use_case_products_and_a_story():
    for bundle in BLUEPRINTS.iterdir():
        assert (bundle / "usecase.yaml").is_file() and (bundle / "story.md").is_file(), bundle.name
        assert list((bundle / "products").glob("*.sql")), bundle.name
        assert "approval" not in (bundle / "usecase.yaml").read_text("utf-8"), "copying copies no consent"
