"""Files over SFTP, WebDAV and S3 by real servers: read, listed, not fetched twice, kept for bad times, well guarded."""

from __future__ import annotations

import contextlib
import datetime as dt
import getpass
import os
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from nabe.adapters.file import FileAdapter
from nabe.adapters.file.remote import copies
from nabe.errors import SourceRefused, SourceUnavailable
from nabe.model.dataset import Field, FieldType
from nabe.testing.sealing import seal

from .servers import HOST, S3Server, WebDavServer, sshd
from .support import context, dataset, no_secrets, open_source

FIELDS = (Field("a", FieldType.STRING),)


class Silo:
    """A kind of server with what all of them can do: files put there, the connection to read them, fetches counted."""

    def __init__(self, server: Any, connection: dict[str, Any], put: Any, drop: Any) -> None:
        self.server, self.connection, self.put, self.drop = server, connection, put, drop


@pytest.fixture(scope="module")
def ssh(tmp_path_factory):
    with sshd(tmp_path_factory.mktemp("ssh") / "sshd") as made:
        yield made


@pytest.fixture(params=["sftp", "webdav", "s3"])
def silo(request, tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "_PAUSE_S", 0.0)
    folder = tmp_path / "server" / "amt"
    folder.mkdir(parents=True)

    def put(name: str, text: str) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    if request.param == "sftp":
        server, fingerprint, key = request.getfixturevalue("ssh")
        server.start() if server._process.poll() is not None else None
        connection = {
            "location": f"sftp://{getpass.getuser()}@{HOST}:{server.port}{folder}",
            "host_key": fingerprint,
            "private_key": key.read_text(),
        }
        yield Silo(server, connection, put, lambda name: (folder / name).unlink())
    elif request.param == "webdav":
        dav = WebDavServer(tmp_path / "server")
        connection = {"location": f"{dav.url}/amt", "user": "amt", "password": "geheim"}
        yield Silo(dav, connection, put, lambda name: (folder / name).unlink())
        dav.stop()
    else:
        store = S3Server()
        keys = {"access_key": "amt", "secret_key": "geheim", "region": "eu-central-1", "endpoint": store.endpoint}
        yield Silo(
            store,
            {"location": "s3://eimer/daten/amt", **keys},
            lambda name, text: store.send("PUT", f"daten/amt/{name}", text.encode()),
            lambda name: store.send("DELETE", f"daten/amt/{name}"),
        )
        store.stop()


def source(root: Path, silo: Silo, **more: Any) -> Any:
    return open_source(root, allow=(HOST,), **{"refresh_s": 0, **silo.connection, **more})


def read(opened: Any, path: str, **settings: Any) -> tuple[list[str], dt.datetime | None]:
    found = opened.read(seal(dataset({"path": path, **settings}, FIELDS)))
    return [value for batch in found.batches for value in batch["a"].to_pylist()], found.stale_since


def kept(root: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (root / ".nabe").rglob("*.data")}


def test_a_file_is_read_and_fetched_again_only_when_it_changed(tmp_path, silo):
    silo.put("kitas.csv", "a;b\n1;2\n")
    opened = source(tmp_path, silo)
    assert read(opened, "kitas.csv") == (["1"], None)
    before = kept(tmp_path)
    assert read(opened, "kitas.csv") == (["1"], None) and kept(tmp_path) == before
    time.sleep(1.1)  # times of files count whole seconds in these protocols
    silo.put("kitas.csv", "a;b\n9;2\n")
    assert read(opened, "kitas.csv") == (["9"], None)
    assert set(kept(tmp_path)) > set(before), "the copy that readers may be at stays"


def test_patterns_stand_for_the_files_that_are_there_now(tmp_path, silo):
    silo.put("jahre/kitas_2022.csv", "a\n22\n")
    silo.put("jahre/kitas_2023.csv", "a\n23\n")
    silo.put("jahre/alt/kitas_2001.csv", "a\n1\n")
    silo.put("jahre/anderes.txt", "nichts")
    silo.put("jahre/.versteckt.csv", "a\nx\n")
    opened = source(tmp_path, silo)
    assert read(opened, "jahre/kitas_*.csv") == (["22", "23"], None)
    assert read(opened, "j*/kitas_202[23].csv") == (["22", "23"], None)
    assert sorted(read(opened, "**/kitas_*.csv")[0]) == ["1", "22", "23"]
    assert read(opened, "jahre/kitas_*.csv", name_pattern="kitas_{jahr}.csv")[0] == ["22", "23"]
    before = kept(tmp_path)
    silo.put("jahre/kitas_2024.csv", "a\n24\n")
    assert read(opened, "jahre/kitas_*.csv") == (["22", "23", "24"], None)
    assert len(set(kept(tmp_path)) - set(before)) == 1, "only the new file is fetched"
    silo.drop("jahre/kitas_2022.csv")
    assert read(opened, "jahre/kitas_*.csv") == (["23", "24"], None)
    time.sleep(1.1)
    silo.put("jahre/kitas_2023.csv", "a\nneu\n")
    assert read(opened, "jahre/kitas_*.csv", pick="newest") == (["neu"], None)


