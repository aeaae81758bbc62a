"""`nabe serve` as a process of its own, beside the command line working on the same workspace."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest


@pytest.fixture
def server(dorf, nabe):
    nabe("apply", "-y", code=0)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-c", "from nabe.cli import main; main()", "serve", "--port", str(port), "-w", str(dorf)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20)
    for _ in range(200):
        try:
            if client.get("/healthz").status_code == 200:
                break
        except httpx.TransportError:
            time.sleep(0.1)
    yield process, client
    client.close()
    if process.poll() is None:
        process.kill()
    process.communicate()


def test_what_is_applied_beside_a_running_server_is_served_at_once_and_revoked_tokens_end(dorf, nabe, server):
    process, client = server
    assert client.get("/download/kitas.csv").status_code in (403, 404)
    path = dorf / "datasets/kitas.yaml"
    path.write_text(path.read_text().replace("access: internal", "access: open"))
    nabe("apply", "-y", code=0)
    assert client.get("/download/kitas.csv").text.count("\n") == 4

    nabe("user", "add", "erika", "-o", "dorf", "-r", "employee", "--no-password", code=0)
    made = nabe("token", "create", "--user", "erika", "--json", code=0).json
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert client.get("/download/kitas.csv", headers=headers).status_code == 200
    nabe("token", "revoke", made["id"], code=0)
    until = time.monotonic() + 10
    while client.get("/download/kitas.csv", headers=headers).status_code != 401:
        assert time.monotonic() < until, "a revoked token still works"
        time.sleep(0.5)

    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    assert b"Traceback" not in err and made["token"].encode() not in out + err
    nabe("ledger", "verify", code=0)
    nabe("user", "add", "doris", "-o", "dorf", "-r", "data_protection_officer", "--no-password", code=0)
    served = [item for item in nabe("ledger", "list", "--as", "doris", "--json").json if item["dataset"] == "kitas"]
    assert any(item["actor"] == "erika" and item["rows"] == 3 for item in served), "what was read is in the ledger"


def test_where_a_silo_stands_is_told_to_the_operator_and_to_nobody_else(dorf, nabe, server):
    """An outage is named by its system over HTTP; host and port are for the terminal and the log."""
    process, client = server
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{closed.getsockname()[1]}"
    (dorf / "systems/akten.yaml").write_text(
        "id: akten\ntitle: Akten\nadapter: sql\nowner: dorf\n"
        f"connection: {{url: 'postgresql://nabe@{place}/akten'}}\nlimits: {{timeout_s: 5}}\n"
    )
    (dorf / "datasets/akten.yaml").write_text(
        "id: akten\ntitle: Akten\nowner: dorf\nsystem: akten\naccess: open\nsource: {table: akten}\n"
        "fields: [{name: nr, type: string}]\n"
    )
    nabe("apply", "-y", code=0)
    refused = client.get("/download/akten.csv")
    assert refused.status_code == 503 and "'akten'" in refused.json()["detail"]
    assert place.rpartition(":")[2] not in refused.text
    asked = nabe("query", "select * from akten", "--as", "anonymous", code=2)
    assert place in asked.err
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=20)
    assert place.encode() in log
