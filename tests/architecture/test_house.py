"""The house is as docs/architecture.md and the habits in CONTRIBUTING.md say."""

from __future__ import annotations

import ast
import re
import string
import subprocess
import sys
from pathlib import Path

import pytest

from nabe.app import adapter_entries
from nabe.i18n import LANGUAGES, messages
from nabe.testing.adapter_rules import findings

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "nabe"
MODULES = sorted(SOURCE.rglob("*.py"))

#: Files longer than the alarm, each with the reason why it still holds one thing.
LONG_FILES: dict[str, str] = {}
ALARM = 450


def test_the_map_in_the_architecture_page_is_the_folders_on_disk():
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    drawn = set(re.findall(r"^  (\w+)/ ", page, re.M)) | {"cli", "locale"}
    on_disk = {folder.name for folder in SOURCE.iterdir() if folder.is_dir() and folder.name != "__pycache__"}
    assert drawn == on_disk


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_each_module_says_what_it_is_for(path):
    doc = ast.get_docstring(ast.parse(path.read_text("utf-8")))
    assert doc and len(doc) > 15, "the first line of a module says what it is for"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_file_grows_until_it_holds_two_things(path):
    lines = path.read_text("utf-8").count("\n")
    assert lines <= ALARM or str(path.relative_to(SOURCE)) in LONG_FILES


def test_german_and_english_hold_the_same_messages_with_the_same_placeholders():
    catalogues = {lang: messages(lang) for lang in LANGUAGES}
    assert catalogues["de"].keys() == catalogues["en"].keys()
    for key, template in catalogues["de"].items():
        names = [_placeholders(catalogues[lang][key]) for lang in LANGUAGES]
        assert names[0] == names[1], f"{key}: {template}"


def test_every_message_is_used_somewhere():
    text = "\n".join(path.read_text("utf-8") for path in SOURCE.rglob("*") if path.suffix in {".py", ".html", ".js"})
    used = set(re.findall(r"[\w.-]+", text))
    # A key may be put together from a prefix and a value (`t(f"reason.{...}")`): its prefix or its last part is in the code.
    unused = [
        key
        for key in messages("de")
        if key not in used
        and key.rsplit(".", 1)[1] not in used
        and f"{key.rsplit('.', 1)[0]}." not in used
        # Templates of the portal leave the room's name out: `_("theme.to_dark")`, `_("figure." ~ key)`.
        and key.split(".", 1)[1] not in used
        and f"{key.split('.', 1)[1].rsplit('.', 1)[0]}." not in used
    ]
    assert not unused


def _placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


BUILT_IN = [entry.name for entry in adapter_entries() if entry.value.startswith("nabe.adapters.")]


@pytest.mark.parametrize("id", BUILT_IN)
def test_each_built_in_adapter_is_as_an_adapter_should_be(id):
    # The note of a rule is added to quality.yaml, a guide to docs/guides/adapters-ID.md, as the message says.
    assert [str(item) for item in findings(id) if not item.remark] == []


def test_every_adapter_in_the_folder_has_its_entry_point():
    folders = {path.parent.name for path in (SOURCE / "adapters").glob("*/__init__.py")}
    assert folders == set(BUILT_IN)


def test_the_pages_of_the_reference_are_up_to_date():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "reference.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
