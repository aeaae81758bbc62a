"""A new adapter as an outsider makes one: generated, installed, green, found by its entry point, connected and queried."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from nabe.testing.silo import Reply, Server

CONFIG = Path(__file__).parents[2] / "pyproject.toml"


def installed(folder: Path) -> dict[str, str]:
    """The environment in which the package is installed: what an editable install writes, without an installer."""
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    info = folder / "src" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["nabe.adapters"]
    (info / "entry_points.txt").write_text("[nabe.adapters]\n" + "".join(f"{k} = {v}\n" for k, v in points.items()))
    return os.environ | {"PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}


def run(*args, cwd, env, code=0):
    done = subprocess.run(
        [sys.executable, "-m", *map(str, args)], cwd=cwd, env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module", params=["http", "file"])
def made(request, tmp_path_factory):
    """(kind, folder, environment) of a generated adapter `wetter_amt`."""
    folder = tmp_path_factory.mktemp("new") / "adapter"
    run("nabe.cli", "adapter", "new", "wetter_amt", "--kind", request.param, "--dir", folder, cwd=".", env=os.environ)
    return request.param, folder, installed(folder)


def test_it_is_green_as_generated(made):
    _, folder, env = made
    said = run("pytest", "-q", "-p", "no:cacheprovider", "-n", "0", cwd=folder, env=env)
    assert " failed" not in said and "error" not in said.lower()


def test_it_is_clean_by_our_own_measure(made):
    _, folder, env = made
    run("ruff", "check", "--no-cache", "--config", CONFIG, "--ignore", "D,S", folder, cwd=folder, env=env)
    run("ruff", "format", "--no-cache", "--check", folder, cwd=folder, env=env)
    # One process holds the types of the hub, too; the package itself is held to all of them.
    run("mypy", "--strict", "--no-incremental", "--ignore-missing-imports", "--follow-imports", "silent",
        folder / "src", cwd=folder, env=env)  # fmt: skip


def test_nabe_finds_lists_and_checks_it(made):
    _, folder, env = made
    (row,) = [item for item in json.loads(run("nabe.cli", "adapter", "list", "--json", cwd=folder, env=env))
              if item["id"] == "wetter_amt"]  # fmt: skip
    assert row == {
        "id": "wetter_amt",
        "title": {"de": "Wetter amt", "en": "Wetter amt"},
        "built_in": False,
        "package": "nabe-adapter-wetter-amt",
        "version": "0.1.0",
        "missing_extras": [],
        "problem": "",
    }
    run("nabe.cli", "adapter", "check", "wetter_amt", cwd=folder, env=env)
    told = run("nabe.cli", "adapter", "settings", "wetter_amt", cwd=folder, env=env)
    assert "timezone" in told and "max_mb" in told


def test_a_workspace_connects_and_queries_through_it(made, tmp_path):
    kind, folder, env = made
    payload = (folder / "tests/payloads/recorded.txt").read_bytes()
    nabe = lambda *args, code=0: run("nabe.cli", *args, cwd=tmp_path / "dorf", env=env, code=code)  # noqa: E731
    run("nabe.cli", "init", "dorf", "--title", "Dorf", cwd=tmp_path, env=env)
    city = tmp_path / "dorf/nabe.yaml"
    city.write_text(city.read_text().replace("# allow_hosts: [intern.example]", "allow_hosts: [127.0.0.1]"))
    server = Server(Reply(payload, Content_Type="text/plain"))
    try:
        (tmp_path / "dorf/haeuser.dat").write_bytes(payload)
        source = server.url if kind == "http" else "haeuser.dat"
        nabe("connect", source, "--as", "haeuser", "--set", "columns.nr.nulls=09")
        assert "adapter: wetter_amt" in (tmp_path / "dorf/systems/haeuser.yaml").read_text()
        document = tmp_path / "dorf/datasets/haeuser.yaml"
        assert "nulls" in document.read_text()
        document.write_text(document.read_text().replace("access: internal", "access: open"))
        nabe("check")
        nabe("apply", "-y")
        said = nabe("query", "select name, plaetze, round(ST_X(lage), 2) x from haeuser where geoeffnet", "-f", "json")
        assert json.loads(said) == [{"name": "Stadtbibliothek", "plaetze": 120, "x": 6.95}]
        assert '"const": "wetter_amt"' in nabe("schema", "system")
        refused = nabe("connect", source, "--as", "neu", "--set", "columns.nr.nuls=09", code=2)
        assert "Did you mean 'nulls'?" in refused
    finally:
        server.close()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("Wetter",), "is no id for an adapter"),
        (("class",), "is no id for an adapter"),
        (("http_json",), "is installed already"),
        (("wetter", "--kind", "ftp"), "Kinds: file, http"),
        (("wetter", "--dir", "voll"), "is there already"),
    ],
)
def test_what_does_not_fit_is_refused(nabe, tmp_path, monkeypatch, args, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "voll").mkdir()
    (tmp_path / "voll/meins.txt").write_text("x")
    assert said in nabe("adapter", "new", *args, code=2).err
    assert [path.name for path in tmp_path.iterdir()] == ["voll"]


def test_an_adapter_that_breaks_takes_no_other_with_it(tmp_path):
    package = tmp_path / "src/kaputt"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('geheim')")
    (package.parent / "nochmal.py").write_text("class SqlAdapter:\n    id = 'sql'\n")
    project = '[project]\nname = "kaputt"\nversion = "1"\n[project.entry-points."nabe.adapters"]\n'
    (tmp_path / "pyproject.toml").write_text(project + 'kaputt = "kaputt:X"\nsql = "nochmal:SqlAdapter"\n')
    env = installed(tmp_path)
    rows = json.loads(run("nabe.cli", "adapter", "list", "--json", cwd=tmp_path, env=env))
    assert {row["id"]: row["problem"] for row in rows if not row["built_in"]}["kaputt"] == "RuntimeError"
    said = run("nabe.cli", "adapter", "check", "kaputt", cwd=tmp_path, env=env, code=2)
    assert "cannot be loaded" in said
    kept = "from nabe.app import adapters; print(type(adapters()['sql']).__module__, sorted(adapters()))"
    done = subprocess.run([sys.executable, "-c", kept], env=env, capture_output=True, text=True)
    assert done.stdout.startswith("nabe.adapters.sql") and "kaputt'" not in done.stdout
    assert "geheim" not in done.stderr
