"""What network servers send, one module per server: a message's topic and JSON into `model.device` nouns. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from nabe.adapters.lorawan.servers import chirpstack, loriot, thingpark, things_stack
from nabe.model.device import Told

#: Reads one message: (topic or name of the event, JSON) -> what it says. Raises `Invalid`.
Read = Callable[[str, Any], list[Told]]

SERVERS: Final[Mapping[str, Read]] = MappingProxyType(
    {
        "chirpstack": chirpstack.read,
        "things_stack": things_stack.read,
        "loriot": loriot.read,
        "thingpark": thingpark.read,
    }
)
