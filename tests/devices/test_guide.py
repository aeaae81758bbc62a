"""docs/guides/devices.md, executed: its files are a workspace, its requests are sent, its answers are what comes."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from nabe.app import asgi, open_workspace
from nabe.cli import app as cli
from nabe.cli.workspace import apply_files
from nabe.config import Settings
from nabe.model.message import Message
from nabe.model.party import Actor
from nabe.testing.serving import InProcess

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "devices.md"
EXAMPLE = re.compile(r"<!-- example: (.+?) -->\n```\w*\n(.*?)```", re.S)
BASE = {
    "nabe.yaml": "id: stadt\ntitle: Stadt\n",
    "organisations/stadt.yaml": "id: stadt\ntitle: Stadt\ntype: municipality\n",
    "organisations/stadtwerke.yaml": "id: stadtwerke\ntitle: Stadtwerke\nparent: stadt\n",
}
WRITERS = {"/devices/funknetz": "chirpstack", "/devices/ttn": "ttn"}


def test_the_guide_is_true(tmp_path: Path) -> None:
    examples = EXAMPLE.findall(GUIDE.read_text("utf-8"))
    files = BASE | {name: text for name, text in examples if "/" in name and " " not in name}
    assert len(files) >= 12
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    nabe = open_workspace(tmp_path, Settings(jobs=0))
    with contextlib.closing(nabe):
        apply_files(nabe)
        tokens = {}
        for account in ("chirpstack", "ttn", "pumpen"):
            nabe.identity.put_account(Actor(account, account), "richtig-lang-genug")
            now = dt.datetime.now(dt.UTC)
            _, tokens[account] = nabe.identity.create_token(account, "x", at=now, expires=None)
        import httpx

        client = httpx.Client(transport=InProcess(asgi(nabe)), base_url="http://testserver")
        done = 0
        for name, text in examples:
            verb, _, rest = name.partition(" ")
            if verb == "POST":
                token = tokens[WRITERS[rest.partition("?")[0]]]
                answer = client.post(rest, content=text, headers={"Authorization": f"Bearer {token}"})
                assert (answer.status_code, answer.json()["stored"]) == (202, 1), answer.text
            elif verb == "PUBLISH":
                assert nabe.devices.intake.takes(rest)
                message = Message(Actor("pumpen", "pumpen"), rest, text.encode(), int(now.timestamp() * 1e6), "k")
                assert nabe.devices.take([message]) == [None]
            elif verb == "GET":
                answer = client.get(rest)
                assert answer.status_code == 200, answer.text
                assert _plain(answer.json()) == json.loads(text), name
            else:
                continue
            done += 1
        assert done >= 6


def _plain(value: Any) -> Any:
    """An answer without the links and ids that every entity has."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if "@iot" not in key}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def test_the_guides_codec_can_be_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples = EXAMPLE.findall(GUIDE.read_text("utf-8"))
    for name, text in (BASE | {name: text for name, text in examples if name.startswith("profiles/")}).items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    monkeypatch.setenv("NABE_WORKSPACE", str(tmp_path))
    runner = CliRunner()
    assert runner.invoke(cli, ["apply", "--yes"]).exit_code == 0
    command, shown = next((name, text) for name, text in examples if name.startswith("nabe devices try"))
    answer = runner.invoke(cli, command.split()[1:])
    assert answer.exit_code == 0, answer.output
    for line in shown.splitlines():
        assert line.strip().split() in [found.split() for found in answer.output.splitlines()]
    told = json.loads(runner.invoke(cli, [*command.split()[1:], "--json"]).output)
    assert [(item["field"], item["result"]) for item in told["stored"]] == [("mm", 1.2), ("lid", '"offen"')]
