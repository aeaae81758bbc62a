"""Files over SFTP: a host key that is known beforehand, a judged address, downloads in large windows."""

from __future__ import annotations

import io
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nabe.adapters.file.remote.copies import Copy, Fetched, RemoteFile, bounded, keep
from nabe.adapters.file.remote.walk import Listed, is_pattern, vetted, walk
from nabe.errors import SourceRefused, SourceUnavailable
from nabe.outbound import Watch

if TYPE_CHECKING:
    import socket

    import paramiko

PORT = 22
#: Bytes asked for at once: more than a line over the country holds on its way, and little memory.
_PIECE, _PIECES = 32_768, 64
_MOST_ENTRIES = 50_000


@dataclass(frozen=True, slots=True)
class Login:
    """How to get in. `host_keys`: fingerprints (`SHA256:…`); `known_hosts`: lines as OpenSSH keeps them."""

    user: str
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
    host_keys: tuple[str, ...] = ()
    known_hosts: str = ""


class Sftp:
    """A folder on an SFTP server. `dial` gives a connection to its judged address; `login` is asked anew each time."""

    def __init__(
        self,
        system: str,
        host: str,
        port: int,
        folder: str,
        *,
        dial: Callable[[], socket.socket],
        login: Callable[[], Login],
        most_bytes: int,
        timeout_s: float,
    ) -> None:
        self.system, self.host, self.port, self.folder = system, host, port, folder
        self._dial, self._login = dial, login
        self.most_bytes, self.timeout_s = most_bytes, timeout_s

    @contextmanager
    def session(self) -> Iterator[_Session]:
        """A connection of its own for one visit; connections that stay open are in the way of both sides."""
        import paramiko

        login = self._login()
        connection = self._dial()
        try:
            transport = paramiko.Transport(connection)
        except (OSError, EOFError, paramiko.SSHException):
            connection.close()
            raise self.unavailable("it does not speak SSH") from None
        watch = Watch(connection, self.timeout_s)
        try:
            yield _Session(self, self._enter(transport, login), watch)
        except paramiko.AuthenticationException:
            raise SourceRefused(
                self.system, "the SFTP server refuses the log-in.", hint="Check user, password or private_key."
            ) from None
        except (paramiko.SSHException, OSError, EOFError):
            raise self.unavailable("the connection broke") from None
        finally:
            watch.close()
            transport.close()

    def check(self) -> None:
        """Does it answer and let us in?"""
        with self.session() as session:
            session.listed("")

    def close(self) -> None:
        """Nothing stays open between visits."""

    def unavailable(self, why: str, file: str = "") -> SourceUnavailable:
        """The error of a server that fails for now."""
        about = {"file": file} if file else {}
        where = f"{self.host}:{self.port}"
        return SourceUnavailable(
            self.system, f"{file or 'the SFTP server'}: {why}.", hint="Try again later.", where=where, **about
        )

    def _enter(self, transport: paramiko.Transport, login: Login) -> paramiko.SFTPClient:
        import paramiko

        transport.banner_timeout = transport.auth_timeout = transport.handshake_timeout = min(10.0, self.timeout_s)
        known = _known(login.known_hosts, self.host, self.port)
        if known:
            # Ask for a kind of key that is known; a server has several.
            options = transport.get_security_options()
            kinds = [kind for kind in options.key_types if _kind(kind) in known]
            if kinds:
                options.key_types = kinds
        transport.start_client(timeout=min(10.0, self.timeout_s))
        self._judge(transport.get_remote_server_key(), login, known)
        if login.private_key:
            transport.auth_publickey(login.user, _key(self.system, login))
        else:
            transport.auth_password(login.user, login.password)
        client = paramiko.SFTPClient.from_transport(transport)
        if client is None:
            raise self.unavailable("it offers no SFTP")
        channel = client.get_channel()
        assert channel is not None
        channel.settimeout(min(10.0, self.timeout_s))
        return client

    def _judge(self, key: paramiko.PKey, login: Login, known: dict[str, set[str]]) -> None:
        """A host key that nobody told of before is never accepted: it may be anybody's."""
        fingerprint = str(key.fingerprint)
        pinned = {item.strip().rstrip("=") for item in login.host_keys}
        if fingerprint.rstrip("=") in pinned or key.get_base64() in known.get(key.get_name(), ()):
            return
        told = "another" if pinned or known else "no"
        raise SourceRefused(
            self.system,
            f"the SFTP server shows the key {fingerprint} ({key.get_name()}); {told} key is declared.",
            hint="Ask its operator whether this is its key; only then set it as host_key.",
            where=f"{self.host}:{self.port}",
        )