def test_names_that_need_quoting_are_found(tmp_path, silo):
    for name in ("Straßen 2024 (neu) +1%.csv", "ort/a&b=c'd.csv"):
        silo.put(name, "a\nja\n")
        assert read(source(tmp_path, silo), name) == (["ja"], None)
    assert read(source(tmp_path, silo), "Straßen*.csv") == (["ja"], None)


def test_when_the_server_is_gone_the_last_good_copies_are_served_and_called_stale(tmp_path, silo):
    silo.put("kitas_1.csv", "a\n1\n")
    silo.put("kitas_2.csv", "a\n2\n")
    before = dt.datetime.now(dt.UTC)
    assert read(source(tmp_path, silo), "kitas_*.csv") == (["1", "2"], None)
    silo.server.stop()
    opened = source(tmp_path, silo)  # also by a process that was started since
    rows, since = read(opened, "kitas_*.csv")
    assert rows == ["1", "2"] and since is not None and abs(since - before) < dt.timedelta(seconds=30)
    with pytest.raises(SourceUnavailable):
        read(opened, "andere.csv")
    with pytest.raises(SourceUnavailable):
        opened.check()
    silo.server.start()
    if isinstance(silo.server, S3Server):
        silo.put("kitas_1.csv", "a\n1\n")
        silo.put("kitas_2.csv", "a\n2\n")
    assert read(opened, "kitas_*.csv")[1] is None
    opened.check()


def test_a_file_that_is_not_there_is_refused_also_when_there_is_a_copy(tmp_path, silo):
    silo.put("kitas.csv", "a\n1\n")
    opened = source(tmp_path, silo)
    read(opened, "kitas.csv")
    silo.drop("kitas.csv")
    for path in ("kitas.csv", "kitas*.csv"):
        with pytest.raises(SourceRefused, match="no file is named"):
            read(opened, path)


def test_a_folder_is_no_file(tmp_path, silo):
    silo.put("ordner/x.csv", "a\n1\n")
    with pytest.raises(SourceRefused, match=r"is a folder|no file is named"):
        read(source(tmp_path, silo), "ordner")


@pytest.mark.parametrize("path", ["../x.csv", "/x.csv", "a/../../x.csv", ".ssh/x.csv", "a//x.csv", "http://x/y.csv"])
def test_paths_stay_below_the_location(tmp_path, silo, path):
    with pytest.raises(SourceRefused, match=r"leaves the system's location|is hidden"):
        read(source(tmp_path, silo), path)


def test_files_over_the_limit_are_refused_before_and_while_they_come(tmp_path, silo, monkeypatch):
    silo.put("gross.csv", "a\n" + "1\n" * 600_000)
    silo.put("halb_1.csv", "a\n" + "1\n" * 300_000)
    silo.put("halb_2.csv", "a\n" + "1\n" * 300_000)
    opened = source(tmp_path, silo, max_mb=1)
    for path in ("gross.csv", "halb_*.csv"):
        with pytest.raises(SourceRefused, match="larger than 1 MB"):
            read(opened, path)
    monkeypatch.setattr(copies.Copies, "_vetted", lambda self, path, found, newest: found)  # a server that lies
    with pytest.raises(SourceRefused, match="larger than 1 MB"):
        read(source(tmp_path, silo, max_mb=1), "gross.csv")
    assert not list((tmp_path / ".nabe").rglob("*.part")) and not kept(tmp_path)


def test_private_networks_are_refused_unless_allowed(tmp_path, silo):
    silo.put("kitas.csv", "a\n1\n")
    for wanted in (lambda: read(open_source(tmp_path, **silo.connection), "kitas.csv"),):
        with pytest.raises(SourceRefused, match="private network"):
            wanted()


