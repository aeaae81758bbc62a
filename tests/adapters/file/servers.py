"""Servers that hold files, as real processes or threads on loopback: sshd, dovecot, a WebDAV server, an S3 store."""

from __future__ import annotations

import datetime as dt
import getpass
import ipaddress
import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from nabe.testing.machine import find, free_port
from nabe.testing.needs import need

HOST = "127.0.0.1"


class Process:
    """A server process that can be stopped, hung and started again on the same port."""

    def __init__(self, command: list[str], log: Path, port: int) -> None:
        self._command, self._log, self.port = command, log, port
        self.start()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, start_new_session=True)
        for _ in range(100):
            import socket

            with socket.socket() as probe:
                if probe.connect_ex((HOST, self.port)) == 0:
                    return
            assert self._process.poll() is None, self._log.read_text("utf-8", "replace")[-2000:]
            time.sleep(0.1)
        raise AssertionError(self._log.read_text("utf-8", "replace")[-2000:])

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@contextmanager
def sshd(folder: Path) -> Iterator[tuple[Process, str, Path]]:
    """An OpenSSH server: the process, its fingerprint, and a private key that opens it for this machine's user."""
    program, keygen = find("sshd"), find("ssh-keygen")
    need("an SSH server", bool(program and keygen), "apt-get install openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it locks itself in before a log-in
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run([keygen, "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "user.pub", folder / "authorized")
    port = free_port()
    (folder / "config").write_text(
        f"ListenAddress {HOST}\nPort {port}\nHostKey {folder / 'host'}\nPidFile none\nStrictModes no\nUsePAM no\n"
        f"AuthorizedKeysFile {folder / 'authorized'}\nPermitRootLogin prohibit-password\n"
        "Subsystem sftp internal-sftp\n"
    )
    told = subprocess.run([keygen, "-l", "-f", folder / "host.pub"], check=True, capture_output=True, text=True)
    process = Process([program, "-D", "-e", "-f", str(folder / "config")], folder / "log", port)
    yield process, told.stdout.split()[1], folder / "user"
    process.stop()


def ssh_user() -> str:
    return getpass.getuser()


class WebDavServer:
    """wsgidav over a folder, for one account."""

    def __init__(self, folder: Path, user: str = "amt", password: str = "geheim") -> None:
        self.folder, self._account, self.port = folder, (user, password), free_port()
        self.seen: list[tuple[str, str]] = []
        self.start()

    @property
    def url(self) -> str:
        return f"webdav://{HOST}:{self.port}"

    def start(self) -> None:
        from cheroot import wsgi
        from wsgidav.wsgidav_app import WsgiDAVApp

        user, password = self._account
        app = WsgiDAVApp(
            {
                "provider_mapping": {"/": str(self.folder)},
                "simple_dc": {"user_mapping": {"*": {user: {"password": password}}}},
                "http_authenticator": {"accept_basic": True, "accept_digest": False, "default_to_digest": False},
                "logging": {"enable": False},
                "verbose": 0,
            }
        )

        def watched(environ: Any, start: Any) -> Any:
            self.seen.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
            return app(environ, start)

        self._server = wsgi.Server((HOST, self.port), watched, numthreads=2)
        self._server.prepare()
        self._thread = threading.Thread(target=self._server.serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.stop()
        self._thread.join(5)


class S3Server:
    """moto's S3 with one bucket."""

    def __init__(self) -> None:
        self.port = free_port()
        self.start()

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    def start(self) -> None:
        from moto.server import ThreadedMotoServer

        self._server = ThreadedMotoServer(ip_address=HOST, port=self.port, verbose=False)
        self._server.start()
        httpx.post(f"{self.endpoint}/moto-api/reset").raise_for_status()  # all its servers share one memory
        self.send("PUT", "")

    def send(self, method: str, key: str, body: bytes = b"") -> None:
        """A request of the one who owns the bucket."""
        from urllib.parse import quote

        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        url = f"{self.endpoint}/eimer/{quote(key)}".removesuffix("/")
        request = AWSRequest(method, url, data=body)
        S3SigV4Auth(Credentials("amt", "geheim"), "s3", "us-east-1").add_auth(request)
        httpx.request(method, url, content=body, headers=dict(request.headers.items())).raise_for_status()

    def stop(self) -> None:
        self._server.stop()


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine and its key; who trusts it names it in SSL_CERT_FILE."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.test")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address(HOST))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "cert.pem", folder / "key.pem"


@contextmanager
def dovecot() -> Iterator[tuple[Process, Path, Path]]:
    """An IMAP server with TLS for the account amt (password geheim): the process, the Maildir of its mails, its certificate."""
    program = find("dovecot")
    need("an IMAP server", program is not None, "apt-get install dovecot-imapd")
    # Not below a folder that only its owner may enter: the server works as another user.
    folder = Path(tempfile.mkdtemp(prefix="nabe-"))
    folder.chmod(0o755)
    cert, key = certificate(folder)
    port = free_port()
    box, me = folder / "mails", getpass.getuser()
    for part in ("cur", "new", "tmp"):
        (box / part).mkdir(parents=True)
    runner = "nobody" if os.geteuid() == 0 else me
    group = subprocess.run(["id", "-gn", runner], check=True, capture_output=True, text=True).stdout.strip()
    inner = "dovecot" if os.geteuid() == 0 else me
    login = "dovenull" if os.geteuid() == 0 else me
    if os.geteuid() == 0:
        for item in (box, *box.iterdir()):
            shutil.chown(item, runner, group)
    (folder / "conf").write_text(
        f"""protocols = imap
listen = {HOST}
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
default_internal_user = {inner}
default_login_user = {login}
ssl = required
ssl_cert = <{cert}
ssl_key = <{key}
first_valid_uid = 0
mail_location = maildir:{box}
passdb {{
  driver = static
  args = password=geheim
}}
userdb {{
  driver = static
  args = uid={runner} gid={group} home={folder}/home allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""
    )
    process = Process([program, "-F", "-c", str(folder / "conf")], folder / "started", port)
    yield process, box, cert
    process.stop()
    shutil.rmtree(folder, ignore_errors=True)
