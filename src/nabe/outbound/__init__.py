"""Out to silos: which machines may be reached, one HTTP request with all its limits, connections of other protocols.

Adapters ask through `Client`, never through an HTTP library of their own, so that the rules on private networks,
redirects, secrets, sizes and times are written once; what is not HTTP (SFTP, IMAP) starts from `dial`.
"""

from nabe.outbound.addresses import Resolve, checked_address, checked_host, is_public, resolve
from nabe.outbound.client import Answer, Client, named, short
from nabe.outbound.dialing import Watch, dial
from nabe.outbound.manners import Manners, retry_after

__all__ = [
    "Answer",
    "Client",
    "Manners",
    "Resolve",
    "Watch",
    "checked_address",
    "checked_host",
    "dial",
    "is_public",
    "named",
    "resolve",
    "retry_after",
    "short",
]
