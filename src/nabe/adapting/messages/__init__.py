"""Messages that come by themselves, over MQTT or HTTP: reading their JSON by a declared mapping, and their times."""

from __future__ import annotations

from nabe.adapting.messages.mapping import MessageSettings, read_all
from nabe.adapting.messages.reading import (
    LARGEST,
    bytes_of,
    identity,
    instant,
    integer,
    invalid,
    mapping,
    number,
    objects,
    opened,
    place,
    text,
)

__all__ = [
    "LARGEST",
    "MessageSettings",
    "bytes_of",
    "identity",
    "instant",
    "integer",
    "invalid",
    "mapping",
    "number",
    "objects",
    "opened",
    "place",
    "read_all",
    "text",
]
