"""From a system's settings to where its files come from. Secrets are resolved when they are needed, each time."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from nabe.adapters.file.location import Location
from nabe.adapters.file.remote.copies import Remote
from nabe.adapters.file.settings import SystemSettings
from nabe.adapting.places import Folder
from nabe.outbound import Client, dial
from nabe.ports.source import AdapterContext

Secrets = Callable[[str], str]


def open_remote(
    system: str, settings: SystemSettings, context: AdapterContext, secrets: Secrets, timeout_s: float
) -> Remote:
    """The other side of a system; nothing is connected yet."""
    made = _Opening(system, settings, context, secrets, timeout_s)
    at = settings.at or Location("http")
    return {
        "http": made.web,
        "webdav": made.webdav,
        "sftp": made.sftp,
        "s3": made.s3,
        "imaps": made.imap,
        "maildir": made.maildir,
    }[at.kind](at)


class _Opening:
    """The kinds, each with what it needs."""

    def __init__(
        self, system: str, settings: SystemSettings, context: AdapterContext, secrets: Secrets, timeout_s: float
    ) -> None:
        self._system, self._settings, self._context = system, settings, context
        self._secrets, self._timeout_s = secrets, timeout_s
        self._most = settings.max_mb * 1_000_000

    def web(self, at: Location) -> Remote:
        """The web; the location's headers go to the location's host only."""
        from nabe.adapters.file.remote.web import Web

        params = {name: self._secrets(str(value)) for name, value in self._settings.params.items()}
        return Web(self._client(self._headers, urlsplit(at.url).netloc), at.url, params)

    def webdav(self, at: Location) -> Remote:
        """A WebDAV folder."""
        from nabe.adapters.file.remote.webdav import MOST_LIST, WebDav

        parts = urlsplit(at.url)
        netloc = parts.netloc.rpartition("@")[2]

        def headers() -> Mapping[str, str]:
            return self._authorization(at) | self._headers()

        lists = self._client(headers, netloc, MOST_LIST)
        return WebDav(self._client(headers, netloc), lists, parts._replace(netloc=netloc).geturl())

    def sftp(self, at: Location) -> Remote:
        """A folder on an SFTP server."""
        from nabe.adapters.file.remote.sftp import PORT, Login, Sftp

        given, port = self._settings, at.port or PORT

        def login() -> Login:
            return Login(
                given.user or at.user,
                self._secrets(given.password),
                self._secrets(given.private_key),
                self._secrets(given.passphrase),
                given.host_key,
                self._secrets(given.known_hosts),
            )

        return Sftp(
            self._system,
            at.host,
            port,
            at.folder,
            dial=lambda: self._dial(at.host, port),
            login=login,
            most_bytes=self._most,
            timeout_s=self._timeout_s,
        )

    def s3(self, at: Location) -> Remote:
        """A bucket."""
        from nabe.adapters.file.remote.s3 import MOST_LIST, S3, Keys

        given = self._settings

        def keys() -> Keys:
            return Keys(self._secrets(given.access_key), self._secrets(given.secret_key), self._secrets(given.token))

        return S3(
            self._client({}, ""),
            self._client({}, "", MOST_LIST),
            endpoint=given.endpoint or f"https://s3.{given.region}.amazonaws.com",
            region=given.region,
            bucket=at.host,
            prefix=at.folder,
            keys=keys,
        )

    def imap(self, at: Location) -> Remote:
        """A mailbox on a mail server."""
        from nabe.adapters.file.remote.imap import PORT, Account, Imap

        given, port = self._settings, at.port or PORT

        def account() -> Account:
            password = self._secrets(given.password)
            return Account(given.user or at.user, password, at.folder or "INBOX", given.after, given.move_to)

        visit = Imap(
            self._system,
            at.host,
            dial=lambda: self._dial(at.host, port),
            account=account,
            most_bytes=self._most,
            timeout_s=self._timeout_s,
        )
        return self._mailbox(visit)

    def maildir(self, at: Location) -> Remote:
        """A mailbox in a folder of this machine."""
        from nabe.adapters.file.remote.maildir import Maildir

        folder = Folder(self._system, self._context.root, at.folder)
        given = self._settings
        return self._mailbox(
            Maildir(self._system, folder.base, folder.shown(folder.base), after=given.after, move_to=given.move_to)
        )

    def _mailbox(self, visit: Any) -> Remote:
        from nabe.adapters.file.remote.mail import Mailbox, Rules

        given = self._settings
        rules = Rules(given.senders, given.subject, self._most)
        # What was left out by other rules must be looked at again.
        about = hashlib.sha256(f"{given.location}|{given.user}|{given.max_mb}".encode()).hexdigest()[:16]
        index = Path(self._context.cache) / "files" / f"mail-{about}.json"
        return Mailbox(self._system, rules, visit, index)

    def _headers(self) -> dict[str, str]:
        return {name: self._secrets(value) for name, value in self._settings.headers.items()}

    def _authorization(self, at: Location) -> dict[str, str]:
        given = self._settings
        if given.token:
            return {"Authorization": f"Bearer {self._secrets(given.token)}"}
        if not (given.user or at.user):
            return {}
        pair = f"{given.user or at.user}:{self._secrets(given.password)}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode('ascii')}"}

    def _client(self, headers: Any, host: str, most: int = 0) -> Client:
        return Client(
            self._system,
            allow_hosts=self._context.allow_hosts,
            headers=headers,
            headers_host=host,
            most_bytes=most or self._most,
            timeout_s=self._timeout_s,
        )

    def _dial(self, host: str, port: int) -> Any:
        return dial(self._system, host, port, allow_hosts=self._context.allow_hosts, timeout_s=self._timeout_s)
