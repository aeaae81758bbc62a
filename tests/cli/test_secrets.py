"""Secrets are referred to and never written: canaries behind `${ENV}` and `file:` are looked for wherever Nabe speaks."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

IN_ENV, IN_FILE = "kanarienvogel-in-der-umgebung", "kanarienvogel-in-der-datei"
COMMANDS = (
    ("check",),
    ("check", "--json"),
    ("plan",),
    ("plan", "--json"),
    ("apply", "-y"),
    ("apply", "-y", "--json"),
    ("systems",),
    ("systems", "--json"),
    ("query", "select * from akten", "--as", "anonymous"),
    ("query", "select * from karten", "--as", "anonymous", "--format", "json"),
    ("query", "select * from akten a join karten k using (nr)", "--as", "anonymous"),
    ("explain", "akten", "--as", "anonymous"),
    ("explain", "select count(*) from akten", "--as", "anonymous", "--json"),
    ("connect", "postgresql://nabe:${AKTEN_PASSWORT}@{place}/akten", "--as", "neu"),
    ("connect", "postgresql://nabe:kanarienvogel-in-der-umgebung@{place}/akten", "--as", "neu"),
    ("doctor",),
    ("doctor", "--json"),
    ("export", "{root}/sicherung"),
    ("schema", "system"),
)
PATHS = ("/", "/systems", "/systems/akten/state", "/datasets/akten", "/datasets/karten/preview", "/api/systems",
         "/api/datasets/akten", "/api/documents/system/akten", "/download/akten.csv", "/download/karten.json",
         "/ogc/collections/karten/items", "/ogc/collections/akten", "/healthz", "/readyz")  # fmt: skip


@pytest.fixture
def town(tmp_path):
    """A workspace whose two silos need secrets and fail: what fails says most. `heard`: what the web server was sent."""
    heard: list[str] = []

    class Web(BaseHTTPRequestHandler):
        def do_GET(self):
            heard.append(self.headers.get("Authorization", ""))
            self.send_error(500)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
    root = tmp_path / "stadt"
    (tmp_path / "geheim.txt").write_text(f"Bearer {IN_FILE}\n")
    for folder in ("organisations", "systems", "datasets"):
        (root / folder).mkdir(parents=True)
    (root / "nabe.yaml").write_text("kind: city\nid: stadt\ntitle: Stadt\nallow_hosts: [127.0.0.1]\n")
    (root / "organisations/stadt.yaml").write_text("id: stadt\ntitle: Stadt\ntype: municipality\n")
    (root / "systems/alle.yaml").write_text(
        "- {id: akten, title: Akten, adapter: sql, owner: stadt, limits: {timeout_s: 5},\n"
        f"   connection: {{url: 'postgresql://nabe:${{AKTEN_PASSWORT}}@{place}/akten'}}}}\n"
        "- {id: karten, title: Karten, adapter: file, owner: stadt, limits: {timeout_s: 5},\n"
        f"   connection: {{location: 'http://127.0.0.1:{web.server_address[1]}/', headers: {{Authorization: 'file:{tmp_path}/geheim.txt'}}}}}}\n"
    )
    for name, source in (("akten", "{table: akten}"), ("karten", "{path: karten.csv}")):
        (root / f"datasets/{name}.yaml").write_text(
            f"{{id: {name}, title: {name}, owner: stadt, system: {name}, access: open, source: {source},\n"
            "  fields: [{name: nr, type: string}]}\n"
        )
    yield root, place, heard
    web.shutdown()
    web.server_close()


def _command(*args):
    return [sys.executable, "-c", "from nabe.cli import main; main()", *args]


def test_no_command_answer_log_or_file_holds_a_secret(town):
    root, place, heard = town
    env = os.environ | {"AKTEN_PASSWORT": IN_ENV}
    said = {}
    for command in COMMANDS:
        args = [part.replace("{place}", place).replace("{root}", str(root)) for part in command]
        done = subprocess.run(_command(*args, *(() if command[0] == "schema" else ("-w", str(root)))), env=env,
                              cwd=root, capture_output=True, timeout=60, check=False)  # fmt: skip
        said[" ".join(command)] = done.stdout + done.stderr
        assert done.returncode in (0, 2), (command, done.stderr)
    asked = said["query select * from akten --as anonymous"]
    assert place.encode() in asked, "the database is really asked"
    assert f"Bearer {IN_FILE}" in heard, "the secret is really used"

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env["NABE_LOG_LEVEL"] = "debug"
    server = subprocess.Popen(
        _command("serve", "--port", str(port), "-w", str(root)), env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            for _ in range(200):
                try:
                    client.get("/healthz")
                    break
                except httpx.TransportError:
                    time.sleep(0.1)
            for path in PATHS:
                for accept in ("text/html", "application/json"):
                    answer = client.get(path, headers={"Accept": accept})
                    said[f"{accept} {path}"] = answer.content + str(answer.headers).encode()
    finally:
        server.send_signal(signal.SIGTERM)
        out, err = server.communicate(timeout=20)
    said["the server's log"] = out + err
    for path in root.rglob("*"):
        if path.is_file():
            said[str(path.relative_to(root))] = path.read_bytes()
    assert any(b"source-unavailable" in text for text in said.values())
    telling = [where for where, text in said.items() if IN_ENV.encode() in text or IN_FILE.encode() in text]
    assert not telling