def test_connect_lists_and_describes(tmp_path, silo):
    silo.put("kitas.csv", "id;name\n1;Spatzen\n2;Finken\n")
    silo.put("jahre/x.csv", "a\n1\n")
    silo.put("notizen.doc", "x")
    probe = FileAdapter().probe(silo.connection, no_secrets, context(tmp_path, allow_hosts=(HOST,)))
    assert probe.discover() == ["jahre/x.csv", "kitas.csv"]
    table = probe.describe("kitas.csv")
    assert [(column.name, column.type) for column in table.columns] == [("id", "integer"), ("name", "string")]
    assert table.source["path"] == "kitas.csv"


def test_a_wrong_log_in_is_refused_and_named_without_its_secret(tmp_path, silo, tmp_path_factory):
    silo.put("kitas.csv", "a\n1\n")
    if "private_key" in silo.connection:
        other = tmp_path_factory.mktemp("keys") / "other"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
        wrong = {"private_key": other.read_text()}
    elif "secret_key" in silo.connection:
        pytest.skip("moto lets everybody in")
    else:
        wrong = {"password": "GEHEIM-FALSCH"}
    with pytest.raises(SourceRefused, match="log-in") as caught:
        read(source(tmp_path, silo, **wrong), "kitas.csv")
    assert "GEHEIM" not in str(caught.value) and "PRIVATE" not in str(caught.value)


# --- what only one of them has ----------------------------------------------------------------------------------------


@pytest.fixture
def sftp(ssh, tmp_path):
    server, fingerprint, key = ssh
    server.start() if server._process.poll() is not None else None
    (tmp_path / "daten").mkdir()
    (tmp_path / "daten" / "x.csv").write_text("a\n1\n")
    location = f"sftp://{HOST}:{server.port}{tmp_path}/daten"
    return {"location": location, "user": getpass.getuser(), "private_key": key.read_text()}, fingerprint


def test_a_host_key_that_nobody_declared_is_never_accepted(tmp_path, sftp):
    connection, fingerprint = sftp
    with pytest.raises(SourceRefused, match="no key is declared") as caught:
        read(open_source(tmp_path, allow=(HOST,), refresh_s=0, **connection), "x.csv")
    assert fingerprint in str(caught.value), "the operator is told which key to ask for"
    other = "SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"
    with pytest.raises(SourceRefused, match="another key is declared"):
        read(open_source(tmp_path, allow=(HOST,), host_key=other, **connection), "x.csv")
    both = [other, fingerprint]
    assert read(open_source(tmp_path, allow=(HOST,), host_key=both, **connection), "x.csv")[0] == ["1"]


def test_a_known_hosts_file_tells_the_host_key(tmp_path, sftp, ssh):
    connection, _ = sftp
    public = (ssh[2].parent / "host.pub").read_text().split()
    line = f"# ours\n[{HOST}]:{ssh[0].port} {public[0]} {public[1]}\n"
    assert read(open_source(tmp_path, allow=(HOST,), refresh_s=0, known_hosts=line, **connection), "x.csv")[0] == ["1"]
    with pytest.raises(SourceRefused, match="no key is declared"):
        read(
            open_source(tmp_path, allow=(HOST,), refresh_s=0, known_hosts=line.replace(HOST, "other"), **connection),
            "x.csv",
        )


def test_lines_of_known_hosts_that_cannot_be_read_are_passed_over():
    from nabe.adapters.file.remote.sftp import _known

    assert (
        _known("h ssh-ed25519 AAAA\nssh-ed25519 ssh-ed25519 AAAA\n|1|x|y x z\n@revoked h ssh-rsa AAAA\n", "h", 22) == {}
    )


def test_a_key_with_a_passphrase_opens_with_it_only(tmp_path, sftp, ssh):
    connection, fingerprint = sftp
    locked = tmp_path / "locked"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "geheim", "-f", locked], check=True)
    with (ssh[2].parent / "authorized").open("a") as file:
        file.write((tmp_path / "locked.pub").read_text())
    connection |= {"private_key": locked.read_text(), "host_key": fingerprint}
    assert read(open_source(tmp_path, allow=(HOST,), refresh_s=0, passphrase="geheim", **connection), "x.csv")[0] == [
        "1"
    ]
    with pytest.raises(SourceRefused, match="locked"):
        read(open_source(tmp_path, allow=(HOST,), refresh_s=0, **connection), "x.csv")
    with pytest.raises(SourceRefused, match="cannot be read"):
        read(open_source(tmp_path, allow=(HOST,), refresh_s=0, passphrase="falsch", **connection), "x.csv")