class _Session:
    """An open visit."""

    def __init__(self, server: Sftp, client: paramiko.SFTPClient, watch: Watch) -> None:
        self._server, self._client, self._watch = server, client, watch

    def find(self, path: str) -> list[RemoteFile]:
        """The file, or those of a pattern."""
        server = self._server
        path = vetted(server.system, path)
        if not is_pattern(path):
            return [self._one(path)]
        found = [
            RemoteFile(item, entry.name, item, entry.version, entry.size, entry.modified)
            for item, entry in walk(server.system, path, self.listed)
        ]
        if not found:
            raise SourceRefused(server.system, f"no file is named {path!r}.", hint="Correct source.path.")
        return found

    def fetch(self, file: RemoteFile, known: Copy | None, draft: Path) -> Fetched | None:
        """Download it."""
        server = self._server
        self._watch.renew()
        deadline = time.monotonic() + server.timeout_s
        chunks = self._chunks(file)
        keep(bounded(server.system, file.shown, chunks, most_bytes=server.most_bytes, deadline=deadline), draft)
        return Fetched()

    def _chunks(self, file: RemoteFile) -> Iterator[bytes]:
        import paramiko

        server = self._server
        try:
            with self._client.open(self._full(file.key), "rb") as remote:
                yield from _windows(remote, file.size)
        except PermissionError:
            raise self._forbidden(file.key) from None
        except FileNotFoundError:
            raise server.unavailable("it went away meanwhile", file.shown) from None
        except (OSError, EOFError, paramiko.SSHException):
            raise server.unavailable("the connection broke in the middle", file.shown) from None

    def listed(self, folder: str) -> list[Listed]:
        """Entries of a folder; links are followed by the server, which decides what it shows."""
        found: list[Listed] = []
        self._watch.renew()
        deadline = time.monotonic() + self._server.timeout_s
        try:
            for item in self._client.listdir_iter(self._full(folder)):
                if len(found) >= _MOST_ENTRIES or time.monotonic() > deadline:
                    raise SourceRefused(
                        self._server.system,
                        f"the folder {folder or 'of the location'!r} has too many entries.",
                        hint="Sort the files into folders.",
                    )
                if stat.S_ISLNK(item.st_mode or 0):
                    target = self._stat(f"{folder}/{item.filename}" if folder else item.filename)
                    if target is None:
                        continue
                    target.filename = item.filename
                    item = target
                found.append(_entry(item.filename, item))
        except PermissionError:
            raise self._forbidden(folder) from None
        except FileNotFoundError:
            raise SourceRefused(
                self._server.system,
                f"there is no folder {folder or 'at the location'!r}.",
                hint="Correct the location.",
            ) from None
        return found

    def _one(self, path: str) -> RemoteFile:
        found = self._stat(path)
        if found is None:
            raise SourceRefused(self._server.system, f"no file is named {path!r}.", hint="Correct source.path.")
        entry = _entry(path.rpartition("/")[2], found)
        if entry.folder:
            raise SourceRefused(self._server.system, f"{path!r} is a folder.", hint="Name a file, or *.csv.")
        return RemoteFile(path, entry.name, path, entry.version, entry.size, entry.modified)

    def _stat(self, path: str) -> Any:
        try:
            return self._client.stat(self._full(path))
        except FileNotFoundError:
            return None
        except PermissionError:
            raise self._forbidden(path) from None

    def _forbidden(self, path: str) -> SourceRefused:
        return SourceRefused(
            self._server.system, f"{path or 'the location'!r} may not be read.", hint="Ask the server's operator."
        )

    def _full(self, path: str) -> str:
        base = self._server.folder.rstrip("/")
        if base.startswith("/~"):  # below the user's own folder, where a visit begins
            base = base[2:].strip("/") or "."
        return f"{base}/{path}" if path else base or "/"


def _entry(name: str, item: Any) -> Listed:
    folder = stat.S_ISDIR(item.st_mode or 0)
    size = item.st_size if item.st_size is not None else -1
    modified = float(item.st_mtime or 0)
    return Listed(name, folder, size, modified, f"{size}:{item.st_mtime}" if item.st_mtime else "")


def _windows(remote: Any, size: int) -> Iterator[bytes]:
    """The file in windows of pieces that are asked for together; then on until its end, wherever that is."""
    at = 0
    while at < size:
        pieces = [(start, min(_PIECE, size - start)) for start in range(at, min(at + _PIECE * _PIECES, size), _PIECE)]
        for (_, wanted), data in zip(pieces, remote.readv(pieces), strict=True):
            yield data
            at += len(data)
            if len(data) < wanted:
                size = 0
                break
    remote.seek(at)
    while data := remote.read(_PIECE):
        yield data


def _known(lines: str, host: str, port: int) -> dict[str, set[str]]:
    """Keys of a host in the lines of a known_hosts file: kind -> base64."""
    from paramiko import SSHException
    from paramiko.hostkeys import HostKeyEntry, HostKeys, InvalidHostKey

    keys = HostKeys()
    for line in lines.splitlines():
        if not line.strip() or line.lstrip().startswith(("#", "@")):  # revoked keys and authorities are no host keys
            continue
        try:
            entry = HostKeyEntry.from_line(line)
        except (InvalidHostKey, SSHException, ValueError, IndexError):
            continue  # a line that cannot be read tells of no key
        if entry is not None and entry.hostnames:
            for name in entry.hostnames:
                keys.add(name, entry.key.get_name(), entry.key)
    found = keys.lookup(f"[{host}]:{port}" if port != PORT else host) or {}
    return {kind: {found[kind].get_base64()} for kind in found}


def _kind(algorithm: str) -> str:
    """The kind of key behind a signature algorithm: RSA signs in several ways."""
    return "ssh-rsa" if algorithm.startswith("rsa-sha2") else algorithm


def _key(system: str, login: Login) -> paramiko.PKey:
    """The private key of a text, whatever its kind."""
    import paramiko

    for kind in (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey):
        try:
            return kind.from_private_key(io.StringIO(f"{login.private_key.strip()}\n"), login.passphrase or None)
        except paramiko.PasswordRequiredException:
            raise SourceRefused(system, "the private key is locked.", hint="Set passphrase, by reference.") from None
        except (paramiko.SSHException, ValueError, TypeError, IndexError):
            continue
    raise SourceRefused(
        system, "the private key cannot be read.", hint="A key of OpenSSH (Ed25519, ECDSA, RSA), and its passphrase."
    )


__all__ = ["PORT", "Login", "Sftp"]
