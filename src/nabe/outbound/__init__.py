"""HTTP towards silos: which machines may be reached, and one request with all its limits.

Adapters ask through `Client`, never through an HTTP library of their own, so that the rules on private networks,
redirects, secrets, sizes and times are written once.
"""

from nabe.outbound.addresses import Resolve, checked_address, is_public, resolve
from nabe.outbound.client import Answer, Client, named, short
from nabe.outbound.manners import Manners, retry_after

__all__ = [
    "Answer",
    "Client",
    "Manners",
    "Resolve",
    "checked_address",
    "is_public",
    "named",
    "resolve",
    "retry_after",
    "short",
]