def test_what_is_no_ssh_server_is_told(tmp_path, sftp):
    connection, fingerprint = sftp
    dav = WebDavServer(tmp_path)
    try:
        wrong = connection | {"location": f"sftp://{HOST}:{dav.port}/x", "host_key": fingerprint}
        with pytest.raises(SourceUnavailable, match=r"SFTP server|speak SSH"):
            read(open_source(tmp_path, allow=(HOST,), **wrong), "x.csv")
    finally:
        dav.stop()


def test_a_server_that_hangs_is_cut_off_and_the_copy_is_served(tmp_path, sftp, ssh, monkeypatch):
    connection, fingerprint = sftp
    monkeypatch.setattr(copies, "_PAUSE_S", 0.0)
    opened = open_source(tmp_path, allow=(HOST,), refresh_s=0, host_key=fingerprint, **connection)
    opened._silo._timeout_s = 1.5
    assert read(opened, "x.csv") == (["1"], None)
    pids = [ssh[0]._process.pid]
    os.kill(pids[0], signal.SIGSTOP)
    try:
        started = time.monotonic()
        rows, since = read(opened, "x.csv")
        assert rows == ["1"] and since is not None and time.monotonic() - started < 8
    finally:
        os.kill(pids[0], signal.SIGCONT)


@pytest.mark.parametrize("kind", ["sftp", "imaps"])
def test_a_server_that_drips_is_cut_off(tmp_path, kind, monkeypatch):
    import ssl

    from .servers import certificate

    cert, key = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    listening = socket.create_server((HOST, 0))

    def drip() -> None:
        connection, _ = listening.accept()
        with contextlib.suppress(OSError):
            if kind == "imaps":
                tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                tls.load_cert_chain(cert, key)
                connection = tls.wrap_socket(connection, server_side=True)
            for _ in range(300):
                connection.sendall(b"S")
                time.sleep(0.1)

    threading.Thread(target=drip, daemon=True).start()
    opened = open_source(
        tmp_path,
        f"{kind}://amt@{HOST}:{listening.getsockname()[1]}/x",
        allow=(HOST,),
        password="x",
        senders="a.de",
        host_key="SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8",
    )
    opened._silo._timeout_s = 1.5
    started = time.monotonic()
    with pytest.raises(SourceUnavailable):
        read(opened, "x.csv")
    assert time.monotonic() - started < 8
    listening.close()


def test_a_large_file_comes_whole_over_sftp(tmp_path, sftp):
    connection, fingerprint = sftp
    rows = "".join(f"{i};{'x' * 40}\n" for i in range(200_000))
    (tmp_path / "daten" / "gross.csv").write_text("a;b\n" + rows)
    found = read(open_source(tmp_path, allow=(HOST,), host_key=fingerprint, **connection), "gross.csv")[0]
    assert found == [str(i) for i in range(200_000)]


def test_requests_to_s3_are_signed_for_what_goes_over_the_wire(tmp_path):
    """moto does not check signatures: they are computed anew from what arrived."""
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    name, seen = "Straßen 2024 (neu)+1.csv", []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, dict(self.headers.items())))
            listing = (
                "<ListBucketResult xmlns='http://s3.amazonaws.com/doc/2006-03-01/'><IsTruncated>false</IsTruncated>"
                f"<Contents><Key>{name}</Key><Size>4</Size><ETag>1</ETag></Contents></ListBucketResult>"
            )
            body = listing.encode() if "list-type" in self.path else b"a\n1\n"
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    httpd = ThreadingHTTPServer((HOST, 0), Handler)
    Thread(target=httpd.serve_forever, daemon=True).start()
    host = f"{HOST}:{httpd.server_address[1]}"
    keys = {"access_key": "AKID", "secret_key": "geheim", "endpoint": f"http://{host}", "region": "eu-central-1"}
    assert read(open_source(tmp_path, "s3://eimer", allow=(HOST,), **keys), name)[0] == ["1"]
    httpd.shutdown()
    httpd.server_close()
    assert len(seen) == 2 and quote(name, safe="") in seen[1][0].replace("%28", "(").replace("(", "%28")

    class Then(S3SigV4Auth):
        def _modify_request_before_signing(self, request: Any) -> None:
            """Leave the time as it came."""

    for path, headers in seen:
        given = {key.lower(): value for key, value in headers.items()}
        signed = given["authorization"].split("SignedHeaders=")[1].split(",")[0].split(";")
        request = AWSRequest("GET", f"http://{host}{path}", headers={key: given[key] for key in signed})
        request.context["timestamp"] = given["x-amz-date"]
        signer = Then(Credentials("AKID", "geheim"), "s3", "eu-central-1")
        wanted = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
        assert given["authorization"].endswith(f"Signature={wanted}")
        assert "geheim" not in str(headers)


