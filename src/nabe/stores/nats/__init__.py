"""The event backbone: a NATS server beside us (or a cluster), the durable inbox in it, and events between processes."""

from nabe.stores.nats.bus import NatsBus
from nabe.stores.nats.inbox import NatsInbox
from nabe.stores.nats.link import Link
from nabe.stores.nats.server import Address, NatsServer, find

__all__ = ["Address", "Link", "NatsBus", "NatsInbox", "NatsServer", "find"]
