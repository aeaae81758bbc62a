"""Front-end files: pinned, from npm's registry only, complete, and nothing of theirs is asked for elsewhere."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path

import pytest

from nabe.portal.rendering import STATIC
from nabe.testing.needs import need

ROOT = Path(__file__).parents[2]
TEMPLATES = STATIC.parent / "templates"


def _script():
    spec = importlib.util.spec_from_file_location("nabe_assets", ROOT / "scripts" / "assets.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_package_is_pinned_with_its_checksum_and_comes_from_npm():
    wanted = json.loads((ROOT / "package.json").read_text())["dependencies"]
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())
    for name, entry in lock.items():
        if name:
            assert entry["integrity"].startswith("sha512-"), name
            assert entry.get("resolved", "https://registry.npmjs.org/").startswith("https://registry.npmjs.org/")


def test_everything_that_pages_name_is_there():
    need("the front-end files", (STATIC / "vendor" / ".stamp").is_file(), "python scripts/assets.py")
    for template in TEMPLATES.rglob("*.html"):
        for name in re.findall(r"asset\('([^']+)'\)", template.read_text("utf-8")):
            assert (STATIC / name).is_file(), f"{template.name} names {name}"
    for name in re.findall(r"url\(([^)]+)\)", (STATIC / "portal.css").read_text("utf-8")):
        assert (STATIC / name).is_file(), f"portal.css names {name}"


def test_no_page_names_a_foreign_host_or_holds_inline_script_or_style():
    for template in TEMPLATES.rglob("*.html"):
        text = template.read_text("utf-8")
        assert not re.search(r"(src|href)=\"https?:", text), template.name
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\bsrc=)", text), template.name


def test_a_second_run_fetches_nothing(tmp_path, monkeypatch):
    script = _script()
    calls = []

    def fetch(root):
        calls.append(root)
        for package, files in script.FILES.items():
            for source in [*files, "LICENSE"]:
                path = root / "node_modules" / package / source
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(source)

    monkeypatch.setattr(script, "fetch", fetch)
    (tmp_path / "package-lock.json").write_bytes((ROOT / "package-lock.json").read_bytes())
    script.main(tmp_path)
    script.main(tmp_path)
    assert len(calls) == 1
    notice = (tmp_path / script.VENDOR / "NOTICE.txt").read_text()
    assert "maplibre-gl" in notice and "EUPL-1.2" in notice


def test_without_a_network_it_says_what_it_needs(tmp_path, monkeypatch):
    script = _script()
    fake = tmp_path / "npm"
    fake.write_text("#!/bin/sh\necho 'npm error code ENOTFOUND' >&2\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr(script, "npm", lambda _: [str(fake)])
    with pytest.raises(script.AssetsError, match=r"(?s)registry\.npmjs\.org.*ENOTFOUND"):
        script.fetch(tmp_path)


def test_assets_travel_packed_and_answers_with_data_never(client):
    packed = {"Accept-Encoding": "gzip"}
    sheet = client.get("/static/portal.css?v=1", headers=packed)
    assert sheet.headers["content-encoding"] == "gzip" and "immutable" in sheet.headers["cache-control"]
    for path in ("/", "/datasets", "/api/datasets"):
        assert "content-encoding" not in client.get(path, headers=packed).headers
