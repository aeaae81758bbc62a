"""50 systems looked at every minute by `nabe serve`: the share of one core that this takes.

    python benchmarks/polling.py [--systems 50] [--minutes 3]

Half of the systems are folders, half files behind a small HTTP server (ETags); each has a dataset kept as copies every
minute and is checked every minute, too. Target: <= 10 % of one core. The baseline is the same server without a schedule
(NABE_JOBS=0), in turns.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROWS = 1_000


def body(number: int) -> bytes:
    """A small table."""
    return ("id;wert\n" + "".join(f"{number}-{row};{row * 1.5}\n" for row in range(ROWS))).encode()


class Handler(BaseHTTPRequestHandler):
    """Answers with ETags."""

    def do_GET(self) -> None:
        content = body(int("".join(sign for sign in self.path if sign.isdigit()) or 0))
        tag = f'"{hashlib.md5(content).hexdigest()}"'
        same = self.headers.get("If-None-Match") == tag
        self.send_response(304 if same else 200)
        self.send_header("ETag", tag)
        self.send_header("Content-Type", "text/csv")
        self.send_header("Content-Length", "0" if same else str(len(content)))
        self.end_headers()
        if not same and self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET

    def log_message(self, *_: object) -> None:
        """Stay silent."""


def workspace(root: Path, systems: int, port: int) -> None:
    """Declarations."""
    for name in ("organisations", "systems", "datasets"):
        (root / name).mkdir()
    (root / "nabe.yaml").write_text("kind: city\nid: stadt\ntitle: Stadt\nallow_hosts: [127.0.0.1]\n")
    (root / "organisations/stadt.yaml").write_text("id: stadt\ntitle: Stadt\ntype: municipality\n")
    for number in range(systems):
        if number % 2:
            where = f"http://127.0.0.1:{port}/s{number}/, refresh_s: 10"
        else:
            where = f"daten/s{number}"
            (root / where).mkdir(parents=True)
            (root / where / "tabelle.csv").write_bytes(body(number))
        (root / f"systems/s{number}.yaml").write_text(
            f"id: s{number}\ntitle: S{number}\nadapter: file\nowner: stadt\nconnection: {{location: {where}}}\ncheck_every: PT1M\n"
        )
        (root / f"datasets/d{number}.yaml").write_text(
            f"id: d{number}\ntitle: D{number}\nowner: stadt\nsystem: s{number}\naccess: open\nsource: {{path: tabelle.csv}}\n"
            "mode: snapshot\nsnapshots: {every: PT1M}\nfields:\n  - {name: id, type: string}\n  - {name: wert, type: number}\n"
        )


def seconds_of(pid: int) -> float:
    """CPU seconds that a process has used."""
    parts = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def measured(root: Path, minutes: float, jobs: int) -> float:
    """Share of a core used by the server after it has settled."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "nabe.cli", "serve", "--port", str(port), "-w", str(root)]
    process = subprocess.Popen(command, env=os.environ | {"NABE_JOBS": str(jobs)}, stdout=subprocess.DEVNULL)
    try:
        time.sleep(75)  # the first round takes all copies
        before, begun = seconds_of(process.pid), time.monotonic()
        time.sleep(minutes * 60)
        return (seconds_of(process.pid) - before) / (time.monotonic() - begun)
    finally:
        process.terminate()
        process.wait(30)


def main() -> None:
    """Print the shares, and how many runs there were."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--systems", type=int, default=50)
    parser.add_argument("--minutes", type=float, default=3.0)
    given = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        workspace(root, given.systems, server.server_address[1])
        from nabe.app import open_workspace
        from nabe.cli.workspace import apply_files

        with open_workspace(root) as opened:
            apply_files(opened)
        shares = {jobs: measured(root, given.minutes, jobs) for jobs in (0, 2)}
        with open_workspace(root) as opened:
            runs = opened.store.runs.list(limit=100_000)
    states = {state: sum(run.state.value == state for run in runs) for state in {run.state.value for run in runs}}
    print(f"{given.systems} systems, {len(runs)} runs in about {given.minutes + 1.25:g} minutes: {states}")
    print(f"without schedule {shares[0]:.2%} of a core, with {shares[2]:.2%} (target 10 %)")


if __name__ == "__main__":
    main()
