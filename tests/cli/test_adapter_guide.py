"""The guide to writing an adapter is followed as it is written: commands run, files saved, the question asked."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from nabe.testing.silo import Reply, Server

from .test_adapter_new import installed, run

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "write-an-adapter.md"


def test_a_stranger_follows_the_guide(tmp_path):
    import os

    text = GUIDE.read_text("utf-8")
    steps = re.findall(r"<!-- (run|query|rows|file)(?:: (\S+))? -->\n```\w*\n(.*?)```", text, re.S)
    assert [kind for kind, _, _ in steps].count("file") == text.count("<!-- file:") == 6
    folder, env = tmp_path, dict(os.environ)
    payload = next(body for kind, name, body in steps if kind == "file" and name.startswith("tests/payloads"))
    server = Server(Reply(payload.encode(), Content_Type="text/calendar"))
    city, sql, ran = tmp_path / "musterstadt", "", []
    try:
        for kind, name, body in steps:
            if kind == "file":
                assert (folder / name).exists(), "the guide replaces what was generated"
                (folder / name).write_text(body, "utf-8")
            for line in body.strip().splitlines() if kind == "run" else ():
                command, *args = shlex.split(line.replace("http://127.0.0.1:8765", f"http://127.0.0.1:{server.port}"))
                ran.append(command)
                if command == "cd":
                    folder = folder / args[0]
                elif command == "pip":
                    env = installed(folder) | {"NO_COLOR": "1"}
                elif command == "pytest":
                    run("pytest", *args, "-n", "0", "-p", "no:cacheprovider", cwd=folder, env=env)
                else:
                    assert command == "nabe"
                    run("nabe.cli", *args, cwd=folder, env=env)
                if args[:1] == ["init"]:
                    path = city / "nabe.yaml"
                    path.write_text(
                        path.read_text().replace("# allow_hosts: [intern.example]", "allow_hosts: [127.0.0.1]")
                    )
            if kind == "query":
                sql = body.strip()
                document = city / "datasets/abfuhr.yaml"
                assert "adapter: ical" in (city / "systems/abfuhr.yaml").read_text()
                document.write_text(re.sub("access: .*", "access: open", document.read_text()))
                run("nabe.cli", "check", "-w", city, cwd=folder, env=env)
                run("nabe.cli", "apply", "-y", "-w", city, cwd=folder, env=env)
            if kind == "rows":
                said = run("nabe.cli", "query", sql, "-f", "json", "-w", city, cwd=folder, env=env)
                assert json.loads(said) == json.loads(body)
    finally:
        server.close()
    assert ran.count("pytest") == 2 and ran.count("nabe") == 5
    run("ruff", "check", "--no-cache", folder, cwd=folder, env=env)
    run("mypy", "--strict", "--no-incremental", "--ignore-missing-imports", "--follow-imports", "silent", folder / "src",
        cwd=folder, env=env)  # fmt: skip