@pytest.mark.parametrize(
    "source, connection",
    [
        (
            "sftp://amt:${SFTP_PASSWORD}@host.example:2222/daten/*.csv?host_key=SHA256:a+b/c=",
            {
                "location": "sftp://host.example:2222/daten",
                "user": "amt",
                "password": "${SFTP_PASSWORD}",
                "path": "*.csv",
                "host_key": ["SHA256:a+b/c="],
            },
        ),
        ("sftp://amt@host/daten/x.csv", {"location": "sftp://host/daten", "user": "amt", "path": "x.csv"}),
        ("webdavs://wolke.example/dav/amt/", {"location": "webdavs://wolke.example/dav/amt/"}),
        (
            "s3://eimer/a/b/20*/x.csv?endpoint=https://s3.example&region=eu",
            {"location": "s3://eimer/a/b", "path": "20*/x.csv", "endpoint": "https://s3.example", "region": "eu"},
        ),
        (
            "imaps://amt:${PW}@mail.example/INBOX?senders=kita.example",
            {"location": "imaps://mail.example/INBOX", "user": "amt", "password": "${PW}", "senders": ["kita.example"]},
        ),
        ("maildir:post?senders=a@b.de", {"location": "maildir:post", "senders": ["a@b.de"]}),
        ("ftp://host/x.csv", None),
        ("postgresql://host/x", None),
    ],
)
def test_addresses_are_recognised_without_asking_anybody(tmp_path, source, connection):
    assert FileAdapter().sniff(source, context(tmp_path)) == connection


@pytest.mark.parametrize(
    "connection, says",
    [
        ({"location": "ftp://host/x"}, "location"),
        ({"location": "sftp://amt:geheim@host/x"}, "holds a password"),
        ({"location": "sftp://host/x"}, "as whom to log in"),
        ({"location": "sftp://amt@host/x?y"}, "no part of a location"),
        ({"location": "sftp://amt@host/x", "host_key": "MD5:00"}, "SHA256:"),
        ({"location": "s3://"}, "names no bucket"),
        ({"location": "s3://b", "access_key": "a"}, "belong together"),
        ({"location": "s3://b", "endpoint": "s3.example"}, "without a path"),
        ({"location": "imaps://amt@host"}, "whose mails count"),
        ({"location": "maildir:post", "senders": "a.de", "after": "move"}, "move_to"),
        ({"location": "maildir:post", "senders": "a.de", "after": "move", "move_to": "../x"}, "move_to"),
        ({"location": "maildir:post", "senders": "a.de", "subject": "("}, "regular expression"),
    ],
)
def test_settings_that_do_not_fit_are_named(connection, says):
    from nabe.model.dataset import System
    from nabe.model.text import Text

    (problem,) = FileAdapter().check_system(System("s", Text("S"), "file", "amt", connection))
    assert says in problem and "geheim" not in problem


def test_what_was_fetched_from_one_place_never_stands_for_another(tmp_path, sftp):
    connection, fingerprint = sftp
    (tmp_path / "andere").mkdir()
    (tmp_path / "andere" / "x.csv").write_text("a\n2\n")
    there = {**connection, "host_key": fingerprint}
    assert read(open_source(tmp_path, allow=(HOST,), **there), "x.csv")[0] == ["1"]
    moved = {**there, "location": there["location"].replace("/daten", "/andere")}
    assert read(open_source(tmp_path, allow=(HOST,), **moved), "x.csv")[0] == ["2"]


def test_nothing_heavy_is_loaded_before_it_is_needed():
    code = "import sys, nabe.app; nabe.app.adapters(); print([m for m in ('paramiko', 'botocore', 'lxml') if m in sys.modules])"
    env = {**os.environ}
    done = subprocess.run([os.sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
    assert "paramiko" not in done.stdout and "botocore" not in done.stdout
