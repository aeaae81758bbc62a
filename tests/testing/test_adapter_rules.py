"""The checks of an adapter find what is wrong with one, and say what would be right."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nabe.cli.adapter_new import write

#: What is spoilt in a generated adapter (file below its package, old text, new text), and what is then said.
SPOILT = {
    "no id": ("manifest.toml", 'id = "probe"', 'id = "prob"', "manifest: id is 'prob'; right would be 'probe'"),
    "no German title": ("manifest.toml", 'de = "Probe"', 'de = ""', "manifest: title.de is missing"),
    "no mode": ("manifest.toml", 'mode = "pull"', 'mode = "poll"', "manifest: mode is 'poll'; right would be pull"),
    "broken manifest": ("manifest.toml", "[title]", "[title", "manifest: manifest.toml cannot be read"),
    "no note": ("quality.yaml", 'note: "tests/test_outage.py"', 'note: ""', "quality: outage_test: the note is missing"),
    "odd state": ("quality.yaml", "state: todo", "state: soon", "quality: recorded_payloads: state is 'soon'"),
    "misspelt": ("quality.yaml", "outage_test:", "outage_tset:", "is 'outage_test' meant?"),
    "rule left out": ("quality.yaml", "time_out:", "zeit:", "quality: the rule time_out is not answered"),
    "test that is not there": ("quality.yaml", "tests/test_outage.py", "tests/test_no.py", "tests/test_no.py, which is not there"),
    "no description": ("settings.py", ', description="Largest answer in MB"', "", "connection.max_mb has no description"),
    "settings unknown": ("adapter.py", "    dataset_settings = DatasetSettings\n", "", "settings: "),
    "swallows": ("settings.py", "class SystemSettings(Settings):", "class SystemSettings(BaseModel):", "swallows unknown settings"),
    "bold promise": ("source.py", "capabilities = Capabilities()", "capabilities = Capabilities(bbox=True)", "bbox without filter"),
    "sql": ("source.py", "capabilities = Capabilities()", 'capabilities = Capabilities(sql="klingon")', "no class has run_sql"),
    "calls in": ("probe.py", "from nabe.errors import Unknown", "from nabe.errors import Unknown\nimport nabe.hub", "imports nabe.hub"),
    "own HTTP": ("probe.py", "from nabe.errors import Unknown", "from nabe.errors import Unknown\nimport httpx", "ask through nabe.outbound"),
    "other id": ("adapter.py", 'id = "probe"', 'id = "andere"', "adapter: id is 'andere'"),
    "no sniff": ("adapter.py", "def sniff(", "def snif(", "it has no method sniff"),
    "does not load": ("adapter.py", "class ProbeAdapter:", "class ProbeAdapter(Missing):", "cannot be loaded: NameError"),
}  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules") / "adapter"
    write("probe", folder, "http")
    info = folder / "src" / "nabe_adapter_probe-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: nabe-adapter-probe\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text("[nabe.adapters]\nprobe = nabe_adapter_probe:ProbeAdapter\n")
    return folder


def said(folder: Path) -> list[str]:
    code = "from nabe.testing.adapter_rules import findings; print(*findings('probe'), sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(folder / "src")}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split("\n")[:-1]


def test_nothing_is_wrong_with_a_sound_one(sound):
    assert [line for line in said(sound) if line] == []


@pytest.mark.parametrize("name", SPOILT)
def test_what_is_wrong_is_named(sound, tmp_path, name):
    file, old, new, words = SPOILT[name]
    shutil.copytree(sound, tmp_path / "adapter")
    path = tmp_path / "adapter/src/nabe_adapter_probe" / file
    text = path.read_text()
    assert old in text
    if new.endswith("(BaseModel):"):
        text = text.replace("from pydantic import Field", "from pydantic import BaseModel, Field")
    path.write_text(text.replace(old, new, 1))
    if name == "settings unknown":  # the usual names in the module still tell
        path.write_text(
            path.read_text()
            .replace("DatasetSettings", "Other")
            .replace("import Other,", "import DatasetSettings as Other,")
        )
    assert any(words in line for line in said(tmp_path / "adapter")), said(tmp_path / "adapter")
