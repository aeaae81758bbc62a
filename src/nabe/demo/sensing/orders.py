"""What the process that sends for all devices is told: one line of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Orders:
    """`mqtt`, `http`: ports on this machine, 0: none. `streams`: device -> field -> Datastream. `speed`: 10 is ten times as
    often. `only`: kinds that send; none: all.
    """

    mqtt: int
    http: int
    user: str
    token: str
    streams: dict[str, dict[str, int]]
    speed: float = 1.0
    seed: int = 1
    only: tuple[str, ...] = ()

    def line(self) -> bytes:
        """As the process reads it."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @staticmethod
    def read(line: bytes) -> Orders:
        """What `line` wrote."""
        given = json.loads(line)
        return Orders(**{**given, "only": tuple(given.get("only", ()))})
