"""Where files lie, as one address: `sftp://user@host:22/folder`, `s3://bucket/prefix`, `maildir:folder`. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit

_REMOTE = ("http", "https", "webdav", "webdavs", "sftp", "s3", "imaps")
#: Settings that an address given to `nabe connect` may hold after its `?`.
_IN_ADDRESS = (
    "host_key", "known_hosts", "private_key", "passphrase", "endpoint", "region", "access_key", "secret_key", "token",
    "senders", "subject",
)  # fmt: skip
_MANY = frozenset({"host_key", "senders"})


@dataclass(frozen=True, slots=True)
class Location:
    """`kind`: http | webdav | sftp | s3 | imaps | maildir. `url`: for those over HTTP; `folder` without `/` around it
    for s3 (the prefix) and imaps, as it stands for sftp and maildir."""

    kind: str
    host: str = ""
    port: int = 0
    user: str = ""
    folder: str = ""
    url: str = ""


def is_url(text: str) -> bool:
    """An http(s) address?"""
    return text.lower().startswith(("http://", "https://"))


def is_remote(text: str) -> bool:
    """Not a folder of this machine that files are read from directly?"""
    scheme, mark, _ = text.partition("://")
    return (bool(mark) and scheme.lower() in _REMOTE) or text.lower().startswith("maildir:")


def located(text: str, protocol: str) -> Location:
    """The parts of a location. `ValueError` says what is wrong with it."""
    if text.lower().startswith("maildir:"):
        folder = text.partition(":")[2]
        if not folder:
            raise ValueError("maildir: which folder?")
        return Location("maildir", folder=folder)
    try:
        parts = urlsplit(text)
        port = parts.port or 0
    except ValueError:
        raise ValueError("not an address") from None
    scheme, host, folder = parts.scheme.lower(), parts.hostname or "", unquote(parts.path)
    if parts.password is not None:
        raise ValueError("holds a password: set user and password, by reference")
    if not host:
        raise ValueError("names no host" if scheme != "s3" else "names no bucket")
    if scheme in ("http", "https", "webdav", "webdavs"):
        web = {"webdav": "http", "webdavs": "https"}.get(scheme, scheme)
        kind = "webdav" if protocol == "webdav" or scheme.startswith("webdav") else "http"
        if kind == "webdav" and (parts.query or parts.fragment):
            raise ValueError("a WebDAV folder has no ? and no #")
        return Location(kind, host, port, unquote(parts.username or ""), url=parts._replace(scheme=web).geturl())
    if parts.query or parts.fragment:
        raise ValueError("what stands after ? or # is no part of a location")
    if any(ord(sign) < 32 for sign in folder) or ".." in folder.split("/"):
        raise ValueError("the folder's name is none")
    user = unquote(parts.username or "")
    if scheme == "s3":
        # Names of buckets keep their capitals, which the host of an address does not.
        return Location("s3", host=parts.netloc, folder=folder.strip("/"))
    return Location(scheme, host, port, user, folder if scheme == "sftp" else folder.strip("/"))


def sniffed(source: str, known: Any) -> Mapping[str, Any] | None:
    """The connection for an address as given to `nabe connect`: `sftp://user:${PW}@host/folder/*.csv?host_key=…`.

    `known` tells whether a name is that of a readable file. None if the address is none of ours.
    """
    if not is_remote(source) or is_url(source):
        return None
    if source.lower().startswith("maildir:"):
        head, _, query = source.partition("?")
        return {"location": head, **_settings(query)}
    head, _, query = source.partition("?")
    scheme, _, rest = head.partition("://")
    authority, slash, path = rest.partition("/")
    login, at, host = authority.rpartition("@")
    user, colon, password = login.partition(":")
    connection: dict[str, Any] = {}
    if at:
        connection["user"] = unquote(user)
    if colon:
        connection["password"] = password
    folder, name = path, ""
    parts = path.split("/")
    wild = next((i for i, part in enumerate(parts) if re.search(r"[*\[]", part)), None)
    if wild is not None:
        folder, name = "/".join(parts[:wild]), "/".join(parts[wild:])
    elif parts[-1] and known(parts[-1]) and scheme.lower() != "imaps":
        folder, name = "/".join(parts[:-1]), parts[-1]
    connection = {"location": f"{scheme}://{host}{slash if folder or slash else ''}{folder}", **connection}
    if name:
        connection["path"] = unquote(name)
    return {**connection, **_settings(query)}


def _settings(query: str) -> dict[str, Any]:
    """`a=1&b=2`; a `+` stays what it is, as fingerprints have it."""
    found: dict[str, Any] = {}
    for item in query.split("&"):
        name, mark, value = item.partition("=")
        if mark and name in _IN_ADDRESS:
            value = unquote(value)
            found[name] = [*found.get(name, []), value] if name in _MANY else value
    return found
