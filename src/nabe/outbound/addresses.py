"""Which machines a declared address may reach: the public internet, and private hosts only where allowed by name.

The name is resolved here, every address it gives is judged, and the connection goes to a judged address: a name that
answers differently the second time (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from nabe.errors import SourceRefused, SourceUnavailable

Resolve = Callable[[str, int], list[str]]


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


def is_public(address: str) -> bool:
    """Is this an address of the open internet? An IPv4 address inside an IPv6 one counts as itself."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved or ip.is_unspecified or ip.is_loopback)


_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def checked_address(system: str, url: str, allow_hosts: Collection[str], resolve: Resolve = resolve) -> str:
    """The address to connect to for `url`. `SourceRefused` if any of the host's addresses is not public.

    `allow_hosts` holds names (`files.intern`), addresses or `name:port`.
    """
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        port = 0
    host = (parts.hostname or "").rstrip(".").lower()
    if parts.scheme not in ("http", "https") or not host or not port:
        raise SourceRefused(system, "only http:// and https:// addresses are read.", hint="Correct the address.")
    if parts.username or parts.password:
        raise SourceRefused(
            system,
            "the address holds a user name or password.",
            hint="Set headers of the system, as ${ENV} references.",
        )
    return checked_host(system, host, port, allow_hosts, resolve)


def checked_host(system: str, host: str, port: int, allow_hosts: Collection[str], resolve: Resolve = resolve) -> str:
    """The address to connect to for a host and port of any protocol; as `checked_address`."""
    host = host.rstrip(".").lower()
    try:
        addresses = resolve(host, port)
    except (OSError, UnicodeError):
        raise SourceUnavailable(system, "its name cannot be resolved.", hint="Check the address.", where=host) from None
    if not addresses:
        raise SourceUnavailable(system, "its name has no address.", hint="Check the address.", where=host)
    allowed = {item.lower() for item in allow_hosts}
    if host not in allowed and f"{host}:{port}" not in allowed and not all(is_public(item) for item in addresses):
        raise SourceRefused(
            system,
            "its host lies in a private network.",
            hint="An operator can allow it: allow_hosts in nabe.yaml.",
            where=host,
        )
    return addresses[0]
