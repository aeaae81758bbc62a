"""What devices send on their own account: messages on topics, and those nobody could make sense of."""

from __future__ import annotations

from dataclasses import dataclass

from nabe.model.party import Actor


@dataclass(frozen=True, slots=True)
class Message:
    """`actor` published `payload` on `topic`. `at`: when it came in, µs since 1970-01-01T00:00:00Z.

    `key` is its own and the same each time it is handed out: what it leads to must happen once only.
    `way`: how it came in (`mqtt`, `http`).
    """

    actor: Actor
    topic: str
    payload: bytes
    at: int
    key: str = ""
    way: str = "mqtt"


@dataclass(frozen=True, slots=True)
class Parked:
    """A message that came to nothing, kept until somebody replays or drops it. `code` and `reason` as the error says."""

    number: int
    message: Message
    code: str
    reason: str
